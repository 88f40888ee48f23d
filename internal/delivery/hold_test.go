package delivery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// writes counts the transactions of a store, and what they write.
type writes struct {
	kv.Store
	mu   sync.Mutex
	n    int
	sets int
}

func (w *writes) Update(ctx context.Context, fn func(kv.Txn) error) error {
	return w.Store.Update(ctx, func(tx kv.Txn) error {
		c := &countingTxn{Txn: tx}
		err := fn(c)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.n++
		w.sets += c.n
		return err
	})
}

func (w *writes) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sets
}

type countingTxn struct {
	kv.Txn
	n int
}

func (c *countingTxn) Set(k, v []byte) { c.n++; c.Txn.Set(k, v) }

// A stopped function's backlog costs one run, and one row, a second; it is drained as soon
// as the function is back.
func TestStoppedFunctionIsProbed(t *testing.T) {
	const n = 3000
	r := newRooms(t, "f", "g")
	w := &writes{Store: r.kv}
	r.kv = w
	synctest.Test(t, func(t *testing.T) {
		var stopped atomic.Bool
		stopped.Store(true)
		h := &handler{do: func(c run.Call) (string, error) {
			if c.Function == "f" && stopped.Load() {
				return "", fault.New(fault.Denied, "FunctionDisabled", "off")
			}
			return "", nil
		}}
		q := r.open(h, Options{})
		owe(t, q, n, Delivery{Function: "f"})
		q = r.open(h, Options{})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		time.Sleep(5 * time.Second) // all that may start at once has been refused
		calls, sets := h.count(), w.written()
		if calls > 16+6 {
			t.Errorf("%d runs in the first seconds", calls)
		}
		time.Sleep(100 * time.Second)
		if got := h.count() - calls; got < 90 || got > 101 {
			t.Errorf("%d runs in 100 s of a stopped function, want about 100", got)
		}
		if got := w.written() - sets; got > 101 {
			t.Errorf("%d rows written in 100 s of a stopped function, want at most 101", got)
		}
		s, err := q.FunctionStats(t.Context(), "f")
		if err != nil || s.Waiting+s.Running != n || len(s.Holds) != 1 || s.Holds[0].Reason != "FunctionDisabled" || s.Holds[0].Message != "off" || time.Since(s.Holds[0].Since) < 100*time.Second {
			t.Errorf("stats %+v, %v", s, err)
		}
		cause(t, q, "g/x", nil) // others are not concerned
		synctest.Wait()
		if all := h.all(); all[len(all)-1].Function != "g" {
			t.Error("another function waits")
		}
		stopped.Store(false)
		time.Sleep(time.Second + 10*time.Millisecond)
		synctest.Wait()
		if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
			t.Errorf("%d rows left a second after the function's return, those that were refused before among them", len(left))
		}
		if s, _ := q.FunctionStats(t.Context(), "f"); s.Waiting+s.Running+s.Dead+len(s.Holds) != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// checked has run.Invoker's Check.
type checked struct {
	*handler
	check func() error
}

func (c checked) Check(context.Context, string, string, *lineage.Lineage) error { return c.check() }

// Where all of a stopped function's deliveries wait between attempts, its return is seen
// within a second all the same.
func TestReturnIsSeenBetweenAttempts(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		off := fault.New(fault.Throttled, "ResourceExhausted", "reserved concurrency is 0")
		var back atomic.Bool
		state := func() error {
			if back.Load() {
				return nil
			}
			return off
		}
		h := &handler{do: func(run.Call) (string, error) { return "", state() }}
		q := r.open(h, Options{})
		q.o.Invoker = checked{h, state}
		q.Start(t.Context())
		defer q.Stop(t.Context())
		for i := range 3 {
			cause(t, q, fmt.Sprintf("f/%d", i), nil)
		}
		time.Sleep(2 * time.Hour)
		if n := h.count(); n > 3*32 {
			t.Errorf("%d runs in two hours", n)
		}
		back.Store(true)
		time.Sleep(1010 * time.Millisecond)
		synctest.Wait()
		if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
	})
}

// A function that takes no more than four at once gets four at once, and no row is written
// for what it refuses meanwhile.
func TestConcurrencyLimitIsFound(t *testing.T) {
	const n, limit = 400, 4
	r := newRooms(t, "f")
	w := &writes{Store: r.kv}
	r.kv = w
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most, refused := 0, 0, 0
		last := time.Now()
		h := &handler{}
		h.do = func(run.Call) (string, error) {
			mu.Lock()
			if running == limit {
				refused++
				mu.Unlock()
				return "", busy
			}
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			running--
			last = time.Now()
			mu.Unlock()
			return "", nil
		}
		q := r.open(h, Options{})
		owe(t, q, n, Delivery{Function: "f"})
		sets := w.written()
		began := time.Now()
		q.Start(t.Context())
		time.Sleep(time.Minute)
		q.Stop(t.Context())
		if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
		if n := w.written(); n != sets {
			t.Errorf("%d rows written for refusals", n-sets)
		}
		if took, best := last.Sub(began), n/limit*100*time.Millisecond; most != limit || took > best+best/10 {
			t.Errorf("%d at once, %v, want %d and %v", most, took, limit, best)
		}
		if refused > n/2 {
			t.Errorf("%d refusals for %d runs", refused, n)
		}
	})
}

// One delivery's error of ours does not stop the others.
func TestOnePoisonedDelivery(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(c run.Call) (string, error) {
			if c.Key == "f/bad" {
				return "", fault.New(fault.Internal, "InternalError", "no")
			}
			return "", nil
		}}
		q := r.open(h, Options{})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		cause(t, q, "f/bad", nil)
		for i := range 100 {
			cause(t, q, fmt.Sprintf("f/%d", i), nil)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := h.count(); n < 101 || n > 115 {
			t.Errorf("%d runs", n)
		}
		if left := rowsLeft(t, r.kv, tQueue); len(left) != 1 {
			t.Errorf("%d rows left", len(left))
		}
	})
}

// A queue of 10,000 slow deliveries does not delay another function's single one: it starts
// before any other is.
func TestOneOfAnotherStartsAtOnce(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "quiet"}
	r := newRooms(t, names...)
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(c run.Call) (string, error) {
			if c.Function != "quiet" {
				time.Sleep(10 * time.Minute)
			}
			return "", nil
		}}
		q := r.open(h, Options{})
		q.Start(t.Context())
		defer func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			q.Stop(ctx)
		}()
		for _, n := range names[:5] { // more than there are places
			owe(t, q, 2000, Delivery{Function: n})
		}
		synctest.Wait()
		if _, running := q.Waiting(); running < 64 {
			t.Fatalf("%d run", running)
		}
		before := h.count()
		cause(t, q, "quiet/x", nil)
		synctest.Wait()
		if n := h.count(); n != before+1 || h.all()[n-1].Function != "quiet" {
			t.Errorf("%d runs were started before it", n-before)
		}
		// And one that stands still takes nothing from the others.
		time.Sleep(25 * time.Minute)
		per := map[string]int{}
		for _, c := range h.all() {
			per[c.Function]++
		}
		delete(per, "quiet")
		var counts []int
		for _, n := range per {
			counts = append(counts, n)
		}
		slices.Sort(counts)
		if len(counts) != 5 || counts[4] > 2*counts[0] {
			t.Errorf("turns %v", counts)
		}
	})
}

func TestStopDelivery(t *testing.T) {
	tests := []struct {
		name   string
		window int
		at     int // of 100
	}{
		{"in memory", 1000, 50}, {"first on disk", 20, 60}, {"last on disk", 20, 99},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				h := &handler{do: func(run.Call) (string, error) { time.Sleep(time.Second); return "", nil }}
				j := journal{r.kv}
				q := r.open(h, Options{Journal: j, Window: tt.window, PerFunction: 4})
				q.Start(t.Context())
				defer q.Stop(t.Context())
				ids := make([]string, 100)
				for i := range ids {
					ids[i] = run.NewRequestID(time.Now())
					owe(t, q, 1, Delivery{Function: "f", RequestID: ids[i], Payload: []byte(strings.Repeat("x", i*1000))})
				}
				synctest.Wait()
				id := ids[tt.at]
				if err := q.StopDelivery(t.Context(), "f", id); err != nil {
					t.Fatal(err)
				}
				if err := q.StopDelivery(t.Context(), "f", id); !fault.Is(err, "DeliveryNotFound") {
					t.Errorf("again: %v", err)
				}
				time.Sleep(time.Minute)
				for _, c := range h.all() {
					if c.RequestID == id {
						t.Error("it ran")
					}
				}
				if o := j.outcomes(t); len(o) != 100 || o[0] != "Stopped  0" || o[1] != "Succeeded  1" {
					t.Errorf("outcomes %q", o)
				}
				if s, _ := q.FunctionStats(t.Context(), "f"); s.Waiting+s.Running != 0 {
					t.Errorf("stats %+v", s)
				}
				if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
					t.Errorf("rows left: %q", left)
				}
			})
		})
	}
}

// canceled waits until its run is canceled.
type canceled struct{}

func (canceled) Invoke(ctx context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func TestStopRunningDelivery(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		j := journal{r.kv}
		q := r.open(nil, Options{Journal: j})
		q.o.Invoker = canceled{}
		q.Start(t.Context())
		defer q.Stop(t.Context())
		owe(t, q, 1, Delivery{Function: "f", RequestID: "one"})
		synctest.Wait()
		if err := q.StopDelivery(t.Context(), "f", "one"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if o := j.outcomes(t); !slices.Equal(o, []string{"Stopped  0"}) {
			t.Errorf("outcomes %q", o)
		}
	})
}
