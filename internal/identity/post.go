package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// MaxPostPolicy bounds the base64 text of a PostObject policy, in bytes.
const MaxPostPolicy = 64 << 10

const maxPostConditions = 256

// PostPolicy is what a PostObject form may hold, as the form's signer decided.
type PostPolicy struct {
	Expiration time.Time
	conditions []postCondition
	min, max   int64 // content-length-range; max < 0: none
}

type postCondition struct {
	op     string // eq, starts-with, in, not-in
	field  string // lower case, without $
	values []string
	text   string // the condition as it was written
}

func badPolicy(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, ReasonPolicyDocument, "Invalid Policy: "+format, args...)
}

// ParsePostPolicy reads the policy field of a form: base64 of
// {"expiration": "<ISO 8601 GMT>", "conditions": [ {"field":"value"}, ["eq"|"starts-with","$field","value"],
// ["in"|"not-in","$field",["value",…]], ["content-length-range",min,max] ]}.
// Its faults are Invalid with InvalidPolicyDocument.
func ParsePostPolicy(b64 string) (*PostPolicy, error) {
	if len(b64) > MaxPostPolicy {
		return nil, badPolicy("it is longer than %d bytes.", MaxPostPolicy)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(b64))
	if err != nil {
		return nil, badPolicy("it is not base64.")
	}
	var doc struct {
		Expiration *string           `json:"expiration"`
		Conditions []json.RawMessage `json:"conditions"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&doc); err != nil {
		return nil, badPolicy("it is not a JSON object with expiration and conditions.")
	}
	if doc.Expiration == nil {
		return nil, badPolicy("Policy missing expiration.")
	}
	p := &PostPolicy{max: -1}
	if p.Expiration, err = time.Parse(time.RFC3339, *doc.Expiration); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: %q.", *doc.Expiration).WithHint(`Write it as "2030-01-01T00:00:00.000Z".`)
	}
	if doc.Conditions == nil {
		return nil, badPolicy("Policy missing conditions.")
	}
	if len(doc.Conditions) > maxPostConditions {
		return nil, badPolicy("it has more than %d conditions.", maxPostConditions)
	}
	for _, c := range doc.Conditions {
		if err := p.add(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *PostPolicy) add(raw json.RawMessage) error {
	var simple map[string]json.RawMessage
	if json.Unmarshal(raw, &simple) == nil && simple != nil {
		if len(simple) != 1 {
			return badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for k, v := range simple {
			var s string
			if json.Unmarshal(v, &s) != nil {
				return badPolicy("Invalid Simple-Condition: the value of %q is not a string.", k)
			}
			p.conditions = append(p.conditions, postCondition{"eq", strings.ToLower(k), []string{s}, fmt.Sprintf("[%q, %q, %q]", "eq", "$"+k, s)})
		}
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
		return badPolicy("Invalid condition %s.", clip(raw))
	}
	var op string
	if json.Unmarshal(list[0], &op) != nil {
		return badPolicy("Invalid condition %s.", clip(raw))
	}
	if op == "content-length-range" {
		if json.Unmarshal(list[1], &p.min) != nil || json.Unmarshal(list[2], &p.max) != nil || p.min < 0 || p.max < p.min {
			return badPolicy("Invalid content-length-range %s.", clip(raw))
		}
		return nil
	}
	c := postCondition{op: op, text: clip(raw)}
	var field string
	if json.Unmarshal(list[1], &field) != nil || len(field) < 2 || field[0] != '$' {
		return badPolicy("the field of %s must start with $.", clip(raw))
	}
	c.field = strings.ToLower(field[1:])
	switch op {
	case "eq", "starts-with":
		c.values = make([]string, 1)
		if json.Unmarshal(list[2], &c.values[0]) != nil {
			return badPolicy("the value of %s is not a string.", clip(raw))
		}
	case "in", "not-in":
		if json.Unmarshal(list[2], &c.values) != nil || len(c.values) > maxPostConditions {
			return badPolicy("the values of %s are not a list of strings.", clip(raw))
		}
	default:
		return badPolicy("unknown operator in %s.", clip(raw))
	}
	p.conditions = append(p.conditions, c)
	return nil
}

func clip(raw []byte) string { return strings.ToValidUTF8(string(raw[:min(len(raw), 256)]), "") }

// Check reports whether a form obeys the policy: Denied with AccessDenied ("Invalid
// according to Policy: …"), or EntityTooLarge or EntityTooSmall. fields are the form's
// fields, and "bucket" the bucket it is sent to; names compare without case. size is
// the file's length in bytes, or negative while it is not known: check again at its end.
func (p *PostPolicy) Check(fields map[string]string, size int64, now time.Time) error {
	if !now.Before(p.Expiration) {
		return deny("Invalid according to Policy: Policy expired.").WithHint("The policy expired at %s.", p.Expiration.UTC().Format(time.RFC3339))
	}
	f := foldFields(fields)
	for _, c := range p.conditions {
		if !c.holds(f[c.field]) {
			return deny("Invalid according to Policy: Policy Condition failed: %s", c.text)
		}
	}
	switch {
	case size < 0 || p.max < 0:
	case size > p.max:
		return fault.New(fault.TooLarge, ReasonTooLarge, "Your proposed upload exceeds the maximum allowed size.").
			With("MaxSizeAllowed", fmt.Sprint(p.max)).With("ProposedSize", fmt.Sprint(size))
	case size < p.min:
		return fault.New(fault.Invalid, ReasonTooSmall, "Your proposed upload is smaller than the minimum allowed size.").
			With("MinSizeAllowed", fmt.Sprint(p.min)).With("ProposedSize", fmt.Sprint(size))
	}
	return nil
}

// MaxSize is the largest file the policy allows, or -1 if it sets none.
func (p *PostPolicy) MaxSize() int64 { return p.max }

func (c *postCondition) holds(v string) bool {
	switch c.op {
	case "eq":
		return v == c.values[0]
	case "starts-with":
		return strings.HasPrefix(v, c.values[0])
	}
	for _, x := range c.values {
		if x == v {
			return c.op == "in"
		}
	}
	return c.op == "not-in"
}
