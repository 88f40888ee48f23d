package history

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// journal is a history over a store, driven as the delivery room drives it.
type journal struct {
	testing.TB
	*Store
	kv kv.Store
}

func newJournal(t testing.TB, o Options) *journal {
	return journalOver(t, memkv.New(), o)
}

func journalOver(t testing.TB, s kv.Store, o Options) *journal {
	j := &journal{t, Open(s, o), s}
	t.Cleanup(j.Close)
	return j
}

func (j *journal) update(fn func(tx kv.Txn)) (seq uint64) {
	j.Helper()
	err := j.kv.Update(context.Background(), func(tx kv.Txn) error {
		fn(tx)
		tx.OnCommit(func(n uint64) { seq = n })
		return nil
	})
	if err != nil {
		j.Fatal(err)
	}
	return seq
}

func put(bucket, key string, at time.Time, by *lineage.Lineage) *event.Record {
	return &event.Record{Type: event.PutObject, Time: at.UTC(), Bucket: bucket, Key: key, Size: 3, Origin: event.Origin{RequestID: "65A0", Lineage: by}}
}

// event commits an event and returns its id.
func (j *journal) event(rec *event.Record, owed ...delivery.Owed) string {
	j.Helper()
	return EventID(j.update(func(tx kv.Txn) { j.Event(tx, rec, nil, owed) }), nil)
}

// over commits the end of a delivery.
func (j *journal) over(function, request, state string) {
	j.Helper()
	j.update(func(tx kv.Txn) {
		j.Outcome(tx, &delivery.Outcome{RequestID: request, Function: function, State: state, Attempts: 1, Time: j.o.Now()})
	})
}

// ran records runs and waits until they are written.
func (j *journal) ran(rs ...*run.Record) {
	j.Helper()
	changed := j.Changed()
	for _, r := range rs {
		if r.Kind == "" {
			r.Kind = run.Trigger
		}
		if r.Start.IsZero() {
			r.Start = j.o.Now()
		}
		j.Record(r)
	}
	<-changed
}

func keysOf(events []*Event) string {
	var keys []string
	for _, e := range events {
		keys = append(keys, e.Record.Key)
	}
	return strings.Join(keys, " ")
}

// all follows the cursor of a query to its end.
func (j *journal) all(q EventQuery) string {
	j.Helper()
	var events []*Event
	for range 1000 {
		p, err := j.Events(context.Background(), q)
		if err != nil {
			j.Fatal(err)
		}
		events = append(events, p.Events...)
		if !p.More {
			return keysOf(events)
		}
		if p.Next == q.After {
			j.Fatalf("the cursor %q stands still", p.Next)
		}
		q.After = p.Next
	}
	j.Fatal("the cursor has no end")
	return ""
}

func owe(function, request string) delivery.Owed {
	return delivery.Owed{RequestID: request, Function: function, Trigger: "t-" + function}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		seq    uint64
		suffix string
		id     string
	}{{1, "", "1"}, {0x3f2a, "", "3f2a"}, {1<<64 - 1, "", "ffffffffffffffff"}, {5, "\x00\xff", "5-00ff"}} {
		if id := EventID(c.seq, []byte(c.suffix)); id != c.id {
			t.Errorf("%d %q: %s, want %s", c.seq, c.suffix, id, c.id)
		}
		if p, err := parseID(c.id); err != nil || idOf(p) != c.id {
			t.Errorf("%s: %x, %v", c.id, p, err)
		}
	}
	for _, bad := range []string{"", "-", "x", "01", "A", "1-", "1-0", "1-0G", "1-AB", "1-00-00", " 1", "1 ", "+1", "0x1", "10000000000000000", "1-" + strings.Repeat("00", 17)} {
		if _, err := parseID(bad); !fault.Is(err, "InvalidArgument") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzID(f *testing.F) {
	for _, s := range []string{"1", "3f2a", "3f2a-00ff", "", "-", "0", "ffffffffffffffff", "1-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		place, err := parseID(id)
		if err != nil {
			if !fault.Is(err, "InvalidArgument") {
				t.Fatal(err)
			}
			return
		}
		if len(place) < 8 || len(place) > 8+maxSuffix || idOf(place) != id {
			t.Fatalf("%q became %x", id, place)
		}
	})
}

// A page's end in the middle of a transaction's events loses none of them.
func TestEventsOfOneTransaction(t *testing.T) {
	j := newJournal(t, Options{})
	j.event(put("b", "first", time.Now(), nil))
	seq := j.update(func(tx kv.Txn) {
		for i := range 5 {
			rec := &event.Record{Type: event.DeleteObjects, Time: time.Now(), Bucket: "b", Key: fmt.Sprint("k", i)}
			j.Event(tx, rec, []byte{byte(i), 1, 2, 3, 4, 5, 6, 7}, []delivery.Owed{owe("f", fmt.Sprint("r", i))})
		}
	})
	j.event(put("b", "last", time.Now(), nil))
	for limit := 1; limit < 8; limit++ {
		if got := j.all(EventQuery{Limit: limit}); got != "first k0 k1 k2 k3 k4 last" {
			t.Errorf("%d at a time: %s", limit, got)
		}
		if got := j.all(EventQuery{Limit: limit, Reverse: true}); got != "last k4 k3 k2 k1 k0 first" {
			t.Errorf("%d at a time, from the end: %s", limit, got)
		}
	}
	e, runs, err := j.Lookup(t.Context(), EventID(seq, []byte{3, 1, 2, 3, 4, 5, 6, 7}))
	if err != nil || e.Record.Key != "k3" || len(runs) != 1 || runs[0].RequestID != "r3" || runs[0].State != delivery.Enqueued {
		t.Errorf("by its whole id: %+v, %v", e, err)
	}
	if _, _, err := j.Lookup(t.Context(), EventID(seq, []byte{9})); !fault.Is(err, "EventNotFound") {
		t.Errorf("another suffix: %v", err)
	}
	// Ids of older servers name the transaction only; the run says which event is meant.
	err = j.kv.View(t.Context(), func(r kv.Reader) error {
		if e, err := find(r, EventID(seq, nil), "r4"); err != nil || e.Record.Key != "k4" {
			t.Errorf("by the run: %+v, %v", e, err)
		}
		if e, err := find(r, EventID(seq, nil), ""); err != nil || e.Record.Key != "k0" {
			t.Errorf("by the sequence: %+v, %v", e, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOwedLater(t *testing.T) {
	active := ""
	j := newJournal(t, Options{Active: func(id string) bool { return id == active }})
	id := j.event(put("b", "k", time.Now(), nil), owe("f", "r1"))
	other := j.event(put("b", "k2", time.Now(), nil))
	states := func(id string) string {
		t.Helper()
		_, runs, err := j.Lookup(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var s []string
		for _, x := range runs {
			s = append(s, fmt.Sprintf("%s:%s%s/%d", x.RequestID, x.State, x.Mark, x.Attempts))
		}
		return strings.Join(s, " ")
	}
	step := func(want string) {
		t.Helper()
		if got := states(id); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	step("r1:Enqueued/0")
	active = "r1"
	step("r1:Running/1")
	active = ""
	j.ran(&run.Record{RequestID: "r1", Function: "f", ErrorType: "HandledInvocationError"})
	step("r1:Retrying/1")
	j.ran(&run.Record{RequestID: "r1", Function: "f", Attempt: 1})
	step("r1:Succeeded/2")
	j.over("f", "r1", delivery.Failed)
	step("r1:Failed/2")
	if got := j.all(EventQuery{State: StateLooped}); got != "" {
		t.Errorf("loops, where one failed for another reason: %q", got)
	}
	j.update(func(tx kv.Txn) {
		j.Outcome(tx, &delivery.Outcome{RequestID: "r1", Function: "f", State: delivery.Failed, Reason: run.Recursive, Attempts: 2})
	})
	failed := j.all(EventQuery{State: delivery.Failed})
	if got := j.all(EventQuery{State: "loopstopped"}); got == "" || got != failed {
		t.Errorf("loops: %q; failed: %q", got, failed)
	}
	// Redriven under its old request id: it stands once, and is not over any more.
	o := owe("f", "r1")
	o.Mark = delivery.MarkRedrive
	j.update(func(tx kv.Txn) { j.Owe(tx, id, o) })
	step("r1:Succeededredrive/2") // what its last run says
	if got := j.all(EventQuery{State: delivery.Failed}); got != "" {
		t.Errorf("failed, after it is redriven: %q", got)
	}
	j.over("f", "r1", delivery.Succeeded)
	o = owe("g", "r2")
	o.Mark, o.Job = delivery.MarkReplay, "job"
	j.update(func(tx kv.Txn) { j.Owe(tx, id, o) })
	step("r1:Succeededredrive/2 r2:Enqueuedreplay/0")
	if got := states(other); got != "" {
		t.Errorf("another event: %s", got)
	}
	if got := j.all(EventQuery{Function: "g"}); got != "k" {
		t.Errorf("events that owe g a run: %q", got)
	}

	// A backfill of an object without event.
	o = delivery.Owed{RequestID: "r3", Function: "f", Trigger: "t-f", Mark: delivery.MarkBackfill, Bucket: "b", Key: "old"}
	j.update(func(tx kv.Txn) { j.Owe(tx, "", o) })
	if got := j.all(EventQuery{}); got != "k k2" {
		t.Errorf("a backfill is among the events: %s", got)
	}
	tr, err := j.Trace(t.Context(), TraceQuery{Bucket: "b", Key: "old"})
	if err != nil || len(tr.Nodes) != 2 || tr.Nodes[0].Event.Mark != delivery.MarkBackfill || tr.Nodes[1].Run.RequestID != "r3" || tr.Edges[0].Mark != delivery.MarkBackfill {
		t.Errorf("a trace of it: %+v, %v", tr, err)
	}
	// A redriven invocation has no event and no object.
	j.update(func(tx kv.Txn) { j.Owe(tx, "", owe("f", "r9")) })
}

func TestWritesAndCaused(t *testing.T) {
	j := newJournal(t, Options{})
	now := time.Now()
	by := func(fn, request string) *lineage.Lineage { return &lineage.Lineage{Run: request, Function: fn} }
	j.event(put("b", "a", now, by("f", "1-0001")))
	j.event(put("b", "b", now, by("f", "1-0002")))
	j.event(put("b", "c", now, by("ff", "1-0003")))
	j.event(put("b", "d", now, by("f", "1-0001")))
	j.event(put("b", "e", now, nil))
	recs, err := j.Writes(t.Context(), "f", 2)
	if err != nil || len(recs) != 2 || recs[0].Key != "b" || recs[1].Key != "d" {
		t.Errorf("%+v, %v", recs, err)
	}
	if recs, _ := j.Writes(t.Context(), "f", 9); len(recs) != 3 {
		t.Errorf("%d writes", len(recs))
	}
	if e, err := j.Caused(t.Context(), "1-0001", 9); err != nil || len(e) != 0 {
		t.Errorf("of a run that is not known: %v, %v", keysOf(e), err)
	}
	j.ran(&run.Record{RequestID: "1-0001", Function: "f"})
	if e, err := j.Caused(t.Context(), "1-0001", 9); err != nil || keysOf(e) != "a d" {
		t.Errorf("%v, %v", keysOf(e), err)
	}
	if e, err := j.Caused(t.Context(), "1-0001", 1); err != nil || keysOf(e) != "a" {
		t.Errorf("%v, %v", keysOf(e), err)
	}
}

func TestChangedEvents(t *testing.T) {
	j := newJournal(t, Options{})
	woken := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	j.event(put("b", "a", time.Now(), nil))
	c, d := j.ChangedEvents(), j.ChangedEvents()
	if woken(c) {
		t.Error("an event before the call woke")
	}
	j.over("f", "r1", delivery.Failed)
	if woken(c) {
		t.Error("something else than an event woke")
	}
	p, err := j.Events(t.Context(), EventQuery{})
	if err != nil || p.Next != p.Head {
		t.Fatalf("%+v, %v", p, err)
	}
	j.event(put("b", "b", time.Now(), nil))
	if !woken(c) || !woken(d) {
		t.Error("the event woke nobody")
	}
	if p, err = j.Events(t.Context(), EventQuery{After: p.Next}); err != nil || keysOf(p.Events) != "b" {
		t.Errorf("after the cursor: %+v, %v", p, err)
	}
	j.event(put("b", "c", time.Now(), nil)) // nobody waits
	if p, err = j.Events(t.Context(), EventQuery{After: p.Next}); err != nil || keysOf(p.Events) != "c" {
		t.Errorf("after the cursor: %+v, %v", p, err)
	}
}
