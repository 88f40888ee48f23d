package console

import (
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// User is a RAM user as the API shows it.
type User struct {
	Name      string    `json:"name"`
	ID        string    `json:"id"`
	ARN       string    `json:"arn"`
	Policies  []Policy  `json:"policies"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`             // its policies; keys apart
	UpdatedBy string    `json:"updatedBy,omitempty"` // ARN
	Revision  string    `json:"revision"`            // the ETag's text
}

func (u User) etag() string { return u.Revision }

// UserInput is what makes a user, or changes one: then absent policies stay, and Name may
// only repeat the path's.
type UserInput struct {
	Name     string    `json:"name,omitempty"`
	Policies *[]Policy `json:"policies,omitempty"`
}

// AccessKey is a long-lived key of a user. Secret is there only in the answer that tells
// of its creation; nothing shows it again.
type AccessKey struct {
	ID      string    `json:"accessKeyId"`
	Secret  string    `json:"accessKeySecret,omitempty"`
	User    string    `json:"user"`
	Created time.Time `json:"created"`
}

func userOut(u identity.UserInfo, documents bool) User {
	return User{
		Name: u.Name, ID: u.ID, ARN: u.ARN, Policies: policiesOut(u.Policies, documents), Created: u.Created,
		Updated: u.Updated, UpdatedBy: u.UpdatedBy, Revision: u.Revision,
	}
}

// user finds a user by name, in any case, as identity compares names.
func (h *handler) user(name string) (identity.UserInfo, error) {
	lower := strings.ToLower(name) // not EqualFold, which finds more names equal
	for _, u := range h.Identity.ListUsers() {
		if strings.ToLower(u.Name) == lower {
			return u, nil
		}
	}
	return identity.UserInfo{}, fault.New(fault.NotFound, identity.ReasonNoSuchUser, "The user does not exist: %s.", name)
}

// mayUser checks a permission on a user; "*" for any. As for mayRole, it is asked of the
// user's own name.
func (h *handler) mayUser(r *request, action, name string) error {
	arn := "acs:ram::" + h.Account + ":user/" + name
	if u, err := h.user(name); err == nil {
		arn = u.ARN
	}
	return h.authorize(r, action, arn)
}

// listUsers gives all users by name; their policies without documents.
func (h *handler) listUsers(r *request) (any, error) {
	if err := h.mayUser(r, "ram:ListUsers", "*"); err != nil {
		return nil, err
	}
	out := []User{}
	for _, u := range h.Identity.ListUsers() {
		out = append(out, userOut(u, false))
	}
	return out, nil
}

func (h *handler) createUser(r *request) (any, error) {
	var in UserInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	h.changes.Lock()
	defer h.changes.Unlock()
	if err := h.mayUser(r, "ram:CreateUser", in.Name); err != nil {
		return nil, err
	}
	if err := reachable("user", in.Name); err != nil {
		return nil, err
	}
	// To create is not to replace the policies of one that exists: that is another right.
	if u, err := h.user(in.Name); err == nil {
		return nil, fault.New(fault.Exists, "EntityAlreadyExists.User", "The user %s already exists.", u.Name)
	}
	var policies []identity.Policy
	if in.Policies != nil {
		policies = policiesIn(*in.Policies)
	}
	u, err := h.Identity.PutUser(r.Context(), in.Name, policies, identity.Edit{By: r.who.ARN})
	if err != nil {
		return nil, err
	}
	return userOut(u, true), nil
}

func (h *handler) getUser(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.mayUser(r, "ram:GetUser", name); err != nil {
		return nil, err
	}
	u, err := h.user(name)
	if err != nil {
		return nil, err
	}
	return userOut(u, true), nil
}

// updateUser changes a user; with If-Match only the one of that ETag.
func (h *handler) updateUser(r *request) (any, error) {
	name := r.PathValue("name")
	var in UserInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	h.changes.Lock()
	defer h.changes.Unlock()
	if err := h.mayUser(r, "ram:UpdateUser", name); err != nil {
		return nil, err
	}
	u, err := h.user(name)
	if err != nil {
		return nil, err
	}
	if err := sameName("user", u.Name, in.Name); err != nil {
		return nil, err
	}
	e, err := r.edit(u.Revision)
	if err != nil {
		return nil, err
	}
	policies := u.Policies
	if in.Policies != nil {
		policies = policiesIn(*in.Policies)
	}
	if in.Policies != nil || e.IfMatch != "" { // a wrong ETag is told even of no change
		if u, err = h.Identity.PutUser(r.Context(), u.Name, policies, e); err != nil {
			return nil, err
		}
	}
	return userOut(u, true), nil
}

// deleteUser removes a user and its access keys.
func (h *handler) deleteUser(r *request) (any, error) {
	h.changes.Lock()
	defer h.changes.Unlock()
	name := r.PathValue("name")
	if err := h.mayUser(r, "ram:DeleteUser", name); err != nil {
		return nil, err
	}
	return nil, h.Identity.DeleteUser(r.Context(), name)
}

func (h *handler) listKeys(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.mayUser(r, "ram:ListAccessKeys", name); err != nil {
		return nil, err
	}
	keys, err := h.Identity.ListAccessKeys(name)
	if err != nil {
		return nil, err
	}
	out := []AccessKey{}
	for _, k := range keys {
		out = append(out, AccessKey{ID: k.ID, User: k.User, Created: k.Created})
	}
	return out, nil
}

func (h *handler) createKey(r *request) (any, error) {
	h.changes.Lock()
	defer h.changes.Unlock()
	name := r.PathValue("name")
	if err := h.mayUser(r, "ram:CreateAccessKey", name); err != nil {
		return nil, err
	}
	k, err := h.Identity.CreateAccessKey(r.Context(), name)
	if err != nil {
		return nil, err
	}
	return AccessKey{k.ID, k.Secret, k.User, k.Created}, nil
}

// deleteKey removes a key of this user: a permission on one user reaches no key of another.
func (h *handler) deleteKey(r *request) (any, error) {
	h.changes.Lock()
	defer h.changes.Unlock()
	name, id := r.PathValue("name"), r.PathValue("id")
	if err := h.mayUser(r, "ram:DeleteAccessKey", name); err != nil {
		return nil, err
	}
	keys, err := h.Identity.ListAccessKeys(name)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.ID == id {
			return nil, h.Identity.DeleteAccessKey(r.Context(), id)
		}
	}
	return nil, fault.New(fault.NotFound, identity.ReasonNoSuchKey, "The user %s has no access key %s.", name, id)
}
