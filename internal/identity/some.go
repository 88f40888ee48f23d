package identity

// MaySome reports whether p may do action on something whose name begins with prefix
// ("acs:oss:cn-hangzhou:<account>:bucket/in/"). It errs towards yes, see
// [policy.Document.MaySome]: it is for what is offered to people, never to authorize.
func (s *Store) MaySome(p *Principal, action, prefix string, cond Conditions) bool {
	if p.Kind == Root {
		return true
	}
	policies, req, _ := s.asked(p, action, prefix, &cond)
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
