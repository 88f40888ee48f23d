package console

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) loopOperations() map[string]operation {
	return map[string]operation{
		"GET /api/functions/{name}/loop-limit": h.getLoopLimit,
		"PUT /api/functions/{name}/loop-limit": h.putLoopLimit,
		"GET /api/functions/{name}/warnings":   h.warnings,
	}
}

// LoopLimit is how deep a chain of runs may be that reaches a function: a number from 1 to
// 1000, "off" or "default". Effective is what that comes to; 0: no limit.
type LoopLimit struct {
	Limit     string `json:"limit"`
	Effective int    `json:"effective"`
}

func (h *handler) loopLimitOut(limit int) LoopLimit {
	i := run.Invoker{MaxDepth: h.MaxDepth}
	out := LoopLimit{Limit: strconv.Itoa(limit), Effective: i.DepthLimit(limit)}
	switch limit {
	case function.LoopDefault:
		out.Limit = "default"
	case function.LoopOff:
		out.Limit = "off"
	}
	return out
}

func (h *handler) getLoopLimit(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return nil, err
	}
	n, err := h.Functions.LoopLimit(r.Context(), name)
	if err != nil {
		return nil, err
	}
	return h.loopLimitOut(n), nil
}

func (h *handler) putLoopLimit(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:UpdateFunction", name); err != nil {
		return nil, err
	}
	var in struct {
		Limit string `json:"limit"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	var n int
	switch in.Limit {
	case "default":
		n = function.LoopDefault
	case "off":
		n = function.LoopOff
	default:
		var err error
		if n, err = strconv.Atoi(in.Limit); err != nil || n < 1 {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "The loop limit %.40q is not a number from 1 to %d, \"off\" or \"default\".", in.Limit, function.MaxLoopLimit)
		}
	}
	if err := h.Functions.SetLoopLimit(r.Context(), name, n); err != nil {
		return nil, err
	}
	return h.loopLimitOut(n), nil
}

// Kinds of warnings.
const (
	WarnLoop   = "LoopStopped"   // chains of runs were too long
	WarnPaused = "TriggerPaused" // a trigger starts nothing
	WarnHeld   = "QueueHeld"     // deliveries wait, and the function takes none
)

// Warning is something that a person should look at.
type Warning struct {
	Kind    string      `json:"kind"`
	Message string      `json:"message"` // a sentence
	Why     *reason.Why `json:"why"`     // what it says
	Trigger string      `json:"trigger,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Since   time.Time   `json:"since"`
	Last    time.Time   `json:"last,omitzero"`
	Count   int         `json:"count,omitempty"`
	More    bool        `json:"more,omitempty"` // there are more than Count
	Dead    string      `json:"dead,omitempty"` // id of the last dead letter, which has the chain
	Chain   []Link      `json:"chain,omitempty"`
}

// maxLoops is how many dead letters are counted for a warning.
const maxLoops = 1000

func (h *handler) warnings(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return nil, err
	}
	return h.warningsOf(r.Context(), name)
}

// warningsOf tells what should be looked at of a function, which the caller may get.
func (h *handler) warningsOf(ctx context.Context, name string) ([]Warning, error) {
	if _, err := h.Functions.Get(ctx, name); err != nil {
		return nil, err
	}
	out := []Warning{}
	dead, next, err := h.Queue.ListDead(ctx, delivery.DeadQuery{Function: name, Reason: run.Recursive, Limit: maxLoops})
	if err != nil {
		return nil, err
	}
	if n := len(dead); n > 0 {
		w := Warning{Kind: WarnLoop, Since: dead[n-1].Time.UTC().Round(time.Millisecond), Last: dead[0].Time.UTC().Round(time.Millisecond), Count: n, More: next != "", Dead: dead[0].ID, Reason: run.Recursive}
		times := "once"
		if n > 1 {
			times = fmt.Sprintf("%d times", n)
		}
		args := reason.Args{"function": name, "n": n, "since": w.Since.Format(time.RFC3339), "last": w.Last.Format(time.RFC3339)}
		if w.More {
			args["more"] = true
		}
		w.say(reason.New(reason.LoopStopped, args, "A chain of runs that cause each other was stopped before '%s' %s since %s, the last at %s. Its function writes where its own trigger listens.",
			name, times, w.Since.Format(time.RFC3339), w.Last.Format(time.RFC3339)))
		if w.Chain, err = h.chain(ctx, dead[0]); err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	for after, more := "", true; more; {
		ts, rest, err := h.Triggers.List(ctx, name, "", after, 100)
		if err != nil {
			return nil, err
		}
		for _, t := range ts {
			after = t.Name
			if t.Paused == nil {
				continue
			}
			w := Warning{Kind: WarnPaused, Trigger: t.Name, Reason: t.Paused.Reason, Since: t.Paused.Since.UTC()}
			w.say(pausedWhy(&t))
			out = append(out, w)
		}
		more = rest
	}
	stats, err := h.Queue.FunctionStats(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, x := range stats.Holds {
		w := Warning{Kind: WarnHeld, Trigger: x.Trigger, Reason: x.Reason, Since: x.Since.UTC(), Count: stats.Waiting}
		w.say(heldWhy(&x, stats.Waiting))
		out = append(out, w)
	}
	return out, nil
}

// say gives a warning its reason.
func (w *Warning) say(why *reason.Why) { w.Message, w.Why = why.String(), why }

// pausedWhy tells that a trigger is paused.
func pausedWhy(t *trigger.Trigger) *reason.Why {
	p := t.Paused
	args := p.Args()
	args["trigger"] = t.Name
	detail := p.Detail
	if detail != "" {
		detail = " " + detail
	}
	why := reason.New(reason.Paused, args, "Trigger '%s' is paused since %s (%s); what it matches become dead letters.%s", t.Name, p.Since.UTC().Format(time.RFC3339), p.Reason, detail)
	why.Hint = p.Why
	return why
}

// heldWhy tells that deliveries stand still.
func heldWhy(x *delivery.Hold, waiting int) *reason.Why {
	since := x.Since.UTC().Format(time.RFC3339)
	format := "%d deliveries wait since %s, for the function takes none (%s): %s"
	if x.Trigger != "" {
		return reason.New(reason.QueueBlocked, reason.Args{"n": waiting, "since": since, "trigger": x.Trigger, "fault": x.Reason}, format, waiting, since, x.Reason, x.Message)
	}
	return reason.New(reason.QueueHeld, reason.Args{"n": waiting, "since": since, "fault": x.Reason, "message": x.Message}, format, waiting, since, x.Reason, x.Message)
}

// Link is one run of a chain, with the object whose event started it.
type Link struct {
	Run      string `json:"run"`
	Function string `json:"function,omitempty"`
	Trigger  string `json:"trigger,omitempty"`
	Bucket   string `json:"bucket,omitempty"`
	Key      string `json:"key,omitempty"`
	Stopped  bool   `json:"stopped,omitempty"` // it was not run
}

// chain is how a dead letter of a loop came to be, the first run first, its own the last.
// What the history has forgotten is only named.
func (h *handler) chain(ctx context.Context, d *delivery.Dead) ([]Link, error) {
	if d.Lineage == nil {
		return nil, nil
	}
	var out []Link
	for _, id := range d.Lineage.Chain {
		l := Link{Run: id}
		runs, err := h.History.Attempts(ctx, id)
		if err != nil {
			return nil, err
		}
		if n := len(runs); n > 0 {
			l.Function, l.Trigger = runs[n-1].Function, runs[n-1].Trigger
			if id := runs[n-1].EventID; id != "" {
				e, _, err := h.History.Lookup(ctx, id)
				if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Invalid {
					return nil, err
				}
				if err == nil && e != nil {
					l.Bucket, l.Key = e.Record.Bucket, e.Record.Key
				}
			}
		}
		out = append(out, l)
	}
	return append(out, Link{Run: d.Delivery.RequestID, Function: d.Delivery.Function, Trigger: d.Delivery.Trigger, Bucket: d.Delivery.Bucket, Key: d.Delivery.Key, Stopped: true}), nil
}
