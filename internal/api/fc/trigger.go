package fc

import (
	"encoding/json"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

type triggerOutput struct {
	TriggerName      string `json:"triggerName"`
	TriggerType      string `json:"triggerType"`
	TriggerID        string `json:"triggerId"`
	TriggerConfig    string `json:"triggerConfig"`
	Qualifier        string `json:"qualifier"`
	SourceARN        string `json:"sourceArn"`
	TargetARN        string `json:"targetArn"`
	InvocationRole   string `json:"invocationRole"`
	Description      string `json:"description"`
	Status           string `json:"status,omitempty"`
	CreatedTime      string `json:"createdTime"`
	LastModifiedTime string `json:"lastModifiedTime"`
}

// showTrigger is what FC's clients get. The status stays OK for a trigger that is paused:
// tools take any other for one that could not be made.
func (h *Handler) showTrigger(functionName string, t trigger.Trigger) triggerOutput {
	return triggerOutput{
		TriggerName: t.Name, TriggerType: t.Type, TriggerID: t.ID, TriggerConfig: t.Config, Qualifier: t.Qualifier,
		SourceARN: t.SourceARN, TargetARN: h.functionARN(functionName), InvocationRole: t.InvocationRole,
		Description: t.Description, Status: t.Status, CreatedTime: wireTime(t.Created), LastModifiedTime: wireTime(t.Modified),
	}
}

// triggerInput is CreateTriggerInput and UpdateTriggerInput. Tools send whole triggers
// to update them; what cannot be changed is left out of the change.
type triggerInput struct {
	TriggerName    string  `json:"triggerName"`
	TriggerType    string  `json:"triggerType"`
	SourceARN      string  `json:"sourceArn"`
	TriggerConfig  *string `json:"triggerConfig"`
	Qualifier      *string `json:"qualifier"`
	InvocationRole *string `json:"invocationRole"`
	Description    *string `json:"description"`
}

const maxTriggerConfig = 16 << 10 // bytes

func (in *triggerInput) check() error {
	if in.Description != nil && len([]rune(*in.Description)) > 256 {
		return invalid("description has %d characters: at most 256 are allowed", len([]rune(*in.Description)))
	}
	if t := in.TriggerConfig; t != nil {
		if len(*t) > maxTriggerConfig {
			return invalid("triggerConfig has %d bytes: at most %d are allowed", len(*t), maxTriggerConfig)
		}
		if !json.Valid([]byte(*t)) {
			return invalid("triggerConfig is not valid JSON: it must be a string that holds a JSON object")
		}
	}
	return nil
}

func (h *Handler) triggersOr() (Triggers, error) {
	if h.Triggers == nil {
		return nil, notImplemented("Triggers are not available on this server.")
	}
	return h.Triggers, nil
}

func (h *Handler) createTrigger(c *call) error {
	ts, err := h.triggersOr()
	if err != nil {
		return err
	}
	var in triggerInput
	if err := c.decode(&in); err != nil {
		return err
	}
	switch {
	case in.TriggerName == "":
		return invalid("triggerName is required")
	case in.TriggerType == "":
		return invalid("triggerType is required, for example oss")
	case in.TriggerConfig == nil:
		return invalid("triggerConfig is required: a string that holds a JSON object")
	}
	if err := in.check(); err != nil {
		return err
	}
	t := trigger.Trigger{Name: in.TriggerName, Type: in.TriggerType, SourceARN: in.SourceARN, Qualifier: function.Latest}
	set(&t.Config, in.TriggerConfig)
	if in.Qualifier != nil && *in.Qualifier != "" {
		t.Qualifier = *in.Qualifier
	}
	set(&t.InvocationRole, in.InvocationRole)
	set(&t.Description, in.Description)
	made, err := ts.Create(c.r.Context(), c.args[0], t)
	if err != nil {
		return err
	}
	h.warn(c, ts, made)
	return c.json(h.showTrigger(c.args[0], made))
}

func (h *Handler) getTrigger(c *call) error {
	ts, err := h.triggersOr()
	if err != nil {
		return err
	}
	t, err := ts.Get(c.r.Context(), c.args[0], c.args[1])
	if err != nil {
		return err
	}
	return c.json(h.showTrigger(c.args[0], t))
}

func (h *Handler) updateTrigger(c *call) error {
	ts, err := h.triggersOr()
	if err != nil {
		return err
	}
	var in triggerInput
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if in.Qualifier != nil && *in.Qualifier == "" {
		latest := function.Latest
		in.Qualifier = &latest
	}
	t, err := ts.Update(c.r.Context(), c.args[0], c.args[1], trigger.Change{
		Config: in.TriggerConfig, Qualifier: in.Qualifier, InvocationRole: in.InvocationRole, Description: in.Description,
	})
	if err != nil {
		return err
	}
	h.warn(c, ts, t)
	return c.json(h.showTrigger(c.args[0], t))
}

// Warning is the header of an answer that did what was asked for and has something to say
// about it: FC's models have no room for that.
const Warning = "X-Alcedo-Warning"

// warn points out a trigger that is likely to start itself. The trigger is made by now;
// what cannot be told is logged.
func (h *Handler) warn(c *call, ts Triggers, t trigger.Trigger) {
	w, err := ts.Warning(c.r.Context(), t)
	if err != nil {
		h.Log.Warn("whether a trigger starts itself could not be found out", "request", c.requestID, "function", t.Function, "trigger", t.Name, "error", err)
		return
	}
	if w != nil {
		c.w.Header().Set(Warning, w.String())
	}
}

func (h *Handler) deleteTrigger(c *call) error {
	ts, err := h.triggersOr()
	if err != nil {
		return err
	}
	if err := ts.Delete(c.r.Context(), c.args[0], c.args[1]); err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) listTriggers(c *call) error {
	ts, err := h.triggersOr()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = 20
	}
	after := ""
	if t := q.Get("nextToken"); t != "" {
		if after, err = function.ParseToken(t); err != nil {
			return err
		}
	}
	list, more, err := ts.List(c.r.Context(), c.args[0], q.Get("prefix"), after, limit)
	if err != nil {
		return err
	}
	out := struct {
		Triggers  []triggerOutput `json:"triggers"`
		NextToken string          `json:"nextToken,omitempty"`
	}{Triggers: make([]triggerOutput, 0, len(list))}
	for _, t := range list {
		out.Triggers = append(out.Triggers, h.showTrigger(c.args[0], t))
	}
	if more && len(list) > 0 {
		out.NextToken = function.Token(list[len(list)-1].Name)
	}
	return c.json(out)
}
