package console

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
)

var root = identity.Credentials{AccessKeyID: "LTAIroot", AccessKeySecret: "root-secret"}

// world is the handler over real rooms in memory. Its functions "f" and "g" exist, and
// "f" has the trigger "t" on the bucket "b"; "g" has "p" on the bucket "paused", which is.
type world struct {
	testing.TB
	http.Handler
	h       *handler
	ids     *identity.Store
	history *history.Store
	kv      kv.Store
	ready   bool
	skip    time.Duration // identity's clock is so much ahead
	gate    atomic.Pointer[func()]
	writes  map[string][]event.Record // what runs of a function wrote

	// fill replaces, in the paths and bodies of reaches: DEADLETTER is one of "g",
	// RUNNINGJOB and PAUSEDJOB are jobs of "f", on which nothing works.
	fill *strings.Replacer
}

// gated is a store that calls the world's gate, if there is one, before each change.
type gated struct {
	kv.Store
	w *world
}

func (g gated) Update(ctx context.Context, fn func(kv.Txn) error) error {
	if f := g.w.gate.Load(); f != nil {
		(*f)()
	}
	return g.Store.Update(ctx, fn)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &world{TB: t, ready: true}
	store := gated{memkv.New(), w}
	fns, err := function.Open(ctx, store, memblob.New(), function.Options{Dir: t.TempDir()})
	must(err)
	w.ids, err = identity.Open(ctx, store, identity.Options{
		Account: account, RootKeyID: root.AccessKeyID, RootKeySecret: root.AccessKeySecret, Secret: bytes.Repeat([]byte{7}, 32), Now: w.now,
	})
	must(err)
	var zipped bytes.Buffer // nothing runs it
	z := zip.NewWriter(&zipped)
	_, err = z.Create("index.js")
	must(err)
	must(z.Close())
	code, err := fns.AddCode(ctx, &zipped, "")
	must(err)
	for _, n := range []string{"f", "g"} {
		_, err := fns.Create(ctx, function.Function{Name: n, Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}})
		must(err)
	}
	ts := trigger.Open(store, trigger.Options{
		Region: region, Account: account, Roles: w.ids, Bucket: func(kv.Reader, string) (string, error) { return region, nil },
		Writes: func(_ context.Context, function string, _ int) ([]event.Record, error) {
			return w.writes[function], nil
		},
	})
	_, err = ts.Create(ctx, "f", trigger.Trigger{
		Name: "t", Type: "oss", Config: `{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"in/","suffix":".png"}}}`,
		SourceARN: "acs:oss:" + region + ":" + account + ":b", InvocationRole: w.ids.RoleARN(identity.NotificationRole),
	})
	must(err)
	_, err = ts.Create(ctx, "g", trigger.Trigger{
		Name: "p", Type: "oss", Config: `{"events":["oss:ObjectCreated:PutObject"]}`,
		SourceARN: "acs:oss:" + region + ":" + account + ":paused", InvocationRole: w.ids.RoleARN(identity.NotificationRole),
	})
	must(err)
	must(ts.Pause(ctx, "g", "p", trigger.Manual, "as it was found"))
	must(fns.PutTestEvent(ctx, "f", function.TestEvent{Name: "kept", JSON: "{}"}))
	w.history = history.Open(store, history.Options{})
	t.Cleanup(w.history.Close)
	w.kv = store
	w.upload("b", "in/a.png") // the event 1
	o := Options{
		Identity: w.ids, Functions: fns, Triggers: ts, History: w.history, Region: region, Account: account,
		Ready: func() bool { return w.ready }, MaxDepth: 16, Gauge: gauge.New(nil),
	}
	o.Queue = delivery.Open(store, delivery.Options{Triggers: ts, Settings: fns})
	must(store.Update(ctx, func(tx kv.Txn) error {
		return o.Queue.Record(tx, &event.Record{Type: event.PutObject, Time: time.Now(), Bucket: "paused", Key: "x/y"})
	}))
	o.Jobs = replay.Open(store, replay.Options{Triggers: ts, Queue: o.Queue})
	job := func() string {
		j, err := o.Jobs.Begin(ctx, replay.Order{Kind: replay.Backfill, Function: "f", Trigger: "t"})
		must(err)
		return j.ID
	}
	dead, _, err := o.Queue.ListDead(ctx, delivery.DeadQuery{})
	must(err)
	running, paused := job(), job()
	_, err = o.Jobs.Pause(ctx, paused)
	must(err)
	w.fill = strings.NewReplacer("DEADLETTER", dead[0].ID, "RUNNINGJOB", running, "PAUSEDJOB", paused)
	w.h, w.Handler = &handler{Options: o}, New(o)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(w.skip) }

// withRunner gives the handler a runner, which looks for this host's interpreters.
func (w *world) withRunner() {
	w.Helper()
	r, err := runner.New(runner.Options{
		Dir: w.TempDir(), Sandbox: runner.SandboxProcess, NoSpares: true,
		CodeDir: func(*function.Resolved) (string, error) { return "", nil },
	})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			w.Error(err)
		}
	})
	w.h.Runner = r
	w.Handler = New(w.h.Options)
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// code is the status and, of a refusal, its code.
func (a answer) code() (int, string) {
	var e struct{ Code string }
	_ = json.Unmarshal(a.Body.Bytes(), &e) // not every answer is a refusal
	return a.Code, e.Code
}

func (a answer) into(v any) {
	a.t.Helper()
	if a.Code != 200 {
		a.t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
}

// refused checks an answer's status and code and that its message has a text.
func (a answer) refused(status int, code, text string) {
	a.t.Helper()
	if s, c := a.code(); s != status || c != code || !strings.Contains(a.Body.String(), text) {
		a.t.Errorf("%d %s, want %d %s with %q", s, a.Body, status, code, text)
	}
}

// do sends a request signed with cred; nil signs nothing.
func (w *world) do(cred *identity.Credentials, method, path, body string) answer {
	w.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:4000"
	if cred != nil {
		identity.SignACS3(r, []byte(body), *cred, w.now())
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) answer {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return answer{rec, w.TB}
}

func (w *world) root(method, path, body string) answer {
	w.Helper()
	return w.do(&root, method, path, body)
}

// key makes a user with a policy and returns its key.
func (w *world) key(user, statement string) *identity.Credentials {
	w.Helper()
	_, err := w.ids.PutUser(context.Background(), user, []identity.Policy{{Name: "p", Document: `{"Version":"1","Statement":[` + statement + `]}`}}, identity.Edit{})
	if err != nil {
		w.Fatal(err)
	}
	k, err := w.ids.CreateAccessKey(context.Background(), user)
	if err != nil {
		w.Fatal(err)
	}
	return &identity.Credentials{AccessKeyID: k.ID, AccessKeySecret: k.Secret}
}

// ran tells the history of a run of a function and waits until it is written.
func (w *world) ran(function, request string, start time.Time, log string) {
	w.Helper()
	changed := w.history.Changed()
	w.history.Record(&run.Record{RequestID: request, Function: function, Version: "LATEST", Kind: run.Sync, Start: start, Log: []byte(log), Payload: []byte("result of " + request)})
	<-changed
}

// everything is all that the operations can change.
func (w *world) everything() string {
	keys := []any{w.ids.ListRoles(), w.ids.ListUsers()}
	for _, u := range w.ids.ListUsers() {
		k, err := w.ids.ListAccessKeys(u.Name)
		if err != nil {
			w.Fatal(err)
		}
		keys = append(keys, k)
	}
	for _, n := range []string{"f", "g"} {
		ts, _, err := w.h.Triggers.List(context.Background(), n, "", "", 100)
		if err != nil {
			w.Fatal(err)
		}
		limit, err := w.h.Functions.LoopLimit(context.Background(), n)
		if err != nil {
			w.Fatal(err)
		}
		keys = append(keys, ts, limit)
	}
	dead, _, err := w.h.Queue.ListDead(context.Background(), delivery.DeadQuery{})
	if err != nil {
		w.Fatal(err)
	}
	jobs, err := w.h.Jobs.List(context.Background(), "")
	if err != nil {
		w.Fatal(err)
	}
	tests, err := w.h.Functions.ListTestEvents(context.Background(), "f")
	if err != nil {
		w.Fatal(err)
	}
	keys = append(keys, dead, jobs, tests)
	b, err := json.Marshal(keys)
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}
