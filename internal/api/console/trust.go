package console

import (
	"encoding/json"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// TrustOrder asks whether somebody may assume a role, as far as the role's trust policy
// says. A principal of the type service is one of this server's, by its domain.
type TrustOrder struct {
	Principal ExplainPrincipal `json:"principal"` // type user, role, key or service
	Role      string           `json:"role"`      // its name
	Time      *time.Time       `json:"time,omitempty"`
}

// TrustExplanation says whether a trust policy lets a principal in. A user, a role or a key
// needs a permission of its own besides: POST /api/explain tells of that half. A service
// needs none. Of the statements considered, resource says whether the principal fits.
type TrustExplanation struct {
	Allowed    bool                  `json:"allowed"`
	Statement  int                   `json:"statement,omitempty"` // what decided, counted from 1; 0: none applies
	Considered []ConsideredStatement `json:"considered"`
}

// explainTrust needs ram:GetRole on the role, whose trust policy the answer shows, and
// what explain needs to know the principal.
func (h *handler) explainTrust(r *request) (any, error) {
	var in TrustOrder
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := h.mayRole(r, "ram:GetRole", in.Role); err != nil {
		return nil, err
	}
	var who *identity.Principal
	service := ""
	if in.Principal.Type == "service" {
		service = in.Principal.Name
		if service == "" || len(service) > 256 {
			return nil, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "principal.name is not a service.").
				WithHint("Name it by its domain, for example %s.", identity.ServiceFC)
		}
	} else {
		var err error
		if who, err = h.principal(r, in.Principal); err != nil {
			return nil, err
		}
	}
	at := time.Time{}
	if in.Time != nil {
		at = *in.Time
	}
	ok, considered, err := h.Identity.ExplainTrust(who, service, in.Role, at)
	if err != nil {
		return nil, err
	}
	out := TrustExplanation{Allowed: ok, Considered: []ConsideredStatement{}}
	for _, s := range considered {
		if applies := s.Action && s.Resource && s.Condition; applies && s.Deny != ok && out.Statement == 0 {
			out.Statement = s.Statement
		}
		out.Considered = append(out.Considered, ConsideredStatement{
			Statement: s.Statement, Deny: s.Deny, Action: s.Action, Resource: s.Resource, Condition: s.Condition, Document: json.RawMessage(s.Document),
		})
	}
	return out, nil
}
