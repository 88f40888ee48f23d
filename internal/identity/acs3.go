package identity

import (
	"encoding/binary"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

const isoExtended = "2006-01-02T15:04:05Z" // x-acs-date and Timestamp

// replayFilter remembers signatures that carried a nonce. It is a fixed table of
// fingerprints, one slot per hash: a new signature overwrites an old one with the same
// slot, so it forgets (after some tens of thousands of requests) but never grows, locks
// or refuses a request that is not an exact copy. The fingerprint is the signature
// itself, which covers the nonce, so remembering costs one atomic swap.
type replayFilter struct{ slots [1 << 15]atomic.Uint64 }

func (f *replayFilter) seen(mac []byte) bool {
	v := binary.LittleEndian.Uint64(mac) | 1
	return f.slots[binary.LittleEndian.Uint16(mac[8:])&(1<<15-1)].Swap(v) == v
}

func nonceUsed() *fault.Error {
	return fault.New(fault.Unauthentic, ReasonNonceUsed, "Specified signature nonce was used already.").
		WithHint("Sign every attempt anew, with a nonce of its own.")
}

// signedACS3 are the headers that mean something to the server and so must be signed
// when they are present.
var signedACS3 = []struct{ canonical, lower string }{
	{"X-Acs-Action", "x-acs-action"},
	{"X-Acs-Content-Sha256", "x-acs-content-sha256"},
	{"X-Acs-Date", "x-acs-date"},
	{"X-Acs-Security-Token", "x-acs-security-token"},
	{"X-Acs-Signature-Nonce", "x-acs-signature-nonce"},
	{"X-Acs-Version", "x-acs-version"},
}

// VerifyACS3 checks an ACS3-HMAC-SHA256 signature, which the FC 3.0 SDKs and newer STS
// SDKs send, and returns who made the request. bodySHA256 is called once, after the
// signature has proved right, for the hex SHA-256 of the body, which must be the one
// that was signed; with nil the caller checks x-acs-content-sha256 itself.
//
// A request without an Authorization header is the [Anonymous] principal's, and no error.
// Faults are InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed (more than
// 15 minutes), SignatureNonceUsed (an exact copy of an earlier request; best effort, see
// replayFilter), SecurityTokenExpired, InvalidSecurityToken, MissingRequiredHeader and
// InvalidArgument.
func (s *Store) VerifyACS3(r *http.Request, bodySHA256 func() (string, error)) (*Principal, error) {
	auth := header(r, "Authorization")
	if auth == "" {
		p := signedIn(r.Context())
		if p == nil {
			return anonymous, nil
		}
		if bodySHA256 != nil {
			if _, err := bodySHA256(); err != nil {
				return nil, err
			}
		}
		return p, nil
	}
	a, problem := sign.ParseACS3(auth)
	if problem != "" {
		return nil, invalid("%s", problem).WithHint("Sign with ACS3-HMAC-SHA256, as the official SDKs do.")
	}
	now := s.now()
	c, err := s.credential(a.AccessKeyID, header(r, "X-Acs-Security-Token"), now)
	if err != nil {
		return nil, err
	}
	for _, h := range signedACS3 {
		if header(r, h.canonical) != "" && !sign.SignsHeader(a.SignedHeaders, h.lower) {
			return nil, invalid("The header %s is sent but not signed.", h.lower).WithHint("SignedHeaders must list every x-acs-* header.")
		}
	}
	if !sign.SignsHeader(a.SignedHeaders, "host") {
		return nil, invalid("The header host is not signed.")
	}
	hash := header(r, "X-Acs-Content-Sha256")
	if hash == "" {
		return nil, missingHeader("x-acs-content-sha256")
	}
	date := header(r, "X-Acs-Date")
	if date == "" {
		return nil, missingHeader("x-acs-date")
	}
	at, terr := time.Parse(isoExtended, date)
	if terr != nil {
		return nil, invalid("The header x-acs-date must have the form 2006-01-02T15:04:05Z.")
	}
	if !withinSkew(at, now) {
		return nil, skewed(at, now)
	}
	b := sign.Get()
	defer b.Put()
	mac, ok := acs3MAC(b, r, &a, hash, c.secret, false)
	if !ok {
		if r.URL.RawQuery != "" && strings.Contains(r.URL.RawQuery, "%") {
			mac, ok = acs3MAC(b, r, &a, hash, c.secret, true)
		}
		if !ok {
			var canonical string
			if !b.ACS3(r, a.SignedHeaders, hash, false, &canonical) {
				return nil, tooManyParams()
			}
			return nil, mismatch(c.id, a.Signature, b.Text(), canonical)
		}
	}
	if bodySHA256 != nil {
		got, err := bodySHA256()
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(got, hash) {
			return nil, fault.New(fault.Unauthentic, ReasonSignature, "The body does not have the SHA-256 that x-acs-content-sha256 names.").
				WithHint("The body was changed or cut on its way; send the request again.")
		}
	}
	if header(r, "X-Acs-Signature-Nonce") != "" && s.replay.seen(mac[:]) {
		return nil, nonceUsed()
	}
	return c.who, nil
}

func acs3MAC(b *sign.Scratch, r *http.Request, a *sign.ACS3Authorization, hash, secret string, escapeKeys bool) (mac [32]byte, ok bool) {
	if !b.ACS3(r, a.SignedHeaders, hash, escapeKeys, nil) {
		return mac, false
	}
	mac = b.HMACSHA256(secret)
	var hex [64]byte
	sign.AppendHex(hex[:0], mac[:])
	return mac, equal(a.Signature, hex[:])
}

func missingHeader(name string) *fault.Error {
	return fault.New(fault.Invalid, ReasonMissingHeader, "required HTTP header %s was not specified", name).With("Header", name)
}

// VerifyFC checks the signature of the old Function Compute API ("FC <id>:<signature>"),
// which Serverless Devs still sends for uploads and instance sessions. A request without
// an Authorization header is the [Anonymous] principal's. Content-MD5, where present, is
// signed but not compared with the body here.
func (s *Store) VerifyFC(r *http.Request) (*Principal, error) {
	auth := header(r, "Authorization")
	if auth == "" {
		if p := signedIn(r.Context()); p != nil {
			return p, nil
		}
		return anonymous, nil
	}
	rest, ok := strings.CutPrefix(auth, "FC ")
	id, sig, ok2 := strings.Cut(strings.TrimSpace(rest), ":")
	if !ok || !ok2 || id == "" || sig == "" {
		return nil, invalid("The Authorization header must read: FC <AccessKeyId>:<Signature>.")
	}
	now := s.now()
	c, err := s.credential(id, header(r, "X-Fc-Security-Token"), now)
	if err != nil {
		return nil, err
	}
	date := header(r, "Date")
	if date == "" {
		return nil, missingHeader("Date")
	}
	at, terr := http.ParseTime(date)
	if terr != nil {
		return nil, invalid("The Date header is not a date: %q.", date)
	}
	if !withinSkew(at, now) {
		return nil, skewed(at, now)
	}
	b := sign.Get()
	defer b.Put()
	// SDKs sign the path before they escape it; those that do not see it escaped.
	for _, p := range [2]string{r.URL.Path, r.URL.EscapedPath()} {
		if !b.FC(r, p) {
			return nil, tooManyParams()
		}
		if mac := b.HMACSHA256(c.secret); equalBase64(sig, mac[:]) {
			return c.who, nil
		}
	}
	b.FC(r, r.URL.Path)
	return nil, mismatch(id, sig, b.Text(), "")
}

// VerifyRPC checks the RPC style signature, version 1.0 (HMAC-SHA1), of STS requests.
// params holds the query and the form together. Requests without AccessKeyId are
// the [Anonymous] principal's. Every nonce is good once (best effort).
func (s *Store) VerifyRPC(method string, params url.Values) (*Principal, error) {
	id := params.Get("AccessKeyId")
	if id == "" {
		return anonymous, nil
	}
	sig := params.Get("Signature")
	for _, p := range []string{"Signature", "SignatureNonce", "Timestamp"} {
		if params.Get(p) == "" {
			return nil, fault.New(fault.Invalid, "Missing"+fault.Reason(p), "%s is mandatory for this action.", p)
		}
	}
	for k, v := range params {
		if len(v) > 1 {
			return nil, invalid("The parameter %s is given more than once.", k)
		}
	}
	if m := params.Get("SignatureMethod"); m != "" && m != "HMAC-SHA1" {
		return nil, invalid("The SignatureMethod %q is not supported; HMAC-SHA1 is.", m)
	}
	if v := params.Get("SignatureVersion"); v != "" && v != "1.0" {
		return nil, invalid("The SignatureVersion %q is not supported; 1.0 is.", v)
	}
	now := s.now()
	c, err := s.credential(id, params.Get("SecurityToken"), now)
	if err != nil {
		return nil, err
	}
	at, terr := time.Parse(isoExtended, params.Get("Timestamp"))
	if terr != nil {
		return nil, invalid("Timestamp must have the form 2006-01-02T15:04:05Z.")
	}
	if !withinSkew(at, now) {
		return nil, skewed(at, now)
	}
	b := sign.Get()
	defer b.Put()
	if !b.RPC(method, params) {
		return nil, tooManyParams()
	}
	mac := b.HMACSHA1(c.secret + "&")
	if !equalBase64(sig, mac[:]) {
		return nil, mismatch(id, sig, b.Text(), "")
	}
	if s.replay.seen(mac[:]) {
		return nil, nonceUsed()
	}
	return c.who, nil
}
