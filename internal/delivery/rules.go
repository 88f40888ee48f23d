package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// FC's rules of retrying.
const (
	firstDelay = 500 * time.Millisecond // of a try that did not reach the function, doubling
	maxDelay   = 512 * time.Second
	giveUp     = 5 * time.Hour // after which such tries end
	firstRetry = time.Second   // of a run that the function failed, doubling (ours: FC names no figure)
	maxRetry   = time.Minute
)

// nearEnd is how long before its age limit a delivery waits for an instance no longer than
// to that limit. Others need no timer: a wait ends with the function's time-out.
const nearEnd = time.Hour

// EventBridge's.
const (
	backoffRetries = 3
	backoffLeast   = 10 * time.Second
	backoffMost    = 20 * time.Second
	decayRetries   = 176
	decayFirst     = time.Second // doubling
	decayMost      = 512 * time.Second
	bridgeMaxAge   = 24 * time.Hour
)

func backoff(first, most time.Duration, n int) time.Duration {
	d := first
	for ; n > 0 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

// verdict is what becomes of a delivery's row after an attempt: by default it goes.
type verdict struct {
	it    *item
	keep  bool      // leave it: the server stops
	dead  *Dead     // give it up
	again *Delivery // run it again
	after time.Duration

	stopped bool         // by StopDelivery: it goes, and did not succeed
	waiting bool         // with stopped: it did not run
	invalid bool         // with dead: the function is gone
	refused *fault.Error // the try did not reach the function, though another one may
	reached bool         // it did

	cfg *function.AsyncConfig // that the attempt was made under; nil if there was none to find
	rec *run.Record           // of the attempt; nil if it did not reach the function

	gone  bool   // found by write: the row is not there any more, somebody else has ended it
	moved string // with again, filled by write: the row's new key
}

// state is what a verdict makes of a delivery: Retrying, or the state it ends in.
func (v *verdict) state() string {
	switch {
	case v.stopped:
		return Stopped
	case v.again != nil:
		return Retrying
	case v.dead == nil:
		return Succeeded
	case v.invalid:
		return Invalid
	case v.dead.Reason == ReasonExpired:
		return Expired
	}
	return Failed
}

// attempts tells how many runs of the delivery were begun, this one included. (EventBridge
// counts those that were refused, too.)
func (v *verdict) attempts() int {
	if v.reached {
		return v.it.Attempt + 1
	}
	return v.it.Attempt
}

// run makes one attempt and says what becomes of the row. started, which may be nil, is
// called when the function has the event.
func (q *Queue) run(ctx context.Context, it *item, started func()) verdict {
	if it.Kind == run.Destination && !isFunction(it.Target) {
		return q.runDestination(ctx, it)
	}
	if stop, err := q.taskStopped(ctx, it); err != nil {
		return q.undelivered(it, nil, err)
	} else if stop {
		return verdict{it: it, stopped: true}
	}
	cfg, err := q.o.Settings.AsyncConfigFor(ctx, it.Function, it.Qualifier)
	if err != nil {
		return q.undelivered(it, nil, err)
	}
	age, most := q.o.Now().Sub(it.Enqueued), maxAge(it, cfg)
	if age > most && !it.blocks() {
		by := "maxAsyncEventAgeInSeconds"
		if it.Retry != nil {
			by = "MaximumEventAgeInSeconds"
		}
		return verdict{it: it, cfg: cfg, dead: given(ReasonExpired, reason.New(reason.TooOld,
			reason.Args{"seconds": int(age.Round(time.Second) / time.Second), "setting": by, "limit": int(most / time.Second)},
			"The event waited %v, longer than %s (%d) allows.", age.Round(time.Second), by, int(most/time.Second)))}
	}
	if stopped, err := q.taskStopped(ctx, it); err != nil {
		return q.undelivered(it, cfg, err)
	} else if stopped {
		return verdict{it: it, cfg: cfg, stopped: true}
	}
	payload, err := q.payload(ctx, it)
	if err != nil {
		return q.undelivered(it, cfg, err)
	}
	c := run.Call{
		Function: it.Function, Qualifier: it.Qualifier, Event: payload, RequestID: it.RequestID, Attempt: it.Attempt,
		Kind: it.Kind, Trigger: it.Trigger, Bucket: it.Bucket, Key: it.Key, Mark: it.Mark, EventID: it.eventID(),
		Stop: ctx.Done(),
	}
	if started != nil {
		c.OnStart = func(runner.Start) { started() }
	}
	c.Lineage = it.lineage(c.EventID)
	if left := most - age; left < nearEnd && !it.blocks() {
		// It may grow too old while it waits for an instance.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, left+time.Millisecond)
		defer cancel()
	}
	res, rec, err := q.o.Invoker.Invoke(ctx, c)
	if err != nil {
		v := q.undelivered(it, cfg, err)
		v.rec = rec
		return v
	}
	v := verdict{it: it, cfg: cfg, rec: rec, reached: true}
	if res.ErrorType == "" {
		return v
	}
	next := it.Delivery
	next.Attempt, next.Delays, next.Refused = it.Attempt+1, 0, time.Time{}
	q.repeat(&v, &next, given(ReasonRetries, reason.New(reason.AttemptsFailed, reason.Args{"fault": res.ErrorType, "n": it.Attempt + 1}, "%s in attempt %d.", res.ErrorType, it.Attempt+1)))
	return v
}

// lineage is that of the run that a delivery owes.
func (d *Delivery) lineage(eventID string) *lineage.Lineage {
	if d.Kind == run.Trigger {
		return lineage.Next(d.Cause, d.RequestID, d.Function, d.Trigger, eventID)
	}
	return run.Direct(d.Cause, d.RequestID, d.Function)
}

func maxAge(it *item, cfg *function.AsyncConfig) time.Duration {
	switch {
	case it.Retry == nil:
		return cfg.MaxAge()
	case it.Retry.MaxAge > 0:
		return it.Retry.MaxAge
	}
	return bridgeMaxAge
}

// blocks reports whether a delivery is tried until it succeeds.
func (d *Delivery) blocks() bool { return d.Retry != nil && d.Retry.Block }

// repeat decides whether a failed attempt is followed by another: next, or else end.
func (q *Queue) repeat(v *verdict, next *Delivery, end *Dead) {
	it := v.it
	if it.Retry == nil {
		if v.cfg == nil || it.Attempt >= v.cfg.MaxRetries() {
			v.dead = end
			return
		}
		v.again, v.after = next, q.inTime(it, v.cfg, backoff(firstRetry, maxRetry, it.Attempt))
		return
	}
	most, gap, longest := backoffRetries, backoffLeast+rand.N(backoffMost-backoffLeast), backoffMost
	if it.Retry.Strategy == trigger.ExponentialDecay {
		most, gap, longest = decayRetries, backoff(decayFirst, decayMost, it.Attempt), decayMost
	}
	if n := it.Retry.MaxAttempts; n > 0 {
		most = min(most, n)
	}
	late := q.o.Now().Add(gap).Sub(it.Enqueued) > maxAge(it, v.cfg)
	switch {
	case it.Attempt < most && !late:
		v.again, v.after = next, gap
	case it.Retry.Block:
		v.again, v.after = next, longest
	default:
		v.dead = end
	}
}

// inTime shortens a wait that would go on past the age at which a delivery expires, to that
// moment: it is then given up without delay.
func (q *Queue) inTime(it *item, cfg *function.AsyncConfig, after time.Duration) time.Duration {
	if cfg == nil {
		return after
	}
	left := it.Enqueued.Add(maxAge(it, cfg)).Sub(q.o.Now())
	return max(min(after, left+2*time.Millisecond), 0)
}

// undelivered judges a try that did not reach the function.
func (q *Queue) undelivered(it *item, cfg *function.AsyncConfig, err error) verdict {
	if q.ctx.Err() != nil || errors.Is(err, kv.ErrClosed) {
		return verdict{it: it, keep: true, cfg: cfg}
	}
	f := fault.As(err)
	v := verdict{it: it, cfg: cfg}
	switch {
	case f.Reason == run.Recursive:
		// The chain is told whole, for it is all that explains this.
		v.dead = &Dead{Reason: run.Recursive, Message: f.Message, Lineage: it.lineage(it.eventID())}
		if depth, limit := f.Params["depth"], f.Params["limit"]; depth != "" {
			v.dead.Why = reason.New(reason.ChainTooLong, reason.Args{"function": it.Function, "depth": depth, "limit": limit}, "%s", f.Message)
		}
		return v
	case f.Kind == fault.Throttled, f.Kind == fault.Unavailable, f.Kind == fault.Internal, f.Kind == fault.Conflict, f.Kind == fault.Denied:
	default: // the function or its version is gone, or cannot be run as it is
		v.dead, v.invalid = &Dead{Reason: string(f.Reason), Message: f.Message}, f.Kind == fault.NotFound
		return v
	}
	v.refused = f
	now := q.o.Now()
	next := it.Delivery
	if next.Refused.IsZero() {
		next.Refused = now
	}
	if it.Retry != nil { // EventBridge does not tell failures apart
		next.Attempt++
		q.repeat(&v, &next, &Dead{Reason: string(f.Reason), Message: f.Message})
	} else if now.Sub(next.Refused) > giveUp {
		v.dead = given(string(f.Reason), reason.New(reason.GivenUp, reason.Args{"seconds": int(giveUp / time.Second), "fault": string(f.Reason), "message": f.Message}, "Given up after %v: %s", giveUp, f.Message))
	} else {
		next.Delays++
		v.again, v.after = &next, q.inTime(it, cfg, backoff(firstDelay, maxDelay, it.Delays))
	}
	q.o.Logger.Debug("a delivery did not reach its function", "function", it.Function, "request", it.RequestID, "reason", f.Reason, "after", v.after, "error", f.Err)
	return v
}

// full reports whether a refusal tells that the function takes no more now, rather than
// that something is wrong.
func full(f *fault.Error) bool {
	return f.Kind == fault.Throttled || f.Kind == fault.Unavailable || f.Reason == "FunctionDisabled"
}

func (q *Queue) stopping(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, kv.ErrClosed)
}
