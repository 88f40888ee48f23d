package console

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) triggerOperations() map[string]operation {
	return map[string]operation{
		"GET /api/triggers":                           h.listTriggers,
		"GET /api/triggers/match":                     h.match,
		"GET /api/triggers/check":                     h.checkTrigger,
		"GET /api/triggers/{function}/{name}":         h.getTrigger,
		"POST /api/triggers/{function}/{name}/pause":  h.pauseTrigger,
		"POST /api/triggers/{function}/{name}/resume": h.resumeTrigger,
	}
}

// Trigger is a trigger as FC's clients get it, and what FC's model has no room for. Its
// first names are FC's.
type Trigger struct {
	Name           string `json:"triggerName"`
	Type           string `json:"triggerType"`
	ID             string `json:"triggerId"`
	Config         string `json:"triggerConfig"`
	Qualifier      string `json:"qualifier"`
	SourceARN      string `json:"sourceArn"`
	InvocationRole string `json:"invocationRole"`
	Description    string `json:"description"`
	Status         string `json:"status"` // OK, paused or not
	Created        string `json:"createdTime"`
	Modified       string `json:"lastModifiedTime"`

	Function string `json:"function"`
	State    string `json:"state"`            // enabled, disabled or paused
	Paused   *Pause `json:"paused,omitempty"` // since when and why, if it is
}

// Pause says why a trigger starts no runs.
type Pause struct {
	Reason string      `json:"reason"` // Manual or LoopSuspected
	Detail string      `json:"detail,omitempty"`
	Since  time.Time   `json:"since"`
	Why    *reason.Why `json:"why,omitempty"` // what Detail says, if that is not somebody's own text
}

func showTrigger(t *trigger.Trigger) Trigger {
	out := Trigger{
		Name: t.Name, Type: t.Type, ID: t.ID, Config: t.Config, Qualifier: t.Qualifier, SourceARN: t.SourceARN,
		InvocationRole: t.InvocationRole, Description: t.Description, Status: t.Status,
		Created: t.Created.UTC().Format(time.RFC3339), Modified: t.Modified.UTC().Format(time.RFC3339),
		Function: t.Function, State: t.State(),
	}
	if p := t.Paused; p != nil {
		out.Paused = &Pause{p.Reason, p.Detail, p.Since.UTC(), p.Why}
	}
	return out
}

// listTriggers lists all of a function's triggers, by name: it has at most 50.
func (h *handler) listTriggers(r *request) (any, error) {
	name := r.param("function")
	if err := h.may(r, "fc:ListTriggers", name); err != nil {
		return nil, err
	}
	ts, _, err := h.Triggers.List(r.Context(), name, "", "", trigger.MaxPerFunction)
	if err != nil {
		return nil, err
	}
	out := make([]Trigger, len(ts))
	for i := range ts {
		out[i] = showTrigger(&ts[i])
	}
	return out, nil
}

func (h *handler) getTrigger(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.may(r, "fc:GetTrigger", name); err != nil {
		return nil, err
	}
	t, err := h.Triggers.Get(r.Context(), name, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return showTrigger(&t), nil
}

// pauseTrigger has a trigger start no more runs, for a reason that the body may tell.
func (h *handler) pauseTrigger(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.may(r, "fc:UpdateTrigger", name); err != nil {
		return nil, err
	}
	var in struct {
		Detail string `json:"detail"`
	}
	if len(r.body) > 0 {
		if err := r.decode(&in); err != nil {
			return nil, err
		}
	}
	if n := len([]rune(in.Detail)); n > 256 {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "detail has %d characters: at most 256 are allowed.", n)
	}
	if err := h.Triggers.Pause(r.Context(), name, r.PathValue("name"), trigger.Manual, in.Detail); err != nil {
		return nil, err
	}
	return h.shown(r)
}

func (h *handler) resumeTrigger(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.may(r, "fc:UpdateTrigger", name); err != nil {
		return nil, err
	}
	if err := h.Triggers.Resume(r.Context(), name, r.PathValue("name")); err != nil {
		return nil, err
	}
	return h.shown(r)
}

// shown answers with the trigger that was changed.
func (h *handler) shown(r *request) (any, error) {
	t, err := h.Triggers.Get(r.Context(), r.PathValue("function"), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return showTrigger(&t), nil
}

// Match says whether a trigger would fire for an event, and if not, why.
type Match struct {
	Trigger  string      `json:"trigger"`
	Function string      `json:"function"`
	Type     string      `json:"type"`  // oss or eventbridge
	State    string      `json:"state"` // enabled, disabled or paused
	Fires    bool        `json:"fires"`
	Reason   string      `json:"reason,omitempty"` // a sentence
	Why      *reason.Why `json:"why,omitempty"`    // what it says
}

func showVerdict(v trigger.Verdict) Match {
	t := v.Trigger
	return Match{Trigger: t.Name, Function: t.Function, Type: t.Type, State: t.State(), Fires: v.Fires, Reason: v.Why.String(), Why: v.Why}
}

// match judges the native triggers of a bucket, and every rule of the bus, by an event on
// a key. size and contentType are the object's, for rules that look at them.
func (h *handler) match(r *request) (any, error) {
	if err := h.may(r, "fc:ListTriggers", "*"); err != nil {
		return nil, err
	}
	typ, err := eventType(r.param("event"))
	if err != nil {
		return nil, err
	}
	rec := &event.Record{
		Type: typ, Time: time.Now(), Bucket: r.param("bucket"), Owner: h.Account, Region: h.Region, Key: r.param("key"),
		Meta:   event.Meta{ContentType: r.param("contentType")},
		Origin: event.Origin{RequestID: "000000000000000000000000", PrincipalID: h.Account, SourceIP: "127.0.0.1"},
	}
	if s := r.param("size"); s != "" {
		if rec.Size, err = strconv.ParseInt(s, 10, 64); err != nil || rec.Size < 0 {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "size %q is not a number of bytes.", s)
		}
		rec.Delta = rec.Size
	}
	if typ == event.PutBucket || typ == event.DeleteBucket {
		rec.Key = ""
	}
	verdicts, err := h.Triggers.Explain(r.Context(), rec)
	if err != nil {
		return nil, err
	}
	out := make([]Match, len(verdicts))
	for i, v := range verdicts {
		out[i] = showVerdict(v)
	}
	return out, nil
}

// eventType reads the name of one event that something here causes.
func eventType(name string) (event.Type, error) {
	typ := event.Type(strings.TrimPrefix(name, "oss:"))
	if name == "oss:"+string(event.PutBucket) || name == "oss:"+string(event.DeleteBucket) {
		return typ, nil
	}
	if err := event.ParseType(name); err != nil {
		return "", err
	}
	if strings.HasSuffix(name, "*") {
		return "", fault.New(fault.Invalid, "InvalidArgument", "%q stands for several events.", name).WithHint("Name one of them.")
	}
	return typ, nil
}

// Check is what is to be known of a trigger before it is made.
type Check struct {
	Type          string      `json:"type"`
	Conflicts     []Conflict  `json:"conflicts"` // it would be refused because of these
	Used          int         `json:"used"`      // native triggers of the bucket, or rules of the bus, without it
	Limit         int         `json:"limit"`
	FunctionUsed  int         `json:"functionUsed"` // triggers of the function, without it
	FunctionLimit int         `json:"functionLimit"`
	Warning       string      `json:"warning,omitempty"` // a sentence: it is likely to start itself
	Why           *reason.Why `json:"why,omitempty"`     // what Warning says
}

// Conflict is a trigger that overlaps another.
type Conflict struct {
	Trigger  string   `json:"trigger"`
	Function string   `json:"function"`
	Events   []string `json:"events"`
	Prefix   string   `json:"prefix"`
	Suffix   string   `json:"suffix"`
}

// checkTrigger tells what would come of a trigger: a rule with the given pattern, or a
// native one of a bucket with a prefix, a suffix and events (each a parameter event).
// What its configuration is refused for is the answer's error, as at its creation.
func (h *handler) checkTrigger(r *request) (any, error) {
	if err := h.may(r, "fc:ListTriggers", "*"); err != nil {
		return nil, err
	}
	t := trigger.Trigger{Name: r.param("name"), Type: trigger.TypeOSS}
	config := map[string]any{}
	q := r.URL.Query()
	if q.Has("pattern") {
		if slices.ContainsFunc([]string{"bucket", "prefix", "suffix", "event"}, q.Has) {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "bucket, prefix, suffix and event belong to a native trigger, pattern to a rule.").WithHint("Give the one or the other.")
		}
		t.Type = trigger.TypeEventBridge
		config["eventRuleFilterPattern"] = q.Get("pattern")
	} else {
		t.SourceARN = "acs:oss:" + h.Region + ":" + h.Account + ":" + q.Get("bucket")
		config["events"] = q["event"]
		config["filter"] = map[string]any{"key": map[string]string{"prefix": q.Get("prefix"), "suffix": q.Get("suffix")}}
	}
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	t.Config = string(b)
	rep, err := h.Triggers.Check(r.Context(), r.param("function"), t)
	if err != nil {
		return nil, err
	}
	out := Check{
		Type: t.Type, Conflicts: []Conflict{}, Used: rep.Used, Limit: rep.Limit,
		FunctionUsed: rep.FunctionUsed, FunctionLimit: trigger.MaxPerFunction, Warning: rep.Warning.String(), Why: rep.Warning,
	}
	for _, c := range rep.Conflicts {
		out.Conflicts = append(out.Conflicts, Conflict{c.Name, c.Function, c.Filter.Events, c.Filter.Prefix, c.Filter.Suffix})
	}
	return out, nil
}
