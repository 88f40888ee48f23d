package runner

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Spare instances: a runtime that is already sandboxed and running, with no code. A
// start of Node.js then takes as long as loading the function's own code.
//
// There is one per interpreter that some function uses. It is made anew after it was
// used, once no other start is under way, with little processor time while others want
// it, and given up when no function of its language ran for a while.

const (
	spareKeep  = 10 * time.Minute // without any start or Warm
	spareLimit = 10 * time.Second // for giving code to a spare
	spareRetry = time.Minute      // after a spare could not be started
)

// spare is guarded by Runner.mu.
type spare struct {
	rt       Runtime
	ready    *instance
	starting bool
	used     time.Time
	failed   time.Time
}

// Warm says that functions of a runtime will be wanted: a spare instance is started
// ahead for it. The error is that of [Runner.CheckRuntime].
func (r *Runner) Warm(runtime string) error {
	rt, err := r.host.Check(runtime)
	if err != nil {
		return err
	}
	r.want(rt)
	r.refill()
	return nil
}

// want notes that a runtime is in use.
func (r *Runner) want(rt Runtime) {
	if r.opt.NoSpares || r.opt.CodeRoot == "" || !r.driver.Isolated() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spares[rt.Path]
	if s == nil {
		s = &spare{rt: rt}
		r.spares[rt.Path] = s
	}
	s.used = r.now()
	r.reaper.arm(s.used.Add(spareKeep))
}

// refill starts the spares that are missing, unless functions start now.
func (r *Runner) refill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.starting > 0 {
		return
	}
	for _, s := range r.spares {
		// The last place is for an instance with work to do.
		if s.ready != nil || s.starting || r.total+1 >= r.opt.MaxInstances || r.now().Sub(s.failed) < spareRetry {
			continue
		}
		s.starting = true
		r.total++
		go r.makeSpare(s)
	}
}

func (r *Runner) makeSpare(s *spare) {
	in, err := r.boot(s.rt, "", defaultDisk, nil)
	r.mu.Lock()
	s.starting = false
	stop := false
	switch {
	case err == nil && !in.lost && !r.closed && r.spares[s.rt.Path] == s:
		s.ready, in.uncounted = in, false
	default:
		stop = err == nil
		if r.closed {
			err = nil // we ended it ourselves
		}
		s.failed = r.now()
		r.total--
		r.unblock()
	}
	r.mu.Unlock()
	if err != nil {
		r.log.Warn("a spare instance could not be started", "runtime", s.rt.Path, "err", err)
	}
	if stop {
		in.kill(stopped)
	}
}

// takeSpare returns the spare for a runtime, or nil.
func (r *Runner) takeSpare(rt Runtime) *instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spares[rt.Path]
	if s == nil || s.ready == nil {
		return nil
	}
	in := s.ready
	s.ready = nil
	if in.lost {
		return nil // forgotten already
	}
	in.uncounted = true // the pool counted its place when it asked for an instance
	r.total--
	return in
}

// endSpare gives up a spare to make room. r.mu is held.
func (r *Runner) endSpare() bool {
	for _, s := range r.spares {
		if in := s.ready; in != nil {
			s.ready = nil
			r.forget(in)
			go in.kill(stopped)
			return true
		}
	}
	return false
}

// reapSpares ends those that nobody wanted for long; it returns when to look again.
func (r *Runner) reapSpares(now time.Time) (next time.Time) {
	for k, s := range r.spares {
		due := s.used.Add(spareKeep)
		if due.After(now) {
			if next.IsZero() || due.Before(next) {
				next = due
			}
			continue
		}
		delete(r.spares, k)
		if s.ready != nil {
			r.forget(s.ready)
			go s.ready.kill(stopped)
		}
	}
	return next
}

// newInstance makes an instance for a request: from a spare where that is possible, else
// from nothing. With a failure of the function the instance is returned too, for its id
// and its log.
func (r *Runner) newInstance(req *Request) (*instance, *outcome, error) {
	c := req.Function.Config
	rt, err := r.host.Check(c.Runtime)
	if err != nil {
		return nil, nil, err
	}
	code, err := r.opt.CodeDir(req.Function)
	if err == nil {
		code, err = filepath.Abs(code)
	}
	if err != nil {
		return nil, nil, err
	}
	r.want(rt)
	inside := code
	if r.driver.Isolated() {
		inside = "/code"
	}
	var in *instance
	if !rt.Family.ColdOnly(c.Env) && strings.HasPrefix(code, r.opt.CodeRoot+"/") {
		in = r.takeSpare(rt)
	}
	if in != nil {
		if err := in.proc.Give(r.opt.CodeRoot, code, disk(c), spareLimit); err != nil {
			r.log.Warn("a spare instance could not be used", "instance", in.id, "err", err)
			in.kill(stopped)
			in = nil
		} else {
			r.spared.Add(1)
		}
	}
	if in == nil {
		var env []string
		for k, v := range c.Env {
			env = append(env, k+"="+v)
		}
		if in, err = r.boot(rt, code, disk(c), env); err != nil {
			return nil, nil, err
		}
	}
	fail, err := in.loadCode(req, inside)
	if err != nil {
		in.kill(stopped)
		return nil, nil, fault.New(fault.Internal, "InternalServerError", "An instance of function '%s' could not be prepared.", req.Function.Name).Because(err)
	}
	return in, fail, nil
}
