package history

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func rowsIn(t *testing.T, s kv.Store, table string) (n int) {
	t.Helper()
	err := s.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func record(fn string, i int) *run.Record {
	return &run.Record{RequestID: fmt.Sprintf("1-%08x-%s-%d", time.Now().Unix(), fn, i), Function: fn, Start: time.Now(), Log: []byte("line"), Kind: run.Sync}
}

func TestRunsAndCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Open(memkv.New(), Options{})
		changed := s.Changed()
		for i := range 5 {
			s.Record(record("f", i))
			s.Record(record("ff", i)) // another function, with a name that begins alike
			time.Sleep(time.Millisecond)
		}
		<-changed // written within gather
		runs, err := s.Runs(t.Context(), "f", "", 3)
		if err != nil || len(runs) != 3 || runs[0].Start <= runs[1].Start || string(runs[0].Log) != "line" {
			t.Fatalf("latest: %v, %v", runs, err)
		}
		later, err := s.Runs(t.Context(), "f", runs[2].Cursor, 10)
		if err != nil || len(later) != 2 || later[1].Cursor != runs[0].Cursor {
			t.Errorf("after the cursor: %d runs, %v", len(later), err)
		}
		if _, err := s.Runs(t.Context(), "f", "h/r/ff\x00", 10); !fault.Is(err, "InvalidArgument") {
			t.Errorf("another function's cursor: %v", err)
		}
		again, err := s.Attempts(t.Context(), runs[0].RequestID)
		if err != nil || len(again) != 1 || again[0].Start != runs[0].Start {
			t.Errorf("attempts: %v, %v", again, err)
		}
		s.Close()
		s.Record(record("f", 9)) // after Close: dropped, no panic
	})
}

// filled makes n events with all that goes with them, one each second: each owes a run,
// which is over, and each is caused by the run before it, which called another.
func filled(j *journal, n int) {
	for i := range n {
		rec := put("b", fmt.Sprint("k", i), time.Now(), &lineage.Lineage{Run: fmt.Sprint("w", i), Function: "w"})
		request := run.NewRequestID(time.Now())
		id := j.event(rec, delivery.Owed{RequestID: request, Function: "f"})
		later := delivery.Owed{RequestID: request + "later", Function: "f", Mark: delivery.MarkReplay}
		j.update(func(tx kv.Txn) {
			j.Owe(tx, id, later)
			j.Owe(tx, "", delivery.Owed{RequestID: request + "fill", Function: "f", Mark: delivery.MarkBackfill, Bucket: "b", Key: "old"})
		})
		for _, r := range []string{request, request + "later", request + "fill", request + "async"} {
			j.over("f", r, delivery.Failed)
		}
		caller := &lineage.Lineage{Run: request, Function: "f"}
		j.ran(&run.Record{RequestID: request, Function: "f", EventID: id, Lineage: caller, Log: bytes.Repeat([]byte("x"), 100)},
			&run.Record{RequestID: request + "async", Function: fmt.Sprint("g", i%3), Kind: run.Async, Lineage: lineage.Next(caller, request+"async", "g", "", "")})
		time.Sleep(time.Second)
	}
}

// rowsOf counts the rows of every table.
func (j *journal) rowsOf() map[string]int {
	n := map[string]int{}
	for _, table := range []string{tEvent, tKey, tCause, tOwed, tFor, tOutcome, tUnwell, tRun, tRequest, tCalled} {
		n[table] = rowsIn(j.TB.(*testing.T), j.kv, table)
	}
	return n
}

// rowsPer is what filled makes for each event.
var rowsPer = map[string]int{tEvent: 2, tKey: 2, tCause: 1, tOwed: 1, tFor: 1, tOutcome: 4, tUnwell: 4, tRun: 2, tRequest: 2, tCalled: 1}

func TestTrimByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, Options{Keep: time.Hour})
		filled(j, 300) // more than a page
		time.Sleep(2 * time.Hour)
		filled(j, 5)
		if err := j.TrimNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := j.rowsOf()
		for table, per := range rowsPer {
			if got[table] != 5*per {
				t.Errorf("%s has %d rows, want the %d young ones", table, got[table], 5*per)
			}
		}
		// What is left of it is all counted, but for what it is about.
		left := j.bytes.Load()
		j.o.Keep = time.Nanosecond
		time.Sleep(time.Second)
		if err := j.TrimNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		for table, n := range j.rowsOf() {
			// The last event's later run goes with the next event.
			if n != 0 && !(table == tOwed && n == 1) {
				t.Errorf("%s has %d rows, want none", table, n)
			}
		}
		if k := j.bytes.Load(); k < 0 || k > 300 {
			t.Errorf("%d bytes are counted of an empty history, %d before", k, left)
		}
	})
}

func TestTrimBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memkv.New()
		j := journalOver(t, store, Options{KeepBytes: 1 << 40})
		filled(j, 400)
		whole := j.bytes.Load()
		real := int64(0)
		if err := store.View(t.Context(), func(r kv.Reader) error {
			return r.Scan(kv.Prefix([]byte("h/")), func(k, v []byte) error { real += int64(len(k) + len(v)); return nil })
		}); err != nil {
			t.Fatal(err)
		}
		if whole < real*2/3 || whole > real*5/4 {
			t.Errorf("%d bytes counted, %d are there", whole, real)
		}
		var oldest, latest []byte
		if err := store.View(t.Context(), func(r kv.Reader) error {
			return r.Scan(kv.Prefix([]byte(tEvent)), func(k, _ []byte) error {
				if oldest == nil {
					oldest = bytes.Clone(k)
				}
				latest = bytes.Clone(k)
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		j.Close()

		// Another start: the count goes on from the rows, and what passes the bound wakes
		// the trimming at once.
		j = journalOver(t, store, Options{KeepBytes: whole / 2})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { j.Trim(ctx); close(done) }()
		synctest.Wait()
		if k := j.bytes.Load(); k > whole/2 || k < whole/2-whole/4 {
			t.Errorf("%d bytes are kept, the bound is %d", k, whole/2)
		}
		rows := j.rowsOf()
		for _, table := range []string{tEvent, tRun} {
			if n := rows[table]; n < 100*rowsPer[table] || n > 300*rowsPer[table] {
				t.Errorf("%s has %d rows of %d: the oldest go, of events and runs alike", table, n, 400*rowsPer[table])
			}
		}
		if rows[tEvent] != rows[tKey] || rows[tRun] != rows[tRequest] || rows[tEvent] != 2*rows[tCause] {
			t.Errorf("index rows do not go with what they index: %v", rows)
		}
		if err := store.View(t.Context(), func(r kv.Reader) error {
			if _, err := r.Get(oldest); err == nil {
				t.Error("the oldest event is there")
			}
			_, err := r.Get(latest)
			return err
		}); err != nil {
			t.Errorf("the latest event: %v", err)
		}
		if got := j.all(EventQuery{Limit: 50}); !strings.HasSuffix(got, " k399") {
			t.Errorf("events after trimming: %s", got)
		}
		before := rows[tEvent]
		filled(j, 150)
		synctest.Wait()
		if k := j.bytes.Load(); k > whole/2 {
			t.Errorf("%d bytes are kept after more came, the bound is %d", k, whole/2)
		}
		if n := j.rowsOf()[tEvent]; n > before+150 {
			t.Errorf("%d events: no ticker has passed, the bound must wake", n)
		}
		cancel()
		<-done
		kept := j.bytes.Load()
		j.Close()

		// And another: the checkpoint says what was counted.
		j = journalOver(t, store, Options{KeepBytes: whole})
		if err := j.TrimNow(t.Context()); err != nil || j.bytes.Load() != kept {
			t.Errorf("%d bytes after a restart, %d before; %v", j.bytes.Load(), kept, err)
		}
		j.Close()
	})
}

func TestRunsByFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, Options{})
		t0 := time.Now()
		for i := range 10 {
			r := &run.Record{RequestID: fmt.Sprint("r", i), Function: "f", Start: time.Now(), Duration: 2500 * time.Microsecond, Mark: delivery.MarkReplay}
			switch i % 5 {
			case 1:
				r.ErrorType = "HandledInvocationError"
			case 2:
				r.Fault, r.Duration = "ResourceExhausted", 0
			}
			r.Version, r.Qualifier = "LATEST", "LATEST"
			switch i {
			case 2, 3:
				r.Attempt = i - 1
			case 4:
				r.Version, r.Qualifier = "1", "live"
			case 5:
				r.Version, r.Qualifier = "1", "1"
			}
			j.ran(r)
			time.Sleep(time.Minute)
		}
		find := func(q RunQuery) string {
			t.Helper()
			q.Function = "f"
			var ids []string
			for {
				p, err := j.FindRuns(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range p.Runs {
					ids = append(ids, r.RequestID)
					if ms := int64(3); r.Mark != delivery.MarkReplay || r.BilledMS != ms && r.Fault == "" || r.BilledMS != 0 && r.Fault != "" {
						t.Errorf("%+v", r)
					}
				}
				if !p.More {
					return strings.Join(ids, " ")
				}
				q.After = p.Next
			}
		}
		at := func(min int) time.Time { return t0.Add(time.Duration(min) * time.Minute) }
		for _, c := range []struct {
			q    RunQuery
			want string
		}{
			{RunQuery{}, "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9"},
			{RunQuery{Reverse: true}, "r9 r8 r7 r6 r5 r4 r3 r2 r1 r0"},
			{RunQuery{Outcome: "failed"}, "r1 r2 r6 r7"},
			{RunQuery{Outcome: "ok", Reverse: true}, "r9 r8 r5 r4 r3 r0"},
			{RunQuery{Outcome: "notrun"}, "r2 r7"},
			{RunQuery{Outcome: "handledinvocationerror"}, "r1 r6"},
			{RunQuery{Since: at(3), Until: at(7)}, "r3 r4 r5 r6"},
			{RunQuery{Since: at(8), Reverse: true}, "r9 r8"},
			{RunQuery{Until: at(1)}, "r0"},
			{RunQuery{Attempt: 1, Reverse: true}, "r9 r8 r7 r6 r5 r4 r1 r0"},
			{RunQuery{Attempt: AnyRetry}, "r2 r3"},
			{RunQuery{Attempt: 3}, "r3"},
			{RunQuery{Qualifier: "LATEST"}, "r0 r1 r2 r3 r6 r7 r8 r9"},
			{RunQuery{Qualifier: "live"}, "r4"},
			{RunQuery{Qualifier: "1", Reverse: true}, "r5 r4"},
		} {
			for _, c.q.Limit = range []int{1, 3, 100} {
				if got := find(c.q); got != c.want {
					t.Errorf("%+v: %s, want %s", c.q, got, c.want)
				}
			}
		}
	})
}

// Runs that cannot be written in time are counted.
func TestDropped(t *testing.T) {
	j := newJournal(t, Options{})
	stop := make(chan struct{})
	held := make(chan struct{})
	go func() {
		err := j.kv.Update(context.Background(), func(kv.Txn) error { close(held); <-stop; return nil })
		if err != nil {
			t.Error(err)
		}
	}()
	<-held // nothing can be written
	for i := range 2*queued + 2*batch {
		j.Record(record("f", i))
	}
	if n := j.Dropped(); n < queued || n > queued+2*batch {
		t.Errorf("%d runs dropped", n)
	}
	close(stop)
}
