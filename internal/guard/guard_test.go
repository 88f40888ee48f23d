package guard

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// world is a bucket "b" with two triggers over real rooms: "f" runs for in/, "g" for
// other/. What a function does is the test's.
type world struct {
	*testing.T
	kv    kv.Store
	q     *delivery.Queue
	g     *Guard
	do    func(run.Call)
	ts    *trigger.Store
	mu    sync.Mutex
	runs  map[string]int
	ended time.Time // of f's last run
}

type nowhere struct{}

func (nowhere) Event(kv.Txn, *event.Record, []byte, []delivery.Owed) {}
func (nowhere) Owe(kv.Txn, string, delivery.Owed)                    {}
func (nowhere) Outcome(kv.Txn, *delivery.Outcome)                    {}

func (w *world) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	w.mu.Lock()
	w.runs[c.Function]++
	w.mu.Unlock()
	if c.Function == "f" {
		w.do(c)
		w.mu.Lock()
		w.ended = time.Now()
		w.mu.Unlock()
	}
	return &runner.Result{}, &run.Record{}, nil
}

func (w *world) count(function string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs[function]
}

// why says why a function's trigger is paused, or "".
func (w *world) why(function string) string {
	t, err := w.ts.Get(context.Background(), function, "t")
	if err != nil {
		w.Error(err)
	}
	if t.Paused == nil {
		return ""
	}
	return t.Paused.Reason + ": " + t.Paused.Detail
}

func open(t *testing.T) *world {
	w := &world{T: t, kv: memkv.New(), runs: map[string]int{}}
	ctx := t.Context()
	fns, err := function.Open(ctx, w.kv, memblob.New(), function.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w.ts = trigger.Open(w.kv, trigger.Options{Region: "cn-hangzhou", Account: "1", Bucket: func(kv.Reader, string) (string, error) { return "cn-hangzhou", nil }})
	var pkg bytes.Buffer
	z := zip.NewWriter(&pkg)
	z.Create("index.js")
	z.Close()
	code, err := fns.AddCode(ctx, &pkg, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, prefix := range map[string]string{"f": "in/", "g": "other/"} {
		if _, err := fns.Create(ctx, function.Function{Name: name, Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ts.Create(ctx, name, trigger.Trigger{
			Name: "t", Type: "oss", Config: `{"events":["oss:ObjectCreated:*"],"filter":{"key":{"prefix":"` + prefix + `"}}}`,
			SourceARN: "acs:oss:cn-hangzhou:1:b", InvocationRole: "acs:ram::1:role/r",
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.g = New(w.ts, w, nowhere{}, nil)
	w.q = delivery.Open(w.kv, delivery.Options{Triggers: w.ts, Settings: fns, Invoker: w.g, Journal: w.g})
	return w
}

func (w *world) put(key, principal string, l *lineage.Lineage) {
	err := w.kv.Update(context.Background(), func(tx kv.Txn) error {
		return w.q.Record(tx, &event.Record{Type: event.PutObject, Time: time.Now(), Bucket: "b", Key: key, Origin: event.Origin{PrincipalID: principal, SourceIP: "10.0.0.9", Lineage: l}})
	})
	if err != nil {
		w.Error(err)
	}
}

// in runs a test in a bubble, with the queue at work.
func in(t *testing.T, fn func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		if err := w.q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			w.g.Close()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			w.q.Stop(ctx)
		}()
		fn(w)
	})
}

// A function that writes beside its source, with keys that tell nothing, ends, and
// nothing else does.
func TestLoopsArePaused(t *testing.T) {
	for name, next := range map[string]func(key string, n int) []string{
		"over its source":    func(key string, _ int) []string { return []string{key} },
		"with a new suffix":  func(key string, _ int) []string { return []string{key + ".png"} },
		"with a prefix":      func(key string, _ int) []string { return []string{"in/processed-" + key[len("in/"):]} },
		"to a fixed place":   func(string, int) []string { return []string{"in/thumb/a.png"} },
		"two for each":       func(key string, n int) []string { return []string{key + "-s.png", key + "-l.png"} },
		"and also elsewhere": func(key string, _ int) []string { return []string{"out/x", key} },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				n := 0
				w.do = func(c run.Call) {
					time.Sleep(40 * time.Millisecond)
					w.mu.Lock()
					n++
					i := n
					w.mu.Unlock()
					for _, key := range next(c.Key, i) {
						w.put(key, "root", nil)
					}
					time.Sleep(5 * time.Millisecond)
				}
				begun := time.Now()
				w.put("in/a.png", "somebody", nil)
				stop := make(chan struct{})
				var others sync.WaitGroup
				others.Go(func() { // an honest neighbour
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						case <-time.After(100 * time.Millisecond):
							w.put(fmt.Sprintf("other/%d", i), "root", nil)
						}
					}
				})
				for w.why("f") == "" && time.Since(begun) < 10*time.Minute {
					time.Sleep(time.Second)
				}
				if w.why("f") == "" {
					t.Fatalf("%d runs in %v, and it is not paused", w.count("f"), time.Since(begun))
				}
				t.Logf("%d runs in %v: %s", w.count("f"), time.Since(begun), w.why("f"))
				time.Sleep(time.Minute)
				runs := w.count("f")
				time.Sleep(time.Minute)
				if more := w.count("f") - runs; more != 0 {
					t.Errorf("%d runs after the pause", more)
				}
				if w.why("g") != "" || w.count("g") < 100 {
					t.Errorf("the neighbour ran %d times: %s", w.count("g"), w.why("g"))
				}
				if w.g.Stopped() != 1 {
					t.Errorf("stopped %d", w.g.Stopped())
				}
				close(stop)
				others.Wait()

				// What was resumed runs again, and is paused again if it goes on.
				if err := w.ts.Resume(context.Background(), "f", "t"); err != nil {
					t.Fatal(err)
				}
				w.put("in/a.png", "somebody", nil)
				time.Sleep(5 * time.Second)
				if w.count("f") == runs {
					t.Error("it does not run after it was resumed")
				}
			})
		})
	}
}

// Whoever uploads is never paused, however busy, and whatever the function does.
func TestUploadersAreNotPaused(t *testing.T) {
	type client func(w *world, r *rand.Rand)
	every := func(n int, d time.Duration, key func(i int) string) client {
		return func(w *world, _ *rand.Rand) {
			for i := range n {
				w.put(key(i), "root", nil)
				time.Sleep(d)
			}
		}
	}
	numbered := func(i int) string { return fmt.Sprintf("in/%d.png", i) }
	same := func(int) string { return "in/status.json" }
	// waited uploads when the function has done with the upload before.
	waited := func(key func(i int) string) client {
		return func(w *world, _ *rand.Rand) {
			for i := range 300 {
				before := w.count("f")
				w.put(key(i), "root", nil)
				for done := false; !done; {
					time.Sleep(time.Millisecond)
					w.g.mu.Lock()
					done = w.count("f") > before && len(w.g.watch[id{"f", "t"}].runs) == 0
					w.g.mu.Unlock()
				}
			}
		}
	}
	slow := func(d time.Duration) func(*world, run.Call) {
		return func(w *world, c run.Call) {
			time.Sleep(d)
			w.put("out/"+c.Key, "f's role", &lineage.Lineage{Run: c.RequestID, Function: "f", Trigger: "t", Depth: 1})
		}
	}
	for name, c := range map[string]struct {
		client client
		do     func(*world, run.Call)
	}{
		"10,000 at once, quick":          {every(10_000, time.Millisecond, numbered), slow(5 * time.Millisecond)},
		"10,000 at once, slow":           {every(10_000, time.Millisecond, numbered), slow(2 * time.Second)},
		"one key, quick":                 {every(3000, 10*time.Millisecond, same), slow(15 * time.Millisecond)},
		"one key, slow":                  {every(3000, 10*time.Millisecond, same), func(*world, run.Call) { time.Sleep(3 * time.Second) }},
		"one key, seldom, and very slow": {every(400, 10*time.Second, same), func(*world, run.Call) { time.Sleep(25 * time.Second) }},
		"waits for each":                 {waited(numbered), func(*world, run.Call) { time.Sleep(50 * time.Millisecond) }},
		"waits for each, one key":        {waited(same), func(*world, run.Call) { time.Sleep(50 * time.Millisecond) }},
		"answers a function that signs": {func(w *world, _ *rand.Rand) { // a run still goes on when its result brings the next upload
			for range 300 {
				before := w.count("out")
				w.put("in/status.json", "root", nil)
				for w.count("out") == before && w.why("f") == "" {
					time.Sleep(time.Millisecond)
				}
			}
		}, func(w *world, c run.Call) {
			time.Sleep(20 * time.Millisecond)
			w.put("out/"+c.Key, "f's role", &lineage.Lineage{Run: c.RequestID, Function: "f", Trigger: "t", Depth: 1})
			w.mu.Lock()
			w.runs["out"]++
			w.mu.Unlock()
			time.Sleep(20 * time.Millisecond)
		}},
		"one key, and the function signs": {every(1000, 50*time.Millisecond, same), slow(60 * time.Millisecond)},
		"at random": {func(w *world, r *rand.Rand) {
			for range 1500 {
				w.put("in/status.json", "root", nil)
				time.Sleep(time.Duration(r.ExpFloat64() * float64(200*time.Millisecond)))
			}
		}, func(*world, run.Call) { time.Sleep(5 * time.Second) }},
		"in bursts": {func(w *world, r *rand.Rand) {
			for range 15 {
				for range 200 {
					w.put("in/status.json", "root", nil)
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Duration(5+r.IntN(40)) * time.Second)
			}
		}, func(*world, run.Call) { time.Sleep(time.Second) }},
		"in bursts of growing names": {func(w *world, r *rand.Rand) {
			for range 15 {
				key := "in/a"
				for range 100 {
					w.put(key, "root", nil)
					key += "a"
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Duration(1+r.IntN(20)) * time.Second)
			}
		}, func(*world, run.Call) { time.Sleep(time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			in(t, func(w *world) {
				w.do = func(call run.Call) { c.do(w, call) }
				c.client(w, rand.New(rand.NewPCG(seed, 0)))
				time.Sleep(3 * time.Hour)
				if why := w.why("f"); why != "" {
					t.Errorf("paused: %s", why)
				}
				w.g.mu.Lock()
				defer w.g.mu.Unlock()
				if x := w.g.watch[id{"f", "t"}]; len(x.runs) > 0 || len(x.ended) > maxEnded || x.held != nil {
					t.Errorf("%d runs, %d ended are remembered; held: %t", len(x.runs), len(x.ended), x.held != nil)
				}
			})
		})
	}
}

// A stopping server does not wait for a proof to end.
func TestCloseLetsHeldRunsGo(t *testing.T) {
	in(t, func(w *world) {
		var entered atomic.Int32
		w.do = func(run.Call) { entered.Add(1) }
		x := w.g.entry(id{"f", "t"})
		x.state, x.held = draining, make(chan struct{})
		w.put("in/x", "root", nil)
		synctest.Wait()
		w.g.Close()
		begun := time.Now()
		w.q.Stop(context.Background())
		if d := time.Since(begun); d > time.Second || entered.Load() != 0 {
			t.Errorf("stopped after %v, %d runs", d, entered.Load())
		}
		x.held = nil
	})
}

func TestWatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, runs: map[string]int{}, do: func(run.Call) {}}
		g := New(nil, w, nowhere{}, nil)
		for i := range maxTriggers + 100 {
			if i == maxTriggers {
				time.Sleep(time.Minute)
			}
			if _, _, err := g.Invoke(t.Context(), run.Call{Kind: run.Trigger, Function: fmt.Sprint("h", i), Trigger: "t", RequestID: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(g.watch); n > maxTriggers {
			t.Errorf("%d watched", n)
		}
	})
}

func TestGrown(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"in/a.png", "in/a.png.png", true},
		{"in/photo.png", "in/processed-photo.png", true},
		{"in/photo.png", "in/photo_small.jpg", true},
		{"in/photo.png", "in/photo.png", false},
		{"in/photo.png", "in/other-thing.png", false},
		{"in/.env", "in/.env.gz", true},
		{"in/dir/", "in/dir/x", true},
	} {
		if got := grown(c.from, c.to); got != c.want {
			t.Errorf("%s → %s: %t", c.from, c.to, got)
		}
	}
}
