package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// A search by prefix that the index would answer in part only goes through the events.
func TestEventsOfPrefixThatIsNotRare(t *testing.T) {
	j := newJournal(t, Options{})
	buckets := fewBuckets + 2 // the index is read of one more than it may be of
	j.update(func(tx kv.Txn) {
		for i := range buckets {
			j.Event(tx, put(fmt.Sprintf("b%03d", i), "rare/1", time.Now(), nil), []byte{byte(i)}, nil)
		}
	})
	const rows = fewRows + 1
	for i := 0; i < rows; i += 1000 {
		j.update(func(tx kv.Txn) {
			for n := i; n < min(i+1000, rows); n++ {
				j.Event(tx, put("b000", fmt.Sprintf("in/%d", n), time.Now(), nil), []byte{byte(n >> 8), byte(n)}, nil)
			}
		})
	}
	for _, c := range []struct {
		q    EventQuery
		want int
	}{
		{EventQuery{Prefix: "rare/"}, buckets},
		{EventQuery{Prefix: "rare/", Bucket: "b001"}, 1},
		{EventQuery{Prefix: "in/"}, rows},
		{EventQuery{Prefix: "in/", Bucket: "b000"}, rows},
		{EventQuery{Prefix: "in/1", Bucket: "b000", Reverse: true}, 1111},
	} {
		c.q.Limit = 2000
		if got := len(strings.Fields(j.all(c.q))); got != c.want {
			t.Errorf("%q of %q: %d events, want %d", c.q.Prefix, c.q.Bucket, got, c.want)
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
		t.Run(name, func(t *testing.T) {
			store := open()
			j := journalOver(t, store, Options{})
			t0 := time.Now().Add(-time.Hour).Truncate(time.Second)
			at := func(min int) time.Time { return t0.Add(time.Duration(min) * time.Minute) }
			j.event(put("b", "in/1", at(0), nil), owe("f", "r1"))
			j.event(put("b", "in/2", at(10), nil), owe("f", "r2"), owe("g", "r3"))
			j.event(put("b", "out/1", at(20), nil))
			j.event(&event.Record{Type: event.DeleteObject, Time: at(30).UTC(), Bucket: "b", Key: "in/1"}, owe("g", "r4"))
			j.event(put("c", "in/1", at(40), nil), owe("f", "r5"))
			j.event(put("bb", "in/1x", at(50), nil))
			j.event(put("b", "in/1", at(55), nil))
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
		})
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
