package delivery

import (
	"context"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// probeEvery is how often, at the most, a queue is tried whose function refuses everything.
const probeEvery = time.Second

// hold is the state of a queue whose function refuses everything.
type hold struct {
	since     time.Time
	reason    string
	message   string
	qualifier string // of the last delivery that was refused
	tries     int
	may       bool // the next delivery may be run, as a probe
	shut      bool // Check said so
	full      bool // the last refusal says that the function takes no more, not that something is wrong
	timer     *time.Timer
}

// judge draws from a verdict what it says of the function, and reports whether the item is
// to stay in memory as it is, first in line. The caller holds q.mu; the run is not counted
// in f.running any more.
func (q *Queue) judge(f *queue, v *verdict) (back bool) {
	switch {
	case v.keep:
	case f.ordered: // its first delivery waits, and the others behind it
		if v.again != nil {
			q.tell(f, v)
		} else {
			q.release(f)
		}
	case v.reached && !v.stopped:
		q.release(f)
		if f.cap > 0 {
			// It took this many, so perhaps it takes one more; asking costs nothing but a
			// refusal.
			if f.done++; f.done >= f.cap {
				f.cap, f.done = f.cap+1, 0
				if f.cap >= q.o.PerFunction {
					f.cap = 0
				}
			}
		}
	case v.refused != nil && f.running > 0:
		if full(v.refused) && v.again != nil {
			f.cap, f.done = f.running, 0
			return true
		}
	case v.refused != nil:
		q.tell(f, v)
		q.probe(f)
	case f.hold != nil && f.running == 0:
		f.hold.may = true // nothing was learned: the next one is the probe
	}
	return false
}

// tell keeps why a queue stands still. The caller holds q.mu.
func (q *Queue) tell(f *queue, v *verdict) {
	h := f.hold
	if h == nil {
		h = &hold{since: q.o.Now()}
		f.hold = h
	}
	h.qualifier = v.it.Qualifier
	was := h.reason
	switch {
	case v.refused != nil:
		h.reason, h.message, h.full = string(v.refused.Reason), v.refused.Message, full(v.refused)
	case v.rec != nil:
		h.reason, h.message = v.rec.ErrorType, "The function failed, and the trigger tolerates no errors: its other events wait."
	}
	if h.reason != was {
		q.o.Logger.Warn("a function takes no deliveries; they wait, and it is tried again", "function", f.function, "trigger", v.it.Trigger, "reason", h.reason, "message", h.message)
	}
}

// probe arranges for the next try of a held queue. The caller holds q.mu.
func (q *Queue) probe(f *queue) {
	h := f.hold
	h.may = false
	after := probeEvery
	if h.tries++; h.tries == 1 {
		after = firstDelay
	}
	q.probeAfter(f, after)
}

func (q *Queue) probeAfter(f *queue, after time.Duration) {
	h := f.hold
	if h.timer != nil {
		h.timer.Stop()
	}
	if q.stopped {
		return
	}
	h.timer = time.AfterFunc(after, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if f.hold != h || q.stopped || f.running > 0 {
			return
		}
		h.may = true
		q.offer(f)
		if !f.turn {
			q.ask(f)
		}
		q.pump()
	})
}

// ask finds out whether a function is back while all its deliveries wait between attempts.
// The caller holds q.mu.
func (q *Queue) ask(f *queue) {
	c, ok := q.o.Invoker.(interface {
		Check(ctx context.Context, name, qualifier string, l *lineage.Lineage) error
	})
	if !ok || f.low == f.end && !f.loading {
		return
	}
	h := f.hold
	qualifier := h.qualifier
	q.loads.Add(1)
	go func() {
		defer q.loads.Done()
		err := c.Check(q.ctx, f.function, qualifier, nil)
		q.mu.Lock()
		defer q.mu.Unlock()
		if f.hold != h || q.stopped {
			return
		}
		if err == nil && h.shut {
			q.release(f)
			return
		}
		if h.shut = err != nil; h.shut {
			fe := fault.As(err)
			h.reason, h.message = string(fe.Reason), fe.Message
		}
		q.probeAfter(f, probeEvery)
	}()
}

// release ends the hold of a queue, for a run of it has begun. Those that were refused
// meanwhile need not wait any longer. The caller holds q.mu.
func (q *Queue) release(f *queue) {
	h := f.hold
	if h == nil {
		return
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	f.hold, f.cap, f.done = nil, 0, 0
	q.o.Logger.Info("a function takes deliveries again", "queue", f.name, "after", q.o.Now().Sub(h.since).Round(time.Millisecond))
	if !f.ordered && f.low != f.end && (h.full || h.shut) {
		f.more, f.recall = true, true
	}
	q.offer(f)
	q.load(f)
	q.pump()
}
