package console

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// Dead letters belong to their function: to see one takes fc:GetFunction on it, to run it
// again fc:InvokeFunction, as if it were invoked, and to delete it fc:StopAsyncTask, which
// is how FC gives up what is still to be run. What is not named one by one is asked for
// all functions ("*"), unless the filter names one.

func (h *handler) deadOperations() map[string]operation {
	return map[string]operation{
		"GET /api/dead":          h.listDead,
		"GET /api/dead/{id}":     h.getDead,
		"POST /api/dead/redrive": h.redriveDead,
		"POST /api/dead/delete":  h.deleteDead,
	}
}

// DeadLetter is a delivery that was given up.
type DeadLetter struct {
	ID        string           `json:"id"`
	Time      time.Time        `json:"time"`
	Reason    string           `json:"reason"`
	Message   string           `json:"message,omitempty"`
	Why       *reason.Why      `json:"why,omitempty"` // what Message says, if it is known
	RequestID string           `json:"requestId"`
	Function  string           `json:"function"`
	Qualifier string           `json:"qualifier,omitempty"`
	Kind      string           `json:"kind"`
	Trigger   string           `json:"trigger,omitempty"`
	EventID   string           `json:"eventId,omitempty"`
	Bucket    string           `json:"bucket,omitempty"`
	Key       string           `json:"key,omitempty"`
	Target    string           `json:"target,omitempty"`
	Mark      string           `json:"mark,omitempty"`
	Job       string           `json:"job,omitempty"`
	Enqueued  time.Time        `json:"enqueued"`
	Attempt   int              `json:"retries"`
	Lineage   *lineage.Lineage `json:"lineage,omitempty"`

	// Of one that is shown alone.
	Event    json.RawMessage `json:"event,omitempty"` // what the function would get; a text if it is no JSON
	Attempts []Attempt       `json:"attempts,omitempty"`
	Chain    []Link          `json:"chain,omitempty"`
}

func deadOut(d *delivery.Dead) DeadLetter {
	x := &d.Delivery
	out := DeadLetter{
		ID: d.ID, Time: d.Time.UTC().Round(time.Millisecond), Reason: d.Reason, Message: d.Message, Why: d.Why, RequestID: x.RequestID, Function: x.Function, Qualifier: x.Qualifier,
		Kind: x.Kind, Trigger: x.Trigger, EventID: d.EventID(), Bucket: x.Bucket, Key: x.Key, Target: x.Target, Mark: x.Mark, Job: x.Job,
		Enqueued: x.Enqueued.UTC().Round(time.Millisecond), Attempt: x.Attempt, Lineage: d.Lineage,
	}
	if out.Lineage == nil {
		out.Lineage = x.Cause
	}
	return out
}

// DeadFilter chooses dead letters; empty fields choose all. Limit is of one call.
type DeadFilter struct {
	Function string    `json:"function,omitempty"`
	Trigger  string    `json:"trigger,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Bucket   string    `json:"bucket,omitempty"`
	Prefix   string    `json:"prefix,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

func (f *DeadFilter) query() delivery.DeadQuery {
	return delivery.DeadQuery{Function: f.Function, Trigger: f.Trigger, Reason: f.Reason, Bucket: f.Bucket, Prefix: f.Prefix, Since: f.Since, Until: f.Until}
}

// DeadPage is a page of dead letters, the latest first. Next, if there is one, continues.
type DeadPage struct {
	Dead []DeadLetter `json:"dead"`
	Next string       `json:"next,omitempty"`
}

// anyOr stands for any function where a filter names none.
func anyOr(function string) string {
	if function == "" {
		return "*"
	}
	return function
}

func (h *handler) listDead(r *request) (any, error) {
	if err := h.may(r, "fc:GetFunction", anyOr(r.param("function"))); err != nil {
		return nil, err
	}
	f := DeadFilter{Function: r.param("function"), Trigger: r.param("trigger"), Reason: r.param("reason"), Bucket: r.param("bucket"), Prefix: r.param("prefix")}
	var err error
	if f.Since, f.Until, err = r.span(); err != nil {
		return nil, err
	}
	q := f.query()
	if q.Limit, err = r.limit(); err != nil {
		return nil, err
	}
	q.After = r.param("after")
	list, next, err := h.Queue.ListDead(r.Context(), q)
	if err != nil {
		return nil, err
	}
	page := DeadPage{Dead: []DeadLetter{}, Next: next}
	for _, d := range list {
		page.Dead = append(page.Dead, deadOut(d))
	}
	return page, nil
}

func (h *handler) getDead(r *request) (any, error) {
	d, err := h.Queue.GetDead(r.Context(), r.PathValue("id"))
	if err != nil {
		// Whether there is one is told to who may see them all.
		if may := h.may(r, "fc:GetFunction", "*"); may != nil {
			return nil, may
		}
		return nil, err
	}
	if err := h.may(r, "fc:GetFunction", d.Delivery.Function); err != nil {
		return nil, err
	}
	out := deadOut(d)
	payload := d.Delivery.Payload
	switch {
	case len(payload) == 0:
	case json.Valid(payload):
		out.Event = payload
	default:
		if !utf8.Valid(payload) {
			payload = []byte("(not text)")
		}
		if out.Event, err = json.Marshal(string(payload)); err != nil {
			return nil, err
		}
	}
	runs, err := h.History.Attempts(r.Context(), d.Delivery.RequestID)
	if err != nil {
		return nil, err
	}
	out.Attempts = attempts(runs)
	out.Chain, err = h.chain(r.Context(), d)
	return out, err
}

// DeadOrder says which dead letters to redrive or to delete: Ids, or a Filter, of which a
// call takes Batch (1 to 1000, default 500) at the most. An empty filter chooses all; it
// must be there, so that forgetting the ids deletes nothing. Before is what an earlier
// answer said: what came since is left alone.
type DeadOrder struct {
	IDs    []string    `json:"ids,omitempty"`
	Filter *DeadFilter `json:"filter,omitempty"`
	Batch  int         `json:"batch,omitempty"`
	After  string      `json:"after,omitempty"`
	Before time.Time   `json:"before,omitzero"`
}

// DeadResult tells how many were redriven or deleted. If More is set, the same order with
// After and Before of the answer continues.
type DeadResult struct {
	Count  int       `json:"count"`
	More   bool      `json:"more"`
	After  string    `json:"after,omitempty"`
	Before time.Time `json:"before,omitzero"`
}

const (
	maxDeadBatch = 1000
	deadBatch    = 500
)

func (h *handler) redriveDead(r *request) (any, error) {
	return h.eachDead(r, "fc:InvokeFunction", func(r *request, ids []string) (int, error) { return h.Queue.Redrive(r.Context(), ids...) })
}

func (h *handler) deleteDead(r *request) (any, error) {
	return h.eachDead(r, "fc:StopAsyncTask", func(r *request, ids []string) (int, error) { return h.Queue.DeleteDead(r.Context(), ids...) })
}

func (h *handler) eachDead(r *request, action string, do func(r *request, ids []string) (int, error)) (any, error) {
	var in DeadOrder
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case (len(in.IDs) == 0) == (in.Filter == nil):
		if err := h.may(r, action, "*"); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The request names neither ids nor a filter, or both.").WithHint("An empty filter, {}, chooses all.")
	case len(in.IDs) > maxDeadBatch || in.Batch < 0 || in.Batch > maxDeadBatch:
		if err := h.may(r, action, "*"); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.Invalid, "InvalidArgument", "One request takes at most %d dead letters.", maxDeadBatch)
	case in.Filter != nil:
		return h.someDead(r, &in, action, do)
	}
	asked := map[string]bool{}
	for _, id := range in.IDs {
		d, err := h.Queue.GetDead(r.Context(), id)
		if err != nil {
			if may := h.may(r, action, "*"); may != nil {
				return nil, may
			}
			return nil, err
		}
		if name := d.Delivery.Function; !asked[name] {
			if err := h.may(r, action, name); err != nil {
				return nil, err
			}
			asked[name] = true
		}
	}
	n, err := do(r, in.IDs)
	return DeadResult{Count: n}, err
}

// someDead does what one call of a bulk order does.
func (h *handler) someDead(r *request, in *DeadOrder, action string, do func(r *request, ids []string) (int, error)) (any, error) {
	if err := h.may(r, action, anyOr(in.Filter.Function)); err != nil {
		return nil, err
	}
	q := in.Filter.query()
	q.After = in.After
	if q.Limit = in.Batch; q.Limit == 0 {
		q.Limit = deadBatch
	}
	if in.Before.IsZero() {
		in.Before = time.Now().UTC().Add(time.Millisecond)
	}
	if q.Until.IsZero() || q.Until.After(in.Before) {
		q.Until = in.Before
	}
	list, next, err := h.Queue.ListDead(r.Context(), q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	n, err := do(r, ids)
	return DeadResult{Count: n, More: next != "", After: next, Before: in.Before}, err
}
