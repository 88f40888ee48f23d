package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the index of keys would answer in part only is searched for in the order of events.
func TestEventsByPrefixInManyBuckets(t *testing.T) {
	for _, buckets := range []int{fewBuckets, fewBuckets + 2} {
		j := newJournal(t, Options{})
		var rare []string
		j.update(func(tx kv.Txn) {
			for i := range buckets { // in another order than their names
				rare = append(rare, fmt.Sprintf("rare/%d", i))
				j.Event(tx, put(fmt.Sprintf("b%03d", buckets-i), rare[i], time.Now(), nil), []byte{byte(i)}, nil)
			}
		})
		const many = fewRows + 1
		for i := 0; i < many; i += 1000 {
			j.update(func(tx kv.Txn) {
				for n := i; n < min(i+1000, many); n++ {
					j.Event(tx, put("b001", fmt.Sprintf("in/%d", n), time.Now(), nil), []byte{byte(n >> 8), byte(n)}, nil)
				}
			})
		}
		latest := slices.Clone(rare)
		slices.Reverse(latest)
		for _, c := range []struct {
			q    EventQuery
			want []string
		}{
			{EventQuery{Prefix: "rare/"}, rare},
			{EventQuery{Prefix: "rare/", Reverse: true}, latest},
			{EventQuery{Prefix: "rare/", Bucket: "b002"}, []string{fmt.Sprintf("rare/%d", buckets-2)}},
		} {
			c.q.Limit = 30
			if got := j.all(c.q); got != strings.Join(c.want, " ") {
				t.Errorf("%d buckets, %+v: %s", buckets, c.q, got)
			}
		}
		for _, c := range []struct {
			q    EventQuery
			want int
		}{
			{EventQuery{Prefix: "in/"}, many},
			{EventQuery{Prefix: "in/", Bucket: "b001"}, many},
			{EventQuery{Prefix: "in/1", Bucket: "b001", Reverse: true}, 1111},
		} {
			c.q.Limit = 2000
			if got := len(strings.Fields(j.all(c.q))); got != c.want {
				t.Errorf("%d buckets, %q of %q: %d events, want %d", buckets, c.q.Prefix, c.q.Bucket, got, c.want)
			}
		}
	}
}

// counted is a store that counts the rows that are scanned.
type counted struct {
	kv.Store
	rows atomic.Int64
}

func (c *counted) View(ctx context.Context, fn func(kv.Reader) error) error {
	return c.Store.View(ctx, func(r kv.Reader) error { return fn(countedReader{r, c}) })
}

type countedReader struct {
	kv.Reader
	c *counted
}

func (r countedReader) Scan(rg kv.Range, fn func(k, v []byte) error) error {
	return r.Reader.Scan(rg, func(k, v []byte) error { r.c.rows.Add(1); return fn(k, v) })
}

// Who follows the events of a folder looks again at each that comes: what is there already
// must not be read each time.
func TestFollowingReadsWhatCame(t *testing.T) {
	store := &counted{Store: memkv.New()}
	j := journalOver(t, store, Options{})
	j.update(func(tx kv.Txn) {
		for n := range 1000 {
			j.Event(tx, put("b", fmt.Sprintf("in/%d", n), time.Now(), nil), []byte{byte(n >> 8), byte(n)}, nil)
		}
	})
	before, err := j.Events(t.Context(), EventQuery{Bucket: "b", Prefix: "in/", Reverse: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	j.event(put("b", "in/new", time.Now(), nil))
	j.event(put("b", "out/new", time.Now(), nil))
	for _, bucket := range []string{"b", ""} {
		store.rows.Store(0)
		p, err := j.Events(t.Context(), EventQuery{Bucket: bucket, Prefix: "in/", After: before.Head})
		if err != nil || keysOf(p.Events) != "in/new" || p.More {
			t.Errorf("%v, %+v", err, p)
		}
		if n := store.rows.Load(); n > 10 {
			t.Errorf("%d rows are read for 2 events", n)
		}
	}
}

func TestEventsByFilter(t *testing.T) {
	for name, open := range map[string]func() kv.Store{
		"memkv": func() kv.Store { return memkv.New() },
		"pebblekv": func() kv.Store {
			s, err := pebblekv.Open("/kv", pebblekv.Options{FS: vfs.NewMem()})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		// Between many events that the caller may not see, prefixes are found by the index.
		for _, others := range []int{0, fewEvents + 1} {
			t.Run(fmt.Sprintf("%s, %d others", name, others), func(t *testing.T) { testEventsByFilter(t, open(), others) })
		}
	}
}

func testEventsByFilter(t *testing.T, store kv.Store, others int) {
	j := journalOver(t, store, Options{})
	happened := func(rec *event.Record, owed ...delivery.Owed) {
		j.event(rec, owed...)
		j.update(func(tx kv.Txn) {
			for n := range others {
				j.Event(tx, put("unseen", "x", rec.Time, nil), []byte{byte(n >> 8), byte(n)}, nil)
			}
		})
	}
	t0 := time.Now().Add(-time.Hour).Truncate(time.Second)
	at := func(min int) time.Time { return t0.Add(time.Duration(min) * time.Minute) }
	happened(put("b", "in/1", at(0), nil), owe("f", "r1"))
	happened(put("b", "in/2", at(10), nil), owe("f", "r2"), owe("g", "r3"))
	happened(put("b", "out/1", at(20), nil))
	happened(&event.Record{Type: event.DeleteObject, Time: at(30).UTC(), Bucket: "b", Key: "in/1"}, owe("g", "r4"))
	happened(put("c", "in/1", at(40), nil), owe("f", "r5"))
	happened(put("bb", "in/1x", at(50), nil))
	happened(put("b", "in/1", at(55), nil))
	j.over("f", "r1", delivery.Succeeded)
	j.over("f", "r2", delivery.Failed)
	j.over("g", "r3", delivery.Succeeded)
	j.ran(&run.Record{RequestID: "r4", Function: "g", ErrorType: "HandledInvocationError"})
	for _, c := range []struct {
		name string
		q    EventQuery
		want string
	}{
		{"all", EventQuery{}, "in/1 in/2 out/1 in/1 in/1 in/1x in/1"},
		{"latest first", EventQuery{Reverse: true}, "in/1 in/1x in/1 in/1 out/1 in/2 in/1"},
		{"bucket", EventQuery{Bucket: "b"}, "in/1 in/2 out/1 in/1 in/1"},
		{"prefix", EventQuery{Bucket: "b", Prefix: "in/"}, "in/1 in/2 in/1 in/1"},
		{"prefix, latest first, in time", EventQuery{Bucket: "b", Prefix: "in/", Reverse: true, Since: at(5), Until: at(50)}, "in/1 in/2"},
		{"prefix of any bucket", EventQuery{Prefix: "in/1"}, "in/1 in/1 in/1 in/1x in/1"},
		{"key by the index", EventQuery{Bucket: "b", Key: "in/1"}, "in/1 in/1 in/1"},
		{"key by the index, in time", EventQuery{Bucket: "b", Key: "in/1", Since: at(5), Until: at(50)}, "in/1"},
		{"key by the index, type", EventQuery{Bucket: "b", Key: "in/1", Type: "ObjectRemoved:DeleteObject"}, "in/1"},
		{"key that is another's beginning", EventQuery{Bucket: "bb", Key: "in/1"}, ""},
		{"key of any bucket", EventQuery{Key: "in/2"}, "in/2"},
		{"key of any bucket, another's beginning", EventQuery{Key: "in/1"}, "in/1 in/1 in/1 in/1"},
		{"type", EventQuery{Type: "oss:ObjectRemoved:DeleteObject"}, "in/1"},
		{"group", EventQuery{Type: "ObjectCreated"}, "in/1 in/2 out/1 in/1 in/1x in/1"},
		{"group with a star", EventQuery{Type: "ObjectRemoved:*"}, "in/1"},
		{"function", EventQuery{Function: "g"}, "in/2 in/1"},
		{"trigger", EventQuery{Trigger: "t-f"}, "in/1 in/2 in/1"},
		{"failed", EventQuery{State: "failed"}, "in/2"},
		{"failed of another function", EventQuery{State: "Failed", Function: "g"}, ""},
		{"waits for a retry", EventQuery{State: "Retrying"}, "in/1"},
		{"waits", EventQuery{State: "Enqueued"}, "in/1"},
		{"owes nothing", EventQuery{State: "none"}, "out/1 in/1x in/1"},
		{"since", EventQuery{Since: at(30)}, "in/1 in/1 in/1x in/1"},
		{"until", EventQuery{Until: at(30)}, "in/1 in/2 out/1"},
		{"since and until", EventQuery{Since: at(10), Until: at(40), Reverse: true}, "in/1 out/1 in/2"},
		{"the future", EventQuery{Since: time.Now().Add(time.Hour)}, ""},
		{"the past", EventQuery{Until: t0}, ""},
		{"what the caller may see", EventQuery{May: func(b string) bool { return b != "b" }}, "in/1 in/1x"},
	} {
		if may := c.q.May; others > 0 {
			c.q.May = func(b string) bool { return b != "unseen" && (may == nil || may(b)) }
		}
		for _, limit := range []int{1, 2, 100} {
			c.q.Limit = limit
			if got := j.all(c.q); got != c.want {
				t.Errorf("%s, %d at a time: %q, want %q", c.name, limit, got, c.want)
			}
		}
	}
	for _, bad := range []EventQuery{{After: "x"}, {State: "lost"}} {
		if _, err := j.Events(t.Context(), bad); !fault.Is(err, "InvalidArgument") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// The work of a call is bounded, and the cursor goes on where it ended.
func TestBoundedWork(t *testing.T) {
	j := newJournal(t, Options{})
	for range 40 {
		j.update(func(tx kv.Txn) {
			for i := range 1000 {
				j.Event(tx, put("b", fmt.Sprintf("k%d", i), time.Now(), nil), []byte{byte(i >> 8), byte(i)}, []delivery.Owed{owe("f", fmt.Sprint("r", i))})
			}
		})
	}
	begun, calls := time.Now(), 0
	q := EventQuery{State: delivery.Failed}
	for {
		p, err := j.Events(t.Context(), q)
		if err != nil || len(p.Events) > 0 {
			t.Fatal(p, err)
		}
		calls++
		if !p.More {
			break
		}
		q.After = p.Next
	}
	if took := time.Since(begun); took > 2*maxTime && calls == 1 {
		t.Errorf("one call took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Events(ctx, q); err == nil {
		t.Error("an ended context was not noticed")
	}
}

// Search by time finds what a scan finds, whatever the gaps between events.
func TestSearchByTime(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	j := newJournal(t, Options{})
	base := time.Now().Add(-24 * time.Hour).Truncate(time.Millisecond)
	at := base
	var times []time.Time
	for range 300 {
		if rnd.IntN(4) == 0 {
			at = at.Add(time.Duration(rnd.IntN(600)) * time.Second)
		}
		// Transactions commit out of the order of their times, a little.
		when := at.Add(-time.Duration(rnd.IntN(1500)) * time.Millisecond)
		times = append(times, when)
		j.event(put("b", fmt.Sprint(len(times)-1), when, nil))
		for range rnd.IntN(3) {
			j.update(func(tx kv.Txn) { tx.SetSequenced([]byte("x/"), nil, nil) }) // a gap
		}
	}
	for range 200 {
		since := base.Add(time.Duration(rnd.Int64N(int64(at.Sub(base)) + 1)))
		if rnd.IntN(2) == 0 {
			since = times[rnd.IntN(len(times))] // where order matters
		}
		until := since.Add(time.Duration(rnd.IntN(7200)) * time.Second)
		var want []string
		for i, w := range times {
			if !w.Before(since) && w.Before(until) {
				want = append(want, fmt.Sprint(i))
			}
		}
		q := EventQuery{Since: since, Until: until, Limit: 50}
		if got := j.all(q); got != strings.Join(want, " ") {
			t.Fatalf("from %v to %v: %q, want %q", since, until, got, want)
		}
		q.Reverse = true
		slices.Reverse(want)
		if got := j.all(q); got != strings.Join(want, " ") {
			t.Fatalf("from %v to %v, the latest first: %q, want %q", since, until, got, want)
		}
	}
}
