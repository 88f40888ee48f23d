package identity

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// UserPrincipal is the principal that requests of a user have, by name in any case. It
// is for [Store.Explain]: nothing is signed in its name.
func (s *Store) UserPrincipal(name string) (*Principal, error) {
	lower := strings.ToLower(name)
	u := s.snap.Load().users[lower]
	if u == nil {
		return nil, noSuchUser(name)
	}
	return &Principal{Kind: User, Account: s.account, ID: u.ID, Name: u.Name, ARN: u.arn, user: lower}, nil
}

// RolePrincipal is the principal that a session of a role would have, without a policy of
// its own; for [Store.Explain], as [Store.UserPrincipal] is. Who may assume the role is
// another question.
func (s *Store) RolePrincipal(name string) (*Principal, error) {
	r := s.snap.Load().roles[strings.ToLower(name)]
	if r == nil {
		return nil, noSuchRole(name)
	}
	return s.rolePrincipal(r, "explain"), nil
}

// KeyPrincipal is the principal of a long-lived access key: a user, or the account itself.
func (s *Store) KeyPrincipal(id string) (*Principal, error) {
	if id == s.root.id {
		return s.root.who, nil
	}
	c := s.snap.Load().keys[id]
	if c == nil {
		return nil, fault.New(fault.NotFound, ReasonNoSuchKey, "The access key %s does not exist.", id)
	}
	return c.who, nil
}

// Considered is one statement of a policy, and which of its parts fit a request. It
// applies when all do.
type Considered struct {
	Policy    string
	Statement int // counted from 1
	Deny      bool
	Action    bool
	Resource  bool // of a trust policy: its principal
	Condition bool
	Document  string // the statement's JSON
}

// Considered returns what [Store.Explain] weighs: every statement of the policies attached
// to p, in their order. There are none for the account itself.
func (s *Store) Considered(p *Principal, action, resource string, cond Conditions) []Considered {
	policies, req, _ := s.asked(p, action, resource, &cond)
	var out []Considered
	for i := range policies {
		for at, f := range policies[i].doc.Fits(&req) {
			out = append(out, Considered{policies[i].name, at + 1, f.Deny, f.Action, f.Resource, f.Condition, f.Text})
		}
	}
	return out
}
