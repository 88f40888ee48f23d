package runner

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/runner/frames"
)

// reaper ends instances that were idle for too long. Its one timer stands at the moment
// when the next may be due; everything in it is guarded by Runner.mu.
type reaper struct {
	r     *Runner
	due   time.Time
	timer *time.Timer
	off   bool
}

// arm makes sure that the reaper looks at t. It is called whenever an instance becomes
// idle, so it does nothing when it will look earlier anyway.
func (p *reaper) arm(t time.Time) {
	if p.off || !p.due.IsZero() && !t.Before(p.due) {
		return
	}
	p.due = t
	d := max(t.Sub(p.r.now()), time.Millisecond)
	if p.timer == nil {
		p.timer = time.AfterFunc(d, p.sweep)
	} else {
		p.timer.Reset(d)
	}
}

func (p *reaper) stop() {
	p.off = true
	if p.timer != nil {
		p.timer.Stop()
	}
}

func (p *reaper) sweep() {
	r := p.r
	r.mu.Lock()
	if p.off {
		r.mu.Unlock()
		return
	}
	now := r.now()
	p.due = time.Time{}
	next := r.reapSpares(now)
	var end []*instance
	for _, pl := range r.pools {
		for _, in := range pl.idle {
			if in.active > 0 {
				continue
			}
			due := in.since.Add(in.keep)
			if !due.After(now) {
				in.retired = true
				end = append(end, in)
			} else if next.IsZero() || due.Before(next) {
				next = due
			}
		}
	}
	for _, in := range end {
		in.pool.drop(in)
	}
	if !next.IsZero() {
		p.arm(next)
	}
	r.mu.Unlock()
	for _, in := range end {
		go r.stop(in)
	}
}

// endInstance runs the preStop hook of an instance that runs nothing, and ends it.
func (r *Runner) endInstance(in *instance) {
	if c := in.fn.Config; c.PreStop.Handler != "" {
		limit := c.PreStop.Timeout
		if limit <= 0 {
			limit = 3
		}
		// Nobody's request waits for it, so its output goes to the server's log.
		in.mu.Lock()
		in.startLog = &logBuffer{}
		in.mu.Unlock()
		o := in.hook(frames.HookStop, &Request{Function: in.fn}, time.Duration(limit)*time.Second, ErrorUnhandled, "the preStop hook timed out")
		in.drain()
		in.mu.Lock()
		out, _ := in.startLog.bytes()
		in.startLog = nil
		in.mu.Unlock()
		if o != nil {
			r.log.Warn("a preStop hook failed", "function", in.fn.Name, "instance", in.id, "err", errorText(o.payload), "output", string(out))
		} else {
			r.log.Debug("preStop hook", "function", in.fn.Name, "instance", in.id, "output", string(out))
		}
	}
	in.kill(stopped)
}
