package identity

import (
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
	"github.com/alcedo-storage/alcedo/internal/reason"
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
	Code      reason.Code
}

// Why is the decision's reason with its arguments.
func (d *Decision) Why() *reason.Why {
	var args reason.Args
	switch d.Code {
	case reason.StatementAllows, reason.StatementDenies:
		args = reason.Args{"policy": d.Policy, "statement": d.Statement}
	case reason.SessionPolicyDenies:
		args = reason.Args{"statement": d.Statement}
	}
	return reason.New(d.Code, args, "%s", d.Reason)
}

var sentences = map[reason.Code]string{
	reason.AccountItself:        "The account itself may do everything.",
	reason.UserGone:             "The user no longer exists.",
	reason.RoleGone:             "The role no longer exists.",
	reason.RequestAnonymous:     "The request is anonymous.",
	reason.ServiceItself:        "A service has no permissions of its own.",
	reason.StatementDenies:      "A statement denies it.",
	reason.StatementAllows:      "A statement allows it.",
	reason.NoPolicyAllows:       "No attached policy allows it.",
	reason.SessionPolicyDenies:  "The policy given to AssumeRole denies it.",
	reason.SessionPolicyIsQuiet: "The policy given to AssumeRole does not allow it.",
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
	e := fault.New(fault.Denied, ReasonAccessDenied, "%s on %s is not allowed. %s", action, resource, d.Why())
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
		return Decision{Allowed: true, Code: reason.AccountItself, Reason: sentences[reason.AccountItself]}
	}
	ok, name, at, why := s.decide(p, action, resource, &cond)
	return Decision{Allowed: ok, Policy: name, Statement: at + 1, Code: why, Reason: sentences[why]}
}

const sessionPolicy = "session policy"

// asked returns what a request of p is judged by, the policies attached to p as they are
// now, and the request with its defaults. none says why p can have no policies, if so.
func (s *Store) asked(p *Principal, action, resource string, cond *Conditions) (policies []namedPolicy, req policy.Request, none reason.Code) {
	switch p.Kind {
	case User:
		if u := s.snap.Load().users[p.user]; u != nil {
			policies = u.policies
		} else {
			none = reason.UserGone
		}
	case AssumedRole:
		if r := s.snap.Load().roleIDs[p.roleID]; r != nil {
			policies = r.policies
		} else {
			none = reason.RoleGone
		}
	case Anonymous:
		none = reason.RequestAnonymous
	default:
		none = reason.ServiceItself
	}
	req = policy.Request{Action: action, Resource: resource, Context: *cond}
	if req.Context.Time.IsZero() {
		req.Context.Time = s.now()
	}
	return policies, req, none
}

// decide returns the policy and the index of the statement that decided, or "" and -1.
func (s *Store) decide(p *Principal, action, resource string, cond *Conditions) (ok bool, name string, at int, why reason.Code) {
	policies, req, none := s.asked(p, action, resource, cond)
	if none != "" {
		return false, "", -1, none
	}
	verdict, at := policy.Silent, -1
	for i := range policies {
		v, st := policies[i].doc.Evaluate(&req)
		if v == policy.Denied {
			return false, policies[i].name, st, reason.StatementDenies
		}
		if v == policy.Allowed && verdict == policy.Silent {
			verdict, name, at = v, policies[i].name, st
		}
	}
	if verdict == policy.Silent {
		return false, "", -1, reason.NoPolicyAllows
	}
	if p.inline != nil {
		switch v, st := p.inline.Evaluate(&req); v {
		case policy.Denied:
			return false, sessionPolicy, st, reason.SessionPolicyDenies
		case policy.Silent:
			return false, sessionPolicy, -1, reason.SessionPolicyIsQuiet
		}
	}
	return true, name, at, reason.StatementAllows
}
