package runner

import (
	"context"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Invoke runs a function once.
//
// It waits for an instance until ctx is done, or for as long as the function's own
// time-out; then it fails with ResourceExhausted (Throttled). Once an instance has the
// event, ctx no longer matters: the run goes on to its end, its time-out or the request's
// Stop, and Invoke returns what came of it, even if the client went away.
func (r *Runner) Invoke(ctx context.Context, req *Request) (*Result, error) {
	fn := req.Function
	switch {
	case len(req.Event) > MaxPayload:
		return nil, fault.New(fault.TooLarge, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes)", MaxPayload)
	case fn.Disabled != "":
		return nil, fault.New(fault.Denied, "FunctionDisabled", "Function '%s' is disabled: %s.", fn.Name, fn.Disabled)
	case fn.Reserved != nil && *fn.Reserved <= 0:
		return nil, fault.New(fault.Throttled, "ResourceExhausted", "The reserved concurrency of function '%s' is 0, so it cannot run.", fn.Name).
			WithHint("Raise or delete its concurrency configuration.")
	}
	began := time.Now()
	for try := 0; ; try++ {
		a, err := r.acquire(ctx, req)
		if err != nil {
			return nil, err
		}
		res, err := r.run(req, &a, time.Since(began))
		if err == nil {
			r.invoked.Add(1)
			return res, nil
		}
		if fault.Is(err, RunStopped) {
			return nil, err
		}
		// The instance had died idle: the function has not seen this request.
		if try == 3 {
			return nil, fault.New(fault.Internal, "InternalServerError", "The instances of function '%s' keep ending before they get a request.", fn.Name).
				WithHint("Retry; look whether the function ends its own process after it has answered.").Because(err)
		}
	}
}

// run gives the event to an assigned instance and waits for what comes of it. Except for
// RunStopped, it fails only if the instance cannot have seen the event.
func (r *Runner) run(req *Request, a *assignment, waited time.Duration) (*Result, error) {
	start := Start{Cold: a.cold, Init: a.init, Queued: max(waited-a.init, 0)}
	if a.fail != nil { // its code did not load
		if a.in != nil {
			start.InstanceID = a.in.id
		}
		if req.OnStart != nil {
			req.OnStart(start)
		}
		c := &call{req: req}
		if a.log != nil {
			c.log = *a.log
		}
		c.output([]byte("FC Invoke Start RequestId: " + req.RequestID + "\n"))
		return r.result(req, c, start, *a.fail, a.in), nil
	}
	in := a.in
	r.meter.wake()
	c := a.sent
	if c == nil {
		var err error
		if c, err = in.begin(req, a.log); err != nil {
			r.release(in, 0)
			return nil, err
		}
		start.InstanceID = in.id
		c.start = start
		in.announce(c)
	}
	limit := time.NewTimer(time.Duration(max(req.Function.Config.Timeout, 1)) * time.Second)
	defer limit.Stop()
	if a.sent == nil {
		if err := in.send(c); err != nil {
			if in.end(c.id) != nil {
				in.die(exited)
				r.release(in, 0)
				return nil, err
			}
		}
	}
	var o outcome
	var halted error
	select {
	case o = <-c.done:
	case <-req.Stop:
		in.drain()
		if in.end(c.id) == nil {
			o = <-c.done // it ended at the same moment
			break
		}
		halted = fault.New(fault.Unavailable, RunStopped, "The run was stopped.").Because(context.Canceled)
		o = outcome{payload: errorJSON("The run was stopped."), errorType: ErrorUnhandled, platform: true, discard: true, took: time.Since(c.at)}
	case <-limit.C:
		in.drain()
		if in.end(c.id) == nil {
			o = <-c.done // it ended at the same moment
			break
		}
		in.glance(true)
		o = outcome{payload: errorJSON(timeoutText(req.Function.Config.Timeout, in.peak.Load())), errorType: ErrorUnhandled,
			platform: true, discard: true, took: time.Since(c.at)}
	}
	if o.discard {
		r.retire(in)
	} else {
		in.glance(o.took > 5*time.Millisecond)
	}
	res := r.result(req, c, c.start, o, in)
	if !o.passed {
		r.release(in, o.took)
	}
	if halted != nil {
		return nil, halted
	}
	return res, nil
}

// announce tells that a call is about to be sent.
func (in *instance) announce(c *call) {
	if c.req.OnStart != nil {
		c.req.OnStart(c.start)
	}
	in.mu.Lock()
	c.output(startLine(c.req.RequestID))
	in.mu.Unlock()
}

func startLine(id string) []byte {
	const s = "FC Invoke Start RequestId: "
	b := make([]byte, 0, len(s)+len(id)+1)
	return append(append(append(b, s...), id...), '\n')
}

func (r *Runner) result(req *Request, c *call, start Start, o outcome, in *instance) *Result {
	end := make([]byte, 0, 128)
	if n := len(c.log.b); n > 0 && c.log.b[n-1] != '\n' {
		end = append(end, '\n')
	}
	end = append(end, "FC Invoke End RequestId: "...)
	end = append(end, req.RequestID...)
	if o.errorType != "" {
		end = append(end, ", Error: "...)
		if o.platform {
			end = append(end, errorText(o.payload)...)
		} else {
			end = append(end, "Unhandled function error"...)
			if o.errorType == ErrorHandled {
				end = append(end[:len(end)-len("Unhandled function error")], "Handled function error"...)
			}
		}
	}
	c.output(append(end, '\n'))
	res := &Result{Start: start, Payload: o.payload, ErrorType: o.errorType, Duration: o.took}
	if in != nil {
		res.MemoryMB = int((in.peak.Load() + 1<<20 - 1) >> 20)
	}
	res.Log, res.LogCut = c.log.bytes()
	return res
}

// retire makes sure that an instance gets no further call; it ends when the calls that
// run in it have ended, at once if there is none.
func (r *Runner) retire(in *instance) {
	r.mu.Lock()
	in.retired = true
	if in.pool != nil {
		in.pool.drop(in)
	}
	last := in.active <= 1
	if last {
		r.forget(in) // so that its successor may start
	}
	r.mu.Unlock()
	if last {
		in.kill(timedOut)
	}
}

// kill ends an instance from outside, for the given reason. One that is still booting
// belongs to boot, which sees that its process is gone and cleans up.
func (in *instance) kill(why reason) {
	in.mu.Lock()
	if in.why == alive {
		in.why = why
	}
	booting := in.booting
	in.mu.Unlock()
	if booting {
		in.proc.Kill()
		return
	}
	in.die(why)
}
