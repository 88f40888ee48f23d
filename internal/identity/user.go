package identity

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// UserInfo is a RAM user of the account.
type UserInfo struct {
	Name      string
	ID        string
	ARN       string
	Policies  []Policy
	Created   time.Time
	Updated   time.Time // when its policies were last replaced; Created before that
	UpdatedBy string    // ARN; "" if nobody said
	Revision  string    // another after each change; for [Edit]
}

// AccessKey is a long-lived key of a user. Secret is set only in the answer of
// [Store.CreateAccessKey]; it cannot be read again.
type AccessKey struct {
	ID      string
	Secret  string
	User    string
	Created time.Time
}

// PutUser creates a user or replaces the policies of one. Names are as roles' are. With
// IfMatch it only replaces: it fails with Precondition and [ReasonPrecondition] if the user
// is no longer what the change was made from. Policies that are there already change nothing,
// the revision neither.
func (s *Store) PutUser(ctx context.Context, name string, policies []Policy, e Edit) (UserInfo, error) {
	if err := checkName("user", name); err != nil {
		return UserInfo{}, err
	}
	ps, err := policyRows(fault.Say("user %s", name), policies)
	if err != nil {
		return UserInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lower := strings.ToLower(name)
	r := userRow{Name: name, Created: s.now().Unix()}
	if old := s.snap.Load().users[lower]; old != nil {
		r = old.userRow
		if err := r.Edit.check(e, "user", r.Name, r.ID, r.updated()); err != nil {
			return UserInfo{}, err
		}
		if slices.Equal(ps, r.Policies) {
			return publicUser(old), nil
		}
		r.Edit.Count++
		r.Updated = s.now().Unix()
	} else {
		if e.IfMatch != "" {
			return UserInfo{}, noSuchUser(name)
		}
		if len(s.snap.Load().users) >= MaxUsers {
			return UserInfo{}, fault.New(fault.Conflict, ReasonLimit, "The account already has %d users, the most it may have.", MaxUsers)
		}
		if r.ID, err = s.randomDigits(); err != nil {
			return UserInfo{}, err
		}
	}
	r.Policies, r.Edit.By = ps, e.By
	u, err := s.compileUser(r)
	if err != nil {
		return UserInfo{}, err
	}
	val := row.Encode(r)
	if err := s.change(ctx, func(tx kv.Txn) { tx.Set(row.Key(tableUsers, lower), val) }, func(n *snapshot) { n.users[lower] = u }); err != nil {
		return UserInfo{}, err
	}
	return publicUser(u), nil
}

func publicUser(u *user) UserInfo {
	return UserInfo{
		Name: u.Name, ID: u.ID, ARN: u.arn, Policies: publicPolicies(u.Policies), Created: time.Unix(u.Created, 0).UTC(),
		Updated: time.Unix(u.updated(), 0).UTC(), UpdatedBy: u.Edit.By, Revision: u.Edit.revision(u.ID),
	}
}

func (r *userRow) updated() int64 { return max(r.Created, r.Updated) }

// ListUsers returns all users by name.
func (s *Store) ListUsers() []UserInfo {
	snap := s.snap.Load()
	out := make([]UserInfo, 0, len(snap.users))
	for _, u := range snap.users {
		out = append(out, publicUser(u))
	}
	slices.SortFunc(out, func(a, b UserInfo) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out
}

// DeleteUser removes a user and its access keys.
func (s *Store) DeleteUser(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lower := strings.ToLower(name)
	snap := s.snap.Load()
	if snap.users[lower] == nil {
		return noSuchUser(name)
	}
	var ids []string
	for id, c := range snap.keys {
		if c.who.user == lower {
			ids = append(ids, id)
		}
	}
	return s.change(ctx, func(tx kv.Txn) {
		tx.Delete(row.Key(tableUsers, lower))
		for _, id := range ids {
			tx.Delete(row.Key(tableKeys, id))
		}
	}, func(n *snapshot) {
		delete(n.users, lower)
		for _, id := range ids {
			delete(n.keys, id)
		}
	})
}

func noSuchUser(name string) *fault.Error {
	return fault.New(fault.NotFound, ReasonNoSuchUser, "The user does not exist: %s.", name)
}

// CreateAccessKey makes a key for a user; a user has at most [MaxKeysPerUser]. The
// secret is kept sealed under the server secret and shown only here.
func (s *Store) CreateAccessKey(ctx context.Context, userName string) (AccessKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lower := strings.ToLower(userName)
	u := s.snap.Load().users[lower]
	if u == nil {
		return AccessKey{}, noSuchUser(userName)
	}
	if len(s.listKeys(lower)) >= MaxKeysPerUser {
		return AccessKey{}, fault.New(fault.Conflict, ReasonLimit, "The user %s already has %d access keys.", u.Name, MaxKeysPerUser).WithHint("Delete one first.")
	}
	id, err := s.randomID("LTAI", 20)
	if err != nil {
		return AccessKey{}, err
	}
	secret, err := s.randomID("", 30)
	if err != nil {
		return AccessKey{}, err
	}
	sealed, err := s.seal(id, secret)
	if err != nil {
		return AccessKey{}, err
	}
	now := s.now().Unix()
	val := row.Encode(keyRow{User: lower, Sealed: sealed, Created: now})
	c := s.userCredential(id, secret, now, u)
	if err := s.change(ctx, func(tx kv.Txn) { tx.Set(row.Key(tableKeys, id), val) }, func(n *snapshot) { n.keys[id] = c }); err != nil {
		return AccessKey{}, err
	}
	return AccessKey{ID: id, Secret: secret, User: u.Name, Created: time.Unix(now, 0).UTC()}, nil
}

// ListAccessKeys returns a user's keys, oldest first, without their secrets.
func (s *Store) ListAccessKeys(userName string) ([]AccessKey, error) {
	lower := strings.ToLower(userName)
	if s.snap.Load().users[lower] == nil {
		return nil, noSuchUser(userName)
	}
	return s.listKeys(lower), nil
}

func (s *Store) listKeys(lower string) []AccessKey {
	var out []AccessKey
	for id, c := range s.snap.Load().keys {
		if c.who.user == lower {
			out = append(out, AccessKey{ID: id, User: c.who.Name, Created: time.Unix(c.created, 0).UTC()})
		}
	}
	slices.SortFunc(out, func(a, b AccessKey) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// DeleteAccessKey removes a key; requests signed with it fail from now on.
func (s *Store) DeleteAccessKey(ctx context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snap.Load().keys[id] == nil {
		return fault.New(fault.NotFound, ReasonNoSuchKey, "The access key %s does not exist.", id)
	}
	return s.change(ctx, func(tx kv.Txn) { tx.Delete(row.Key(tableKeys, id)) }, func(n *snapshot) { delete(n.keys, id) })
}
