package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// The promise: after a power cut at any moment, whatever part of the unsynced data the
// disk kept, every acknowledged change is whole, has its event, and each run that it owes
// is still queued or was begun; there is no delivery and no event without its change; no
// multipart upload is half done; nothing is left over that is never collected.
//
// Each round runs a house under load: writers, and a dispatcher whose runs succeed, fail
// and are refused. Before its k-th change of the disk, for random k, the power is cut:
// the house goes on, but what the disk would have kept is put aside, and later opened and
// compared with what the writers did. Some of those disks lose their power once more
// while they are opened.
//
// ALCEDO_CUTS sets how often the power is cut; `make torture` does it 100,000 times. With
// ALCEDO_SEED and ALCEDO_ROUND of a failure, that round alone runs again.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	number := func(name string, def uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			return n
		}
		return def
	}
	cuts := int64(number("ALCEDO_CUTS", usualCuts))
	seed := number("ALCEDO_SEED", rand.Uint64())
	one := os.Getenv("ALCEDO_ROUND") != ""
	t.Logf("ALCEDO_SEED=%d ALCEDO_CUTS=%d", seed, cuts)
	begun := time.Now()
	base, err := baseDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var next, done atomic.Int64
	next.Store(int64(number("ALCEDO_ROUND", 0)))
	var all tally
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		wg.Go(func() {
			for done.Load() < cuts && !t.Failed() {
				round := next.Add(1) - 1
				n, err := powerCuts(rand.New(rand.NewPCG(seed, uint64(round))), base, dir)
				if err != nil {
					t.Errorf("ALCEDO_SEED=%d ALCEDO_ROUND=%d: %v", seed, round, err)
					return
				}
				done.Add(n.cuts)
				all.add(n)
				if one {
					return
				}
			}
		})
		if one {
			break
		}
	}
	wg.Wait()
	t.Logf("%d cuts, %.0f a second: %d acknowledged changes, 0 lost; %d unacknowledged ones were kept; %d owed runs: %d queued, %d had begun; %d orphan blobs were collected",
		all.cuts, float64(all.cuts)/time.Since(begun).Seconds(), all.acked, all.more, all.owed, all.queued, all.owed-all.queued, all.orphans)
	if !t.Failed() && all.cuts > 500 && (all.more == 0 || all.orphans == 0 || all.queued == 0 || all.owed == all.queued) {
		t.Error("a kind of cut never happened; the test has lost its teeth")
	}
}

// tally counts what was seen over many cuts.
type tally struct {
	mu                                       sync.Mutex
	cuts, acked, more, owed, queued, orphans int64
}

func (n *tally) add(m *tally) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts, n.acked, n.more = n.cuts+m.cuts, n.acked+m.acked, n.more+m.more
	n.owed, n.queued, n.orphans = n.owed+m.owed, n.queued+m.queued, n.orphans+m.orphans
}

const cutBucket = "testbucket"

// ends tells how the runs of each function of the power cuts end, and which events of
// keys that end in ".run" its trigger takes: an object has several triggers, and some of
// its events, too.
var ends = []struct {
	function string
	rule     string // "": a native trigger; else an EventBridge one with these further settings
	retries  int
	events   []event.Type
	outcome  func(attempt int) (errorType string, err error)
}{
	{"good", "", 3, []event.Type{event.PutObject, event.CopyObject, event.CompleteMultipartUpload}, succeeds},
	{"flaky", "", 3, []event.Type{event.AppendObject, event.UploadPart}, func(attempt int) (string, error) {
		if attempt == 0 {
			return runner.ErrorUnhandled, nil
		}
		return "", nil
	}},
	{"bad", "", 0, []event.Type{event.DeleteObject, event.DeleteObjects, event.AbortMultipartUpload}, func(int) (string, error) { return runner.ErrorUnhandled, nil }},
	{"busy", "", 3, []event.Type{event.PutSymlink, event.InitiateMultipartUpload}, func(int) (string, error) {
		return "", fault.New(fault.Throttled, "ResourceExhausted", "No instance is free.")
	}},
	{"also", `,"asyncInvocationType":true`, 3, []event.Type{event.PutObject, event.DeleteObject}, succeeds},
	{"ordered", `,"runOptions":{"errorsTolerance":"NONE"}`, 3, []event.Type{event.CopyObject, event.UploadPart}, succeeds},
}

func succeeds(int) (string, error) { return "", nil }

// owes returns the functions that an event must run, sorted.
func owes(t event.Type, key string) (functions []string) {
	if strings.HasSuffix(key, ".run") {
		for _, e := range ends {
			if slices.Contains(e.events, t) {
				functions = append(functions, e.function)
			}
		}
	}
	slices.Sort(functions)
	return functions
}

// baseDisk is what every round starts from: a bucket, functions and their triggers.
func baseDisk(codeDir string) (*vfs.MemFS, error) {
	fs, err := newDisk()
	if err != nil {
		return nil, err
	}
	h, err := openHouse(houseOptions{fs: fs, codeDir: codeDir})
	if err != nil {
		return nil, err
	}
	err = func() error {
		if err := h.createBucket(cutBucket); err != nil {
			return err
		}
		for _, e := range ends {
			if err := h.addFunction(e.function, e.retries); err != nil {
				return err
			}
			tr := nativeTrigger("t", cutBucket, "", ".run", e.events...)
			if e.rule != "" {
				tr = eventBridgeTrigger("t", cutBucket, ".run", e.rule, e.events...)
			}
			if _, err := h.triggers.Create(context.Background(), e.function, tr); err != nil {
				return err
			}
		}
		return nil
	}()
	return fs, errors.Join(err, h.close())
}

// world is a house under load, seen from outside.
type world struct {
	mu      sync.Mutex // held while the power is cut: nobody is told anything meanwhile
	writers [3]*writer
	runs    []ran
	cuts    []*cut
	over    chan struct{} // closed after the last cut
}

// ran is one run that was begun.
type ran struct {
	requestID string
	attempt   int
	ok        bool
}

// cut is what a power cut left: the disk, and what the writers and functions knew.
type cut struct {
	disk         *vfs.MemFS
	acked, begun [3]int // changes of each writer
	runs         []ran
}

// Invoke is where functions would run.
func (w *world) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	for _, e := range ends {
		if e.function == c.Function {
			errorType, err := e.outcome(c.Attempt)
			w.mu.Lock()
			w.runs = append(w.runs, ran{c.RequestID, c.Attempt, errorType == "" && err == nil})
			w.mu.Unlock()
			if err != nil {
				return nil, nil, err
			}
			return &runner.Result{ErrorType: errorType}, &run.Record{}, nil
		}
	}
	return nil, nil, fmt.Errorf("no function %q", c.Function)
}

// powerCuts runs one round.
func powerCuts(rng *rand.Rand, base *vfs.MemFS, codeDir string) (*tally, error) {
	w := &world{over: make(chan struct{})}
	for i := range w.writers {
		w.writers[i] = newWriter(i, rng.Uint64())
	}
	var at []int64 // numbers of changes of the disk
	gap := []int64{10, 30, 120}[rng.IntN(3)]
	for k := int64(0); len(at) < 12; {
		k += 1 + rng.Int64N(gap)
		at = append(at, k)
	}
	percents := rand.New(rand.NewPCG(rng.Uint64(), 0))
	again := rand.New(rand.NewPCG(rng.Uint64(), 0))

	fs := base.CrashClone(vfs.CrashCloneCfg{})
	var changes atomic.Int64
	var taking sync.Mutex
	h, err := openHouse(houseOptions{codeDir: codeDir, invoker: w, fs: errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		k := changes.Add(1)
		taking.Lock()
		defer taking.Unlock()
		if len(at) == 0 || k < at[0] {
			return nil
		}
		at = at[1:]
		w.cut(fs, percents)
		if len(at) == 0 {
			close(w.over)
		}
		return nil
	}))})
	if err != nil {
		return nil, err
	}
	if err := h.queue.Start(context.Background()); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(w.writers))
	for i, wr := range w.writers {
		wg.Go(func() { errs[i] = wr.work(w, h) })
	}
	wg.Wait()
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	h.queue.Stop(stopped)
	if err := errors.Join(append(errs, h.close())...); err != nil {
		return nil, err
	}

	n := &tally{}
	for i, c := range w.cuts {
		n.cuts++
		if again.IntN(4) == 0 {
			n.cuts++
			if c.disk, err = cutAgain(c.disk, again, codeDir); err != nil {
				return nil, fmt.Errorf("cut %d, and again while opening: %w", i, err)
			}
		}
		if err := w.check(c, codeDir, n); err != nil {
			return nil, fmt.Errorf("cut %d: %w", i, err)
		}
		c.disk = nil
	}
	return n, nil
}

// cut cuts the power of fs, which goes on.
func (w *world) cut(fs *vfs.MemFS, rng *rand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &cut{runs: w.runs[:len(w.runs):len(w.runs)]}
	for i, wr := range w.writers {
		c.acked[i], c.begun[i] = wr.acked, len(wr.changes)
	}
	c.disk = crash(fs, rng)
	w.cuts = append(w.cuts, c)
}

func crash(fs *vfs.MemFS, rng *rand.Rand) *vfs.MemFS {
	percent := rng.IntN(101)
	switch rng.IntN(4) {
	case 0:
		percent = 0 // only what was synced
	case 1:
		percent = 100 // kill -9: the operating system keeps everything
	}
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
}

// cutAgain opens the house on disk, and cuts its power while it opens and shuts.
func cutAgain(disk *vfs.MemFS, rng *rand.Rand, codeDir string) (*vfs.MemFS, error) {
	at, k := 1+rng.Int64N(40), atomic.Int64{}
	var left atomic.Pointer[vfs.MemFS]
	h, err := openHouse(houseOptions{codeDir: codeDir, fs: errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && k.Add(1) == at {
			left.Store(crash(disk, rng))
		}
		return nil
	}))})
	if err != nil {
		return nil, err
	}
	if err := h.close(); err != nil {
		return nil, err
	}
	if left.Load() == nil {
		return disk, nil
	}
	return left.Load(), nil
}
