package console

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

func TestHealth(t *testing.T) {
	w := newWorld(t)
	if got := w.do(nil, "GET", "/healthz", ""); got.Code != 200 || got.Body.String() != "ok\n" {
		t.Errorf("ready: %d %q", got.Code, got.Body)
	}
	w.ready = false
	if got := w.do(nil, "GET", "/healthz", ""); got.Code != 503 {
		t.Errorf("not ready: %d %q", got.Code, got.Body)
	}
}

// The page's policy allows exactly the page's one style element, and nothing else.
func TestPage(t *testing.T) {
	w := newWorld(t)
	got := w.do(nil, "GET", "/", "")
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(got.Body.String(), -1)
	if got.Code != 200 || len(styles) != 1 {
		t.Fatalf("%d, %d style elements", got.Code, len(styles))
	}
	sum := sha256.Sum256([]byte(styles[0][1]))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if policy := got.Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%s\nwant %s", policy, want)
	}
	if strings.Contains(got.Body.String(), " style=") || strings.Contains(got.Body.String(), "<script") {
		t.Error("the page has what its policy forbids")
	}
	for _, path := range []string{"/nothing", "/api", "/api/", "/api/nothing"} {
		if got := w.root("GET", path, ""); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	if got := w.root("PATCH", "/api/roles", "{}"); got.Code != 405 {
		t.Errorf("PATCH: %d", got.Code)
	}
}

func TestRuns(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.ran("f", "R1", now.Add(-2*time.Second), "first")
	w.ran("f", "R2", now.Add(-time.Second), "second")
	w.ran("g", "R3", now, "of g")
	w.ran("f", "R1", now, "first again") // a retry has the same request id

	var list []history.Run
	w.root("GET", "/api/runs?function=f", "").into(&list)
	var ids []string
	for _, r := range list {
		ids = append(ids, r.RequestID)
	}
	if !slices.Equal(ids, []string{"R1", "R2", "R1"}) {
		t.Errorf("runs %v, the latest first", ids)
	}
	w.root("GET", "/api/runs?function=f&limit=1", "").into(&list)
	if len(list) != 1 {
		t.Errorf("%d runs with limit=1", len(list))
	}
	var attempts []Attempt
	w.root("GET", "/api/runs/R1", "").into(&attempts)
	if len(attempts) != 2 || attempts[0].Log != "first" || attempts[1].Log != "first again" || attempts[0].Payload != "result of R1" || attempts[0].Function != "f" {
		t.Errorf("%+v", attempts)
	}
	if got := w.root("GET", "/api/runs?function=f&limit=1000", "").Body.String(); strings.Contains(got, "first") {
		t.Errorf("the list holds what runs printed: %s", got)
	}

	w.root("GET", "/api/runs/R9", "").refused(404, "RunNotFound", "R9")
	w.root("GET", "/api/runs?function=h", "").refused(404, "FunctionNotFound", "h")
	w.root("GET", "/api/runs", "").refused(404, "FunctionNotFound", "")
	for _, bad := range []string{"0", "1001", "-1", "x", "1.5"} {
		w.root("GET", "/api/runs?function=f&limit="+bad, "").refused(400, "InvalidArgument", bad)
		w.root("GET", "/api/logs?function=f&limit="+bad, "").refused(400, "InvalidArgument", bad)
	}
	if got := w.do(&root, "GET", "/api/runs?function=f", ""); got.Header().Get("Content-Type") != "application/json; charset=utf-8" || got.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", got.Header())
	}
}

func texts(l Logs) string {
	var out []string
	for _, r := range l.Runs {
		out = append(out, r.Log)
	}
	return strings.Join(out, " ")
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	page := func(query string) (l Logs) {
		t.Helper()
		w.root("GET", "/api/logs?function=f"+query, "").into(&l)
		return l
	}
	if l := page(""); l.Runs == nil || len(l.Runs) != 0 || l.Next != "" {
		t.Errorf("before any run: %+v", l)
	}
	// The cursor carries the start in binary. These moments have bytes from 0x00 to 0xff in
	// it, most of which JSON cannot carry as text.
	begin := time.UnixMicro(0x0006_40a1_f00d_0000)
	for i, at := range []int64{0, 0x7f, 0x80, 0xc2, 0xef_bfbd, 0xff_fffe} {
		w.ran("f", "R"+string(rune('0'+i)), begin.Add(time.Duration(at)*time.Microsecond), string(rune('a'+i)))
	}
	w.ran("g", "R9", begin, "of g")

	if l := page(""); texts(l) != "a b c d e f" {
		t.Errorf("%q, the earliest first", texts(l))
	}
	l := page("&limit=2")
	if texts(l) != "e f" {
		t.Errorf("%q, the latest two", texts(l))
	}
	if rest := page("&after=" + l.Next); len(rest.Runs) != 0 || rest.Next != l.Next {
		t.Errorf("after the end: %+v", rest)
	}
	// Page after page, one by one, from the first run on.
	first, err := w.history.Runs(t.Context(), "f", "", 6)
	if err != nil {
		t.Fatal(err)
	}
	cursor := hex.EncodeToString([]byte(first[5].Cursor))
	var got []string
	for range 5 {
		l := page("&limit=1&after=" + cursor)
		got, cursor = append(got, texts(l)), l.Next
	}
	if strings.Join(got, " ") != "b c d e f" {
		t.Errorf("%v", got)
	}

	w.root("GET", "/api/logs?function=f&after=zz", "").refused(400, "InvalidArgument", "not a cursor")
	w.root("GET", "/api/logs?function=g&after="+cursor, "").refused(400, "InvalidArgument", "does not belong")
	w.root("GET", "/api/logs?function=h", "").refused(404, "FunctionNotFound", "h")
	for _, bad := range []string{"-1", "61", "x"} {
		w.root("GET", "/api/logs?function=f&wait="+bad, "").refused(400, "InvalidArgument", bad)
	}
}

func TestLogsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ask := func(query string) (l Logs, took time.Duration) {
			t.Helper()
			begun := time.Now()
			w.root("GET", "/api/logs?function=f"+query, "").into(&l)
			return l, time.Since(begun)
		}
		// Nothing happens.
		if l, took := ask("&wait=30"); len(l.Runs) != 0 || took != 30*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		if _, took := ask("&wait=0"); took != 0 {
			t.Errorf("wait=0 took %s", took)
		}
		// Something happens: to another function, then to this one.
		var l Logs
		var took time.Duration
		waiter := func(query string) chan struct{} {
			done := make(chan struct{})
			go func() { l, took = ask(query); close(done) }()
			synctest.Wait()
			return done
		}
		done := waiter("&wait=30")
		time.Sleep(5 * time.Second)
		w.ran("g", "R0", time.Now(), "of g")
		time.Sleep(5 * time.Second)
		w.ran("f", "R1", time.Now(), "a")
		<-done
		if texts(l) != "a" || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		// And goes on after the cursor.
		done = waiter("&wait=30&after=" + l.Next)
		time.Sleep(time.Second)
		w.ran("f", "R2", time.Now(), "b")
		<-done
		if texts(l) != "b" || took > 2*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		// What is there already is not waited for.
		if l, took := ask("&wait=30"); texts(l) != "a b" || took != 0 {
			t.Errorf("%q after %s", texts(l), took)
		}
		w.history.Close()
	})
}

func TestMatch(t *testing.T) {
	w := newWorld(t)
	ask := func(bucket, key, event string) answer {
		return w.root("GET", "/api/triggers/match?"+url.Values{"bucket": {bucket}, "key": {key}, "event": {event}}.Encode(), "")
	}
	for _, c := range []struct{ key, event, why string }{
		{"in/a.png", "oss:ObjectCreated:PutObject", ""},
		{"in/ü &+.png", "oss:ObjectCreated:PutObject", ""},
		{"in/a.jpg", "oss:ObjectCreated:PutObject", "suffix"},
		{"out/a.png", "oss:ObjectCreated:PutObject", "prefix"},
		{"in/a.png", "oss:ObjectRemoved:DeleteObject", "DeleteObject"},
	} {
		var m []Match
		ask("b", c.key, c.event).into(&m)
		if len(m) != 1 || m[0].Trigger != "t" || m[0].Function != "f" || m[0].Fires != (c.why == "") || !strings.Contains(m[0].Reason, c.why) {
			t.Errorf("%s of %s: %+v", c.event, c.key, m)
		}
	}
	var none []Match
	if ask("other", "in/a.png", "oss:ObjectCreated:PutObject").into(&none); none == nil || len(none) != 0 {
		t.Errorf("%+v", none)
	}
	for _, bad := range []string{"", "ObjectCreated:PutObject", "oss:", "oss:Nothing"} {
		if got := ask("b", "k", bad); got.Code != 400 {
			t.Errorf("event %q: %d %s", bad, got.Code, got.Body)
		}
	}
}

func TestRuntimes(t *testing.T) {
	w := newWorld(t)
	w.withRunner()
	var list []runner.Runtime
	w.root("GET", "/api/runtimes", "").into(&list)
	names := map[string]bool{}
	for _, r := range list {
		names[r.Name] = true
		if r.Available == (r.Path == "") || !r.Available && r.Install == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, n := range []string{"nodejs20", "python3.10", "php8.2", "php7.2"} {
		if !names[n] {
			t.Errorf("no %s in %v", n, names)
		}
	}
}

// A slash in a name is part of the name, not of the path.
func TestSlashesInNames(t *testing.T) {
	w := newWorld(t)
	for path, code := range map[string]string{
		"/api/roles/a%2Fb":        "EntityNotExist.Role",
		"/api/users/a%2Fb":        "EntityNotExist.User",
		"/api/users/x%2Fkeys%2Fk": "EntityNotExist.User",
	} {
		w.root("DELETE", path, "").refused(404, code, "/")
	}
}
