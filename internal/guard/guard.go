// Package guard pauses triggers that start themselves through keys that carry no lineage.
//
// A run's own credentials carry its lineage, and so does everything that comes out of a
// sandbox: such loops end at a depth. What is left is a function that writes with
// long-lived keys along another way: through a gateway outside, or without a sandbox.
// Nothing says then that its writes are its own. This package looks for it in three steps,
// each of which is harder to pass:
//
//  1. Suspicion. An event looks caused if it comes without lineage while a run of the
//     trigger that it fires is under way (or shortly after, if its key has grown), on
//     that run's own key or one made from it, from one principal and address. After 64 in
//     a row the trigger is suspected.
//  2. Proof. Its runs are held until those under way have ended, and the guard listens,
//     ten times as long as the longest gap between those events. Whoever uploads does
//     not stop then, and is cleared by the first event. A loop falls silent, since
//     nothing but its runs feeds it.
//  3. Proof again: after the runs go on, the events must too, and fall silent two more
//     times.
//
// Only then is the trigger paused (trigger.Store.Suspect, reason LoopSuspected). It errs to
// be late: what is not decided is let go. Not found are loops that write to ever new names
// that have nothing in common with the old ones, loops slower than one run in 12 seconds,
// and loops that lead through the triggers of several functions.
//
// Everything is in memory and bounded; after a restart the watch begins anew.
package guard

import (
	"context"
	"log/slog"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Suspected is the reason of pauses that this package orders.
const Suspected = trigger.LoopSuspected

const (
	suspicion = 64 // events in a row that look caused
	again     = 16 // further ones between two proofs
	proofs    = 3

	after    = 10 * time.Second       // how long after its end a run may cause an event, on a key that has grown
	maxGap   = 12 * time.Second       // between two events in a row
	minQuiet = 3 * time.Second        // the least that is listened
	quiet    = 10                     // listened, in longest gaps
	settle   = 500 * time.Millisecond // between the last run's end and listening: writes that nobody awaited
	longest  = 2 * time.Minute        // waited for runs to end

	firstRest = time.Minute // without a proof after one that failed, doubling
	maxRest   = time.Hour

	maxTriggers = 4096 // watched; beyond, others are not
	maxEnded    = 32   // runs remembered per trigger, after their end
)

// Triggers pauses triggers; *trigger.Store does.
type Triggers interface {
	// Suspect stops a trigger from starting runs, durably, until it is resumed.
	Suspect(ctx context.Context, function, name string, why *reason.Why) error
	// Get tells whether it is paused now.
	Get(ctx context.Context, function, name string) (trigger.Trigger, error)
}

// Guard stands around the invoker and the journal of the deliveries, which tell it of
// runs and of events. Its methods may be called concurrently.
type Guard struct {
	delivery.Journal
	invoker  delivery.Invoker
	triggers Triggers
	log      *slog.Logger
	stopped  atomic.Uint64

	once   sync.Once
	closed chan struct{}

	mu    sync.Mutex
	watch map[id]*watched
}

type id struct{ function, trigger string }

// who wrote an object.
type who struct{ principal, ip string }

// state of a proof.
type state uint8

const (
	idle      state = iota
	draining        // runs are held; those under way end
	listening       // no run is under way
	convicted       // being paused, or paused
)

// watched is a trigger.
type watched struct {
	id
	runs  map[string]*work // under way, by request id
	ended []*work          // the last ones
	held  chan struct{}    // closed to let held runs go; nil: none is held

	state  state
	who    who // whose events are in the row
	row    int // events in a row that look caused
	need   int // that the next proof takes
	passed int // proofs
	first  time.Time
	last   time.Time
	gap    time.Duration // the longest within the row
	key    string        // of the last event in the row

	rest    time.Duration // after the next proof that fails
	resting time.Time     // no proof until then
	timer   *time.Timer
}

// work is one run.
type work struct {
	key   string
	end   time.Time // zero: under way
	signs bool      // it writes with its own credentials, so what comes without is not its
}

// New returns a guard around the two. journal may not be nil.
func New(triggers Triggers, invoker delivery.Invoker, journal delivery.Journal, log *slog.Logger) *Guard {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Guard{Journal: journal, invoker: invoker, triggers: triggers, log: log, closed: make(chan struct{}), watch: map[id]*watched{}}
}

// Close lets calls that are held end as canceled, so that a stopping server does not wait
// for them. Others are not touched.
func (g *Guard) Close() { g.once.Do(func() { close(g.closed) }) }

// Stopped counts the triggers paused since the start.
func (g *Guard) Stopped() uint64 { return g.stopped.Load() }

// Event is delivery.Journal's. Events that fire nothing, and all of them until they are
// committed, cost a comparison.
func (g *Guard) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []delivery.Owed) {
	g.Journal.Event(tx, rec, suffix, owed)
	if l := rec.Origin.Lineage; l != nil {
		if l.Trigger != "" {
			tx.OnCommit(func(uint64) { g.signed(l) })
		}
		return
	}
	if len(owed) == 0 {
		return
	}
	w, key := who{rec.Origin.PrincipalID, rec.Origin.SourceIP}, rec.Key
	tx.OnCommit(func(uint64) {
		for _, o := range owed {
			if o.Trigger != "" {
				g.event(id{o.Function, o.Trigger}, w, key)
			}
		}
	})
}

// signed learns that a run writes with credentials that tell of it.
func (g *Guard) signed(l *lineage.Lineage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.watch[id{l.Function, l.Trigger}]; t != nil {
		if r := t.runs[l.Run]; r != nil {
			r.signs = true
		}
	}
}

// event judges one that was just committed, without lineage.
func (g *Guard) event(i id, by who, key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.watch[i]
	if t == nil {
		return // no run of it is known
	}
	switch t.state {
	case listening:
		t.clear() // nothing runs, and yet it comes: from somebody else
		return
	case draining, convicted:
		return
	}
	now := time.Now()
	switch {
	case !t.caused(key, now):
		t.start(now)
		return
	case t.row == 0 || by != t.who || now.Sub(t.last) > maxGap:
		t.start(now)
		t.who, t.first = by, now
	default:
		t.gap = max(t.gap, now.Sub(t.last))
	}
	t.row++
	t.last, t.key = now, key
	if t.row >= t.need && !now.Before(t.resting) {
		g.prove(t)
	}
}

// start begins a new row.
func (t *watched) start(time.Time) {
	t.row, t.gap, t.passed, t.need = 0, 0, 0, suspicion
}

// caused reports whether an event on key looks like the work of one of the trigger's
// runs.
func (t *watched) caused(key string, now time.Time) bool {
	for _, r := range t.runs {
		if !r.signs && (r.key == key || grown(r.key, key)) {
			return true
		}
	}
	for _, r := range t.ended {
		if !r.signs && now.Sub(r.end) <= after && grown(r.key, key) {
			return true
		}
	}
	return false
}

// grown reports whether a key was made from an earlier one: it is longer, and holds that
// one's name, without its extension.
func grown(from, to string) bool {
	if len(to) <= len(from) {
		return false
	}
	name := path.Base(from)
	stem := strings.TrimSuffix(name, path.Ext(name))
	if stem == "" {
		stem = name
	}
	return strings.Contains(to, stem)
}

// prove begins a proof. The caller holds g.mu, as of everything below but Invoke.
func (g *Guard) prove(t *watched) {
	t.state = draining
	t.held = make(chan struct{})
	g.log.Debug("a trigger looks as if it started itself; its runs are held for a moment", "function", t.function, "trigger", t.trigger)
	t.after(g, longest, t.clear) // its runs do not end: undecided
	g.drained(t)
}

// drained listens once no run is under way.
func (g *Guard) drained(t *watched) {
	if t.state != draining || len(t.runs) > 0 {
		return
	}
	t.after(g, settle, func() {
		if len(t.runs) > 0 {
			return // cannot be: runs are held
		}
		t.state = listening
		t.after(g, max(minQuiet, quiet*t.gap), func() { g.silent(t) })
	})
}

// after calls fn, under g.mu, unless the proof is over by then or after is called again.
func (t *watched) after(g *Guard, d time.Duration, fn func()) {
	if t.timer != nil {
		t.timer.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if t.timer == timer {
			t.timer = nil
			fn()
		}
	})
	t.timer = timer
}

// release lets held runs go.
func (t *watched) release() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if t.held != nil {
		close(t.held)
		t.held = nil
	}
}

// clear ends a proof that failed.
func (t *watched) clear() {
	t.release()
	now := time.Now()
	t.state = idle
	t.start(now)
	t.rest = min(max(2*t.rest, firstRest), maxRest)
	t.resting = now.Add(t.rest)
}

// silent ends a proof that was passed.
func (g *Guard) silent(t *watched) {
	t.passed++
	if t.passed < proofs {
		t.need = t.row + again
		t.state = idle
		t.last = time.Now() // the time of listening is no gap
		t.release()
		return
	}
	t.state = convicted // held runs wait until the pause is written
	who := orNobody(t.who.principal)
	args := reason.Args{"events": t.row, "address": t.who.ip, "key": shown(t.key), "proofs": proofs}
	if t.who.principal != "" {
		args["principal"] = t.who.principal
	}
	go g.pause(t, reason.New(reason.SeemsToLoop, args, "Its function seems to start itself with keys that carry no lineage: %d events in a row came from %s at %s, each while its own run was at work, the last on the key %q; "+
		"they stopped each of the %d times that its runs were held, and came again when they went on.", t.row, who, t.who.ip, shown(t.key), proofs))
}

func orNobody(principal string) string {
	if principal == "" {
		return "anonymous requests"
	}
	return principal
}

func shown(key string) string {
	if len(key) > 200 {
		key = key[:200] + "…"
	}
	return strings.ToValidUTF8(key, "?")
}

// pause orders the pause. If that fails, the watch begins anew.
func (g *Guard) pause(t *watched, why *reason.Why) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := g.triggers.Suspect(ctx, t.function, t.trigger, why)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.log.Error("a trigger that starts itself could not be paused", "function", t.function, "trigger", t.trigger, "error", err)
		g.forget(t)
	} else {
		g.stopped.Add(1)
		g.log.Warn("a trigger is paused: it seems to start itself", "function", t.function, "trigger", t.trigger, "detail", why)
	}
	t.release()
}

func (g *Guard) forget(t *watched) {
	t.state = idle
	t.start(time.Now())
	t.rest = 0
}

// Invoke is delivery.Invoker's: it runs a trigger's call, after a proof if there is one
// under way. A call of a trigger that this guard paused is refused with reason
// TriggerPaused, as the cause of a dead letter.
func (g *Guard) Invoke(ctx context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	if c.Kind != run.Trigger {
		return g.invoker.Invoke(ctx, c)
	}
	i := id{c.Function, c.Trigger}
	r := &work{key: c.Key}
	for {
		g.mu.Lock()
		t := g.entry(i)
		if t == nil {
			g.mu.Unlock()
			return g.invoker.Invoke(ctx, c) // too many to watch
		}
		if held := t.held; held != nil {
			g.mu.Unlock()
			select {
			case <-held:
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			case <-g.closed:
				return nil, nil, context.Canceled
			}
			continue
		}
		if t.state == convicted {
			g.mu.Unlock()
			// Not judged by the order alone: a person may have resumed it.
			now, err := g.triggers.Get(ctx, i.function, i.trigger)
			if err != nil && fault.KindOf(err) != fault.NotFound {
				return nil, nil, err
			}
			if err == nil && now.Paused != nil {
				return nil, nil, fault.New(fault.Precondition, delivery.ReasonPaused, "Trigger '%s' of function '%s' is paused (%s).", i.trigger, i.function, Suspected).
					WithHint("Look at why, resume the trigger, and redrive this delivery.")
			}
			g.mu.Lock()
			if t.state == convicted {
				g.forget(t)
			}
			g.mu.Unlock()
			continue
		}
		t.runs[c.RequestID] = r
		g.mu.Unlock()
		break
	}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		t := g.watch[i]
		delete(t.runs, c.RequestID)
		r.end = time.Now()
		if len(t.ended) == maxEnded {
			t.ended = append(t.ended[:0], t.ended[1:]...)
		}
		t.ended = append(t.ended, r)
		g.drained(t)
	}()
	return g.invoker.Invoke(ctx, c)
}

// Check is run.Invoker's, for the dispatcher, which asks it whether a function is back.
func (g *Guard) Check(ctx context.Context, name, qualifier string, l *lineage.Lineage) error {
	c, ok := g.invoker.(interface {
		Check(ctx context.Context, name, qualifier string, l *lineage.Lineage) error
	})
	if !ok {
		return nil
	}
	return c.Check(ctx, name, qualifier, l)
}

// entry returns what is known of a trigger; nil if there are too many.
func (g *Guard) entry(i id) *watched {
	t := g.watch[i]
	if t != nil {
		return t
	}
	if len(g.watch) >= maxTriggers {
		now := time.Now()
		for k, o := range g.watch {
			if len(o.runs) == 0 && o.state == idle && now.Sub(o.last) > after && (len(o.ended) == 0 || now.Sub(o.ended[len(o.ended)-1].end) > after) {
				delete(g.watch, k)
			}
		}
		if len(g.watch) >= maxTriggers {
			return nil
		}
	}
	t = &watched{id: i, runs: map[string]*work{}, need: suspicion}
	g.watch[i] = t
	return t
}
