package delivery

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// onPebble has the rooms' deliveries stand on a real LSM tree, without the cost of syncs.
func (r *rooms) onPebble(t testing.TB) {
	t.Helper()
	s, err := pebblekv.Open("/kv", pebblekv.Options{FS: vfs.NewMem(), Cache: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	r.kv = s
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// gate is a function that is stopped until it is opened, and then says when all of n runs
// are made.
type gate struct {
	open atomic.Bool
	n    atomic.Int64
	want int64
	done chan struct{}
}

func (g *gate) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	if !g.open.Load() {
		return nil, nil, fault.New(fault.Denied, "FunctionDisabled", "off")
	}
	if g.n.Add(1) == g.want {
		close(g.done)
	}
	return &runner.Result{}, &run.Record{}, nil
}

// A stopped function's backlog takes bounded memory and does not make the start slow; its
// draining takes time in proportion to it, though what is deleted stands in its way.
//
// ALCEDO_BACKLOG sets its length; a million is what is promised of.
func TestBacklogOfAStoppedFunction(t *testing.T) {
	n := usualBacklog
	if testing.Short() {
		n = usualBacklog / 5
	}
	if v, err := strconv.Atoi(os.Getenv("ALCEDO_BACKLOG")); err == nil {
		n = v
	}
	r := newRooms(t, "f")
	r.onPebble(t)
	q := r.open(&handler{}, Options{})
	began := time.Now()
	owe(t, q, n, Delivery{Function: "f", Payload: bytes.Repeat([]byte("x"), 600), Bucket: "testbucket", Key: "some/object/or/other.png"})
	t.Logf("%d deliveries written in %v", n, time.Since(began))

	// The store's own memory is none of ours: what it holds for a scan it holds already.
	if err := r.kv.View(t.Context(), func(kr kv.Reader) error {
		return kr.Scan(kv.Prefix([]byte(tQueue)), func(_, _ []byte) error { return nil })
	}); err != nil {
		t.Fatal(err)
	}
	q = nil
	before := heap()
	g := &gate{want: int64(n), done: make(chan struct{})}
	q = r.open(nil, Options{})
	q.o.Invoker = g
	began = time.Now()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer q.Stop(t.Context())
	if took := time.Since(began); took > time.Second {
		t.Errorf("Start took %v", took)
	}
	for {
		s, err := q.FunctionStats(t.Context(), "f")
		if err != nil {
			t.Fatal(err)
		}
		if !s.Partial && len(s.Holds) == 1 {
			if s.Waiting+s.Running > n || s.Waiting+s.Running < n-1 { // one may be between two states
				t.Errorf("stats %+v", s)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	if held, _ := q.Waiting(); held > DefaultWindow {
		t.Errorf("%d rows in memory", held)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("a backlog of %d takes %d MiB of memory", n, grown>>20)
	}

	half := make(chan time.Time, 1)
	go func() {
		for g.n.Load() < int64(n/2) {
			time.Sleep(time.Millisecond)
		}
		half <- time.Now()
	}()
	began = time.Now()
	g.open.Store(true)
	for g.n.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("draining began after %v", took)
	}
	<-g.done
	total, first := time.Since(began), (<-half).Sub(began)
	t.Logf("drained in %v, half of it in %v: %.0f/s", total, first, float64(n)/total.Seconds())
	if second := total - first; second > 4*first+time.Second {
		t.Errorf("the second half took %v, the first %v", second, first)
	}
	if g.n.Load() != int64(n) {
		t.Errorf("%d runs", g.n.Load())
	}
}

// Rows without their payloads wait in memory, and payloads only as far as there is room.
// Every queue has some room whatever others hold, and runs get their payloads.
func TestMemoryIsBoundedInBytes(t *testing.T) {
	const functions, each, size = 8, 60, 100 << 10
	var names []string
	for i := range functions {
		names = append(names, fmt.Sprintf("f%d", i))
	}
	r := newRooms(t, names...)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		bad := 0
		off := true
		seen := map[string]int{}
		h := &handler{do: func(c run.Call) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if off {
				return "", busy
			}
			seen[c.Function]++
			if len(c.Event) != size && len(c.Event) != size/4 || !bytes.HasPrefix(c.Event, []byte(c.Function)) {
				bad++
			}
			return "", nil
		}}
		o := Options{HeldBytes: 2 << 20, Held: 200, Window: 100}
		q := r.open(h, o)
		fill := func() {
			for _, name := range names {
				for i := range each / 2 {
					n := size
					if i%2 == 0 {
						n /= 4 // in its row
					}
					owe(t, q, 1, Delivery{Function: name, Payload: append([]byte(name), make([]byte, n-len(name))...)})
				}
			}
		}
		fill()
		q = r.open(h, o)
		q.Start(t.Context())
		defer q.Stop(t.Context())
		fill() // what comes while it runs
		synctest.Wait()
		q.mu.Lock()
		held, bytes, kept := q.held, q.bytes, 0
		for name, f := range q.queues {
			if len(f.known) == 0 {
				t.Errorf("%s has no room", name)
			}
			for _, it := range f.known {
				kept += len(it.Payload)
			}
		}
		q.mu.Unlock()
		if held > 200+functions*16 || bytes > o.HeldBytes || kept > o.HeldBytes {
			t.Errorf("%d rows, %d bytes, really %d", held, bytes, kept)
		}
		mu.Lock()
		off = false
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if seen[name] != each {
				t.Errorf("%s was run %d times", name, seen[name])
			}
		}
		if bad > 0 {
			t.Errorf("%d runs with a wrong payload", bad)
		}
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if held := q.held; held != 0 || q.bytes != 0 || len(q.queues) != 0 || len(q.counts) != 0 {
			t.Errorf("in the end %d rows, %d bytes, %d queues, %d counts", held, q.bytes, len(q.queues), len(q.counts))
		}
	})
}

// However much one queue holds, another's deliveries come into memory.
func TestEveryQueueHasRoom(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(run.Call) (string, error) { return "", busy }}
		q := r.open(h, Options{Held: 50, Window: 100})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		owe(t, q, 100, Delivery{Function: "f"})
		synctest.Wait()
		owe(t, q, 4, Delivery{Function: "g"})
		synctest.Wait()
		q.mu.Lock()
		defer q.mu.Unlock()
		if f, g := len(q.queues["f"].known), len(q.queues["g"].known); f < 40 || f > 50 || g < 3 {
			t.Errorf("f has %d in memory, g %d", f, g)
		}
	})
}

// places notes where scans of the queue begin.
type places struct {
	kv.Store
	mu     sync.Mutex
	starts []string
}

func (p *places) View(ctx context.Context, fn func(kv.Reader) error) error {
	return p.Store.View(ctx, func(r kv.Reader) error { return fn(placeReader{r, p}) })
}

type placeReader struct {
	kv.Reader
	p *places
}

func (r placeReader) Scan(rg kv.Range, fn func(k, v []byte) error) error {
	r.p.mu.Lock()
	r.p.starts = append(r.p.starts, string(rg.Start))
	r.p.mu.Unlock()
	return r.Reader.Scan(rg, fn)
}

// Draining never goes back over what it deleted, though new rows come meanwhile and others
// are tried again: an LSM tree would pass all the deleted ones each time.
func TestDrainingDoesNotGoBack(t *testing.T) {
	r := newRooms(t, "f")
	p := &places{Store: r.kv}
	r.kv = p
	synctest.Test(t, func(t *testing.T) {
		n := 0
		h := &handler{}
		h.do = func(c run.Call) (string, error) {
			h.mu.Lock()
			n++
			bad := n%50 == 0
			h.mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			if bad {
				return runner.ErrorHandled, nil
			}
			return "", nil
		}
		q := r.open(h, Options{Window: 100})
		owe(t, q, 2000, Delivery{Function: "f"})
		q = r.open(h, Options{Window: 100})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		synctest.Wait()
		p.mu.Lock()
		p.starts = nil
		p.mu.Unlock()
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			cause(t, q, "f/new", nil)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		last, distinct := "", 0
		for i, s := range p.starts {
			// Rows that are due when one is deleted stand behind it.
			if s < last {
				t.Errorf("scan %d of %d went back: %x after %x", i, len(p.starts), s, last)
			}
			if s > last {
				distinct++
			}
			last = s
		}
		if distinct < 20 || len(p.starts) > 1000 {
			t.Errorf("%d scans from %d places", len(p.starts), distinct)
		}
		p.starts = nil
	})
	if left := rowsLeft(t, r.kv, tQueue); len(left) != 0 {
		t.Errorf("%d rows left", len(left))
	}
}

// A run whose row is gone when it ends, for another one was first, has no outcome of its
// own.
func TestRunOfARowThatIsGone(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(run.Call) (string, error) { time.Sleep(time.Second); return "", nil }}
		j := journal{r.kv}
		q := r.open(h, Options{Journal: j})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		cause(t, q, "f/a", nil)
		cause(t, q, "f/b", nil)
		synctest.Wait()
		if err := r.kv.Update(t.Context(), func(tx kv.Txn) error {
			tx.Delete([]byte(rowsLeft(t, r.kv, tQueue)[0]))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if o := j.outcomes(t); len(o) != 1 {
			t.Errorf("outcomes %q", o)
		}
	})
}

// Large dead letters and results do not make a transaction of verdicts too large.
func TestVerdictsFitTheirTransaction(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(run.Call) (string, error) {
			return "", fault.New(fault.NotFound, "VersionNotFound", "gone")
		}}
		q := r.open(h, Options{PerFunction: 500, Parallel: 500})
		for range 400 {
			owe(t, q, 1, Delivery{Function: "f", Payload: make([]byte, inRow)})
		}
		q.Start(t.Context())
		defer q.Stop(t.Context())
		time.Sleep(time.Second)
		if n := len(rowsLeft(t, r.kv, tDead)); n != 400 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func BenchmarkDrain(b *testing.B) {
	for _, store := range []string{"memory", "pebble"} {
		b.Run(store, func(b *testing.B) {
			const n = 10_000
			for b.Loop() {
				b.StopTimer()
				r := newRooms(b, "f")
				if store == "pebble" {
					r.onPebble(b)
				}
				g := &gate{want: n, done: make(chan struct{})}
				g.open.Store(true)
				q := r.open(nil, Options{})
				q.o.Invoker = g
				owe(b, q, n, Delivery{Function: "f", Payload: make([]byte, 600)})
				b.StartTimer()
				q.Start(context.Background())
				<-g.done
				b.StopTimer()
				q.Stop(context.Background())
				b.StartTimer()
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "runs/s")
		})
	}
}
