package identity

import (
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
)

// Conditions are the circumstances of a request that policies may ask for. A zero Time
// stands for now.
type Conditions = policy.Context

// Decision says how a request was decided, for people.
type Decision struct {
	Allowed   bool
	Policy    string // the policy that decided; empty if none applied, "session policy" for AssumeRole's own
	Statement int    // its statement, counted from 1; 0 if none applied
	Reason    string // one sentence
}

// Authorize reports whether p may do action ("oss:GetObject") on resource
// ("acs:oss:cn-hangzhou:<account>:bucket/key"): nil, or a Denied fault with
// [ReasonAccessDenied]. The account itself may do everything, anonymous callers and
// services nothing (what is public is the caller's to know). Users and sessions may do
// what an attached policy allows and none denies; a session's own policy narrows that.
// Policies are those at the time of the call. It does not allocate when it allows.
func (s *Store) Authorize(p *Principal, action, resource string, cond Conditions) error {
	if p.Kind == Root {
		return nil
	}
	if ok, _, _, _ := s.decide(p, action, resource, &cond); ok {
		return nil
	}
	return s.denied(p, action, resource, cond)
}

func (s *Store) denied(p *Principal, action, resource string, cond Conditions) error {
	d := s.Explain(p, action, resource, cond)
	e := fault.New(fault.Denied, ReasonAccessDenied, "%s on %s is not allowed. %s", action, resource, d.Reason)
	switch p.Kind {
	case Anonymous:
		return e.WithHint("Sign the request.")
	case Service:
		return e
	}
	return e.WithHint("Attach a policy that allows %s on it to %s, or change the statement that denies it.", action, p.ARN)
}

// Explain decides as [Store.Authorize] does and says which statement decided.
func (s *Store) Explain(p *Principal, action, resource string, cond Conditions) Decision {
	if p.Kind == Root {
		return Decision{Allowed: true, Reason: "The account itself may do everything."}
	}
	ok, name, at, why := s.decide(p, action, resource, &cond)
	return Decision{Allowed: ok, Policy: name, Statement: at + 1, Reason: why}
}

const sessionPolicy = "session policy"

// decide returns the policy and the index of the statement that decided, or "" and -1.
func (s *Store) decide(p *Principal, action, resource string, cond *Conditions) (ok bool, name string, at int, why string) {
	var policies []namedPolicy
	switch p.Kind {
	case User:
		u := s.snap.Load().users[p.user]
		if u == nil {
			return false, "", -1, "The user no longer exists."
		}
		policies = u.policies
	case AssumedRole:
		r := s.snap.Load().roleIDs[p.roleID]
		if r == nil {
			return false, "", -1, "The role no longer exists."
		}
		policies = r.policies
	case Anonymous:
		return false, "", -1, "The request is anonymous."
	default:
		return false, "", -1, "A service has no permissions of its own."
	}
	req := policy.Request{Action: action, Resource: resource, Context: *cond}
	if req.Context.Time.IsZero() {
		req.Context.Time = s.now()
	}
	verdict, at := policy.Silent, -1
	for i := range policies {
		v, st := policies[i].doc.Evaluate(&req)
		if v == policy.Denied {
			return false, policies[i].name, st, "A statement denies it."
		}
		if v == policy.Allowed && verdict == policy.Silent {
			verdict, name, at = v, policies[i].name, st
		}
	}
	if verdict == policy.Silent {
		return false, "", -1, "No attached policy allows it."
	}
	if p.inline != nil {
		switch v, st := p.inline.Evaluate(&req); v {
		case policy.Denied:
			return false, sessionPolicy, st, "The policy given to AssumeRole denies it."
		case policy.Silent:
			return false, sessionPolicy, -1, "The policy given to AssumeRole does not allow it."
		}
	}
	return true, name, at, "A statement allows it."
}
