// Package gauge keeps what the server did lately as time series, for people: per ten
// seconds for a quarter of an hour, per minute for a day, of the whole server and of each
// function. It is memory only and bounded; after a restart the last hour is read back from
// the history, if that is little work (Recall).
//
// It stands around the rooms' own seams (the deliveries' journal, the recorder of runs), as
// the metrics do: no room knows of it.
package gauge

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/run"
)

const (
	fineStep, fineSlots     = 10 * time.Second, 90
	coarseStep, coarseSlots = time.Minute, 24 * 60

	// MaxFunctions is how many functions have counts of their own in one step of time; the
	// others are in those of the whole server only.
	MaxFunctions = 2000

	// MaxBuckets is how many buckets have a count of their own of their events in one step
	// of time; the others' events are in those of the whole server only.
	MaxBuckets = 2000

	// A cell takes 256 bytes. Functions have at most so many of them, the latest: a hundred
	// functions that never rest are known for ten hours, fewer for the whole day.
	fineCells, coarseCells = 20_000, 60_000
	// Buckets have a number only, of some forty bytes.
	fineEvents, coarseEvents = 40_000, 120_000

	keptRuns = 256
)

// Throttled is the fault of a run for which a function, or the server, had no room.
const Throttled = "ResourceExhausted"

// Gauge is the room. All methods may be called concurrently.
type Gauge struct {
	now func() time.Time

	mu           sync.Mutex
	since        time.Time // what was before is not known
	fine, coarse ring
	runs         [keptRuns]Run // a ring: the latest is at (ended-1) % keptRuns
	ended        uint64        // runs since the start
	version      uint64

	// Buckets with events since somebody asked. Past MaxBuckets only that there are more.
	changed map[string]struct{}
	more    bool
}

// New returns a gauge that knows nothing of what was before. now may be nil.
func New(now func() time.Time) *Gauge {
	if now == nil {
		now = time.Now
	}
	g := &Gauge{now: now, since: now()}
	g.fine = newRing(fineStep, fineSlots, fineCells, fineEvents)
	g.coarse = newRing(coarseStep, coarseSlots, coarseCells, coarseEvents)
	g.changed = map[string]struct{}{}
	return g
}

// Version changes with everything that is counted.
func (g *Gauge) Version() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.version
}

// TakeChanged returns the buckets that had events since it was called last. With all set,
// more of them had some than are known by name.
func (g *Gauge) TakeChanged() (buckets []string, all bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	buckets, all = slices.Collect(maps.Keys(g.changed)), g.more
	clear(g.changed)
	g.more = false
	return buckets, all
}

// Run is a run that is over, as a list of the latest shows it.
type Run struct {
	RequestID string `json:"requestId"`
	Function  string `json:"function"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Trigger   string `json:"trigger,omitempty"`
	EventID   string `json:"eventId,omitempty"` // that it was owed to
	Attempt   int    `json:"attempt"`
	Mark      string `json:"mark,omitempty"`
	Start     int64  `json:"startedAtUnixMicro"`
	Queued    int64  `json:"queuedNanos"`
	Init      int64  `json:"initNanos"`
	Duration  int64  `json:"durationNanos"`
	Cold      bool   `json:"cold"`
	MemoryMB  int    `json:"memoryMB"`
	Error     string `json:"error,omitempty"` // the type of the function's error, or why it could not be run; empty: it succeeded
}

// Runs returns the latest runs of functions that may is true of, the latest first. It
// knows some hundred runs of the whole server.
func (g *Gauge) Runs(limit int, may func(function string) bool) []Run {
	g.mu.Lock()
	all := make([]Run, 0, min(g.ended, keptRuns))
	for i := g.ended; i > 0 && g.ended-i < keptRuns; i-- {
		all = append(all, g.runs[(i-1)%keptRuns])
	}
	g.mu.Unlock()
	out := []Run{}
	for _, r := range all {
		if len(out) < limit && may(r.Function) {
			out = append(out, r)
		}
	}
	return out
}

// Journal counts the events that go to a journal, once they are committed.
func (g *Gauge) Journal(next delivery.Journal) delivery.Journal { return journal{next, g} }

type journal struct {
	delivery.Journal
	g *Gauge
}

func (j journal) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []delivery.Owed) {
	j.Journal.Event(tx, rec, suffix, owed)
	bucket := rec.Bucket // all of the record would be held
	tx.OnCommit(func(uint64) { j.g.event(j.g.now(), bucket, owed) })
}

// event counts an event, at its bucket and at the functions too that it owes runs to.
func (g *Gauge) event(at time.Time, bucket string, owed []delivery.Owed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version++
	if len(g.changed) < MaxBuckets {
		g.changed[bucket] = struct{}{}
	} else if _, ok := g.changed[bucket]; !ok {
		g.more = true
	}
	for _, r := range [...]*ring{&g.fine, &g.coarse} {
		s := r.at(at)
		if s == nil {
			continue
		}
		s.all.events++
		r.happen(s, bucket, 1)
		for i := range owed {
			// One event that has two triggers of a function is one event of it.
			if seen(owed[:i], owed[i].Function) {
				continue
			}
			if c := r.cell(s, owed[i].Function); c != nil {
				c.events++
			}
		}
	}
}

func seen(owed []delivery.Owed, function string) bool {
	for i := range owed {
		if owed[i].Function == function {
			return true
		}
	}
	return false
}

// Recorder counts the runs that go to a recorder.
func (g *Gauge) Recorder(next run.Recorder) run.Recorder { return recorder{next, g} }

type recorder struct {
	run.Recorder
	g *Gauge
}

func (r recorder) Record(rec *run.Record) {
	x := Run{
		RequestID: rec.RequestID, Function: rec.Function, Version: rec.Version, Kind: rec.Kind, Trigger: rec.Trigger, EventID: rec.EventID, Attempt: rec.Attempt, Mark: rec.Mark,
		Start: rec.Start.UnixMicro(), Queued: int64(rec.Queued), Init: int64(rec.Init), Duration: int64(rec.Duration), Cold: rec.Cold, MemoryMB: rec.MemoryMB,
		Error: rec.ErrorType,
	}
	if rec.Fault != "" {
		x.Error = rec.Fault
	}
	reached := rec.Fault == ""
	r.Recorder.Record(rec) // who sees the run in a list finds it in the history
	r.g.run(r.g.now(), &x, reached)
}

// run counts a run that ended; reached tells that its handler ran.
func (g *Gauge) run(at time.Time, x *Run, reached bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version++
	g.runs[g.ended%keptRuns] = *x
	g.ended++
	g.count(at, x, reached)
}

func (g *Gauge) count(at time.Time, x *Run, reached bool) {
	for _, r := range [...]*ring{&g.fine, &g.coarse} {
		s := r.at(at)
		if s == nil {
			continue
		}
		s.all.run(x, reached)
		if c := r.cell(s, x.Function); c != nil {
			c.run(x, reached)
		}
	}
}

// Work looks how many deliveries wait, every ten seconds until ctx ends.
func (g *Gauge) Work(ctx context.Context, queue func(context.Context) ([]delivery.Stats, error)) {
	t := time.NewTicker(fineStep)
	defer t.Stop()
	for {
		if stats, err := queue(ctx); err == nil { // else the next look will tell
			g.sample(g.now(), stats)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (g *Gauge) sample(at time.Time, stats []delivery.Stats) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range [...]*ring{&g.fine, &g.coarse} {
		s := r.at(at)
		if s == nil {
			continue
		}
		s.sampled = true
		sum := uint32(0)
		for i := range stats {
			n := uint32(stats[i].Waiting)
			sum += n
			if n == 0 {
				continue // a function without a cell waits for nothing
			}
			if c := r.cell(s, stats[i].Function); c != nil {
				c.waiting = max(c.waiting, n)
			}
		}
		s.all.waiting = max(s.all.waiting, sum)
	}
}
