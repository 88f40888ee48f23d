package runner

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkWarm is a no-op Node.js handler with a 500-byte event, through Invoke alone.
func BenchmarkWarm(b *testing.B) {
	w := newWorld(b)
	event := string(make([]byte, 500))
	for _, f := range []struct{ rt, name, text string }{
		{"nodejs20", "index.js", `exports.handler = async (event, context) => 'ok'`}, {"python3.10", "index.py", "def handler(e, c):\n    return 'ok'"}, {"php8.2", "index.php", `<?php function handler($e, $c) { return 'ok'; }`},
	} {
		for _, callers := range []int{1, 16} {
			b.Run(f.rt+"/"+map[int]string{1: "1", 16: "16"}[callers], func(b *testing.B) {
				fn := w.fn(f.rt, "index.handler", f.name, f.text)
				warm := sync.WaitGroup{}
				for range callers { // and let the pool grow to its size
					warm.Go(func() {
						for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
							w.Invoke(context.Background(), request(fn, event))
						}
					})
				}
				warm.Wait()
				times := make([]time.Duration, b.N)
				var next atomic.Int64
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for {
							i := int(next.Add(1)) - 1
							if i >= b.N {
								return
							}
							at := time.Now()
							if res, err := w.Invoke(context.Background(), request(fn, event)); err != nil || res.ErrorType != "" {
								b.Error(err)
								return
							}
							times[i] = time.Since(at)
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
				b.ReportMetric(float64(w.Stats().Instances), "instances")
				w.Evict(fn.ID)
			})
		}
	}
}

// BenchmarkCold is the first request of a function: from nothing, and from a spare.
func BenchmarkCold(b *testing.B) {
	for _, spares := range []bool{false, true} {
		w := newWorld(b, func(o *Options) { o.NoSpares = !spares })
		for _, f := range []struct{ rt, name, text string }{
			{"nodejs20", "index.js", echoJS}, {"python3.10", "index.py", echoPy}, {"php8.2", "index.php", echoPHP},
		} {
			b.Run(f.rt+map[bool]string{true: "/spare", false: "/nothing"}[spares], func(b *testing.B) {
				var times []time.Duration
				for range b.N {
					fn := w.fn(f.rt, "index.handler", f.name, f.text)
					if spares {
						w.Warm(f.rt)
						w.awaitSpare(f.rt)
					}
					at := time.Now()
					w.ok(fn, "")
					times = append(times, time.Since(at))
					w.Evict(fn.ID)
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(times[0].Microseconds())/1000, "min-ms")
				b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "max-ms")
			})
		}
	}
}
