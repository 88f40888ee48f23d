package identity

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/policy"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// Lineage says which function run a session belongs to and what led to it. It rides in
// the session token, so that a write made with a run's credentials names that run.
type Lineage = lineage.Lineage

// Bounds of a lineage inside a token: a token is sent with every request. Of a longer
// chain the newest hops are kept; Depth still counts all.
const (
	MaxChain      = lineage.MaxChain
	maxChainBytes = 3 << 10
	maxField      = 256 // bytes of any other field; longer ones are cut
)

// bound returns l within its bounds, l itself if it is already.
func bound(l *Lineage) *Lineage {
	if l == nil {
		return nil
	}
	n, from := 0, len(l.Chain)
	for from > 0 && len(l.Chain)-from < MaxChain && n+len(l.Chain[from-1]) <= maxChainBytes {
		from--
		n += len(l.Chain[from])
	}
	if from == 0 && len(l.Run) <= maxField && len(l.Function) <= maxField && len(l.Trigger) <= maxField && len(l.Event) <= maxField && len(l.Root) <= maxField {
		return l
	}
	c := *l
	c.Chain = l.Chain[from:]
	for _, f := range []*string{&c.Run, &c.Function, &c.Trigger, &c.Event, &c.Root} {
		*f = strings.ToValidUTF8((*f)[:min(len(*f), maxField)], "")
	}
	return &c
}

const (
	sessionPrefix = "STS."
	maxToken      = 16 << 10 // bytes of a token's text
	maxRunTTL     = 7 * 24 * time.Hour
	daySeconds    = 24 * 60 * 60
)

// claims is what a token seals.
type claims struct {
	Key     string   `cbor:"1,keyasint,omitempty"` // access key id
	Role    string   `cbor:"2,keyasint,omitempty"` // role id
	Name    string   `cbor:"3,keyasint,omitempty"` // session name
	Expires int64    `cbor:"4,keyasint,omitempty"` // unix seconds
	Policy  string   `cbor:"5,keyasint,omitempty"` // AssumeRole's Policy
	Lineage *Lineage `cbor:"6,keyasint,omitempty"`
}

// A token is base64url of: magic (which makes it start with "CAIS", as the cloud's do),
// version, day (4 bytes), nonce (12 bytes), sealed claims. The day picks the key: a
// fresh AES-GCM key each day keeps the count of random nonces under one key far below
// 2^32, however many runs a day there are.
var tokenMagic = [...]byte{0x08, 0x02, 0x12, 1}

const tokenHeader = len(tokenMagic) + 4
const nonceSize = 12

var tokenText = base64.RawURLEncoding.Strict()

// aeadCache keeps the ciphers of the days in use.
type aeadCache struct {
	mu   sync.RWMutex
	days map[uint32]cipher.AEAD
}

func (d *derivedKeys) aead(day uint32) (cipher.AEAD, error) {
	c := &d.aeads
	c.mu.RLock()
	a := c.days[day]
	c.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	k, err := hkdf.Expand(sha256.New, d.token, fmt.Sprintf("day %d", day), 32)
	if err != nil {
		return nil, err
	}
	if a, err = gcm(k); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.days == nil || len(c.days) > 32 {
		c.days = map[uint32]cipher.AEAD{}
	}
	c.days[day] = a
	return a, nil
}

// sessionSecret derives the secret of a session key, which is stored nowhere.
func (s *Store) sessionSecret(id string) string {
	m := sign.MAC(s.keys.session, id)
	var b [43]byte
	base64.RawURLEncoding.Encode(b[:], m[:])
	return string(b[:])
}

// issue seals a token. now is passed on so that day and expiry agree.
func (s *Store) issue(r *role, session string, now time.Time, ttl time.Duration, inline string, l *Lineage) (Credentials, error) {
	var rnd [24 + nonceSize]byte
	if _, err := io.ReadFull(s.rand, rnd[:]); err != nil {
		return Credentials{}, fault.As(err)
	}
	var id [len(sessionPrefix) + 24]byte
	copy(id[:], sessionPrefix)
	for i, c := range rnd[:24] {
		id[len(sessionPrefix)+i] = idAlphabet[c&31]
	}
	expires := now.Add(ttl).Unix()
	c := claims{Key: string(id[:]), Role: r.ID, Name: session, Expires: expires, Policy: inline, Lineage: bound(l)}
	day := uint32(now.Unix() / daySeconds)
	a, err := s.keys.aead(day)
	if err != nil {
		return Credentials{}, fault.As(err)
	}
	plain := row.Encode(&c)
	buf := make([]byte, 0, tokenHeader+nonceSize+len(plain)+a.Overhead())
	buf = append(buf, tokenMagic[:]...)
	buf = binary.BigEndian.AppendUint32(buf, day)
	buf = append(buf, rnd[24:]...)
	buf = a.Seal(buf, buf[tokenHeader:], plain, buf[:tokenHeader])
	return Credentials{
		AccessKeyID:     c.Key,
		AccessKeySecret: s.sessionSecret(c.Key),
		SecurityToken:   tokenText.EncodeToString(buf),
		Expiration:      time.Unix(expires, 0).UTC(),
	}, nil
}

func invalidToken() *fault.Error {
	return fault.New(fault.Unauthentic, ReasonTokenInvalid, "The security token you provided is invalid.").
		WithHint("Ask for new credentials; the token must be sent exactly as it was given.")
}

func (s *Store) openToken(token string) (*claims, error) {
	if len(token) > maxToken {
		return nil, invalidToken()
	}
	raw, err := tokenText.DecodeString(token)
	if err != nil || len(raw) < tokenHeader+nonceSize || [4]byte(raw[:4]) != tokenMagic {
		return nil, invalidToken()
	}
	day := binary.BigEndian.Uint32(raw[4:])
	today := s.now().Unix() / daySeconds
	if d := today - int64(day); d < -1 || d > int64(maxRunTTL/(24*time.Hour))+1 {
		return nil, invalidToken() // no such day's token can still be good, and deriving its key is not free
	}
	a, err := s.keys.aead(day)
	if err != nil {
		return nil, fault.As(err)
	}
	plain, err := a.Open(nil, raw[tokenHeader:tokenHeader+nonceSize], raw[tokenHeader+nonceSize:], raw[:tokenHeader])
	if err != nil {
		return nil, invalidToken()
	}
	var c claims
	if row.Decode(plain, &c) != nil {
		return nil, invalidToken()
	}
	return &c, nil
}

// session turns a token into a credential: from the cache, or by opening it.
func (s *Store) session(token string, now time.Time) (*credential, error) {
	c := s.cache.get(token)
	if c == nil {
		cl, err := s.openToken(token)
		if err != nil {
			return nil, err
		}
		r := s.snap.Load().roleIDs[cl.Role]
		if r == nil {
			return nil, invalidToken().WithHint("Its role no longer exists.")
		}
		p := s.rolePrincipal(r, cl.Name)
		p.AccessKeyID, p.Lineage, p.Expires = cl.Key, cl.Lineage, time.Unix(cl.Expires, 0).UTC()
		if cl.Policy != "" {
			if p.inline, err = policy.Parse(cl.Policy, policy.MaxSession); err != nil {
				return nil, invalidToken().Because(err)
			}
		}
		c = &credential{id: cl.Key, secret: s.sessionSecret(cl.Key), who: p}
		s.cache.put(strings.Clone(token), c)
	}
	if !now.Before(c.who.Expires) {
		return nil, fault.New(fault.Unauthentic, ReasonTokenExpired, "The security token you provided has expired.").
			With("OSSAccessKeyId", c.id).WithHint("Ask for new credentials; these were good until %s.", c.who.Expires.Format(time.RFC3339))
	}
	return c, nil
}

// sessionCache keeps opened tokens in two generations: when the young one is full it
// becomes the old one and the old one is dropped, so that at most twice its size is
// held and what is in use survives.
type sessionCache struct {
	mu         sync.RWMutex
	young, old map[string]*credential
}

const generation = 2048

func (c *sessionCache) get(token string) *credential {
	c.mu.RLock()
	v, ok := c.young[token]
	var o *credential
	if !ok {
		o = c.old[token]
	}
	c.mu.RUnlock()
	if o != nil {
		c.put(strings.Clone(token), o)
		return o
	}
	return v
}

func (c *sessionCache) put(token string, v *credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= generation {
		c.old, c.young = c.young, make(map[string]*credential)
	}
	c.young[token] = v
}

// IssueForRun makes the credentials of one function run: a session of the function's
// role, for at most seven days, that carries the run's lineage. The role must exist and
// trust the service; the faults are those of [Store.CheckTrust].
func (s *Store) IssueForRun(roleARN, service, sessionName string, ttl time.Duration, l *Lineage) (Credentials, error) {
	r, err := s.trusted(roleARN, service)
	if err != nil {
		return Credentials{}, err
	}
	if ttl <= 0 || ttl > maxRunTTL {
		return Credentials{}, fault.New(fault.Invalid, ReasonDuration, "A session cannot last %s.", ttl)
	}
	return s.issue(r, sessionName, s.now(), ttl, "", l)
}

// AssumedSession is the answer of [Store.AssumeRole].
type AssumedSession struct {
	Credentials Credentials
	ARN         string // acs:ram::<account>:role/<role>/<session>
	ID          string // <role id>:<session>
}

// AssumeRole gives caller a session of a role. The role's trust policy must name the
// caller or the account, and users and sessions need sts:AssumeRole on the role; the
// account itself needs only the trust (the cloud forbids it AssumeRole altogether).
// duration is in seconds, 900 up to the role's maximum; 0 means 3600. inline, if not
// empty, is a policy of at most 2048 bytes that narrows the role's. A caller that is
// itself a run's session passes its lineage on.
func (s *Store) AssumeRole(ctx context.Context, caller *Principal, roleARN, sessionName string, duration int, inline string) (AssumedSession, error) {
	if err := ctx.Err(); err != nil {
		return AssumedSession{}, err
	}
	name, ours, ok := s.parseRoleARN(roleARN)
	if !ok {
		return AssumedSession{}, fault.New(fault.Invalid, ReasonRoleARN, "The parameter RoleArn is wrongly formed.").
			WithHint("Write acs:ram::%s:role/<role name>.", s.account)
	}
	if !validSession(sessionName) {
		return AssumedSession{}, fault.New(fault.Invalid, ReasonSessionName, "The parameter RoleSessionName is wrongly formed.").
			WithHint("Use 2 to 64 letters, digits, '.', '@', '-' or '_'.")
	}
	var r *role
	if ours {
		r = s.snap.Load().roles[name]
	}
	if r == nil {
		return AssumedSession{}, noSuchRole(roleARN)
	}
	if duration == 0 {
		duration = defaultDuration
	}
	if duration < minDuration || int64(duration) > r.MaxSession {
		return AssumedSession{}, fault.New(fault.Invalid, ReasonDuration, "The Min/Max value of DurationSeconds is %d/%d seconds.", minDuration, r.MaxSession).
			WithHint("Ask for less, or raise the role's maximum session duration.")
	}
	if len(inline) > policy.MaxSession {
		return AssumedSession{}, fault.New(fault.Invalid, ReasonPolicySize, "The size of Policy must be at most %d bytes.", policy.MaxSession)
	}
	if inline != "" {
		if _, err := policy.Parse(inline, policy.MaxSession); err != nil {
			return AssumedSession{}, fault.New(fault.Invalid, ReasonPolicyGrammar, "The parameter Policy has not passed grammar check. %v", err)
		}
	}
	now := s.now()
	arn := s.assumer(caller)
	if caller.Kind == Anonymous || caller.Kind == Service || !r.trust.TrustsPrincipal(arn, s.account, &policy.Context{Time: now, Secure: true}) {
		return AssumedSession{}, noPermission().WithHint("The trust policy of %s must allow sts:AssumeRole for %s.", r.arn, arn)
	}
	if err := s.Authorize(caller, policy.AssumeAction, r.arn, Conditions{Time: now}); err != nil {
		return AssumedSession{}, noPermission().WithHint("Attach a policy that allows sts:AssumeRole on %s to %s.", r.arn, arn)
	}
	cred, err := s.issue(r, sessionName, now, time.Duration(duration)*time.Second, inline, caller.Lineage)
	if err != nil {
		return AssumedSession{}, err
	}
	return AssumedSession{Credentials: cred, ARN: r.arn + "/" + sessionName, ID: r.ID + ":" + sessionName}, nil
}

// assumer is the ARN by which trust policies know a caller: a session's is its role's.
func (s *Store) assumer(p *Principal) string {
	if p.Kind == AssumedRole {
		if r := s.snap.Load().roleIDs[p.roleID]; r != nil {
			return r.arn
		}
	}
	return p.ARN
}

func noPermission() *fault.Error {
	return fault.New(fault.Denied, ReasonNoPermission, "You are not authorized to do this action. You should be authorized by RAM.")
}

func validSession(n string) bool {
	if len(n) < 2 || len(n) > 64 {
		return false
	}
	for i := 0; i < len(n); i++ {
		c := n[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '@' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
