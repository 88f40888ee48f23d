package console

import (
	"slices"
	"strconv"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

func (h *handler) eventOperations() map[string]operation {
	return map[string]operation{
		"GET /api/events":      h.events,
		"GET /api/events/{id}": h.event,
		"GET /api/trace":       h.trace,
	}
}

// Event is an event and the runs that it owes. HiddenRuns counts those of functions that
// the caller may not see.
type Event struct {
	history.Info
	Owed       []*history.Owed `json:"owed"`
	HiddenRuns int             `json:"hiddenRuns,omitempty"`
}

// Events is a page of events. If More is set, after=Next continues, even if there are none
// on this page. Head is where the latest event of all stands.
type Events struct {
	Events []Event `json:"events"`
	Next   string  `json:"next,omitempty"`
	More   bool    `json:"more"`
	Head   string  `json:"head,omitempty"`
}

// EventDetail is an event with all that is known of it. Triggers are judged as they are
// configured now, which need not be how they were.
type EventDetail struct {
	Event
	Triggers []Match        `json:"triggersNow"`
	Unjudged bool           `json:"unjudged,omitempty"` // the caller may not see triggers (fc:ListTriggers)
	Written  []history.Info `json:"written"`            // events that its runs caused, a hundred of each at most
}

// mayEvents checks whether the caller may see the events of a bucket whose keys begin with
// prefix: who may list the objects may see what became of them.
func (h *handler) mayEvents(r *request, bucket, prefix string) error {
	c := h.conditions(r)
	c.List, c.Prefix = true, prefix
	return h.Identity.Authorize(r.who, "oss:ListObjects", "acs:oss:*:"+h.Account+":"+bucket, c)
}

func (h *handler) maySee(r *request, e *history.Event) error {
	return h.mayEvents(r, e.Record.Bucket, e.Record.Key)
}

// mayRuns returns a function that tells whether the caller may see a function's runs. It
// asks for each function once.
func (h *handler) mayRuns(r *request) func(functionName string) bool {
	known := map[string]bool{}
	return func(name string) bool {
		may, ok := known[name]
		if !ok {
			may = h.may(r, "fc:GetFunction", name) == nil
			known[name] = may
		}
		return may
	}
}

func show(e *history.Event, runs []*history.Owed, may func(string) bool) Event {
	out := Event{Info: e.Info(), Owed: []*history.Owed{}}
	if by := out.By; by != nil && !may(by.Function) {
		out.By = nil
	}
	for _, x := range runs {
		if may(x.Function) {
			out.Owed = append(out.Owed, x)
		} else {
			out.HiddenRuns++
		}
	}
	return out
}

// events lists events: the latest first, or with order=asc the earliest. With wait=SECONDS
// (which implies order=asc) it waits until there are some behind the cursor. Without a
// bucket, it lists those of all buckets that the caller may list.
func (h *handler) events(r *request) (any, error) {
	q := history.EventQuery{
		Bucket: r.param("bucket"), Prefix: r.param("prefix"), Key: r.param("key"), Type: r.param("type"), State: r.param("state"),
		Function: r.param("function"), Trigger: r.param("trigger"), After: r.param("after"),
	}
	prefix := q.Prefix
	if q.Key != "" {
		prefix = q.Key
	}
	if q.Bucket != "" {
		if err := h.mayEvents(r, q.Bucket, prefix); err != nil {
			return nil, err
		}
	} else {
		q.May = func(bucket string) bool { return h.mayEvents(r, bucket, prefix) == nil }
	}
	if q.Function != "" {
		if err := h.may(r, "fc:GetFunction", q.Function); err != nil {
			return nil, err
		}
	}
	var err error
	if q.Limit, err = r.limit(); err != nil {
		return nil, err
	}
	if q.Since, q.Until, err = r.span(); err != nil {
		return nil, err
	}
	ctx, cancel, wait, err := r.waiting()
	if err != nil {
		return nil, err
	}
	defer cancel()
	switch order := r.param("order"); {
	case order == "asc" || order == "" && wait:
	case order == "desc" && wait:
		return nil, fault.New(fault.Invalid, "InvalidArgument", "order=desc cannot wait for what comes.").WithHint("Leave it out.")
	case order == "desc" || order == "":
		q.Reverse = true
	default:
		return nil, fault.New(fault.Invalid, "InvalidArgument", "order %q is neither asc nor desc.", order)
	}
	for {
		changed := h.History.ChangedEvents()
		p, err := h.History.Events(r.Context(), q)
		if err != nil {
			return nil, err
		}
		if len(p.Events) == 0 && wait && ctx.Err() == nil {
			q.After = p.Next
			if !p.More {
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
			continue
		}
		states, err := h.History.States(r.Context(), p.Events)
		if err != nil {
			return nil, err
		}
		out := Events{Events: []Event{}, Next: p.Next, More: p.More, Head: p.Head}
		may := h.mayRuns(r)
		for i, e := range p.Events {
			out.Events = append(out.Events, show(e, states[i], may))
		}
		return out, nil
	}
}

// event tells all of one event: the runs that it owes and what became of them, which
// triggers match it and why others do not, and what its runs wrote.
func (h *handler) event(r *request) (any, error) {
	e, runs, err := h.History.Lookup(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := h.maySee(r, e); err != nil {
		return nil, err
	}
	out := EventDetail{Event: show(e, runs, h.mayRuns(r)), Triggers: []Match{}, Written: []history.Info{}}
	if e.Mark == "" && h.may(r, "fc:ListTriggers", "*") != nil {
		out.Unjudged = true
	} else if e.Mark == "" {
		vs, err := h.Triggers.Explain(r.Context(), &e.Record)
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			out.Triggers = append(out.Triggers, showVerdict(v))
		}
		// What fires is what is looked for; of a large bus the rest is many.
		slices.SortStableFunc(out.Triggers, func(a, b Match) int {
			switch {
			case a.Fires == b.Fires:
				return 0
			case a.Fires:
				return -1
			}
			return 1
		})
	}
	for _, x := range out.Owed[:min(len(out.Owed), 50)] {
		events, err := h.History.Caused(r.Context(), x.RequestID, 100)
		if err != nil {
			return nil, err
		}
		for _, w := range events {
			if h.maySee(r, w) == nil {
				out.Written = append(out.Written, w.Info())
			}
		}
	}
	return out, nil
}

// trace tells what led to an object, an event or a run, and what that caused. depth, fan
// and nodes bound it: events each way, what is told of each, and nodes in all.
func (h *handler) trace(r *request) (any, error) {
	q := history.TraceQuery{Bucket: r.param("bucket"), Key: r.param("key"), Event: r.param("event"), Run: r.param("run")}
	object := q.Bucket != "" && q.Key != ""
	if n := b2i(object) + b2i(q.Event != "") + b2i(q.Run != ""); n != 1 || !object && q.Bucket+q.Key != "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "A trace begins at one thing.").WithHint("Give bucket and key, or event, or run.")
	}
	for _, p := range []struct {
		name string
		to   []*int
		most int
	}{{"depth", []*int{&q.Up, &q.Down}, 64}, {"fan", []*int{&q.Fan}, 100}, {"nodes", []*int{&q.Nodes}, 2000}} {
		v := r.param(p.name)
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > p.most {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "%s %q is not a number from 1 to %d.", p.name, v, p.most)
		}
		for _, to := range p.to {
			*to = n
		}
	}
	q.MayEvent = func(bucket, key string) bool { return h.mayEvents(r, bucket, key) == nil }
	q.MayFunction = h.mayRuns(r)
	if object {
		if err := h.mayEvents(r, q.Bucket, q.Key); err != nil {
			return nil, err
		}
	}
	t, err := h.History.Trace(r.Context(), q)
	if err != nil {
		return nil, err
	}
	for _, n := range t.Nodes {
		if n.ID == t.Focus && n.Hidden {
			return nil, fault.New(fault.Denied, identity.ReasonAccessDenied, "You may not see %s.", n.ID).
				WithHint("Events need oss:ListObjects on their bucket, runs fc:GetFunction on their function.")
		}
		if n.Event != nil && n.Event.By != nil && !q.MayFunction(n.Event.By.Function) {
			n.Event.By = nil
		}
	}
	return t, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// States are those that a run owed to an event can be in, and None for an event that owes
// none, and LoopStopped for one that failed for its chain was too long: what the parameter
// state of /api/events may be.
var States = []string{history.StateNone, delivery.Enqueued, delivery.Running, delivery.Retrying, delivery.Succeeded, delivery.Failed, delivery.Expired, delivery.Stopped, delivery.Invalid, history.StateLooped}
