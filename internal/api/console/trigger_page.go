package console

import (
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) triggerPageOperations() map[string]operation {
	return map[string]operation{
		"POST /api/triggers/test":                    h.testPattern,
		"GET /api/functions/{name}/trigger-warnings": h.triggerWarnings,
	}
}

// PatternTest is a rule's pattern and an event to try it with, both JSON texts.
type PatternTest struct {
	Pattern string `json:"pattern"`
	Event   string `json:"event"`
}

// PatternVerdict says whether the event matches, or which field is the first that does
// not, and why.
type PatternVerdict struct {
	Matches bool        `json:"matches"`
	Reason  string      `json:"reason,omitempty"` // a sentence
	Why     *reason.Why `json:"why,omitempty"`    // what it says
}

// testPattern tries a pattern with an event as rules get it. It changes nothing. What is
// wrong with the pattern is reason InvalidArgument, as at the creation of a rule; what is
// wrong with the event is InvalidEvent, so that a page can tell whose fault it is.
func (h *handler) testPattern(r *request) (any, error) {
	if err := h.may(r, "fc:ListTriggers", "*"); err != nil {
		return nil, err
	}
	var in PatternTest
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	p, err := pattern.Parse([]byte(in.Pattern))
	if err != nil {
		return nil, err
	}
	e, err := pattern.ParseEvent([]byte(in.Event))
	if err != nil {
		f := fault.As(err)
		message, hint := f.Said()
		return nil, fault.New(f.Kind, "InvalidEvent", "%s", message).WithHint("%s", hint)
	}
	why := p.Explain(e)
	return PatternVerdict{Matches: why == nil, Reason: why.String(), Why: why}, nil
}

// TriggerWarning is a sentence about a trigger that is likely to start itself.
type TriggerWarning struct {
	Trigger string      `json:"trigger"`
	Message string      `json:"message"`
	Why     *reason.Why `json:"why"`
}

// triggerWarnings tells of a function's triggers those that its own runs' writes match.
func (h *handler) triggerWarnings(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:ListTriggers", name); err != nil {
		return nil, err
	}
	ts, _, err := h.Triggers.List(r.Context(), name, "", "", trigger.MaxPerFunction)
	if err != nil {
		return nil, err
	}
	out := []TriggerWarning{}
	for i := range ts {
		w, err := h.Triggers.Warning(r.Context(), ts[i])
		if err != nil {
			return nil, err
		}
		if w != nil {
			out = append(out, TriggerWarning{ts[i].Name, w.String(), w})
		}
	}
	return out, nil
}
