package identity

import (
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity/policy"
)

// ExplainTrust says whether the trust policy of a role lets somebody assume it at a time
// (zero: now), and how each of its statements stands to that. Somebody is a principal, or,
// if p is nil, a service. A principal needs sts:AssumeRole of its own besides, which
// [Store.Explain] tells of. As [Store.AssumeRole] does, this knows no address of the caller.
func (s *Store) ExplainTrust(p *Principal, service, roleName string, at time.Time) (bool, []Considered, error) {
	r := s.snap.Load().roles[strings.ToLower(roleName)]
	if r == nil {
		return false, nil, noSuchRole(roleName)
	}
	if at.IsZero() {
		at = s.now()
	}
	c := &policy.Context{Time: at, Secure: true}
	var ok bool
	var fits []policy.Fit
	if p == nil {
		ok, fits = r.trust.TrustsService(service, c), r.trust.FitsService(service, c)
	} else {
		arn := s.assumer(p)
		ok, fits = r.trust.TrustsPrincipal(arn, s.account, c), r.trust.FitsPrincipal(arn, s.account, c)
	}
	out := make([]Considered, len(fits))
	for i, f := range fits {
		out[i] = Considered{"", i + 1, f.Deny, f.Action, f.Resource, f.Condition, f.Text}
	}
	return ok, out, nil
}
