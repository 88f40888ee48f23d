package delivery

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// handed counts results that were handed on, since the start.
type handed struct{ succeeded, errors atomic.Int64 }

// Destinations tells how many results reached their destination, and how many never will,
// since the start (FC's FunctionDestinationSucceeded and FunctionDestinationErrors). A
// result for a function has reached it when its delivery is enqueued.
func (q *Queue) Destinations() (succeeded, errors int64) {
	return q.handed.succeeded.Load(), q.handed.errors.Load()
}

// onItsWay reports whether a delivery is a result that is sent, not a function's run.
func (d *Delivery) onItsWay() bool { return d.Kind == run.Destination && !isFunction(d.Target) }

// destinationOf finds where a result goes; empty: nowhere.
func (q *Queue) destinationOf(tx kv.Txn, v *verdict) (string, error) {
	it := v.it
	switch {
	case v.keep || v.again != nil || v.stopped:
		return "", nil // no result, or nobody waits for it
	case it.onItsWay():
		return "", nil // it was one
	case v.dead != nil && v.dead.Reason == run.Recursive:
		// What cannot run any more must not set off anything either: the destination might
		// be what closes the loop.
		return "", nil
	case it.Retry != nil: // EventBridge has its own dead letter queue, and no other destination
		if v.dead != nil {
			return it.Retry.DeadLetter, nil
		}
		return "", nil
	}
	// Where the attempt found no settings there may be some all the same: those of a
	// deleted version stay. Those of a deleted function are gone with it.
	cfg := v.cfg
	if cfg == nil {
		var err error
		if cfg, err = q.o.Settings.AsyncConfigIn(tx, it.Function, it.Qualifier); err != nil {
			return "", err
		}
	}
	if v.dead != nil {
		return cfg.OnFailure, nil
	}
	return cfg.OnSuccess, nil
}

// handOn enqueues the delivery that a result owes to its destination, in the transaction
// that ends the one it is the result of, and before that one's rows are removed.
func (q *Queue) handOn(tx kv.Txn, v *verdict, now time.Time) error {
	to := q.o.Destinations
	if to == nil {
		return nil
	}
	arn, err := q.destinationOf(tx, v)
	if err != nil || arn == "" {
		return err
	}
	it := v.it
	target, err := to.Parse(arn)
	if err != nil { // it was checked when it was set; this server may have another region now
		q.o.Logger.Error("a result cannot be handed on", "function", it.Function, "request", it.RequestID, "error", err)
		tx.OnCommit(func(uint64) { q.handed.errors.Add(1) })
		return nil
	}
	request, err := payloadIn(tx, it)
	if err != nil {
		return err
	}
	r := destination.Result{
		Time: now, RequestID: it.RequestID, FunctionARN: to.FunctionARN(it.Function, it.Qualifier),
		Count: v.attempts(), StatusCode: http.StatusOK, Request: request,
	}
	if v.rec != nil {
		r.Condition, r.Response = v.rec.ErrorType, v.rec.Payload
	}
	if v.dead != nil && r.Condition == "" {
		r.Condition, r.StatusCode = v.dead.Reason, statusOf(v)
		r.Response, _ = json.Marshal(struct {
			Message string `json:"errorMessage"`
			Type    string `json:"errorType"`
		}{v.dead.Message, v.dead.Reason})
	}
	cause := it.lineage(it.eventID())
	if v.rec != nil && v.rec.Lineage != nil {
		cause = v.rec.Lineage
	}
	d := &Delivery{
		RequestID: run.NewRequestID(now), Function: it.Function, Qualifier: it.Qualifier, Kind: run.Destination, Target: arn,
		Payload: destination.AppendPayload(nil, &r, MaxPayload), Enqueued: now.UTC(), Cause: cause, TaskID: it.TaskID,
	}
	if target.Kind == destination.Function {
		d.Function, d.Qualifier, d.TaskID = target.Function, target.Qualifier, ""
		tx.OnCommit(func(uint64) { q.handed.succeeded.Add(1) })
		if d.Qualifier == "" {
			d.Qualifier = "LATEST"
		}
	}
	return q.enqueue(tx, d, appendU64(nil, maphash.String(q.seed, d.RequestID)))
}

// statusOf is what a synchronous call would have been answered with that could not run.
func statusOf(v *verdict) int {
	switch {
	case v.invalid:
		return http.StatusNotFound
	case v.dead.Reason == ReasonExpired:
		return http.StatusRequestTimeout
	case v.refused == nil:
		return http.StatusInternalServerError
	}
	switch v.refused.Kind {
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Denied:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// runDestination makes one attempt to hand a result to something that is not a function.
// Failures that another try may mend are retried as system errors are: with growing
// delays, for five hours.
func (q *Queue) runDestination(ctx context.Context, it *item) verdict {
	err := q.send(ctx, it)
	if err == nil {
		q.handed.succeeded.Add(1)
		return verdict{it: it}
	}
	if q.stopping(err) {
		return verdict{it: it, keep: true}
	}
	f := fault.As(err)
	again := false
	switch f.Kind {
	case fault.Throttled, fault.Unavailable, fault.Internal, fault.Conflict, fault.Denied:
		again = true
	}
	next := it.Delivery
	if next.Refused.IsZero() {
		next.Refused = q.o.Now()
	}
	if !again || q.o.Now().Sub(next.Refused) > giveUp {
		q.handed.errors.Add(1)
		message := f.Message
		if again {
			message = "Given up after " + giveUp.String() + ": " + message
		}
		return verdict{it: it, dead: &Dead{Reason: ReasonDestination, Message: message}}
	}
	next.Delays++
	after := backoff(firstDelay, maxDelay, it.Delays)
	q.o.Logger.Warn("a result did not reach its destination; it will be tried again", "function", it.Function, "request", it.Cause.Run, "reason", f.Message, "after", after, "error", f.Err)
	return verdict{it: it, again: &next, after: after}
}

// ReasonDestination is that of dead letters that are results which their destination did
// not take.
const ReasonDestination = "DestinationDeliveryFailed"

func (q *Queue) send(ctx context.Context, it *item) error {
	to := q.o.Destinations
	if to == nil {
		return fault.New(fault.Unavailable, ReasonDestination, "Results are not handed on by this server.")
	}
	target, err := to.Parse(it.Target)
	if err != nil {
		return err
	}
	body, err := q.payload(ctx, it)
	if err != nil {
		return err
	}
	var result struct {
		Context struct {
			Condition string `json:"condition"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return err
	}
	m := destination.Message{
		Function: it.Function, Qualifier: it.Qualifier, Condition: result.Context.Condition, Body: body, Lineage: it.Cause,
	}
	if it.Cause != nil {
		m.RequestID = it.Cause.Run
	}
	return to.Send(ctx, &target, &m)
}
