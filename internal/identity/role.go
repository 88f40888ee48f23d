package identity

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Limits of an account; the row of a role or user must fit a kv value.
const (
	MaxRoles        = 1000
	MaxUsers        = 1000
	MaxKeysPerUser  = 2 // as in the cloud, so that a key can be rotated
	MaxPolicies     = 8 // attached to one role or user
	maxDescription  = 1024
	maxName         = 64
	minMaxSession   = 3600  // seconds
	maxMaxSession   = 43200 // seconds
	minDuration     = 900
	defaultDuration = 3600

	defaultMaxSession = 3600
)

// trustOf is the trust policy of a role that one service assumes.
func trustOf(service string) string {
	return `{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["` + service + `"]}}],"Version":"1"}`
}

// The bodies of these roles' policies in the cloud are not published in full; they
// grant what their documentation says the roles are for.
var defaultRoles = []roleRow{
	{
		Name: DefaultRole, Description: "Function Compute uses this role by default to access your resources in other services.",
		Trust: trustOf(ServiceFC),
		Policies: []policyRow{{DefaultRole + "Policy", `{"Version":"1","Statement":[` +
			`{"Effect":"Allow","Action":["oss:*"],"Resource":["*"]},` +
			`{"Effect":"Allow","Action":["log:*"],"Resource":["*"]}]}`}},
	},
	{
		Name: NotificationRole, Description: "OSS will use this role to send event notifications.",
		Trust:    trustOf(ServiceOSS),
		Policies: []policyRow{{NotificationRole + "Policy", `{"Version":"1","Statement":[{"Effect":"Allow","Action":["fc:InvokeFunction"],"Resource":["*"]}]}`}},
	},
}

// Policy is a named permission policy, attached to one role or user.
type Policy struct {
	Name     string
	Document string // RAM policy JSON
}

// Role is a role as its owner sees it.
type Role struct {
	Name        string
	ID          string
	ARN         string
	Description string
	Trust       string // trust policy, JSON
	Policies    []Policy
	MaxSession  time.Duration // 1 h to 12 h
	Created     time.Time
	Updated     time.Time
	UpdatedBy   string // ARN; "" if nobody said
	Revision    string // another after each change; for [Edit]
}

// RoleInput is what a role is made of. MaxSession 0 means one hour.
type RoleInput struct {
	Name        string
	Description string
	Trust       string
	Policies    []Policy
	MaxSession  time.Duration
	By          string // as in [Edit]
}

// RoleChange says what of a role to replace; nil fields stay.
type RoleChange struct {
	Description *string
	Trust       *string
	Policies    *[]Policy
	MaxSession  *time.Duration
	Edit
}

func publicRole(r *role) Role {
	return Role{
		Name: r.Name, ID: r.ID, ARN: r.arn, Description: r.Description, Trust: r.Trust, Policies: publicPolicies(r.Policies),
		MaxSession: time.Duration(r.MaxSession) * time.Second, Created: time.Unix(r.Created, 0).UTC(), Updated: time.Unix(r.Updated, 0).UTC(),
		UpdatedBy: r.Edit.By, Revision: r.Edit.revision(r.ID),
	}
}

func publicPolicies(rows []policyRow) []Policy {
	out := make([]Policy, len(rows))
	for i, p := range rows {
		out[i] = Policy{p.Name, p.Text}
	}
	return out
}

// CreateRole makes a role. Names are 1 to 64 of letters, digits, '.', '_' and '-', and
// differ by more than case. It fails with Exists, or Invalid and
// [ReasonMalformedPolicy] naming the policy and what is wrong with it.
func (s *Store) CreateRole(ctx context.Context, in RoleInput) (Role, error) {
	if err := checkName("role", in.Name); err != nil {
		return Role{}, err
	}
	id, err := s.randomDigits()
	if err != nil {
		return Role{}, err
	}
	now := s.now().Unix()
	r := roleRow{Name: in.Name, ID: id, Created: now}
	if in.MaxSession == 0 {
		in.MaxSession = defaultMaxSession * time.Second
	}
	if in.Policies == nil {
		in.Policies = []Policy{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.snap.Load()
	if snap.roles[strings.ToLower(in.Name)] != nil {
		return Role{}, fault.New(fault.Exists, ReasonRoleExists, "The role %s already exists.", in.Name)
	}
	if len(snap.roles) >= MaxRoles {
		return Role{}, fault.New(fault.Conflict, ReasonLimit, "The account already has %d roles, the most it may have.", MaxRoles)
	}
	return s.writeRole(ctx, r, RoleChange{&in.Description, &in.Trust, &in.Policies, &in.MaxSession, Edit{By: in.By}})
}

// UpdateRole replaces parts of a role. Sessions of the role obey the new policies from
// their next request on. It fails with Precondition and [ReasonPrecondition] if the role is
// no longer what the change was made from. A change without a part changes nothing, the
// revision neither.
func (s *Store) UpdateRole(ctx context.Context, name string, c RoleChange) (Role, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.snap.Load().roles[strings.ToLower(name)]
	if r == nil {
		return Role{}, noSuchRole(name)
	}
	if err := r.Edit.check(c.Edit, "role", r.Name, r.ID, r.Updated); err != nil {
		return Role{}, err
	}
	if c.Description == nil && c.Trust == nil && c.Policies == nil && c.MaxSession == nil {
		return publicRole(r), nil
	}
	next := r.roleRow
	next.Edit.Count++
	return s.writeRole(ctx, next, c)
}

// writeRole applies c to r, checks the result and stores it; s.mu is held.
func (s *Store) writeRole(ctx context.Context, r roleRow, c RoleChange) (Role, error) {
	if c.Description != nil {
		if len(*c.Description) > maxDescription {
			return Role{}, fault.New(fault.Invalid, ReasonInvalidArgument, "The description of role %s is longer than %d bytes.", r.Name, maxDescription)
		}
		r.Description = *c.Description
	}
	if c.Trust != nil {
		r.Trust = *c.Trust
	}
	if c.Policies != nil {
		ps, err := policyRows(fault.Say("role %s", r.Name), *c.Policies)
		if err != nil {
			return Role{}, err
		}
		r.Policies = ps
	}
	if c.MaxSession != nil {
		sec := int64(*c.MaxSession / time.Second)
		if sec < minMaxSession || sec > maxMaxSession {
			return Role{}, fault.New(fault.Invalid, ReasonInvalidArgument, "The maximum session duration of role %s must be %d to %d seconds.", r.Name, minMaxSession, maxMaxSession)
		}
		r.MaxSession = sec
	}
	r.Updated, r.Edit.By = s.now().Unix(), c.By
	compiled, err := s.compileRole(r)
	if err != nil {
		return Role{}, err
	}
	key, val := row.Key(tableRoles, strings.ToLower(r.Name)), row.Encode(r)
	err = s.change(ctx, func(tx kv.Txn) { tx.Set(key, val) }, func(n *snapshot) { n.setRole(compiled) })
	if err != nil {
		return Role{}, err
	}
	return publicRole(compiled), nil
}

func policyRows(of fault.Sentence, in []Policy) ([]policyRow, error) {
	if len(in) > MaxPolicies {
		return nil, fault.New(fault.Conflict, ReasonLimit, "At most %d policies may be attached to %s.", MaxPolicies, of)
	}
	out := make([]policyRow, 0, len(in))
	for i, p := range in {
		if err := checkName("policy", p.Name); err != nil {
			return nil, err
		}
		for _, q := range in[:i] {
			if strings.EqualFold(p.Name, q.Name) {
				return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The policy %s is attached to %s twice.", p.Name, of)
			}
		}
		out = append(out, policyRow{p.Name, p.Document})
	}
	return out, nil
}

// GetRole finds a role by name, in any case.
func (s *Store) GetRole(name string) (Role, error) {
	r := s.snap.Load().roles[strings.ToLower(name)]
	if r == nil {
		return Role{}, noSuchRole(name)
	}
	return publicRole(r), nil
}

// ListRoles returns all roles by name.
func (s *Store) ListRoles() []Role {
	snap := s.snap.Load()
	out := make([]Role, 0, len(snap.roles))
	for _, r := range snap.roles {
		out = append(out, publicRole(r))
	}
	slices.SortFunc(out, func(a, b Role) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out
}

// DeleteRole removes a role. Its sessions may do nothing from now on, even if a role
// of the same name is made again.
func (s *Store) DeleteRole(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lower := strings.ToLower(name)
	r := s.snap.Load().roles[lower]
	if r == nil {
		return noSuchRole(name)
	}
	return s.change(ctx, func(tx kv.Txn) { tx.Delete(row.Key(tableRoles, lower)) }, func(n *snapshot) {
		delete(n.roles, lower)
		delete(n.roleIDs, r.ID)
	})
}

func noSuchRole(name string) *fault.Error {
	return fault.New(fault.NotFound, ReasonNoSuchRole, "The role not exists: %s.", name).
		WithHint("Create the role, or correct its name.")
}

func checkName(what, n string) error {
	ok := n != "" && len(n) <= maxName
	for i := 0; ok && i < len(n); i++ {
		c := n[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return fault.New(fault.Invalid, ReasonInvalidArgument, "The %s name %q is not 1 to %d letters, digits, '.', '_' or '-'.", fault.Word(what), n, maxName)
	}
	return nil
}

// randomDigits makes an id as RAM's look: 18 digits.
func (s *Store) randomDigits() (string, error) {
	var b [18]byte
	for i := range b {
		for {
			if _, err := io.ReadFull(s.rand, b[i:i+1]); err != nil {
				return "", fault.As(err)
			}
			if b[i] < 250 { // 250 is a multiple of 10: no digit is likelier than another
				break
			}
		}
		b[i] = '0' + b[i]%10
	}
	b[0] = '3'
	return string(b[:]), nil
}

// parseRoleARN returns the lower-case name of a role given by ARN; ok is false if the
// text has another form. Ours says whether the role is of this account: an ARN without
// an account id is (the field's own pattern is ^acs:ram::[0-9]*:role/.*$).
func (s *Store) parseRoleARN(arn string) (name string, ours, ok bool) {
	rest, ok := strings.CutPrefix(arn, "acs:ram::")
	if !ok {
		return "", false, false
	}
	account, rest, ok := strings.Cut(rest, ":")
	if !ok || strings.Trim(account, "0123456789") != "" {
		return "", false, false
	}
	name, ok = strings.CutPrefix(rest, "role/")
	if !ok || name == "" || len(name) > maxName {
		return "", false, false
	}
	return strings.ToLower(name), account == s.account || account == "", true
}

// RoleARN is the ARN of a role of this account.
func (s *Store) RoleARN(name string) string { return "acs:ram::" + s.account + ":role/" + name }

// CheckTrust reports whether a role exists and may be assumed by a service. The faults
// are those of creating a trigger or a function: Invalid for a malformed ARN or a role
// that does not exist, Denied for one that does not trust the service.
func (s *Store) CheckTrust(roleARN, service string) error {
	_, err := s.trusted(roleARN, service)
	return err
}

func (s *Store) trusted(arn, service string) (*role, error) {
	name, ours, ok := s.parseRoleARN(arn)
	if !ok {
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument,
			"Invalid format of role arn: %s, it should satisfy reg '^acs:ram::[0-9]*:role/.*$'.eg: acs:ram::123456:role/aliyunfcdefaultrole", arn)
	}
	var r *role
	if ours {
		r = s.snap.Load().roles[name]
	}
	if r == nil {
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The role '%s' does not exist.", arn).
			WithHint("Create it in this account, with a trust policy for the service %s.", service)
	}
	if !r.trust.TrustsService(service, &policy.Context{Time: s.now(), Secure: true}) {
		return nil, fault.New(fault.Denied, ReasonAccessDenied, "No permission to assume the role '%s' for you.", arn).
			WithHint("Its trust policy must allow sts:AssumeRole for the service %s.", service)
	}
	return r, nil
}

// AsRole is a service acting as a role, without a token: for what the server itself
// does in a role's name, such as starting a function for a trigger. The role must
// trust the service.
func (s *Store) AsRole(roleARN, service, session string) (*Principal, error) {
	r, err := s.trusted(roleARN, service)
	if err != nil {
		return nil, err
	}
	return s.rolePrincipal(r, session), nil
}

func (s *Store) rolePrincipal(r *role, session string) *Principal {
	return &Principal{
		Kind: AssumedRole, Account: s.account, ID: r.ID + ":" + session, Name: r.Name, Session: session,
		ARN: "acs:ram::" + s.account + ":assumed-role/" + r.Name + "/" + session, roleID: r.ID,
	}
}
