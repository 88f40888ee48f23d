package run

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// Bounds of what is kept of runs under way, beside what the runner keeps of each.
const (
	maxSeen    = 20               // runs of a function that are told of at once
	maxPrinted = 16 << 10         // bytes of a run's output, from its end
	maxKept    = 100              // runs whose output is kept, of all functions
	maxLooks   = 100              // functions that are looked at
	lookFor    = 90 * time.Second // how long somebody who looked is taken to look on
)

// UnderWay is a run that has begun and is not over.
type UnderWay struct {
	RequestID string
	Version   string
	Qualifier string
	Kind      string
	Trigger   string
	EventID   string
	Attempt   int
	Start     time.Time // when it was asked for
	Running   bool      // an instance has the event
	Cold      bool
	Log       []byte // the end of what it has printed since somebody looks
	Cut       bool   // it had printed before that, or more than is kept
	Same      bool   // nothing of it has changed since the position that was given; Log is empty
}

// View is what of a function is under way.
type View struct {
	Runs  []UnderWay // the latest begun first, not all if they are many
	Total int
	Next  uint64 // position of this view; exact in a float64
}

// live keeps what runs print for who looks while they go. While nobody does, a run costs
// one look at a flag for each piece of output. Its zero value is ready.
type live struct {
	any   atomic.Bool // looks is not empty
	mu    sync.Mutex
	looks map[string]*look // by function
	kept  int              // flights with a log
}

// look is that somebody looks at a function.
type look struct {
	until   time.Time
	begin   uint64 // at what position it began
	at      uint64
	changed chan struct{} // nil: nobody waits
}

// flight is a run under way.
type flight struct {
	name    string // of the function
	lineage *lineage.Lineage
	live    *live
	missed  atomic.Bool // it has printed while nobody looked

	is      UnderWay // without its log; guarded by live.mu, as is what follows
	over    bool
	log     []byte
	changed uint64
}

// Look returns what of a function is under way, and a channel that is closed when that has
// changed. What runs print is kept from the first Look on, as long as another follows within
// a minute. after is the Next of an earlier view, or 0. If more than maxLooks functions are
// looked at, the one that was not for longest is forgotten: its channel is not closed.
func (i *Invoker) Look(function string, after uint64) (View, <-chan struct{}) {
	l := &i.live
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.look(function, time.Now())
	// A run that begins meanwhile is found here, or finds the look and tells it.
	var flights []*flight
	i.active.Range(func(_, v any) bool {
		if f := v.(*flight); f.name == function && !f.over {
			flights = append(flights, f)
		}
		return true
	})
	slices.SortFunc(flights, func(a, b *flight) int { return b.is.Start.Compare(a.is.Start) })
	v := View{Next: k.at, Runs: []UnderWay{}, Total: len(flights)}
	for _, f := range flights[:min(len(flights), maxSeen)] {
		u := f.is
		u.Cut = u.Cut || f.missed.Load()
		if u.Same = after >= k.begin && f.changed <= after; !u.Same {
			u.Log = slices.Clone(f.log[max(0, len(f.log)-maxPrinted):])
			u.Cut = u.Cut || len(f.log) > maxPrinted
		}
		v.Runs = append(v.Runs, u)
	}
	if k.changed == nil {
		k.changed = make(chan struct{})
	}
	return v, k.changed
}

// look notes that somebody looks at a function. The caller holds mu.
func (l *live) look(function string, now time.Time) *look {
	l.forget(now)
	k := l.looks[function]
	if k == nil {
		if l.looks == nil {
			l.looks = map[string]*look{}
		}
		if len(l.looks) >= maxLooks {
			oldest := ""
			for name, x := range l.looks {
				if oldest == "" || x.until.Before(l.looks[oldest].until) {
					oldest = name
				}
			}
			delete(l.looks, oldest)
		}
		at := uint64(now.UnixMicro()) // beyond those of every look before
		k = &look{begin: at, at: at}
		l.looks[function] = k
		l.any.Store(true)
	}
	k.until = now.Add(lookFor)
	return k
}

// forget drops what nobody looks at any more. The caller holds mu.
func (l *live) forget(now time.Time) {
	for name, k := range l.looks {
		if k.until.Before(now) {
			delete(l.looks, name)
		}
	}
	l.any.Store(len(l.looks) > 0)
}

// tell notes a change of a run, if somebody looks. The caller holds mu.
func (l *live) tell(f *flight) *look {
	k := l.looks[f.name]
	if k == nil || k.until.Before(time.Now()) {
		return nil
	}
	k.at++
	f.changed = k.at
	if k.changed != nil {
		close(k.changed)
		k.changed = nil
	}
	return k
}

// begin adds a run to those under way.
func (i *Invoker) begin(r *Record) *flight {
	f := &flight{name: r.Function, lineage: r.Lineage, live: &i.live, is: UnderWay{
		RequestID: r.RequestID, Version: r.Version, Qualifier: r.Qualifier, Kind: r.Kind, Trigger: r.Trigger, EventID: r.EventID, Attempt: r.Attempt, Start: r.Start,
	}}
	i.active.Store(r.RequestID, f)
	if i.live.any.Load() {
		i.live.mu.Lock()
		i.live.tell(f)
		i.live.mu.Unlock()
	}
	return f
}

func (i *Invoker) end(f *flight) {
	i.active.CompareAndDelete(f.is.RequestID, any(f))
	l := f.live
	l.mu.Lock()
	defer l.mu.Unlock()
	f.over = true
	f.drop()
	l.tell(f)
}

// drop frees what is kept of a run. The caller holds mu.
func (f *flight) drop() {
	if f.log != nil {
		f.log = nil
		f.live.kept--
	}
}

func (f *flight) started(s runner.Start) {
	f.live.mu.Lock()
	defer f.live.mu.Unlock()
	f.is.Running, f.is.Cold = true, s.Cold
	f.live.tell(f)
}

func (f *flight) printed(chunk []byte) {
	l := f.live
	if !l.any.Load() {
		if !f.missed.Load() {
			f.missed.Store(true)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.over {
		return
	}
	if l.tell(f) == nil {
		f.drop()
		f.missed.Store(true)
		l.forget(time.Now())
		return
	}
	if f.log == nil {
		if l.kept == maxKept {
			f.is.Cut = true
			return
		}
		l.kept++
		f.log = make([]byte, 0, min(2*maxPrinted, max(512, len(chunk))))
	}
	if n := len(chunk) - maxPrinted; n > 0 {
		chunk, f.is.Cut = chunk[n:], true
	}
	if len(f.log)+len(chunk) > 2*maxPrinted {
		n := copy(f.log, f.log[len(f.log)-(maxPrinted-len(chunk)):])
		f.log, f.is.Cut = f.log[:n], true
	}
	f.log = append(f.log, chunk...)
}
