package runner

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
)

// pool is the instances of one configuration of one function, and the requests that
// wait for one. Everything in it is guarded by Runner.mu.
type pool struct {
	r       *Runner
	key     function.Key
	gone    bool        // evicted: instances end instead of becoming idle
	idle    []*instance // with a free slot; the last one was used most recently
	all     map[*instance]struct{}
	waiters []*waiter
	start   int           // instances on their way
	run     time.Duration // moving average
	runs    int           // how many it is of, up to growKnown
	best    time.Duration // the shortest of late: a run without others in its way
	full    time.Time     // since when there are waiters
	up      time.Time     // when an instance last became ready
	timer   *time.Timer   // looks again while there are waiters
	blocked bool          // wants to grow, and may not
}

type waiter struct {
	req   *Request
	since time.Time
	ch    chan assignment // buffered: the giver never waits
}

// assignment is what a waiter gets: an instance, the failure to load its code, or an
// error of ours.
type assignment struct {
	in   *instance
	sent *call // the event was sent already; nil: the waiter sends it
	cold bool
	init time.Duration
	log  *logBuffer // output of the start
	fail *outcome
	err  error
}

func (r *Runner) pool(key function.Key) *pool {
	p := r.pools[key]
	if p == nil {
		p = &pool{r: r, key: key, all: map[*instance]struct{}{}}
		r.pools[key] = p
	}
	return p
}

// acquire finds an instance for a request, waiting for one if need be.
func (r *Runner) acquire(ctx context.Context, req *Request) (assignment, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return assignment{}, fault.New(fault.Unavailable, "ServerDraining", "The server is shutting down.").WithHint("Retry in a moment.")
	}
	p := r.pool(req.PoolKey)
	if in := p.take(); in != nil {
		r.mu.Unlock()
		return assignment{in: in}, nil
	}
	w := &waiter{req: req, since: time.Now(), ch: make(chan assignment, 1)}
	if len(p.waiters) == 0 {
		p.full = w.since
	}
	p.waiters = append(p.waiters, w)
	r.waiting++
	p.grow(w.since)
	p.watch()
	r.mu.Unlock()

	limit := time.NewTimer(time.Duration(max(req.Function.Config.Timeout, 1)) * time.Second)
	defer limit.Stop()
	select {
	case a := <-w.ch:
		return a, a.err
	case <-ctx.Done():
	case <-limit.C:
	}
	r.mu.Lock()
	i := slices.Index(p.waiters, w)
	if i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
		r.waiting--
	}
	blocked := p.blocked
	starting := p.start > 0
	r.mu.Unlock()
	if i < 0 { // somebody gave us one at the last moment
		a := <-w.ch
		return a, a.err
	}
	if err := ctx.Err(); err == context.Canceled {
		return assignment{}, fault.New(fault.Unavailable, "ClientClosedRequest", "The request was given up while it waited for an instance of function '%s'.", req.Function.Name).Because(err)
	}
	hint := "Its instances are all busy; retry later, or raise the function's instance concurrency."
	if blocked {
		hint = "The limit of instances is reached; retry later, or raise the function's reserved concurrency or the server's limit of instances."
	} else if starting {
		hint = "An instance was still starting; retry."
	}
	return assignment{}, exhausted(req.Function.Name).WithHint("%s", hint)
}

func exhausted(name string) *fault.Error {
	return fault.New(fault.Throttled, "ResourceExhausted", "No instance of function '%s' became free in time.", name)
}

// take removes a free slot from the pool; nil if there is none.
func (p *pool) take() *instance {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	in := p.idle[n-1]
	if in.active == 0 {
		p.r.busy++
	}
	in.given = time.Now()
	if in.active++; in.active >= in.slots {
		p.idle = p.idle[:n-1]
	}
	return in
}

// note learns from a run that took d.
func (p *pool) note(d time.Duration) {
	if d <= 0 {
		return
	}
	if p.best == 0 || d < p.best {
		p.best = d
	} else {
		p.best += p.best/256 + 1
	}
	if p.runs < growKnown {
		p.runs++
		p.run = d
	} else {
		p.run += (d - p.run) / 8
	}
}

// passMax is the largest event that is passed on: it fits the socket's buffer, so that
// the instance's reader never waits for an instance that waits for its reader.
const passMax = 64 << 10

// pass gives the slot of a run that took d to the first waiter and sends its event, on
// behalf of both. False: there is none, or the slot is to be released in the usual way.
func (r *Runner) pass(in *instance, d time.Duration) bool {
	r.mu.Lock()
	p := in.pool
	if p == nil || len(p.waiters) == 0 || len(p.waiters[0].req.Event) > passMax ||
		in.lost || in.retired || p.gone || len(r.blocked) > 0 {
		r.mu.Unlock()
		return false
	}
	w := p.next()
	p.note(d)
	in.given = time.Now()
	r.mu.Unlock()

	a := assignment{in: in}
	if c, err := in.begin(w.req, nil); err == nil {
		c.start = Start{InstanceID: in.id, Queued: in.given.Sub(w.since)}
		in.announce(c)
		if in.send(c) == nil || in.end(c.id) == nil {
			a.sent = c
		}
	}
	w.ch <- a // what could not be sent, the waiter finds out for itself
	return true
}

// release gives back the slot of a run that took d.
func (r *Runner) release(in *instance, d time.Duration) {
	r.mu.Lock()
	p := in.pool
	p.note(d)
	full := in.active >= in.slots
	if in.active--; in.active == 0 {
		r.busy--
	}
	var stop bool
	switch {
	case in.lost:
	case in.retired:
		stop = in.active == 0
	case p.hand(in, assignment{}):
	case p.gone || len(r.blocked) > 0 && in.active == 0:
		in.retired = true
		p.drop(in)
		stop = in.active == 0
	case full || in.active == 0:
		p.park(in, full)
	}
	r.mu.Unlock()
	if stop {
		r.stop(in)
	}
}

// park puts an instance with a free slot where the next request looks first.
func (p *pool) park(in *instance, add bool) {
	if in.active == 0 {
		in.since = p.r.now()
		p.r.reaper.arm(in.since.Add(in.keep))
	}
	if add {
		p.idle = append(p.idle, in)
	}
}

// drop removes an instance from the free ones.
func (p *pool) drop(in *instance) {
	if i := slices.Index(p.idle, in); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
}

// hand gives a free slot of in to the first waiter; false if nobody waits.
func (p *pool) hand(in *instance, a assignment) bool {
	w := p.next()
	if w == nil {
		return false
	}
	if in.active == 0 {
		p.r.busy++
	}
	in.active++
	in.given = time.Now()
	a.in = in
	w.ch <- a
	return true
}

func (p *pool) next() *waiter {
	if len(p.waiters) == 0 {
		return nil
	}
	w := p.waiters[0]
	p.waiters[0] = nil
	p.waiters = p.waiters[1:]
	p.r.waiting--
	return w
}

// watch looks at the queue again while there is one.
func (p *pool) watch() {
	if len(p.waiters) == 0 {
		return
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(growHead, func() {
			p.r.mu.Lock()
			defer p.r.mu.Unlock()
			p.timer = nil
			if !p.r.closed {
				p.grow(time.Now())
				p.watch()
			}
		})
	}
}

var cpus = runtime.GOMAXPROCS(0)

// grow starts instances, if the growth rule wants some and the limits allow them.
func (p *pool) grow(now time.Time) {
	p.blocked = false
	delete(p.r.blocked, p)
	if len(p.waiters) == 0 {
		return
	}
	head := p.waiters[0]
	since, full := head.since, p.full
	if p.up.After(since) {
		since = p.up
	}
	if p.up.After(full) {
		full = p.up
	}
	l := load{
		queued: len(p.waiters), instances: len(p.all), starting: p.start, slots: slots(head.req.Function.Config, p.r.concurrent(head.req)),
		head: now.Sub(since), full: now.Sub(full), cpus: cpus,
	}
	if p.runs >= growKnown {
		l.run = p.run
		if p.run < growWait {
			// Short runs that share the processors take longer the more instances there
			// are; on the average alone, each start would ask for the next.
			l.run = min(p.best, p.run)
		}
	}
	if l.head >= growHead {
		for in := range p.all {
			if in.active > 0 && now.Sub(in.given) >= growHead {
				l.stuck++
			}
		}
	}
	for range l.grow() {
		if p.r.starting >= max(cpus, 2) && p.start > 0 {
			return // more at once would only make all of them slower; watch tries again
		}
		if !p.r.room(p, head.req.Function) {
			p.blocked = true
			p.r.blocked[p] = struct{}{}
			return
		}
		p.start++
		p.r.starting++
		p.r.total++
		p.r.perFunc[p.key.ID]++
		go p.r.startFor(p, head.req)
	}
}

// room reports whether one more instance may be started, making room by ending one that
// does nothing.
func (r *Runner) room(p *pool, fn *function.Resolved) bool {
	if fn.Reserved != nil && r.perFunc[p.key.ID] >= *fn.Reserved {
		if !r.endIdle(func(o *pool) bool { return o != p && o.key.ID == p.key.ID }) {
			return false
		}
	}
	if r.total < r.opt.MaxInstances {
		return true
	}
	return r.endSpare() || r.endIdle(func(o *pool) bool { return o != p })
}

// endIdle ends the instance that has been idle longest among the pools that match. It is
// no longer counted when this returns true.
func (r *Runner) endIdle(match func(*pool) bool) bool {
	var oldest *instance
	for _, o := range r.pools {
		if !match(o) {
			continue
		}
		for _, in := range o.idle {
			if in.active == 0 && (oldest == nil || in.since.Before(oldest.since)) {
				oldest = in
			}
		}
	}
	if oldest == nil {
		return false
	}
	oldest.retired = true
	oldest.pool.drop(oldest)
	r.forget(oldest)
	go r.stop(oldest)
	return true
}

// forget takes an instance out of all counts, once.
func (r *Runner) forget(in *instance) {
	if in.uncounted {
		return
	}
	in.uncounted = true
	r.total--
	if p := in.pool; p != nil {
		delete(p.all, in)
		p.drop(in)
		if r.perFunc[p.key.ID]--; r.perFunc[p.key.ID] == 0 {
			delete(r.perFunc, p.key.ID)
		}
		p.tidy()
	}
	r.unblock()
}

// tidy forgets a pool that holds nothing.
func (p *pool) tidy() {
	if len(p.all) == 0 && p.start == 0 && len(p.waiters) == 0 && p.r.pools[p.key] == p {
		delete(p.r.pools, p.key)
	}
}

// unblock lets pools grow that could not.
func (r *Runner) unblock() {
	if r.closed {
		return
	}
	now := time.Now()
	for p := range r.blocked {
		p.grow(now)
	}
}

// slots is how many requests an instance may run at once.
func slots(c *function.Config, concurrent bool) int {
	if !concurrent {
		return 1
	}
	return max(c.Concurrency, 1)
}
