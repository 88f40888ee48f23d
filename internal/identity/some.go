package identity

import "github.com/alcedo-storage/alcedo/internal/identity/policy"

// MaySome reports whether p may do action on something whose name begins with prefix
// ("acs:oss:cn-hangzhou:<account>:bucket/in/"). It errs towards yes, see
// [policy.Document.MaySome]: it is for what is offered to people, never to authorize.
func (s *Store) MaySome(p *Principal, action, prefix string, cond Conditions) bool {
	if p.Kind == Root {
		return true
	}
	var policies []namedPolicy
	switch p.Kind {
	case User:
		if u := s.snap.Load().users[p.user]; u != nil {
			policies = u.policies
		}
	case AssumedRole:
		if r := s.snap.Load().roleIDs[p.roleID]; r != nil {
			policies = r.policies
		}
	}
	req := policy.Request{Action: action, Resource: prefix, Context: cond}
	if req.Context.Time.IsZero() {
		req.Context.Time = s.now()
	}
	some := false
	for i := range policies {
		allowed, denied := policies[i].doc.MaySome(&req)
		if denied {
			return false
		}
		some = some || allowed
	}
	if some && p.inline != nil {
		allowed, denied := p.inline.MaySome(&req)
		return allowed && !denied
	}
	return some
}
