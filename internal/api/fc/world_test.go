package fc

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

const (
	testAccount = "1234567890123456"
	testRegion  = "cn-hangzhou"
)

var rootKey = identity.Credentials{AccessKeyID: "LTAIroot", AccessKeySecret: "root-secret"}

// world is a Handler over real stores; what runs functions and keeps triggers, rooms of
// their own, is small and in memory.
type world struct {
	t        testing.TB
	h        *Handler
	fns      *function.Store
	ids      *identity.Store
	evicted  []string
	enqueued []enqueued
	objects  map[string][]byte // bucket/key

	writes    []event.Record // what the runs of every function wrote
	writesErr error
	inside    *lineage.Lineage // of the run whose sandbox requests come from

	mu       sync.Mutex
	requests []*runner.Request
}

type enqueued struct {
	function, qualifier, payload, requestID, taskID string
	origin                                          event.Origin
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	store := memkv.New()
	fns, err := function.Open(ctx, store, memblob.New(), function.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := identity.Open(ctx, store, identity.Options{Account: testAccount, RootKeyID: rootKey.AccessKeyID, RootKeySecret: rootKey.AccessKeySecret, Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fns: fns, ids: ids, objects: map[string][]byte{}}
	trigs := trigger.Open(store, trigger.Options{Region: testRegion, Account: testAccount, Roles: ids,
		Bucket: func(kv.Reader, string) (string, error) { return testRegion, nil },
		Writes: func(context.Context, string, int) ([]event.Record, error) { return w.writes, w.writesErr }})
	w.h = New(Options{
		Functions: fns, Identity: ids, Runtimes: w, Async: w, Objects: w, Triggers: trigs, Region: testRegion, Account: testAccount,
		Origin:  func(context.Context) *lineage.Lineage { return w.inside },
		Invoker: &run.Invoker{Functions: fns, Identity: ids, Runner: echo{w}, Region: testRegion, Account: testAccount, MaxDepth: 4},
	})
	return w
}

// The rooms are what this package asks for.
var (
	_ Identity      = (*identity.Store)(nil)
	_ run.Issuer    = (*identity.Store)(nil)
	_ Runtimes      = (*runner.Runner)(nil)
	_ run.Runner    = (*runner.Runner)(nil)
	_ Triggers      = (*trigger.Store)(nil)
	_ run.Functions = (*function.Store)(nil)
)

func (w *world) CheckRuntime(name string) (runner.Runtime, error) {
	if strings.HasPrefix(name, "nodejs") {
		return runner.Runtime{Name: name, Path: "/usr/bin/node", Version: "20.20.2", Exact: true}, nil
	}
	return runner.Runtime{}, fault.New(fault.Invalid, "InvalidArgument", "runtime '%s' is not supported", name)
}

func (w *world) Diagnose(_ context.Context, _, dir, handler string) error {
	file, _, _ := strings.Cut(handler, ".")
	if _, err := os.Stat(filepath.Join(dir, file+".js")); err != nil {
		return fault.New(fault.Invalid, "InvalidArgument", "the code package has no file %s.js", file)
	}
	return nil
}

func (w *world) Warm(string) error { return nil }

func (w *world) Evict(id string) { w.evicted = append(w.evicted, id) }

func (w *world) Enqueue(_ context.Context, function, qualifier string, payload []byte, requestID, taskID string, origin event.Origin) error {
	w.enqueued = append(w.enqueued, enqueued{function, qualifier, string(payload), requestID, taskID, origin})
	return nil
}

func (w *world) OpenObject(_ context.Context, _ *identity.Principal, bucket, key string) (io.ReadCloser, error) {
	// In OSS's own words.
	switch bucket {
	case "nobucket":
		return nil, fault.New(fault.NotFound, "NoSuchBucket", "The specified bucket does not exist.")
	case "closed":
		return nil, fault.New(fault.Denied, "AccessDenied", "You have no right to access this object.").WithHint("Ask the owner.")
	}
	b, ok := w.objects[bucket+"/"+key]
	if !ok {
		return nil, fault.New(fault.NotFound, "NoSuchKey", "The specified key does not exist.")
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(b))), nil
}

// echo runs functions: what it returns depends on the event.
type echo struct{ w *world }

func (e echo) Invoke(_ context.Context, r *runner.Request) (*runner.Result, error) {
	keep := *r
	keep.Event = bytes.Clone(r.Event)
	e.w.mu.Lock()
	e.w.requests = append(e.w.requests, &keep)
	e.w.mu.Unlock()
	res := &runner.Result{Start: runner.Start{InstanceID: "c-1"}, Payload: keep.Event, Duration: 1500 * time.Microsecond, MemoryMB: 33, Log: bytes.Repeat([]byte("0123456789abcdef"), 300)}
	switch string(r.Event) {
	case "fail":
		res.ErrorType, res.Payload = runner.ErrorUnhandled, []byte(`{"errorMessage":"oops"}`)
	case "busy":
		return nil, fault.New(fault.Throttled, "ResourceExhausted", "Too many requests.")
	case "exit":
		return nil, fault.New(fault.Unavailable, "CAExited", "The function either cannot be started or exited.")
	case "bug":
		return nil, fmt.Errorf("password is hunter2")
	}
	return res, nil
}

const (
	bucketARN = "acs:oss:" + testRegion + ":" + testAccount + ":b"
	notifier  = "acs:ram::" + testAccount + ":role/aliyunosseventnotificationrole"
)

// ossConfig is a trigger's config whose text has its own spacing.
func ossConfig(prefix string) string {
	return `{"events": ["oss:ObjectCreated:*"],  "filter":{"key":{"prefix":"` + prefix + `","suffix":""}}}`
}

func codeZip(t testing.TB, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, body)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) zip() string {
	return base64.StdEncoding.EncodeToString(codeZip(w.t, "index.js", "exports.handler = async e => e"))
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// as sends a signed request. body is JSON text, or anything to encode.
func (w *world) as(cred identity.Credentials, method, path string, body any, header ...string) answer {
	w.t.Helper()
	var b []byte
	switch v := body.(type) {
	case nil:
	case string:
		b = []byte(v)
	case []byte:
		b = v
	default:
		var err error
		if b, err = json.Marshal(v); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "http://fc.test"+path, bytes.NewReader(b))
	r.Header.Set("X-Acs-Version", "2023-03-30")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if cred.AccessKeyID != "" {
		identity.SignACS3(r, b, cred, time.Now())
	}
	return w.send(r)
}

func (w *world) send(r *http.Request) answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Result().Header, text: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &a.body)
	if id := a.header.Get("X-Fc-Request-Id"); !strings.HasPrefix(id, "1-") {
		w.t.Errorf("request id %q", id)
	}
	return a
}

func (w *world) do(method, path string, body any, header ...string) answer {
	w.t.Helper()
	return w.as(rootKey, method, "/2023-03-30/"+path, body, header...)
}

func (w *world) must(method, path string, body any, header ...string) answer {
	w.t.Helper()
	a := w.do(method, path, body, header...)
	if a.status/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	return a
}

func (w *world) wantError(a answer, status int, code, says string) {
	w.t.Helper()
	if a.status != status || a.body["Code"] != code || !strings.Contains(a.text, says) || a.body["RequestId"] != a.header.Get("X-Fc-Request-Id") {
		w.t.Errorf("got %d %s, want %d %s saying %q", a.status, a.text, status, code, says)
	}
}

func (w *world) input(name string, more ...any) map[string]any {
	in := map[string]any{"functionName": name, "runtime": "nodejs20", "handler": "index.handler", "code": map[string]any{"zipFile": w.zip()}}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

type fixed struct{ w *world }

var fixedResult = &runner.Result{Payload: []byte("ok"), Duration: time.Millisecond}

func (fixed) Invoke(context.Context, *runner.Request) (*runner.Result, error) {
	return fixedResult, nil
}

type readCloser struct{ io.Reader }

func (readCloser) Close() error { return nil }

type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(s int)           { d.status = s }
