package console

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

func init() { moreReaches = append(moreReaches, watchReaches) }

func watchReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{{"GET /api/functions/{function}/output", "/api/functions/f/output?watch=0123456789abcdef", "", "fc:InvokeFunction", fn("f"), fn("g"), 200}}
}

const watchID = "a-name-made-at-random_0"

// scripted is a runner whose runs do what the test says, step by step.
type scripted struct{ steps chan func(*runner.Request) }

func (s scripted) step(f func(*runner.Request)) { s.steps <- f }

func (s scripted) Invoke(_ context.Context, q *runner.Request) (*runner.Result, error) {
	for f := range s.steps {
		if f == nil {
			break
		}
		f(q)
	}
	return &runner.Result{}, nil
}

// invoking gives the world's handler an FC that runs functions with a scripted runner, and
// returns it with a function that invokes as the world's root, signed in.
func (w *world) invoking() (scripted, func(watch string) (done chan int)) {
	w.Helper()
	s := scripted{make(chan func(*runner.Request))}
	o := w.h.Options
	o.FC = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		inv := run.Invoker{Functions: w.h.Functions, Runner: s}
		if _, _, err := inv.Invoke(r.Context(), run.Call{Function: "f", RequestID: "R9"}); err != nil {
			w.Error(err)
		}
	})
	w.Handler = New(o)
	in := httptest.NewRequest("POST", "/api/session", strings.NewReader(fmt.Sprintf(`{"accessKeyId":%q,"accessKeySecret":%q}`, root.AccessKeyID, root.AccessKeySecret)))
	cookies := w.send(in).Result().Cookies()
	return s, func(watch string) chan int {
		r := httptest.NewRequest("POST", "/fc/2023-03-30/functions/f/invocations", strings.NewReader("{}"))
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set(watchHeader, watch)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		done := make(chan int, 1)
		go func() { done <- w.send(r).Code }()
		return done
	}
}

func TestOutputOfARunUnderWay(t *testing.T) {
	w := newWorld(t)
	s, invoke := w.invoking()
	at, phase := 0, 0
	next := func() (o Output) {
		t.Helper()
		w.root("GET", fmt.Sprintf("/api/functions/f/output?watch=%s&after=%d&phase=%d&wait=20", watchID, at, phase), "").into(&o)
		at, phase = o.Next, o.Phase
		return o
	}
	first := make(chan Output, 1)
	go func() { first <- next() }() // before the run, or after it began
	done := invoke(watchID)
	if o := <-first; o.Phase != 1 || o.RequestID != "R9" || o.Version != "LATEST" || o.Log != "" || o.Over {
		t.Fatalf("%+v", o)
	}
	s.step(func(q *runner.Request) { q.OnStart(runner.Start{Cold: true, Init: time.Second}) })
	if o := next(); o.Phase != 2 || !o.Cold || o.Init != int64(time.Second) {
		t.Fatalf("%+v", o)
	}
	letter := "é"
	s.step(func(q *runner.Request) { q.OnLog([]byte("one\ncaf" + letter[:1])) })
	if o := next(); o.Log != "one\ncaf" || o.Over {
		t.Fatalf("%+v", o)
	}
	s.step(func(q *runner.Request) { q.OnLog([]byte(letter[1:] + "\n")) })
	if o := next(); o.Log != letter+"\n" {
		t.Fatalf("%+v", o)
	}
	// Who is asked for another function's, or by another key, has nothing of it.
	var none Output
	w.root("GET", "/api/functions/g/output?watch="+watchID, "").into(&none)
	if none.RequestID != "" || none.Log != "" {
		t.Errorf("another function: %+v", none)
	}
	w.do(w.key("other", `{"Effect":"Allow","Action":"*","Resource":"*"}`), "GET", "/api/functions/f/output?watch="+watchID, "").into(&none)
	if none.RequestID != "" || none.Log != "" {
		t.Errorf("another key: %+v", none)
	}
	// What is too much loses its begin.
	s.step(func(q *runner.Request) {
		for range 3 * maxWatched / 1024 {
			q.OnLog([]byte(strings.Repeat("x", 1023) + "\n"))
		}
	})
	s.step(nil)
	if code := <-done; code != 200 {
		t.Fatal(code)
	}
	if o := next(); !o.Cut || !o.Over || len(o.Log) != maxWatched || at != 3*maxWatched+len("one\ncafé\n") {
		t.Fatalf("%d bytes, %+v", len(o.Log), at)
	}
}

func TestWatchesAreFew(t *testing.T) {
	now := time.Now()
	var s watches
	key := func(n int) watchKey { return watchKey{fmt.Sprint("key ", n/maxOwn), "f", fmt.Sprint(n)} }
	for n := range maxWatches {
		if s.get(key(n), now) == nil {
			t.Fatal(n)
		}
	}
	if s.get(watchKey{"another", "f", "x"}, now) != nil {
		t.Error("one too many")
	}
	var few watches
	for n := range maxOwn {
		few.get(key(n), now)
	}
	if few.get(watchKey{"key 0", "f", "x"}, now) != nil || few.get(watchKey{"another", "f", "x"}, now) == nil {
		t.Error("one key takes all, or leaves nothing")
	}
	s.get(key(1), now).begun("R1", "LATEST")
	later := now.Add(watchUnused + time.Second)
	if s.get(key(-1), later) == nil || len(s.all) != 2 {
		t.Errorf("%d are left of unused ones and one that runs", len(s.all))
	}
	s.get(key(1), later).end()
	if w := s.all[key(1)]; w.stale(time.Now()) || !w.stale(time.Now().Add(watchAfter+time.Second)) {
		t.Error("a run that is over is forgotten at once, or never")
	}
}

func TestWatchedInvocations(t *testing.T) {
	for path, want := range map[string]string{
		"/2023-03-30/functions/f/invocations":      "f",
		"/2023-03-30/functions/a%2Fb/invocations":  "a/b",
		"/2023-03-30/functions/f/async-invoke":     "",
		"/2023-03-30/functions/f":                  "",
		"/2023-03-30/functions/f/invocations/more": "",
	} {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := invoked(u); name != want || ok != (want != "") {
			t.Errorf("%s: %q", path, name)
		}
	}
	w := newWorld(t)
	w.root("GET", "/api/functions/f/output?watch=short", "").refused(400, "InvalidArgument", "short")
	w.root("GET", "/api/functions/f/output?after=-1&watch="+watchID, "").refused(400, "InvalidArgument", "after")
}
