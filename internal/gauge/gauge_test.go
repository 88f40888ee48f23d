package gauge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
)

type sink struct{ events, runs int }

func (s *sink) Event(kv.Txn, *event.Record, []byte, []delivery.Owed) { s.events++ }
func (s *sink) Owe(kv.Txn, string, delivery.Owed)                    {}
func (s *sink) Outcome(kv.Txn, *delivery.Outcome)                    {}
func (s *sink) Record(*run.Record)                                   { s.runs++ }

// clock is a time that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time      { return c.t }
func (c *clock) add(d time.Duration) { c.t = c.t.Add(d) }

func at() (*clock, *Gauge) {
	c := &clock{time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}
	return c, New(c.now)
}

func ok(function string, d time.Duration) *run.Record {
	return &run.Record{RequestID: "1-" + function, Function: function, Kind: run.Trigger, Duration: d, MemoryMB: 40}
}

func TestCountsWhatIsCommittedAndWhatRan(t *testing.T) {
	c, g := at()
	s, store := &sink{}, memkv.New()
	j, r := g.Journal(s), g.Recorder(s)
	bucket := "a"
	happen := func(fail bool, owed ...delivery.Owed) {
		t.Helper()
		err := store.Update(t.Context(), func(tx kv.Txn) error {
			j.Event(tx, &event.Record{Type: event.PutObject, Bucket: bucket}, nil, owed)
			if fail {
				return errors.New("not committed, not counted")
			}
			return nil
		})
		if (err != nil) != fail {
			t.Fatal(err)
		}
	}
	happen(false)
	happen(true, delivery.Owed{Function: "f"})
	bucket = "b"
	happen(false, delivery.Owed{Function: "f", Trigger: "a"}, delivery.Owed{Function: "f", Trigger: "b"}, delivery.Owed{Function: "g"})
	c.add(30 * time.Second)
	for _, rec := range []*run.Record{
		ok("f", 100*time.Millisecond),
		{Function: "f", Duration: 2 * time.Second, ErrorType: "UnhandledInvocationError", Cold: true, MemoryMB: 90},
		{Function: "f", Fault: Throttled, Cold: true},
		{Function: "g", Fault: "CodeNotFound"},
	} {
		r.Record(rec)
	}
	c.add(61 * time.Second)
	r.Record(ok("g", time.Millisecond))
	if s.events != 3 || s.runs != 5 {
		t.Errorf("passed on: %+v", s)
	}
	all := g.Series(Query{Step: time.Minute})
	if len(all.Points) != 2 {
		t.Fatalf("%+v", all)
	}
	p := all.Points[0]
	if p.Events != 2 || p.Runs != 4 || p.Errors != 2 || p.Throttles != 1 || p.Cold != 1 || p.MemoryMB != 90 || p.Waiting != nil {
		t.Errorf("%+v", p)
	}
	if p.P99 == nil || *p.P99 < int64(1500*time.Millisecond) || *p.P99 > int64(2*time.Second) {
		t.Errorf("p99 %v", *p.P99)
	}
	if all.Total.Runs != 5 || all.Total.Events != 2 || all.Points[1].Runs != 1 {
		t.Errorf("%+v", all)
	}
	f := g.Series(Query{Function: "f", Step: time.Minute})
	if p := f.Points[0]; p.Events != 1 || p.Runs != 3 || p.Errors != 1 || p.Throttles != 1 {
		t.Errorf("%+v", p)
	}
	onlyG := g.Series(Query{May: func(n string) bool { return n == "g" }, Step: time.Minute})
	if onlyG.Total.Events != 0 || onlyG.Total.Runs != 2 || onlyG.Total.Errors != 1 {
		t.Errorf("%+v", onlyG.Total)
	}
	none := func(string) bool { return false }
	if b := g.Series(Query{May: none, MayEvent: func(n string) bool { return n == "b" }, Step: time.Minute}); b.Total.Events != 1 || b.Total.Runs != 0 {
		t.Errorf("%+v", b.Total)
	}
	if names, all := g.TakeChanged(); len(names) != 2 || all {
		t.Errorf("%v changed", names)
	}
	for i := range MaxBuckets + 1 {
		g.event(c.t, fmt.Sprint(i), nil)
	}
	if names, all := g.TakeChanged(); len(names) != MaxBuckets || !all {
		t.Errorf("%d changed, all %v", len(names), all)
	}
	if names, all := g.TakeChanged(); len(names) != 0 || all {
		t.Errorf("%v changed again", names)
	}
	if n := g.Series(Query{Function: "none"}); n.Total.Runs != 0 || n.Total.P50 != nil {
		t.Errorf("%+v", n.Total)
	}
	runs := g.Runs(2, func(n string) bool { return n == "f" })
	if len(runs) != 2 || runs[0].Error != Throttled || runs[1].Error != "UnhandledInvocationError" {
		t.Errorf("%+v", runs)
	}
}

func TestFineSteps(t *testing.T) {
	c, g := at()
	r := g.Recorder(&sink{})
	for range 200 { // more than the fine ring holds
		r.Record(ok("f", time.Millisecond))
		c.add(10 * time.Second)
	}
	s := g.Series(Query{Function: "f", From: c.t.Add(-5 * time.Minute), Step: 10 * time.Second})
	if s.Step != 10 || len(s.Points) < 30 || s.Total.Runs != 30 {
		t.Errorf("step %d, %d points, %d runs", s.Step, len(s.Points), s.Total.Runs)
	}
	if s := g.Series(Query{From: c.t.Add(-24 * time.Hour), Step: 10 * time.Second}); len(s.Points) > fineSlots || s.Total.Runs != fineSlots-1 {
		t.Errorf("%d points, %d runs", len(s.Points), s.Total.Runs)
	}
	if s := g.Series(Query{From: c.t.Add(-24 * time.Hour), Step: 5 * time.Minute}); s.Step != 300 || s.Total.Runs != 200 || s.Points[0].Time%300 != 0 {
		t.Errorf("%+v", s)
	}
	// Nothing is told of the time before the gauge.
	if s := g.Series(Query{From: c.t.Add(-2 * time.Hour)}); s.Points[0].Time < s.Since-59 {
		t.Errorf("since %d, first point %d", s.Since, s.Points[0].Time)
	}
	// A day later nothing is left, and what a slot held before is not told as of now.
	c.add(25 * time.Hour)
	if s := g.Series(Query{From: c.t.Add(-24 * time.Hour)}); s.Total.Runs != 0 || len(s.Points) != coarseSlots {
		t.Errorf("%d runs, %d points", s.Total.Runs, len(s.Points))
	}
}

func TestFunctionsAreBounded(t *testing.T) {
	c, g := at()
	r := g.Recorder(&sink{})
	for range 2 * coarseCells / MaxFunctions {
		for i := range MaxFunctions + 5 {
			r.Record(ok(fmt.Sprint("f", i), time.Millisecond))
		}
		c.add(time.Minute)
	}
	if g.coarse.cells > coarseCells || g.fine.cells > fineCells {
		t.Errorf("%d and %d cells", g.coarse.cells, g.fine.cells)
	}
	n := 0
	for i := range g.coarse.slots {
		n += len(g.coarse.slots[i].of)
	}
	if n != g.coarse.cells {
		t.Errorf("%d cells, counted as %d", n, g.coarse.cells)
	}
	from := c.t.Add(-24 * time.Hour)
	all, one, late := g.Series(Query{From: from}), g.Series(Query{Function: "f0", From: from}), g.Series(Query{Function: fmt.Sprint("f", MaxFunctions), From: from})
	if all.Total.Runs != uint32(2*coarseCells/MaxFunctions*(MaxFunctions+5)) {
		t.Errorf("%d runs in all", all.Total.Runs)
	}
	// What of a function is not known any more is not told as zero.
	if int(one.Total.Runs) < coarseCells/MaxFunctions-1 || one.Points[0].Runs != 1 || one.Since <= all.Since || late.Total.Runs != 0 {
		t.Errorf("%d runs of one since %d (all since %d), %d of one too many", one.Total.Runs, one.Since, all.Since, late.Total.Runs)
	}
	for range coarseEvents/MaxBuckets + 5 {
		for i := range MaxBuckets + 5 {
			g.event(c.t, fmt.Sprint("b", i), nil)
		}
		c.add(time.Minute)
	}
	if g.coarse.ins > coarseEvents || g.fine.ins > fineEvents || len(g.coarse.slot(g.coarse.tick(c.t)-1).in) != MaxBuckets {
		t.Errorf("%d and %d numbers of buckets", g.coarse.ins, g.fine.ins)
	}
}

func TestQuantiles(t *testing.T) {
	for _, d := range []time.Duration{0, 3 * time.Microsecond, 20 * time.Microsecond, time.Millisecond, 77 * time.Millisecond, 3 * time.Second, 10 * time.Minute, 3 * time.Hour} {
		i := class(d)
		if from, to := bounds(i); d < from || d >= to && i != classes-1 {
			t.Errorf("%v is in the class from %v to %v", d, from, to)
		}
	}
	for i := range classes - 1 {
		_, to := bounds(i)
		if from, _ := bounds(i + 1); from != to || class(from) != i+1 || class(to-time.Microsecond) != i && i > 0 {
			t.Errorf("class %d ends at %v, the next begins at %v", i, to, from)
		}
	}
	one := cell{}
	one.run(&Run{Duration: int64(314 * time.Millisecond)}, true)
	if d, _ := one.quantile(.5); d != 314*time.Millisecond {
		t.Errorf("p50 of one: %v", d)
	}
	c := cell{}
	for i := range 1000 {
		c.run(&Run{Duration: int64(time.Duration(i+1) * time.Millisecond)}, true)
	}
	for q, want := range map[float64]time.Duration{.5: 500 * time.Millisecond, .99: 990 * time.Millisecond, 1: time.Second} {
		if got, ok := c.quantile(q); !ok || got < want*3/4 || got > want*5/4 || got > time.Second {
			t.Errorf("p%v: %v", 100*q, got)
		}
	}
}

func TestWaitingIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(nil)
		var waiting atomic.Int64
		waiting.Store(7)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.Work(ctx, func(context.Context) ([]delivery.Stats, error) {
				return []delivery.Stats{{Function: "f", Waiting: int(waiting.Load())}, {Function: "g"}}, nil
			})
		}()
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		waiting.Store(3)
		time.Sleep(time.Minute)
		cancel()
		<-done
		for name, want := range map[string]int{"f": 7, "": 7, "g": 0} {
			s := g.Series(Query{Function: name, Step: time.Minute})
			if p := s.Points[0]; p.Waiting == nil || *p.Waiting != want {
				t.Errorf("%q: %+v", name, p)
			}
		}
		if s := g.Series(Query{Function: "f", Step: time.Minute}); *s.Points[1].Waiting != 3 {
			t.Errorf("%+v", s.Points)
		}
	})
}

func TestRecallsTheLastHour(t *testing.T) {
	start := time.Date(2026, 3, 1, 10, 0, 30, 0, time.UTC)
	now := start.Add(-2 * time.Hour)
	store := memkv.New()
	past := history.Open(store, history.Options{Now: func() time.Time { return now }})
	defer past.Close()
	for _, ago := range []time.Duration{90 * time.Minute, 40 * time.Minute, 5 * time.Minute} {
		now = start.Add(-ago)
		err := store.Update(t.Context(), func(tx kv.Txn) error {
			past.Event(tx, &event.Record{Type: event.PutObject, Time: now, Bucket: "b", Key: "k"}, nil, []delivery.Owed{{RequestID: "1", Function: "f"}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"f", "g"} {
			changed := past.Changed()
			past.Record(&run.Record{RequestID: fmt.Sprint(name, int(ago.Minutes())), Function: name, Start: now, Duration: time.Second})
			<-changed
		}
	}
	c := &clock{start}
	g := New(c.now)
	g.Recorder(&sink{}).Record(&run.Record{RequestID: "own", Function: "f", Duration: time.Second})
	pages := 0
	err := g.Recall(t.Context(), past, func(_ context.Context, after string) ([]string, string, error) {
		pages++
		if after == "" {
			return []string{"f"}, "f", nil
		}
		return []string{"g"}, "", nil
	})
	if err != nil || pages != 2 {
		t.Fatal(err, pages)
	}
	c.add(time.Second)
	s := g.Series(Query{From: start.Add(-3 * time.Hour), Step: time.Minute})
	if s.Total.Runs != 5 || s.Total.Events != 2 || s.Since != start.Add(-time.Hour).Truncate(time.Minute).Unix() {
		t.Errorf("%+v since %v", s.Total, time.Unix(s.Since, 0).UTC())
	}
	if b := g.Series(Query{May: func(string) bool { return false }, MayEvent: func(n string) bool { return n == "b" }}); b.Total.Events != 2 || b.Total.Runs != 0 {
		t.Errorf("%+v", b.Total)
	}
	if f := g.Series(Query{Function: "f", Step: time.Minute}); f.Total.Runs != 3 || f.Total.Events != 2 {
		t.Errorf("%+v", f.Total)
	}
	if f := g.Series(Query{Function: "f", From: start.Add(-10 * time.Minute), Step: 10 * time.Second}); f.Total.Runs != 2 {
		t.Errorf("fine: %+v", f.Total)
	}
	runs := g.Runs(10, func(string) bool { return true })
	if len(runs) != 5 || runs[0].RequestID != "own" || runs[1].RequestID[1:] != "5" || runs[4].RequestID[1:] != "40" {
		t.Errorf("%+v", runs)
	}
}

// A part of the hour is not told as the whole.
func TestRecallsNothingIfItIsTooMuch(t *testing.T) {
	c, g := at()
	past := busy{}
	if err := g.Recall(t.Context(), past, func(context.Context, string) ([]string, string, error) { return []string{"f"}, "", nil }); err != nil {
		t.Fatal(err)
	}
	if s := g.Series(Query{}); s.Total.Runs != 0 || s.Since != c.t.Unix() {
		t.Errorf("%+v", s)
	}
}

type busy struct{}

func (busy) Events(context.Context, history.EventQuery) (*history.EventPage, error) {
	return &history.EventPage{}, nil
}

func (busy) FindRuns(_ context.Context, q history.RunQuery) (*history.RunPage, error) {
	return &history.RunPage{Runs: []*history.Run{{Function: q.Function, Start: q.Until.Add(-time.Minute).UnixMicro()}}, More: true}, nil
}

// stored are buckets of so many objects of 10 bytes each.
type stored struct {
	sync.Mutex
	of map[string]int
}

func (s *stored) ListBuckets(_ context.Context, _, marker string, _ int) (list []*object.Bucket, next string, err error) {
	for _, name := range []string{"a", "b", "gone"} {
		if name > marker {
			return []*object.Bucket{{Name: name}}, map[bool]string{true: name}[name != "gone"], nil
		}
	}
	return nil, "", nil
}

func (s *stored) List(_ context.Context, bucket string, in object.ListInput) (*object.Listing, error) {
	if bucket == "gone" {
		return nil, fault.New(fault.NotFound, "NoSuchBucket", "gone")
	}
	s.Lock()
	n := s.of[bucket]
	s.Unlock()
	from := 0
	fmt.Sscan(in.Marker, &from)
	l := &object.Listing{Truncated: from+in.Max < n, Next: fmt.Sprint(from + in.Max)}
	for range min(in.Max, n-from) {
		l.Objects = append(l.Objects, &object.Info{Size: 10})
	}
	return l, nil
}

func TestUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan string, 1)
		objects := &stored{of: map[string]int{"a": 2500, "b": 3}}
		s := NewStore(objects, func() ([]string, bool) {
			select {
			case b := <-changes:
				return []string{b}, b == ""
			default:
				return nil, false
			}
		})
		if _, at, _ := s.Usage(); !at.IsZero() {
			t.Error("counted before it was")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Work(ctx) }()
		time.Sleep(time.Second)
		u, first, partial := s.Usage()
		if len(u) != 3 || u[0] != (Usage{"a", 2500, 25000}) || u[1].Objects != 3 || u[2].Objects != 0 || partial {
			t.Errorf("%+v", u)
		}
		objects.Lock()
		objects.of["b"] = 4
		objects.Unlock()
		time.Sleep(time.Minute)
		if u, again, _ := s.Usage(); u[1].Objects != 3 || !again.Equal(first) || s.Version() != 1 {
			t.Error("counted again though nothing changed")
		}
		objects.Lock()
		objects.of["a"] = 1
		objects.Unlock()
		changes <- "b"
		time.Sleep(2 * time.Second)
		if u, again, _ := s.Usage(); u[0].Objects != 2500 || u[1].Objects != 4 || !again.After(first) || s.Version() != 2 {
			t.Errorf("only b changed: %+v", u)
		}
		changes <- "" // any
		time.Sleep(2 * time.Second)
		if u, _, _ := s.Usage(); u[0].Objects != 1 {
			t.Errorf("%+v", u)
		}
		cancel()
		<-done
	})
}

func BenchmarkRecord(b *testing.B) {
	r := New(nil).Recorder(&sink{})
	rec := ok("f", 50*time.Millisecond)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r.Record(rec)
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	g := New(nil)
	for b.Loop() {
		g.event(g.now(), "b", nil)
	}
}

func BenchmarkSeriesOfADay(b *testing.B) {
	g := New(nil)
	g.mu.Lock()
	for i := range coarseSlots {
		g.count(g.now().Add(-time.Duration(i)*time.Minute), &Run{Function: "f", Duration: 1e6}, true)
	}
	g.since = g.now().Add(-24 * time.Hour)
	g.mu.Unlock()
	for b.Loop() {
		if s := g.Series(Query{From: g.now().Add(-24 * time.Hour)}); s.Total.Runs < coarseSlots-1 {
			b.Fatal(s.Total.Runs)
		}
	}
}
