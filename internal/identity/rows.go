package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Tables.
const (
	tableSeeded = "i/seeded"
	tableKeys   = "i/k/" // access key id -> keyRow
	tableUsers  = "i/u/" // lower-case user name -> userRow
	tableRoles  = "i/r/" // lower-case role name -> roleRow
)

type policyRow struct {
	Name string `cbor:"1,keyasint,omitempty"`
	Text string `cbor:"2,keyasint,omitempty"`
}

type keyRow struct {
	User    string `cbor:"1,keyasint,omitempty"` // lower case
	Sealed  []byte `cbor:"2,keyasint,omitempty"` // nonce and sealed secret
	Created int64  `cbor:"3,keyasint,omitempty"` // unix seconds
}

type userRow struct {
	Name     string      `cbor:"1,keyasint,omitempty"`
	ID       string      `cbor:"2,keyasint,omitempty"`
	Policies []policyRow `cbor:"3,keyasint,omitempty"`
	Created  int64       `cbor:"4,keyasint,omitempty"`
	Updated  int64       `cbor:"5,keyasint,omitempty"` // 0: not since it was made
	Edit     editRow     `cbor:"6,keyasint,omitzero"`
}

type roleRow struct {
	Name        string      `cbor:"1,keyasint,omitempty"`
	ID          string      `cbor:"2,keyasint,omitempty"`
	Description string      `cbor:"3,keyasint,omitempty"`
	Trust       string      `cbor:"4,keyasint,omitempty"`
	Policies    []policyRow `cbor:"5,keyasint,omitempty"`
	MaxSession  int64       `cbor:"6,keyasint,omitempty"` // seconds
	Created     int64       `cbor:"7,keyasint,omitempty"`
	Updated     int64       `cbor:"8,keyasint,omitempty"`
	Edit        editRow     `cbor:"9,keyasint,omitzero"`
}

// role and user are rows with their policies compiled; both are immutable.
type role struct {
	roleRow
	arn      string
	trust    *policy.Document
	policies []namedPolicy
}

type user struct {
	userRow
	arn      string
	policies []namedPolicy
}

type namedPolicy struct {
	name string
	doc  *policy.Document
}

func (s *Store) compileRole(r roleRow) (*role, error) {
	trust, err := policy.ParseTrust(r.Trust)
	if err != nil {
		return nil, malformed(fault.Say("The trust policy of role %s", r.Name), err)
	}
	ps, err := compilePolicies(fault.Say("role %s", r.Name), r.Policies)
	if err != nil {
		return nil, err
	}
	return &role{roleRow: r, arn: "acs:ram::" + s.account + ":role/" + r.Name, trust: trust, policies: ps}, nil
}

func (s *Store) compileUser(r userRow) (*user, error) {
	ps, err := compilePolicies(fault.Say("user %s", r.Name), r.Policies)
	if err != nil {
		return nil, err
	}
	return &user{userRow: r, arn: "acs:ram::" + s.account + ":user/" + r.Name, policies: ps}, nil
}

func compilePolicies(of fault.Sentence, rows []policyRow) ([]namedPolicy, error) {
	out := make([]namedPolicy, 0, len(rows))
	for _, p := range rows {
		d, err := policy.Parse(p.Text, policy.MaxPermission)
		if err != nil {
			return nil, malformed(fault.Say("The policy %s of %s", p.Name, of), err)
		}
		out = append(out, namedPolicy{p.Name, d})
	}
	return out, nil
}

func malformed(what fault.Sentence, err error) *fault.Error {
	return fault.New(fault.Invalid, ReasonMalformedPolicy, "%s is not valid. %v", what, err)
}

// seed creates what exists from the start, once in the life of the data.
func (s *Store) seed(ctx context.Context) error {
	now := s.now().Unix()
	var rows []roleRow
	for _, d := range defaultRoles {
		id, err := s.randomDigits()
		if err != nil {
			return err
		}
		d.ID, d.Created, d.Updated, d.MaxSession = id, now, now, defaultMaxSession
		rows = append(rows, d)
	}
	return s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		if _, err := tx.Get([]byte(tableSeeded)); !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		tx.Set([]byte(tableSeeded), []byte{1})
		for _, r := range rows {
			k := row.Key(tableRoles, strings.ToLower(r.Name))
			if _, err := tx.Get(k); err == nil {
				continue
			} else if !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			tx.Set(k, row.Encode(r))
		}
		return nil
	})
}

// load reads every row into a new snapshot.
func (s *Store) load(ctx context.Context) error {
	n := &snapshot{keys: map[string]*credential{}, users: map[string]*user{}, roles: map[string]*role{}, roleIDs: map[string]*role{}}
	err := s.kv.View(ctx, func(r kv.Reader) error {
		clear(n.keys)
		clear(n.users)
		clear(n.roles)
		clear(n.roleIDs)
		if err := r.Scan(kv.Prefix([]byte(tableRoles)), func(k, v []byte) error {
			var rr roleRow
			if err := row.Decode(v, &rr); err != nil {
				return broken(k, err)
			}
			c, err := s.compileRole(rr)
			if err != nil {
				return broken(k, err)
			}
			n.setRole(c)
			return nil
		}); err != nil {
			return err
		}
		if err := r.Scan(kv.Prefix([]byte(tableUsers)), func(k, v []byte) error {
			var ur userRow
			if err := row.Decode(v, &ur); err != nil {
				return broken(k, err)
			}
			c, err := s.compileUser(ur)
			if err != nil {
				return broken(k, err)
			}
			n.users[strings.ToLower(ur.Name)] = c
			return nil
		}); err != nil {
			return err
		}
		return r.Scan(kv.Prefix([]byte(tableKeys)), func(k, v []byte) error {
			var kr keyRow
			if err := row.Decode(v, &kr); err != nil {
				return broken(k, err)
			}
			id := string(k[len(tableKeys):])
			secret, err := s.unseal(id, kr.Sealed)
			if err != nil {
				return broken(k, err).WithHint("The server secret is not the one that sealed this key; start with the data directory's own secret.")
			}
			if u := n.users[kr.User]; u != nil {
				n.keys[id] = s.userCredential(id, secret, kr.Created, u)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	s.snap.Store(n)
	return nil
}

func broken(key []byte, err error) *fault.Error {
	return fault.New(fault.Internal, "InternalError", "The identity row %q cannot be read.", key).Because(err)
}

func (s *Store) userCredential(id, secret string, created int64, u *user) *credential {
	return &credential{id: id, secret: secret, created: created, who: &Principal{
		Kind: User, Account: s.account, ID: u.ID, Name: u.Name, ARN: u.arn, AccessKeyID: id, user: strings.ToLower(u.Name),
	}}
}

func (n *snapshot) setRole(r *role) {
	n.roles[strings.ToLower(r.Name)] = r
	n.roleIDs[r.ID] = r
}

// change writes rows and, once they are durable, the same change to memory.
func (s *Store) change(ctx context.Context, write func(kv.Txn), apply func(*snapshot)) error {
	if err := s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error { write(tx); return nil }); err != nil {
		return err
	}
	old := s.snap.Load()
	n := &snapshot{keys: maps.Clone(old.keys), users: maps.Clone(old.users), roles: maps.Clone(old.roles), roleIDs: maps.Clone(old.roleIDs)}
	apply(n)
	s.snap.Store(n)
	return nil
}

// seal encrypts a secret for its row; the key id is bound to it.
func (s *Store) seal(id, secret string) ([]byte, error) {
	a, err := gcm(s.keys.rest)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, a.NonceSize(), a.NonceSize()+len(secret)+a.Overhead())
	if _, err := io.ReadFull(s.rand, nonce); err != nil {
		return nil, err
	}
	return a.Seal(nonce, nonce, []byte(secret), []byte(id)), nil
}

func (s *Store) unseal(id string, sealed []byte) (string, error) {
	a, err := gcm(s.keys.rest)
	if err != nil {
		return "", err
	}
	if len(sealed) < a.NonceSize() {
		return "", errors.New("sealed secret is too short")
	}
	b, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(id))
	return string(b), err
}

func gcm(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}
