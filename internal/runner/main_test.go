package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
)

// The test binary is bound into the sandboxes in the place of the server's.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "sandbox-init" {
		fmt.Fprintln(os.Stderr, SandboxInit(os.Args[2:]))
		os.Exit(127)
	}
	if dir := os.Getenv("ALCEDO_TEST_SERVER"); dir != "" {
		crashServer(dir)
	}
	os.Exit(m.Run())
}

// world is a runner on a directory of its own, and functions made of files.
type world struct {
	testing.TB
	*Runner
	root string
	log  *bytes.Buffer
	n    *atomic.Int64
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	c := *w
	c.TB = t
	return &c
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	root := t.TempDir()
	w := &world{TB: t, root: root, log: &bytes.Buffer{}, n: new(atomic.Int64)}
	opt := Options{Dir: filepath.Join(root, "runner"), RuntimeDir: filepath.Join(root, "modules"), CodeRoot: filepath.Join(root, "code"),
		CodeDir:  func(f *function.Resolved) (string, error) { return filepath.Join(root, "code", f.Config.Code.ID), nil },
		NoSpares: true, Logger: slog.New(slog.NewTextHandler(&lockedWriter{b: w.log}, nil))}
	for _, c := range change {
		c(&opt)
	}
	for _, d := range []string{opt.CodeRoot, opt.RuntimeDir} {
		if d != "" {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := New(opt)
	if err != nil {
		t.Fatalf("%v (these tests need bubblewrap, Node.js, Python 3 and PHP: apt-get install bubblewrap nodejs python3 php-cli)", err)
	}
	w.Runner = r
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("server log:\n%s", w.log)
		}
	})
	return w
}

type lockedWriter struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// fn makes a function of files, given as name, text, name, text….
func (w *world) fn(runtime, handler string, files ...string) *function.Resolved {
	w.Helper()
	id := fmt.Sprintf("code%d", w.n.Add(1))
	for i := 0; i+1 < len(files); i += 2 {
		p := filepath.Join(w.root, "code", id, files[i])
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			w.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(files[i+1]), 0o644); err != nil {
			w.Fatal(err)
		}
	}
	os.MkdirAll(filepath.Join(w.root, "code", id), 0o755)
	return &function.Resolved{Name: "fn-" + id, ID: id, Qualifier: "LATEST", Version: "LATEST",
		Config: &function.Config{Runtime: runtime, Handler: handler, MemoryMB: 256, DiskMB: 64, Timeout: 20, Concurrency: 1, Code: function.Code{ID: id}}}
}

var requests atomic.Int64

func request(f *function.Resolved, event string) *Request {
	return &Request{Function: f, PoolKey: function.Key{ID: f.ID, Version: f.Version}, RequestID: fmt.Sprintf("1-64e70cf1-%024d", requests.Add(1)),
		Event: []byte(event), Region: "cn-hangzhou", Account: "1234567890123456"}
}

func (w *world) call(f *function.Resolved, event string) *Result {
	w.Helper()
	res, err := w.Invoke(w.Context(), request(f, event))
	if err != nil {
		w.Fatalf("invoke: %v\n%s", err, w.log)
	}
	return res
}

// ok is call for a function that must succeed.
func (w *world) ok(f *function.Resolved, event string) string {
	w.Helper()
	res := w.call(f, event)
	if res.ErrorType != "" {
		w.Fatalf("%s: %s\nlog:\n%s", res.ErrorType, res.Payload, res.Log)
	}
	return string(res.Payload)
}

type failure struct {
	ErrorMessage string
	ErrorType    string
	StackTrace   json.RawMessage
}

// fails is call for a function that must not.
func (w *world) fails(f *function.Resolved, event, errorType string) (failure, *Result) {
	w.Helper()
	res := w.call(f, event)
	var e failure
	if res.ErrorType != errorType {
		w.Fatalf("error type %q, want %q; payload %s\nlog:\n%s", res.ErrorType, errorType, res.Payload, res.Log)
	}
	if err := json.Unmarshal(res.Payload, &e); err != nil {
		w.Fatalf("payload %q: %v", res.Payload, err)
	}
	return e, res
}

// body is a log without the lines that frame it.
func body(res *Result) string {
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(string(res.Log)), "\n") {
		if !strings.HasPrefix(l, "FC Invoke ") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// eventually waits for something that happens by itself soon.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
