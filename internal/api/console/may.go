package console

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

func (h *handler) mayOperations() map[string]operation {
	return map[string]operation{
		"POST /api/may":     h.mayI,
		"POST /api/explain": h.explain,

		"GET /api/roles/{name}/uses": h.roleUses,
	}
}

// maxChecks bounds how much is asked at once.
const maxChecks = 200

// MayOrder asks what the caller itself may do. A page asks for all that it offers at
// once, and disables what would be refused.
type MayOrder struct {
	Checks []MayCheck `json:"checks"`
}

// MayCheck is an action ("fc:CreateFunction") on a resource ("acs:fc:…").
type MayCheck struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Some     bool   `json:"some,omitempty"` // asks of anything whose name begins with resource; answered yes rather than no when in doubt
}

// May is the answer to one check; Reason is a sentence.
type May struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
}

// mayI answers the checks in their order, as of now and for a request such as this one. It
// needs no permission: whoever asks could also try. An empty list is an answer too.
func (h *handler) mayI(r *request) (any, error) {
	var in MayOrder
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if len(in.Checks) > maxChecks {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "%d checks are more than the %d of one request.", len(in.Checks), maxChecks)
	}
	out := make([]May, len(in.Checks))
	cond := h.conditions(r)
	for i, c := range in.Checks {
		if err := c.check(); err != nil {
			return nil, err
		}
		if c.Some && h.Identity.MaySome(r.who, c.Action, c.Resource, cond) {
			out[i] = May{Allowed: true, Reason: "A statement allows it for some of them."}
			continue
		}
		d := h.Identity.Explain(r.who, c.Action, c.Resource, cond)
		out[i] = May{d.Allowed, d.Reason}
	}
	return out, nil
}

func (c *MayCheck) check() error {
	if c.Action == "" || c.Resource == "" || len(c.Action) > 128 || len(c.Resource) > 2048 {
		return fault.New(fault.Invalid, "InvalidArgument", "A check needs an action (at most 128 bytes) and a resource (at most 2048).")
	}
	return nil
}

// ExplainOrder asks what somebody may do, and why.
type ExplainOrder struct {
	Principal  ExplainPrincipal   `json:"principal"`
	Action     string             `json:"action"`
	Resource   string             `json:"resource"`
	Conditions *ExplainConditions `json:"conditions,omitempty"`
}

// ExplainPrincipal is a user or a role by name, or an access key by its id.
type ExplainPrincipal struct {
	Type string `json:"type"` // user, role or key
	Name string `json:"name"`
}

// ExplainConditions are the circumstances of the request that is imagined. What is absent
// is unknown to policies that ask for it; the time is now.
type ExplainConditions struct {
	SourceIP  string     `json:"sourceIp,omitempty"`
	Secure    bool       `json:"secureTransport,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	List      bool       `json:"list,omitempty"` // the request lists: prefix and delimiter exist
	Prefix    string     `json:"prefix,omitempty"`
	Delimiter string     `json:"delimiter,omitempty"`
}

// Explanation says how a request would be decided. Policy and Statement name what decided
// it: none if no policy applies, or if the account itself asks. Considered are all
// statements of all policies of the principal, in their order.
type Explanation struct {
	Allowed    bool                  `json:"allowed"`
	Reason     string                `json:"reason"`
	Why        *reason.Why           `json:"why"`       // what Reason says
	Principal  string                `json:"principal"` // its ARN
	Policy     string                `json:"policy,omitempty"`
	Statement  int                   `json:"statement,omitempty"` // counted from 1
	Considered []ConsideredStatement `json:"considered"`
}

// ConsideredStatement is a statement, and which of its parts fit the request. It applies when
// all three do.
type ConsideredStatement struct {
	Policy    string          `json:"policy"`
	Statement int             `json:"statement"` // counted from 1
	Deny      bool            `json:"deny"`
	Action    bool            `json:"action"`
	Resource  bool            `json:"resource"`
	Condition bool            `json:"condition"`
	Document  json.RawMessage `json:"document"`
}

// explain needs ram:GetUser or ram:GetRole on the principal that is asked about: its
// policies show in the answer. Whose key a key is follows from the answer too; keys that
// do not exist need ram:GetUser on all users.
func (h *handler) explain(r *request) (any, error) {
	var in ExplainOrder
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	who, err := h.principal(r, in.Principal)
	if err != nil {
		return nil, err
	}
	c := MayCheck{Action: in.Action, Resource: in.Resource}
	if err := c.check(); err != nil {
		return nil, err
	}
	cond := identity.Conditions{}
	if x := in.Conditions; x != nil {
		cond = identity.Conditions{Secure: x.Secure, List: x.List, Prefix: x.Prefix, Delimiter: x.Delimiter}
		if x.Time != nil {
			cond.Time = *x.Time
		}
		if x.SourceIP != "" {
			if cond.SourceIP, err = netip.ParseAddr(x.SourceIP); err != nil {
				return nil, fault.New(fault.Invalid, "InvalidArgument", "conditions.sourceIp %q is not an IP address.", x.SourceIP)
			}
		}
	}
	d := h.Identity.Explain(who, in.Action, in.Resource, cond)
	out := Explanation{Allowed: d.Allowed, Reason: d.Reason, Why: d.Why(), Principal: who.ARN, Policy: d.Policy, Statement: d.Statement, Considered: []ConsideredStatement{}}
	for _, s := range h.Identity.Considered(who, in.Action, in.Resource, cond) {
		out.Considered = append(out.Considered, ConsideredStatement{
			Policy: s.Policy, Statement: s.Statement, Deny: s.Deny, Action: s.Action, Resource: s.Resource, Condition: s.Condition, Document: json.RawMessage(s.Document),
		})
	}
	return out, nil
}

// principal finds who is asked about, once the caller may know.
func (h *handler) principal(r *request, p ExplainPrincipal) (*identity.Principal, error) {
	switch p.Type {
	case "user":
		if err := h.mayUser(r, "ram:GetUser", p.Name); err != nil {
			return nil, err
		}
		return h.Identity.UserPrincipal(p.Name)
	case "role":
		if err := h.mayRole(r, "ram:GetRole", p.Name); err != nil {
			return nil, err
		}
		return h.Identity.RolePrincipal(p.Name)
	case "key":
		who, err := h.Identity.KeyPrincipal(p.Name)
		if err != nil {
			if may := h.mayUser(r, "ram:GetUser", "*"); may != nil {
				return nil, may
			}
			return nil, err
		}
		return who, h.authorize(r, "ram:GetUser", ownerARN(h, who))
	}
	return nil, fault.New(fault.Invalid, "InvalidArgument", "principal.type %q is not user, role or key.", p.Type)
}

// ownerARN is whose a key is: a user's, or the account's own.
func ownerARN(h *handler, who *identity.Principal) string {
	if who.Kind == identity.User {
		return "acs:ram::" + h.Account + ":user/" + who.Name
	}
	return who.ARN
}
