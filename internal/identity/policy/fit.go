package policy

import "encoding/json"

// Fit says which parts of a statement fit a request; the statement applies when all do.
type Fit struct {
	Deny      bool
	Action    bool
	Resource  bool // of a trust policy: its principal
	Condition bool
	Text      string // the statement's own JSON
}

// Fits returns how each statement of the document stands to a request, in order: what
// [Document.Evaluate] decides by, for people. It is slower.
func (d *Document) Fits(r *Request) []Fit {
	out := make([]Fit, len(d.statements))
	texts := statementTexts(d.text)
	for i := range d.statements {
		st := &d.statements[i]
		out[i] = Fit{Deny: st.deny, Action: st.matchAction(r.Action), Resource: st.matchResource(r.Resource), Condition: st.holds(&r.Context)}
		if i < len(texts) {
			out[i].Text = string(texts[i])
		}
	}
	return out
}

// FitsService is what [Document.TrustsService] decides by, statement by statement.
func (d *Document) FitsService(service string, c *Context) []Fit {
	return d.fitsTrust(c, func(st *statement) bool { return st.namesService(service) })
}

// FitsPrincipal is what [Document.TrustsPrincipal] decides by, statement by statement.
func (d *Document) FitsPrincipal(arn, account string, c *Context) []Fit {
	return d.fitsTrust(c, func(st *statement) bool { return st.namesPrincipal(arn, account) })
}

func (d *Document) fitsTrust(c *Context, is func(*statement) bool) []Fit {
	out := d.Fits(&Request{Action: AssumeAction, Context: *c})
	for i := range d.statements {
		out[i].Resource = is(&d.statements[i])
	}
	return out
}

// statementTexts takes a document apart that has been compiled: it is well formed.
func statementTexts(text string) []json.RawMessage {
	var d struct{ Statement json.RawMessage }
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &d) != nil {
		return nil
	}
	if len(d.Statement) > 0 && d.Statement[0] == '{' {
		return []json.RawMessage{d.Statement}
	}
	if json.Unmarshal(d.Statement, &list) != nil {
		return nil
	}
	return list
}
