// Package identity knows who is asking and what they may do: the account, its users
// and access keys, roles with trust and permission policies, session tokens, and the
// request signatures of OSS (V1, V4), ACS3, the old Function Compute API and STS.
//
// Everything a request needs is in memory: a request's signature, its principal and
// its permissions are decided without touching kv. The rows in kv (under "i/") are the
// truth, read when the store opens; every change is written there first.
//
// Session tokens are stateless. A token is sealed under a key derived from the
// server's secret and carries the role, the expiry and the lineage of the function run
// it was made for, so an object written with unmodified SDKs still says which run
// wrote it. Permissions are not in the token: they are the role's at the time of use.
package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

// Reasons of the faults this package returns. Each wire maps them to its own codes;
// the words are those of OSS, or of STS where OSS has none.
const (
	ReasonAccessDenied       fault.Reason = "AccessDenied"
	ReasonInvalidAccessKeyID fault.Reason = "InvalidAccessKeyId"
	ReasonSignature          fault.Reason = "SignatureDoesNotMatch"
	ReasonSkewed             fault.Reason = "RequestTimeTooSkewed"
	ReasonTokenExpired       fault.Reason = "SecurityTokenExpired"
	ReasonTokenInvalid       fault.Reason = "InvalidSecurityToken"
	ReasonNonceUsed          fault.Reason = "SignatureNonceUsed"
	ReasonInvalidArgument    fault.Reason = "InvalidArgument"
	ReasonMissingHeader      fault.Reason = "MissingRequiredHeader"
	ReasonPolicyDocument     fault.Reason = "InvalidPolicyDocument" // a PostObject policy
	ReasonTooLarge           fault.Reason = "EntityTooLarge"
	ReasonTooSmall           fault.Reason = "EntityTooSmall"
	ReasonMalformedPolicy    fault.Reason = "MalformedPolicy" // a RAM policy
	ReasonNoSuchRole         fault.Reason = "EntityNotExist.Role"
	ReasonNoSuchUser         fault.Reason = "EntityNotExist.User"
	ReasonNoSuchKey          fault.Reason = "EntityNotExist.User.AccessKey"
	ReasonRoleExists         fault.Reason = "EntityAlreadyExists.Role"
	ReasonPrecondition       fault.Reason = "PreconditionFailed"
	ReasonLimit              fault.Reason = "LimitExceeded"
	ReasonNoPermission       fault.Reason = "NoPermission"
	ReasonRoleARN            fault.Reason = "InvalidParameter.RoleArn"
	ReasonSessionName        fault.Reason = "InvalidParameter.RoleSessionName"
	ReasonDuration           fault.Reason = "InvalidParameter.DurationSeconds"
	ReasonPolicyGrammar      fault.Reason = "InvalidParameter.PolicyGrammar"
	ReasonPolicySize         fault.Reason = "InvalidParameter.PolicySize"
)

// MaxSkew is how far a request's own time may be from the server's.
const MaxSkew = 15 * time.Minute

// The services that roles are made for.
const (
	ServiceFC  = "fc.aliyuncs.com"
	ServiceOSS = "oss.aliyuncs.com"
)

// The roles that exist from the start, as they do in the cloud once its console's
// "Authorize Now" has been pressed.
const (
	DefaultRole      = "AliyunFCDefaultRole"
	NotificationRole = "AliyunOSSEventNotificationRole"
)

// Options configure a Store.
type Options struct {
	Account       string // the account's uid, 16 digits
	RootKeyID     string // access key of the account itself
	RootKeySecret string
	Secret        []byte           // the server's secret, 32 bytes; tokens of another secret are invalid
	Now           func() time.Time // nil: time.Now
	Rand          io.Reader        // nil: crypto/rand; it need not be safe for concurrent use
}

// Store holds the account's identities. All methods may be called from many
// goroutines. One process owns the rows: changes made to them by another process are
// seen when the store is opened again.
type Store struct {
	kv      kv.Store
	account string
	now     func() time.Time
	rand    io.Reader
	root    *credential
	keys    derivedKeys
	cache   sessionCache
	replay  replayFilter

	mu   sync.Mutex // serialises changes, so memory changes in the order kv does
	snap atomic.Pointer[snapshot]
}

// snapshot is one immutable state of everything a request may ask for.
type snapshot struct {
	keys    map[string]*credential
	users   map[string]*user // by lower-case name
	roles   map[string]*role // by lower-case name
	roleIDs map[string]*role
}

// credential is a usable access key: what a signature is checked with and whose it is.
type credential struct {
	id      string
	secret  string
	created int64 // unix seconds
	who     *Principal
	v4      atomic.Pointer[v4Key]
}

// v4Key is the last signing key derived for a credential; a client uses one scope a day.
type v4Key struct {
	scope sign.Scope
	key   [sha256.Size]byte
}

func (c *credential) v4Key(sc sign.Scope) *[sha256.Size]byte {
	if k := c.v4.Load(); k != nil && k.scope == sc {
		return &k.key
	}
	// The scope's strings are pieces of a request header; keep copies, not the header.
	sc = sign.Scope{Date: strings.Clone(sc.Date), Region: strings.Clone(sc.Region), Product: strings.Clone(sc.Product)}
	k := &v4Key{scope: sc, key: sign.V4Key(c.secret, sc)}
	c.v4.Store(k)
	return &k.key
}

// Kind is the kind of a principal.
type Kind uint8

const (
	Anonymous   Kind = iota // nobody signed the request
	Root                    // the account itself: may do everything
	User                    // a RAM user
	AssumedRole             // a session of a role
	Service                 // a service of this server, such as oss.aliyuncs.com
)

func (k Kind) String() string {
	return [...]string{"Anonymous", "Account", "RAMUser", "AssumedRoleUser", "Service"}[k]
}

// Principal is who makes a request. Principals are shared between requests and must
// not be changed.
type Principal struct {
	Kind        Kind
	Account     string    // uid of the account; empty for Anonymous
	ID          string    // what events call principalId: the uid for Root, "<role id>:<session>" for AssumedRole
	Name        string    // user name, role name, or service
	Session     string    // session name of an AssumedRole
	ARN         string    // empty for Anonymous
	AccessKeyID string    // empty when no key was used
	Lineage     *Lineage  // of the run whose credentials these are, or nil
	Expires     time.Time // zero: never

	user   string           // lower-case name; its policies are looked up at use
	roleID string           // likewise
	inline *policy.Document // AssumeRole's Policy, which only narrows
}

// RoleID is the id of the role behind an AssumedRole, otherwise empty.
func (p *Principal) RoleID() string { return p.roleID }

// anonymous is the principal of requests that nobody signed.
var anonymous = &Principal{Kind: Anonymous}

// ServicePrincipal is a service of this server acting in the account's name. It holds
// no permissions of its own: see [Store.AsRole].
func (s *Store) ServicePrincipal(service string) *Principal {
	return &Principal{Kind: Service, Account: s.account, ID: service, Name: service, ARN: "acs:ram::" + s.account + ":service/" + service}
}

// Credentials are what a client signs with. SecurityToken is empty, and Expiration
// zero, for long-lived keys. The json names are those of the STS API.
type Credentials struct {
	AccessKeyID     string    `json:"AccessKeyId" xml:"AccessKeyId"`
	AccessKeySecret string    `json:"AccessKeySecret" xml:"AccessKeySecret"`
	SecurityToken   string    `json:"SecurityToken" xml:"SecurityToken"`
	Expiration      time.Time `json:"Expiration" xml:"Expiration"`
}

// Open reads the identities kept in store, and on the very first call creates the
// roles [DefaultRole] and [NotificationRole]. (Deleted later, they stay deleted.)
func Open(ctx context.Context, store kv.Store, o Options) (*Store, error) {
	switch {
	case len(o.Account) != 16 || strings.Trim(o.Account, "0123456789") != "":
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The account id %q is not 16 digits.", o.Account)
	case o.RootKeyID == "" || o.RootKeySecret == "":
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The root access key needs an id and a secret.")
	case strings.ContainsAny(o.RootKeyID, " \t\r\n:/,;="):
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The root access key id holds a character that signatures use as a separator.")
	case len(o.Secret) != 32:
		return nil, fault.New(fault.Invalid, ReasonInvalidArgument, "The server secret is %d bytes long, not 32.", len(o.Secret))
	}
	s := &Store{kv: store, account: o.Account, now: o.Now, rand: rand.Reader}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Rand != nil {
		s.rand = &lockedReader{r: o.Rand}
	}
	if err := s.keys.derive(o.Secret); err != nil {
		return nil, err
	}
	s.root = &credential{id: o.RootKeyID, secret: o.RootKeySecret, who: &Principal{
		Kind: Root, Account: o.Account, ID: o.Account, Name: "root",
		ARN: "acs:ram::" + o.Account + ":root", AccessKeyID: o.RootKeyID,
	}}
	if err := s.seed(ctx); err != nil {
		return nil, err
	}
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// RootPrincipal is the account itself.
func (s *Store) RootPrincipal() *Principal { return s.root.who }

// derivedKeys are the keys that serve one purpose each, derived from the server secret.
type derivedKeys struct {
	session []byte // makes the secrets of session access keys
	token   []byte // root of the daily token keys
	rest    []byte // seals secrets at rest
	aeads   aeadCache
}

func (d *derivedKeys) derive(secret []byte) (err error) {
	for _, k := range []struct {
		to   *[]byte
		info string
	}{
		{&d.session, "alcedo identity session secret v1"},
		{&d.token, "alcedo identity token v1"},
		{&d.rest, "alcedo identity at rest v1"},
	} {
		if *k.to, err = hkdf.Key(sha256.New, secret, nil, k.info, 32); err != nil {
			return err
		}
	}
	return nil
}

// lockedReader makes any source of randomness safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// idAlphabet has 32 characters, so that a random byte maps to one without bias.
const idAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefgh"

// randomID returns prefix followed by n random characters (5 bits each).
func (s *Store) randomID(prefix string, n int) (string, error) {
	var buf [64]byte
	b := buf[:n]
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return "", fault.As(err)
	}
	for i, c := range b {
		b[i] = idAlphabet[c&31]
	}
	return prefix + string(b), nil
}

// credential finds the key a request was signed with. id is what the request claims,
// token its security token or "".
func (s *Store) credential(id, token string, now time.Time) (*credential, error) {
	if token != "" {
		c, err := s.session(token, now)
		if err != nil {
			return nil, err
		}
		if c.id != id {
			return nil, fault.New(fault.Unauthentic, ReasonTokenInvalid, "The security token you provided is invalid: it does not belong to the access key ID %s.", id).
				WithHint("Use the access key ID, the secret and the token of one and the same AssumeRole answer.").With("OSSAccessKeyId", id)
		}
		return c, nil
	}
	if id == s.root.id {
		return s.root, nil
	}
	if c := s.snap.Load().keys[id]; c != nil {
		return c, nil
	}
	e := fault.New(fault.Unauthentic, ReasonInvalidAccessKeyID, "The OSS Access Key Id you provided does not exist in our records.").With("OSSAccessKeyId", id)
	if strings.HasPrefix(id, sessionPrefix) {
		return nil, e.WithHint("Temporary keys need their security token in the request (x-oss-security-token, security-token, x-acs-security-token or SecurityToken).")
	}
	return nil, e.WithHint("Check the access key id; it must be one of this server's.")
}

func skewed(requested, now time.Time) *fault.Error {
	return fault.New(fault.Unauthentic, ReasonSkewed, "The difference between the request time and the current time is too large.").
		With("RequestTime", requested.UTC().Format("2006-01-02T15:04:05.000Z")).
		With("ServerTime", now.UTC().Format("2006-01-02T15:04:05.000Z")).
		With("MaxAllowedSkewMilliseconds", "900000").
		WithHint("Set the client's clock, or its time zone; requests may be at most 15 minutes off.")
}

func withinSkew(t, now time.Time) bool {
	d := now.Sub(t)
	return d <= MaxSkew && d >= -MaxSkew
}
