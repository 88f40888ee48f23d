package history

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func onDisk(b *testing.B) *pebblekv.Store {
	s, err := pebblekv.Open(b.TempDir(), pebblekv.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkPut is what a PUT of 4 KiB commits, by 64 clients, without and with its event:
// the difference is what the history costs it.
func BenchmarkPut(b *testing.B) {
	for _, with := range []string{"nothing", "event", "event of a run"} {
		b.Run(with, func(b *testing.B) {
			store := onDisk(b)
			j := Open(store, Options{})
			defer j.Close()
			data := make([]byte, 4<<10)
			var n atomic.Int64
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					rec := put("testbucket", fmt.Sprintf("source/%08d/picture.png", i), time.Now(), nil)
					if with == "event of a run" {
						rec.Origin.Lineage = &lineage.Lineage{Run: run.NewRequestID(rec.Time), Function: "resize", Trigger: "t", Event: "3f2a", Root: "3f2a", Depth: 1}
					}
					err := store.Update(context.Background(), func(tx kv.Txn) error {
						tx.Set([]byte("o/o/testbucket\x00"+rec.Key), make([]byte, 200))
						tx.Set([]byte("o/c/"+rec.Key), data)
						if with != "nothing" {
							j.Event(tx, rec, nil, nil)
						}
						return nil
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkEvent is the time of Event itself, without a store below it.
func BenchmarkEvent(b *testing.B) {
	j := newJournal(b, Options{})
	rec := put("testbucket", "source/picture.png", time.Now(), nil)
	b.ReportAllocs()
	err := j.kv.Update(context.Background(), func(tx kv.Txn) error {
		for b.Loop() {
			j.Event(null{tx}, rec, nil, nil)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// null is a transaction that drops what is written.
type null struct{ kv.Txn }

func (null) SetSequenced(_, _, _ []byte) {}
func (null) OnCommit(func(uint64))       {}
func (null) Set(_, _ []byte)             {}
func (n null) Delete([]byte)             {}

// BenchmarkQuery asks a history of ALCEDO_BENCH_EVENTS events (100,000 unless it is set),
// one a millisecond, each owing a run that succeeded, but for the one in the middle.
func BenchmarkQuery(b *testing.B) {
	n := 100_000
	if v := os.Getenv("ALCEDO_BENCH_EVENTS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	store := onDisk(b)
	j := Open(store, Options{})
	b.Cleanup(j.Close)
	ctx := context.Background()
	t0 := time.Now().Add(-time.Duration(n) * time.Millisecond)
	for i := 0; i < n; {
		err := store.Update(ctx, func(tx kv.Txn) error {
			for k := i; k < min(n, i+500); k++ {
				rec := put("testbucket", fmt.Sprintf("source/%08d", k), t0.Add(time.Duration(k)*time.Millisecond), nil)
				if k == n/2 {
					rec.Type = event.DeleteObject
				}
				request := fmt.Sprintf("1-%08x-%012x", rec.Time.Unix(), k)
				j.Event(tx, rec, []byte{byte(k >> 16), byte(k >> 8), byte(k)}, []delivery.Owed{{RequestID: request, Function: "resize", Trigger: "t"}})
				state := delivery.Succeeded
				if k == n/2 {
					state = delivery.Failed
				}
				j.Outcome(tx, &delivery.Outcome{RequestID: request, Function: "resize", State: state, Time: rec.Time})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		i += 500
	}
	middle := t0.Add(time.Duration(n/2) * time.Millisecond)
	for _, c := range []struct {
		name string
		q    EventQuery
		want int
	}{
		{"latest", EventQuery{Reverse: true, Limit: 100}, 100},
		{"key", EventQuery{Bucket: "testbucket", Key: fmt.Sprintf("source/%08d", n/2), Reverse: true}, 1},
		{"time", EventQuery{Since: middle, Until: middle.Add(100 * time.Millisecond)}, 100},
		{"rare type", EventQuery{Type: "ObjectRemoved:DeleteObject"}, 1},
		{"rare state", EventQuery{State: delivery.Failed}, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			calls, longest := 0, time.Duration(0)
			for b.Loop() {
				found := 0
				q := c.q
				for more := true; more && found < c.want; {
					begun := time.Now()
					p, err := j.Events(ctx, q)
					if err != nil {
						b.Fatal(err)
					}
					calls++
					longest = max(longest, time.Since(begun))
					found += len(p.Events)
					more, q.After = p.More, p.Next
				}
				if found != c.want {
					b.Fatalf("%d found, want %d", found, c.want)
				}
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
			b.ReportMetric(float64(longest.Milliseconds()), "ms-longest-call")
		})
	}
}
