package identity

import (
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

// OSSRequest is what the OSS wire found out about a request before its signature is
// checked. The signed resource is /Bucket/Key, however the request was addressed.
type OSSRequest struct {
	Bucket    string    // empty for requests to the service itself
	Key       string    // decoded; empty for requests to the bucket
	RawPath   string    // as it came; not part of any signature, kept for reports
	Region    string    // the server's region; V4 signatures must be for it. Empty: any
	PathStyle bool      // likewise not part of any signature
	Now       time.Time // zero: now
}

const (
	isoBasic     = "20060102T150405Z" // x-oss-date of V4
	maxV4Expires = 7 * 24 * 60 * 60   // seconds a V4 URL may be good for
)

// VerifyOSS checks the signature of an OSS request and returns who made it. It knows
// V1 and V4, in the Authorization header and in the URL, with and without a security
// token. A request without a signature is the [Anonymous] principal's, and no error.
//
// Faults carry OSS's own codes: InvalidAccessKeyId, SignatureDoesNotMatch (with
// Params OSSAccessKeyId, SignatureProvided, StringToSign, StringToSignBytes and, for
// V4, CanonicalRequest), RequestTimeTooSkewed, SecurityTokenExpired,
// InvalidSecurityToken, AccessDenied (expired or incomplete URL, no date) and
// InvalidArgument (malformed, or signed for another region).
//
// A signed body hash is not checked here, since the body has not been read:
// see [ContentSHA256].
func (s *Store) VerifyOSS(r *http.Request, info OSSRequest) (*Principal, error) {
	now := info.Now
	if now.IsZero() {
		now = s.now()
	}
	if auth := header(r, "Authorization"); auth != "" {
		switch {
		case strings.HasPrefix(auth, sign.V4Algorithm):
			return s.verifyV4Header(r, &info, auth, now)
		case strings.HasPrefix(auth, "OSS "):
			return s.verifyV1Header(r, &info, auth, now)
		}
		return nil, invalid("The Authorization header is not an OSS signature.").
			WithHint("Sign with OSS signature V4 (OSS4-HMAC-SHA256) or V1 (OSS <AccessKeyId>:<Signature>).")
	}
	if p := signedIn(r.Context()); p != nil {
		return p, nil
	}
	raw := r.URL.RawQuery
	if raw == "" {
		return anonymous, nil
	}
	switch u := sign.ParseURLSignature(raw); {
	case u.V4:
		return s.verifyV4URL(r, &info, &u, now)
	case u.V1:
		return s.verifyV1URL(r, &info, &u, now)
	}
	return anonymous, nil
}

// ContentSHA256 returns the body hash a V4 request was signed with, in lower-case hex;
// false if its body is not signed. The caller compares it with what it reads.
func ContentSHA256(r *http.Request) (string, bool) {
	h := header(r, "X-Oss-Content-Sha256")
	if h == "" || h == sign.UnsignedPayload {
		return "", false
	}
	return strings.ToLower(h), true
}

func header(r *http.Request, canonical string) string {
	if v := r.Header[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, ReasonInvalidArgument, format, args...)
}

func deny(format string, args ...any) *fault.Error {
	return fault.New(fault.Denied, ReasonAccessDenied, format, args...)
}

func tooManyParams() *fault.Error {
	return invalid("The request has more than %d query parameters, or signs more than %d headers.", sign.MaxQueryParams, sign.MaxHeaderNames)
}

// ossToken is the security token of a request with an Authorization header.
func ossToken(r *http.Request) string {
	if t := header(r, "X-Oss-Security-Token"); t != "" {
		return t
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	t, _ := sign.Query(r.URL.RawQuery, "security-token")
	return t
}

// mismatch is the fault of a wrong signature, with what the XML of the cloud shows:
// the text the server signed, so that the client can compare it with its own.
func mismatch(id, provided, stringToSign, canonical string) *fault.Error {
	e := fault.New(fault.Unauthentic, ReasonSignature, "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
		WithHint("Compare StringToSign with the text your client signed; if they are equal, the secret is wrong.")
	hex := make([]byte, 0, 3*len(stringToSign))
	for i := 0; i < len(stringToSign); i++ {
		if i > 0 {
			hex = append(hex, ' ')
		}
		hex = append(hex, "0123456789ABCDEF"[stringToSign[i]>>4], "0123456789ABCDEF"[stringToSign[i]&15])
	}
	e.Params = map[string]string{"OSSAccessKeyId": id, "SignatureProvided": provided, "StringToSign": stringToSign, "StringToSignBytes": string(hex)}
	if canonical != "" {
		e.Params["CanonicalRequest"] = canonical
	}
	return e
}

func (s *Store) verifyV1Header(r *http.Request, info *OSSRequest, auth string, now time.Time) (*Principal, error) {
	id, sig, ok := strings.Cut(strings.TrimSpace(auth[len("OSS "):]), ":")
	if !ok || id == "" || sig == "" {
		return nil, invalid("The Authorization header is malformed.").WithHint("It must read: OSS <AccessKeyId>:<Signature>.")
	}
	c, err := s.credential(id, ossToken(r), now)
	if err != nil {
		return nil, err
	}
	date := header(r, "X-Oss-Date")
	if date == "" {
		date = header(r, "Date")
	}
	at, ok := parseV1Date(date)
	if !ok {
		return nil, deny("OSS authentication requires a valid Date.").WithHint("Send Date or x-oss-date, as in: Sun, 06 Nov 1994 08:49:37 GMT.")
	}
	if !withinSkew(at, now) {
		return nil, skewed(at, now)
	}
	return s.checkV1(r, info, c, sig, date)
}

func parseV1Date(d string) (time.Time, bool) {
	if t, err := time.Parse(http.TimeFormat, d); err == nil {
		return t, true
	}
	if t, err := time.Parse(isoBasic, d); err == nil {
		return t, true
	}
	t, err := http.ParseTime(d)
	return t, err == nil
}

func (s *Store) checkV1(r *http.Request, info *OSSRequest, c *credential, sig, date string) (*Principal, error) {
	b := sign.Get()
	defer b.Put()
	if !b.OSSV1(r, date, info.Bucket, info.Key) {
		return nil, tooManyParams()
	}
	mac := b.HMACSHA1(c.secret)
	if !equalBase64(sig, mac[:]) {
		return nil, mismatch(c.id, sig, b.Text(), "")
	}
	return c.who, nil
}

// equalBase64 compares a base64 text with bytes in constant time.
func equalBase64(text string, raw []byte) bool {
	var buf [44]byte
	want := base64.StdEncoding.AppendEncode(buf[:0], raw)
	return equal(text, want)
}

func equal(got string, want []byte) bool {
	var buf [64]byte
	if len(got) != len(want) || len(got) > len(buf) {
		return false
	}
	return subtle.ConstantTimeCompare(buf[:copy(buf[:], got)], want) == 1
}

func (s *Store) verifyV1URL(r *http.Request, info *OSSRequest, u *sign.URLSignature, now time.Time) (*Principal, error) {
	if u.Expires == "" || u.AccessKeyID == "" || u.Signature == "" {
		return nil, deny("A signed URL needs Expires, OSSAccessKeyId and Signature.").WithHint("Sign the URL again and keep all of its parameters.")
	}
	at, err := strconv.ParseInt(u.Expires, 10, 64)
	if err != nil {
		return nil, deny("Invalid date (should be seconds since epoch): %q.", u.Expires)
	}
	c, cerr := s.credential(u.AccessKeyID, u.Token, now)
	if cerr != nil {
		return nil, cerr
	}
	if now.Unix() > at {
		return nil, expired(time.Unix(at, 0), now)
	}
	return s.checkV1(r, info, c, u.Signature, u.Expires)
}

func expired(at, now time.Time) *fault.Error {
	return deny("Request has expired.").
		With("Expires", at.UTC().Format("2006-01-02T15:04:05.000Z")).
		With("ServerTime", now.UTC().Format("2006-01-02T15:04:05.000Z")).
		WithHint("Ask for a new URL.")
}

func (s *Store) checkScope(sc *sign.Scope, region, date string) *fault.Error {
	switch {
	case sc.Product != "oss":
		return invalid("Invalid signing product %q in the credential.", sc.Product).WithHint("The product is oss.")
	case region != "" && sc.Region != region:
		return invalid("Invalid signing region in Authorization header: the credential is for %q, this server is in %q.", sc.Region, region).
			WithHint("Set the client's region to %s.", region)
	case len(date) < 8 || date[:8] != sc.Date:
		return invalid("Invalid signing date in Authorization header: the credential is for %s, the request for %s.", sc.Date, date)
	}
	return nil
}

func (s *Store) verifyV4Header(r *http.Request, info *OSSRequest, auth string, now time.Time) (*Principal, error) {
	a, problem := sign.ParseV4(auth)
	if problem != "" {
		return nil, invalid("%s", problem)
	}
	c, err := s.credential(a.AccessKeyID, ossToken(r), now)
	if err != nil {
		return nil, err
	}
	date := header(r, "X-Oss-Date")
	if date == "" {
		if t, err := http.ParseTime(header(r, "Date")); err == nil {
			date = t.UTC().Format(isoBasic)
		}
	}
	at, terr := time.Parse(isoBasic, date)
	if terr != nil {
		return nil, deny("OSS authentication requires a valid Date.").WithHint("Send x-oss-date in the form 20060102T150405Z.")
	}
	if e := s.checkScope(&a.Scope, info.Region, date); e != nil {
		return nil, e
	}
	if !withinSkew(at, now) {
		return nil, skewed(at, now)
	}
	return s.checkV4(r, info, c, &a, date, false)
}

func (s *Store) checkV4(r *http.Request, info *OSSRequest, c *credential, a *sign.V4Authorization, date string, query bool) (*Principal, error) {
	b := sign.Get()
	defer b.Put()
	key := c.v4Key(a.Scope)
	if !b.OSSV4(r, info.Bucket, info.Key, a.Additional, query, false) {
		return nil, tooManyParams()
	}
	if sig := b.V4Sign(key, date, a.Scope); equal(a.Signature, sig[:]) {
		return c.who, nil
	}
	if r.URL.RawQuery != "" { // see Scratch.OSSV4: "key" and "key=" mean the same
		b.OSSV4(r, info.Bucket, info.Key, a.Additional, query, true)
		if sig := b.V4Sign(key, date, a.Scope); equal(a.Signature, sig[:]) {
			return c.who, nil
		}
	}
	b.OSSV4(r, info.Bucket, info.Key, a.Additional, query, false)
	canonical := b.Text()
	b.V4Sign(key, date, a.Scope)
	return nil, mismatch(c.id, a.Signature, b.Text(), canonical)
}

func (s *Store) verifyV4URL(r *http.Request, info *OSSRequest, u *sign.URLSignature, now time.Time) (*Principal, error) {
	switch {
	case u.Algorithm != sign.V4Algorithm:
		return nil, invalid("x-oss-signature-version must be %s.", sign.V4Algorithm)
	case u.Credential == "" || u.Date == "" || u.Expires == "" || u.Signature == "":
		return nil, deny("A signed URL needs x-oss-credential, x-oss-date, x-oss-expires and x-oss-signature.").WithHint("Sign the URL again and keep all of its parameters.")
	}
	a := sign.V4Authorization{Additional: u.Additional, Signature: u.Signature}
	var problem string
	if a.AccessKeyID, a.Scope, problem = sign.ParseCredential(u.Credential); problem != "" {
		return nil, invalid("x-oss-credential: %s", problem)
	}
	c, err := s.credential(a.AccessKeyID, u.Token, now)
	if err != nil {
		return nil, err
	}
	at, terr := time.Parse(isoBasic, u.Date)
	if terr != nil {
		return nil, invalid("x-oss-date must have the form 20060102T150405Z.")
	}
	ttl, nerr := strconv.ParseInt(u.Expires, 10, 64)
	if nerr != nil || ttl < 1 || ttl > maxV4Expires {
		return nil, invalid("x-oss-expires must be 1 to %d seconds.", maxV4Expires)
	}
	if e := s.checkScope(&a.Scope, info.Region, u.Date); e != nil {
		return nil, e
	}
	if at.Sub(now) > MaxSkew {
		return nil, skewed(at, now)
	}
	if end := at.Add(time.Duration(ttl) * time.Second); now.After(end) {
		return nil, expired(end, now)
	}
	return s.checkV4(r, info, c, &a, u.Date, true)
}

// VerifyPost checks the signature of a PostObject form, V1 or V4, over the policy's
// base64 text, and returns who signed it. fields are the form's fields; their names
// compare without case. A form with neither policy nor key is anonymous. What the
// policy says is checked by [PostPolicy.Check].
func (s *Store) VerifyPost(policyBase64 string, fields map[string]string) (*Principal, error) {
	f := foldFields(fields)
	now := s.now()
	token := f["x-oss-security-token"]
	if f["x-oss-signature-version"] != "" || f["x-oss-credential"] != "" {
		return s.verifyPostV4(policyBase64, f, token, now)
	}
	id, sig := f["ossaccesskeyid"], f["signature"]
	if id == "" && sig == "" {
		if policyBase64 == "" {
			return anonymous, nil
		}
		return nil, invalid("The form has a policy but no OSSAccessKeyId and Signature.")
	}
	if id == "" || sig == "" || policyBase64 == "" {
		return nil, invalid("A signed form needs the fields OSSAccessKeyId, policy and Signature.")
	}
	c, err := s.credential(id, token, now)
	if err != nil {
		return nil, err
	}
	b := sign.Get()
	defer b.Put()
	b.SetText(policyBase64)
	mac := b.HMACSHA1(c.secret)
	if !equalBase64(sig, mac[:]) {
		return nil, mismatch(id, sig, policyBase64, "")
	}
	return c.who, nil
}

func (s *Store) verifyPostV4(policyBase64 string, f map[string]string, token string, now time.Time) (*Principal, error) {
	date, sig := f["x-oss-date"], f["x-oss-signature"]
	if f["x-oss-signature-version"] != sign.V4Algorithm {
		return nil, invalid("The form field x-oss-signature-version must be %s.", sign.V4Algorithm)
	}
	if policyBase64 == "" || date == "" || sig == "" {
		return nil, invalid("A signed form needs the fields policy, x-oss-credential, x-oss-date and x-oss-signature.")
	}
	id, scope, problem := sign.ParseCredential(f["x-oss-credential"])
	if problem != "" {
		return nil, invalid("The form field x-oss-credential: %s", problem)
	}
	c, err := s.credential(id, token, now)
	if err != nil {
		return nil, err
	}
	at, terr := time.Parse(isoBasic, date)
	if terr != nil {
		return nil, invalid("The form field x-oss-date must have the form 20060102T150405Z.")
	}
	if e := s.checkScope(&scope, "", date); e != nil {
		return nil, e
	}
	// How long a form is good for is the policy's expiration, at most a week.
	if at.Sub(now) > MaxSkew || now.Sub(at) > maxV4Expires*time.Second {
		return nil, skewed(at, now)
	}
	b := sign.Get()
	defer b.Put()
	key := c.v4Key(scope)
	if want := b.V4Policy(key, policyBase64); !equal(sig, want[:]) {
		return nil, mismatch(id, sig, policyBase64, "")
	}
	return c.who, nil
}

func foldFields(fields map[string]string) map[string]string {
	out := make(map[string]string, len(fields))
	for k, v := range fields {
		out[strings.ToLower(k)] = v
	}
	return out
}
