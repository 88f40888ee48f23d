package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// Who may create or update a role or a user decides what it may do, without having to
// hold those rights: the actions here include what RAM has apart as AttachPolicyToRole
// and AttachPolicyToUser.

// Policy is a named permission policy of one role or user. Lists leave the document out.
type Policy struct {
	Name     string          `json:"name"`
	Document json.RawMessage `json:"document,omitempty"` // a RAM policy: {"Version":"1","Statement":[…]}
}

// Role is a role as the API shows it.
type Role struct {
	Name        string          `json:"name"`
	ID          string          `json:"id"`
	ARN         string          `json:"arn"`
	Description string          `json:"description"`
	Trust       json.RawMessage `json:"trust"`
	Policies    []Policy        `json:"policies"`
	MaxSession  int64           `json:"maxSessionSeconds"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
	UpdatedBy   string          `json:"updatedBy,omitempty"` // ARN
	Revision    string          `json:"revision"`            // the ETag's text
}

func (r Role) etag() string { return r.Revision }

// RoleInput is what makes a role, or changes one: then what is absent stays, and Name may
// only repeat the path's. MaxSession is 3600 (the default) to 43200 seconds.
type RoleInput struct {
	Name        string          `json:"name,omitempty"`
	Description *string         `json:"description,omitempty"`
	Trust       json.RawMessage `json:"trust,omitempty"`
	Policies    *[]Policy       `json:"policies,omitempty"`
	MaxSession  *int64          `json:"maxSessionSeconds,omitempty"`
}

// compact is a document without the white space around its parts, which would count
// towards its size. It is valid JSON, having been decoded.
func compact(document json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, document); err != nil {
		return "" // no document at all; identity says so
	}
	return b.String()
}

func policiesIn(in []Policy) []identity.Policy {
	out := make([]identity.Policy, len(in))
	for i, p := range in {
		out[i] = identity.Policy{Name: p.Name, Document: compact(p.Document)}
	}
	return out
}

func policiesOut(in []identity.Policy, documents bool) []Policy {
	out := make([]Policy, len(in))
	for i, p := range in {
		out[i].Name = p.Name
		if documents {
			out[i].Document = json.RawMessage(p.Document)
		}
	}
	return out
}

func roleOut(r identity.Role, documents bool) Role {
	return Role{
		Name: r.Name, ID: r.ID, ARN: r.ARN, Description: r.Description, Trust: json.RawMessage(r.Trust), Policies: policiesOut(r.Policies, documents),
		MaxSession: int64(r.MaxSession / time.Second), Created: r.Created, Updated: r.Updated, UpdatedBy: r.UpdatedBy, Revision: r.Revision,
	}
}

// change turns the input into what identity takes.
func (in *RoleInput) change() (c identity.RoleChange, err error) {
	c.Description = in.Description
	if in.Trust != nil {
		trust := compact(in.Trust)
		c.Trust = &trust
	}
	if in.Policies != nil {
		ps := policiesIn(*in.Policies)
		c.Policies = &ps
	}
	if in.MaxSession != nil {
		if *in.MaxSession < 0 || *in.MaxSession > 1<<31 { // would not fit a Duration; identity knows the limits
			return c, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "maxSessionSeconds %d is not a number of seconds that a session may last.", *in.MaxSession)
		}
		d := time.Duration(*in.MaxSession) * time.Second
		c.MaxSession = &d
	}
	return c, nil
}

// mayRole checks a permission on a role; "*" for any. It is asked of the role's own name,
// so that another spelling of it (names compare without case) escapes no policy. The
// resource is the role's ARN, which policies also match that say acs:ram:*:….
func (h *handler) mayRole(r *request, action, name string) error {
	arn := h.Identity.RoleARN(name)
	if role, err := h.Identity.GetRole(name); err == nil {
		arn = role.ARN
	}
	return h.authorize(r, action, arn)
}

// listRoles gives all roles by name; their policies without documents.
func (h *handler) listRoles(r *request) (any, error) {
	if err := h.mayRole(r, "ram:ListRoles", "*"); err != nil {
		return nil, err
	}
	out := []Role{}
	for _, x := range h.Identity.ListRoles() {
		out = append(out, roleOut(x, false))
	}
	return out, nil
}

func (h *handler) createRole(r *request) (any, error) {
	var in RoleInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	h.changes.Lock()
	defer h.changes.Unlock()
	if err := h.mayRole(r, "ram:CreateRole", in.Name); err != nil {
		return nil, err
	}
	if err := reachable("role", in.Name); err != nil {
		return nil, err
	}
	c, err := in.change()
	if err != nil {
		return nil, err
	}
	made := identity.RoleInput{Name: in.Name, By: r.who.ARN}
	if c.Description != nil {
		made.Description = *c.Description
	}
	if c.Trust == nil {
		return nil, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "The role %s has no trust policy.", in.Name).
			WithHint("Say in the field trust who may assume it.")
	}
	made.Trust = *c.Trust
	if c.Policies != nil {
		made.Policies = *c.Policies
	}
	if c.MaxSession != nil {
		made.MaxSession = *c.MaxSession
	}
	role, err := h.Identity.CreateRole(r.Context(), made)
	if err != nil {
		return nil, err
	}
	return roleOut(role, true), nil
}

func (h *handler) getRole(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.mayRole(r, "ram:GetRole", name); err != nil {
		return nil, err
	}
	role, err := h.Identity.GetRole(name)
	if err != nil {
		return nil, err
	}
	return roleOut(role, true), nil
}

// updateRole changes a role; with If-Match only the one of that ETag.
func (h *handler) updateRole(r *request) (any, error) {
	name := r.PathValue("name")
	var in RoleInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	h.changes.Lock()
	defer h.changes.Unlock()
	if err := h.mayRole(r, "ram:UpdateRole", name); err != nil {
		return nil, err
	}
	if err := sameName("role", name, in.Name); err != nil {
		return nil, err
	}
	c, err := in.change()
	if err != nil {
		return nil, err
	}
	now, err := h.Identity.GetRole(name)
	if err != nil {
		return nil, err
	}
	if c.Edit, err = r.edit(now.Revision); err != nil {
		return nil, err
	}
	role, err := h.Identity.UpdateRole(r.Context(), name, c)
	if err != nil {
		return nil, err
	}
	return roleOut(role, true), nil
}

// reachable refuses the two names that identity takes and no path can hold.
func reachable(what, name string) error {
	if name == "." || name == ".." {
		return fault.New(fault.Invalid, identity.ReasonInvalidArgument, "A %s cannot be named %q.", fault.Word(what), name)
	}
	return nil
}

func sameName(what, path, body string) error {
	if body != "" && !strings.EqualFold(body, path) {
		return fault.New(fault.Invalid, identity.ReasonInvalidArgument, "The %s %s cannot be renamed to %s.", fault.Word(what), path, body).
			WithHint("Create another one.")
	}
	return nil
}

func (h *handler) deleteRole(r *request) (any, error) {
	h.changes.Lock()
	defer h.changes.Unlock()
	name := r.PathValue("name")
	if err := h.mayRole(r, "ram:DeleteRole", name); err != nil {
		return nil, err
	}
	return nil, h.Identity.DeleteRole(r.Context(), name)
}
