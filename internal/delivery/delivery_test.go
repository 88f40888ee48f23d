package delivery

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// handler stands where functions run. Nothing below it is replaced.
type handler struct {
	mu    sync.Mutex
	calls []run.Call
	at    []time.Time
	do    func(run.Call) (string, error) // returns an error type or an error
}

func (h *handler) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	h.mu.Lock()
	h.calls = append(h.calls, c)
	h.at = append(h.at, time.Now())
	h.mu.Unlock()
	if h.do == nil {
		return &runner.Result{}, &run.Record{}, nil
	}
	typ, err := h.do(c)
	if err != nil {
		return nil, nil, err
	}
	return &runner.Result{ErrorType: typ}, &run.Record{ErrorType: typ}, nil
}

// gaps returns the times between calls, in milliseconds.
func (h *handler) gaps() (ms []int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := 1; i < len(h.at); i++ {
		ms = append(ms, int(h.at[i].Sub(h.at[i-1]).Milliseconds()))
	}
	return ms
}

// all returns the calls so far.
func (h *handler) all() []run.Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

func (h *handler) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls, h.at = nil, nil
}

func (h *handler) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

type rooms struct {
	kv        kv.Store
	functions *function.Store
	triggers  *trigger.Store
	dir       string
}

func newRooms(t testing.TB, names ...string) *rooms {
	t.Helper()
	r := &rooms{kv: memkv.New(), dir: t.TempDir()}
	var err error
	if r.functions, err = function.Open(t.Context(), r.kv, memblob.New(), function.Options{Dir: r.dir}); err != nil {
		t.Fatal(err)
	}
	r.triggers = trigger.Open(r.kv, trigger.Options{
		Region: "cn-hangzhou", Account: "1",
		Bucket: func(kv.Reader, string) (string, error) { return "cn-hangzhou", nil },
	})
	var zipped bytes.Buffer // what is in it does not matter here
	w := zip.NewWriter(&zipped)
	w.Create("index.js")
	w.Close()
	code, err := r.functions.AddCode(t.Context(), &zipped, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if _, err := r.functions.Create(t.Context(), function.Function{Name: n, Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}}); err != nil {
			t.Fatal(err)
		}
		_, err := r.triggers.Create(t.Context(), n, trigger.Trigger{
			Name: "t", Type: "oss", Config: fmt.Sprintf(`{"events":["oss:ObjectCreated:*"],"filter":{"key":{"prefix":"%s/"}}}`, n),
			SourceARN: "acs:oss:cn-hangzhou:1:testbucket", InvocationRole: "acs:ram::1:role/r",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *rooms) open(h *handler, o Options) *Queue {
	o.Triggers, o.Settings, o.Invoker = r.triggers, r.functions, h
	return Open(r.kv, o)
}

// cause commits an event on key, as the object room does.
func cause(t *testing.T, q *Queue, key string, l *lineage.Lineage) {
	t.Helper()
	err := q.kv.Update(context.Background(), func(tx kv.Txn) error {
		return q.Record(tx, &event.Record{Type: event.PutObject, Time: time.Now(), Bucket: "testbucket", Owner: "1", Region: "cn-hangzhou", Key: key, Origin: event.Origin{RequestID: "R", Lineage: l}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rowsLeft(t *testing.T, s kv.Store, table string) (keys []string) {
	t.Helper()
	s.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(k, _ []byte) error { keys = append(keys, string(k)); return nil })
	})
	return keys
}

func TestEventRunsItsFunctionOnce(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		q := r.open(h, Options{})
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		cause(t, q, "f/a.png", nil)
		cause(t, q, "other/a.png", nil)
		cause(t, q, "f/b.png", &lineage.Lineage{Run: "earlier", Root: "e0", Depth: 2})
		synctest.Wait()
		q.Stop(t.Context())
		if len(h.calls) != 2 {
			t.Fatalf("%d runs, want 2", len(h.calls))
		}
		slices.SortFunc(h.calls, func(a, b run.Call) int { return strings.Compare(a.EventID, b.EventID) }) // they ran at once
		c := h.calls[0]
		if c.Function != "f" || c.Qualifier != "LATEST" || c.Trigger != "t" || c.Kind != run.Trigger || !strings.Contains(string(c.Event), `"key":"f/a.png"`) || c.EventID == "" {
			t.Errorf("call %+v", c)
		}
		if l := c.Lineage; l.Depth != 1 || l.Run != c.RequestID || l.Root != c.EventID {
			t.Errorf("lineage %+v", l)
		}
		if l := h.calls[1].Lineage; l.Depth != 3 || l.Root != "e0" || !slices.Equal(l.Chain, []string{"earlier"}) {
			t.Errorf("lineage of a caused run %+v", l)
		}
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("rows left: %q", left)
		}
	})
}

func TestRetries(t *testing.T) {
	throttled := fault.New(fault.Throttled, "ResourceExhausted", "busy")
	tests := []struct {
		name string
		do   func(n int) (string, error)
		gaps []int // ms, rounded down to tenths of a second below
		dead string
	}{
		{"function error: three retries", func(int) (string, error) { return runner.ErrorUnhandled, nil }, []int{1000, 2000, 4000}, "RetriesExhausted"},
		{"function recovers", func(n int) (string, error) {
			if n < 2 {
				return runner.ErrorHandled, nil
			}
			return "", nil
		}, []int{1000, 2000}, ""},
		{"throttled: not counted as attempts", func(n int) (string, error) {
			if n < 6 {
				return "", throttled
			}
			return "", nil
		}, []int{500, 1000, 2000, 4000, 8000, 16000}, ""},
		{"throttled, then failing", func(n int) (string, error) {
			if n == 0 {
				return "", throttled
			}
			return runner.ErrorUnhandled, nil
		}, []int{500, 1000, 2000, 4000}, "RetriesExhausted"},
		{"function gone", func(int) (string, error) { return "", fault.New(fault.NotFound, "FunctionNotFound", "gone") }, nil, "FunctionNotFound"},
		{"endless loop", func(int) (string, error) { return "", fault.New(fault.Denied, "RecursiveInvocation", "deep") }, nil, "RecursiveInvocation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				h := &handler{}
				n := 0
				h.do = func(run.Call) (string, error) { n++; return tt.do(n - 1) }
				q := r.open(h, Options{})
				if err := q.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				cause(t, q, "f/a", nil)
				time.Sleep(10 * time.Minute) // of the bubble's clock
				q.Stop(t.Context())
				gaps := h.gaps()
				for i := range gaps {
					gaps[i] = gaps[i] / 100 * 100
				}
				if !slices.Equal(gaps, tt.gaps) {
					t.Errorf("gaps %v, want %v", gaps, tt.gaps)
				}
				for i, c := range h.calls {
					if c.RequestID != h.calls[0].RequestID {
						t.Errorf("attempt %d has another request id", i)
					}
				}
				dead, _, err := q.ListDead(t.Context(), DeadQuery{})
				if err != nil {
					t.Fatal(err)
				}
				if tt.dead == "" && len(dead) > 0 || tt.dead != "" && (len(dead) != 1 || dead[0].Reason != tt.dead || dead[0].Delivery.Key != "f/a") {
					t.Errorf("dead: %+v, want %q", dead, tt.dead)
				}
				if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
					t.Errorf("rows left: %q", left)
				}
			})
		})
	}
}

func TestThrottledIsGivenUpAndOldEventsExpire(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(run.Call) (string, error) { return "", fault.New(fault.Throttled, "ResourceExhausted", "busy") }}
		q := r.open(h, Options{})
		q.Start(t.Context())
		cause(t, q, "f/a", nil)
		time.Sleep(7 * time.Hour)
		dead, _, _ := q.ListDead(t.Context(), DeadQuery{})
		if len(dead) != 1 || dead[0].Reason != "ResourceExhausted" || dead[0].Time.Sub(dead[0].Delivery.Enqueued) > giveUp+maxDelay+time.Minute {
			t.Errorf("dead %+v", dead)
		}
		q.Stop(t.Context())
		q = r.open(h, Options{})
		cause(t, q, "f/late", nil) // nobody dispatches
		time.Sleep(25 * time.Hour)
		n := h.count()
		q.Start(t.Context())
		synctest.Wait()
		q.Stop(t.Context())
		dead, _, _ = q.ListDead(t.Context(), DeadQuery{Limit: 1})
		if h.count() != n || len(dead) != 1 || dead[0].Reason != "Expired" {
			t.Errorf("%d more runs, dead %+v", h.count()-n, dead)
		}
	})
}

// A run under way when the server stops is made again by the next one; what was done is
// not.
func TestStopAndRestart(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		block := make(chan struct{})
		h.do = func(c run.Call) (string, error) {
			if strings.Contains(string(c.Event), `"f/slow"`) {
				<-block
				return "", context.Canceled
			}
			return "", nil
		}
		q := r.open(h, Options{})
		q.Start(t.Context())
		cause(t, q, "f/fast", nil)
		cause(t, q, "f/slow", nil)
		synctest.Wait()
		go func() { <-q.ctx.Done(); close(block) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		q.Stop(ctx)
		cancel()
		cause(t, q, "f/while-stopped", nil)

		h2 := &handler{}
		q = r.open(h2, Options{})
		q.Start(t.Context())
		synctest.Wait()
		q.Stop(t.Context())
		var keys []string
		for _, c := range h2.calls {
			i := strings.Index(string(c.Event), `"key":"`)
			keys = append(keys, strings.SplitN(string(c.Event)[i+7:], `"`, 2)[0])
		}
		slices.Sort(keys)
		if !slices.Equal(keys, []string{"f/slow", "f/while-stopped"}) {
			t.Errorf("run after the restart: %q", keys)
		}
	})
}

// A long queue is read piece by piece, nothing is run twice or left out, and another
// function's delivery does not wait for it.
func TestBacklogIsBoundedAndFair(t *testing.T) {
	const n = 500
	r := newRooms(t, "noisy", "quiet")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		h.do = func(c run.Call) (string, error) { time.Sleep(100 * time.Millisecond); return "", nil }
		q := r.open(h, Options{Window: 20, Parallel: 4, PerFunction: 4})
		for i := range n / 2 {
			cause(t, q, fmt.Sprintf("noisy/%d", i), nil)
		}
		q.Start(t.Context())
		for i := range n / 2 {
			cause(t, q, fmt.Sprintf("noisy/late-%d", i), nil)
		}
		time.Sleep(time.Second)
		if held, running := q.Waiting(); held > 20+4+ackBatch || running != 4 {
			t.Errorf("%d held, %d running", held, running)
		}
		began := time.Now()
		cause(t, q, "quiet/x", nil)
		var waited time.Duration
		for waited == 0 {
			time.Sleep(10 * time.Millisecond)
			h.mu.Lock()
			for i, c := range h.calls {
				if c.Function == "quiet" {
					waited = h.at[i].Sub(began) + 1
				}
			}
			h.mu.Unlock()
			if time.Since(began) > time.Minute {
				t.Fatal("the quiet function never ran")
			}
		}
		if waited > 200*time.Millisecond {
			t.Errorf("the quiet function waited %v behind the noisy one", waited)
		}
		time.Sleep(time.Minute)
		q.Stop(t.Context())
		seen := map[string]int{}
		for _, c := range h.calls {
			seen[string(c.Event)]++
		}
		if len(seen) != n+1 || len(h.calls) != n+1 {
			t.Errorf("%d runs of %d events, want %d", len(h.calls), len(seen), n+1)
		}
		if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
	})
}

func TestEnqueue(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		q := r.open(h, Options{})
		big := []byte(strings.Repeat("0123456789abcdef", MaxPayload/16))
		if err := q.Enqueue(t.Context(), "f", "", append(big, 'x'), "id", "task", event.Origin{}); !fault.Is(err, "EntityTooLarge") {
			t.Errorf("too large: %v", err)
		}
		if err := q.Enqueue(t.Context(), "none", "", nil, "id", "task", event.Origin{}); !fault.Is(err, "FunctionNotFound") {
			t.Errorf("no function: %v", err)
		}
		if err := q.Enqueue(t.Context(), "f", "", big, "id", "task", event.Origin{}); err != nil {
			t.Fatal(err)
		}
		q = r.open(h, Options{}) // the row is the truth
		q.Start(t.Context())
		synctest.Wait()
		q.Stop(t.Context())
		if len(h.calls) != 1 || string(h.calls[0].Event) != string(big) || h.calls[0].RequestID != "id" || h.calls[0].Kind != run.Async {
			t.Errorf("%d calls", len(h.calls))
		}
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("rows left: %q", left)
		}
	})
}
