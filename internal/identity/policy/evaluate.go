package policy

import (
	"slices"
	"strings"
)

// Verdict is what one document says about a request.
type Verdict uint8

const (
	Silent  Verdict = iota // no statement applies
	Allowed                // at least one Allow applies, and no Deny
	Denied                 // a Deny applies
)

// Request is what a document judges.
type Request struct {
	Action   string // "oss:GetObject"; compared without case
	Resource string // "acs:oss:cn-hangzhou:<account>:bucket/key"; compared with case
	Context  Context
}

// Evaluate judges a request by the document's statements and returns the index of the
// statement that decided, or -1.
func (d *Document) Evaluate(r *Request) (Verdict, int) {
	v, at := Silent, -1
	for i := range d.statements {
		st := &d.statements[i]
		if v == Allowed && !st.deny {
			continue
		}
		if st.matchAction(r.Action) && st.matchResource(r.Resource) && st.holds(&r.Context) {
			if st.deny {
				return Denied, i
			}
			v, at = Allowed, i
		}
	}
	return v, at
}

// AssumeAction is the action that trust policies speak of.
const AssumeAction = "sts:AssumeRole"

// TrustsService reports whether a trust policy lets a service assume the role.
func (d *Document) TrustsService(service string, c *Context) bool {
	return d.trusts(c, func(st *statement) bool { return st.namesService(service) })
}

// TrustsPrincipal reports whether a trust policy lets a RAM principal, given by its
// ARN, assume the role. "acs:ram::<account>:root" stands for everyone in the account.
func (d *Document) TrustsPrincipal(arn, account string, c *Context) bool {
	return d.trusts(c, func(st *statement) bool { return st.namesPrincipal(arn, account) })
}

func (st *statement) namesService(service string) bool {
	return slices.ContainsFunc(st.services, func(s string) bool { return strings.EqualFold(s, service) })
}

func (st *statement) namesPrincipal(arn, account string) bool {
	root := "acs:ram::" + account + ":root"
	return slices.ContainsFunc(st.accounts, func(a string) bool { return strings.EqualFold(a, arn) || a == root })
}

func (d *Document) trusts(c *Context, is func(*statement) bool) bool {
	ok := false
	for i := range d.statements {
		st := &d.statements[i]
		if is(st) && st.matchAction(AssumeAction) && st.holds(c) {
			if st.deny {
				return false
			}
			ok = true
		}
	}
	return ok
}

func (st *statement) matchAction(a string) bool {
	for _, p := range st.actions {
		if match(p, a, true) {
			return !st.notActions
		}
	}
	return st.notActions
}

func (st *statement) matchResource(r string) bool {
	for _, p := range st.resources {
		if match(p, r, false) {
			return !st.notResources
		}
	}
	return st.notResources
}

func (st *statement) holds(c *Context) bool {
	for i := range st.conditions {
		if !st.conditions[i].holds(c) {
			return false
		}
	}
	return true
}

// match compares s with a pattern in which * stands for any bytes, '/' and ':'
// included, and ? for one. With fold, s is lowered (the pattern is already). It needs
// at most len(pattern)·len(s) steps and no memory.
func match(p, s string, fold bool) bool {
	pi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		c := s[si]
		if fold && c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch {
		case pi < len(p) && p[pi] == '*':
			star, mark = pi, si
			pi++
		case pi < len(p) && (p[pi] == '?' || p[pi] == c):
			pi++
			si++
		case star >= 0:
			pi = star + 1
			mark++
			si = mark
		default:
			return false
		}
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}
