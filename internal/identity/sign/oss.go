package sign

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"
)

// subresources are the query parameters that an OSS V1 signature covers, besides all
// that start with "x-oss-". The list is the union of those of oss2 2.19,
// alibabacloud-oss-go-sdk-v2 1.6 and the OSS documentation ("Include signatures in the
// Authorization header", CanonicalizedResource).
var subresources = func() map[string]struct{} {
	m := map[string]struct{}{}
	for _, k := range strings.Fields(`
		accessPoint accessPointPolicy acl append asyncFetch bucketArchiveDirectRead
		bucketInfo callback callback-var cloudboxes cname comp continuation-token cors
		delete encryption endTime group httpsConfig img inventory inventoryId lifecycle
		link live location logging metaQuery objectInfo objectMeta partData partInfo
		partNumber policy policyStatus position publicAccessBlock qos qosInfo
		qosRequester redundancyTransition referer regionList replication
		replicationLocation replicationProgress requestPayment requesterQosInfo
		resourceGroup resourcePool resourcePoolBuckets resourcePoolInfo
		response-cache-control response-content-disposition response-content-encoding
		response-content-language response-content-type response-expires restore
		security-token sequential startTime stat status style styleName symlink tagging
		torrent transferAcceleration uploadId uploads versionId versioning versions vod
		website worm wormExtend wormId`) {
		m[k] = struct{}{}
	}
	return m
}()

const ossPrefix = "x-oss-"

func notSubresource(key []byte) bool {
	if len(key) > len(ossPrefix) && string(key[:len(ossPrefix)]) == ossPrefix {
		return false
	}
	_, ok := subresources[string(key)]
	return !ok
}

// OSSV1 builds the string to sign of OSS signature V1. date is the value of the Date
// header (of x-oss-date, where that is present) or, for a signed URL, of Expires. key
// is the decoded object key; without a bucket the resource is "/". It reports false
// for a query with more than [MaxQueryParams] signed parameters.
func (s *Scratch) OSSV1(r *http.Request, date, bucket, key string) bool {
	s.reset()
	t := append(s.text, r.Method...)
	t = append(t, '\n')
	t = append(t, first(r.Header, "Content-Md5")...)
	t = append(t, '\n')
	t = append(t, first(r.Header, "Content-Type")...)
	t = append(t, '\n')
	t = append(t, date...)
	s.text = append(t, '\n')
	for k, v := range r.Header {
		if hasPrefixFold(k, ossPrefix) {
			s.heads = append(s.heads, head{k, v})
		}
	}
	s.sortHeads()
	s.appendHeads()
	s.appendResource(bucket, key, false)
	if r.URL.RawQuery != "" {
		if !s.parseQuery(r.URL.RawQuery, false, false, notSubresource) {
			return false
		}
		if len(s.params) > 0 {
			s.sortParams()
			s.text = append(s.text, '?')
			s.appendParams(false)
		}
	}
	return true
}

func (s *Scratch) appendResource(bucket, key string, escape bool) {
	s.text = append(s.text, '/')
	if bucket == "" {
		return
	}
	if !escape {
		s.text = append(s.text, bucket...)
		s.text = append(s.text, '/')
		s.text = append(s.text, key...)
		return
	}
	s.text = AppendEscape(s.text, bucket, true)
	s.text = append(s.text, '/')
	s.text = AppendEscape(s.text, key, true)
}

// UnsignedPayload is the x-oss-content-sha256 of a request whose body is not signed.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

// V4Algorithm is the name that V4 Authorization headers start with and that
// x-oss-signature-version carries.
const V4Algorithm = "OSS4-HMAC-SHA256"

// OSSV4 builds the canonical request of OSS signature V4. additional is the list of
// AdditionalHeaders, joined with ';' in any order and case. In a signed URL (query)
// the parameter x-oss-signature is left out.
//
// A parameter without a value is its key alone. ali-oss 6.23 signs "key=" where its
// caller gave an empty string and "key" where it gave none, and sends "key=" for both,
// so a server that finds a mismatch tries again with emptyEquals.
//
// It reports false for a request beyond the limits of this package.
func (s *Scratch) OSSV4(r *http.Request, bucket, key, additional string, query, emptyEquals bool) bool {
	s.reset()
	if !s.splitNames(additional) {
		return false
	}
	s.text = append(s.text, r.Method...)
	s.text = append(s.text, '\n')
	s.appendResource(bucket, key, true)
	s.text = append(s.text, '\n')
	if r.URL.RawQuery != "" {
		var skip func([]byte) bool
		if query {
			skip = isV4Signature
		}
		if !s.parseQuery(r.URL.RawQuery, true, true, skip) {
			return false
		}
		s.sortParams()
		s.appendParams(emptyEquals)
	}
	s.text = append(s.text, '\n')

	for k, v := range r.Header {
		if hasPrefixFold(k, ossPrefix) || equalFold(k, "content-type") || equalFold(k, "content-md5") || s.named(k) {
			s.heads = append(s.heads, head{k, v})
		}
	}
	for _, n := range s.names {
		// net/http keeps these outside the header map.
		switch {
		case r.Header[http.CanonicalHeaderKey(n)] != nil:
		case equalFold(n, "host"):
			s.heads = append(s.heads, head{"host", []string{r.Host}})
		case equalFold(n, "content-length") && r.ContentLength >= 0:
			s.heads = append(s.heads, head{"content-length", []string{strconv.FormatInt(r.ContentLength, 10)}})
		}
	}
	s.sortHeads()
	s.appendHeads()
	s.text = append(s.text, '\n')
	for i, n := range s.names {
		if i > 0 {
			s.text = append(s.text, ';')
		}
		s.text = appendLower(s.text, n)
	}
	s.text = append(s.text, '\n')
	if h := first(r.Header, "X-Oss-Content-Sha256"); h != "" {
		s.text = append(s.text, h...)
	} else {
		s.text = append(s.text, UnsignedPayload...)
	}
	return true
}

func isV4Signature(key []byte) bool { return string(key) == "x-oss-signature" }

// splitNames collects header names joined with ';', sorted, each once.
func (s *Scratch) splitNames(list string) bool {
	for list != "" {
		var n string
		n, list, _ = strings.Cut(list, ";")
		n = strings.TrimSpace(n)
		if n == "" || s.named(n) {
			continue
		}
		if len(s.names) == MaxHeaderNames {
			return false
		}
		s.names = append(s.names, n)
	}
	for i := 1; i < len(s.names); i++ {
		for j := i; j > 0 && compareLower(s.names[j], s.names[j-1]) < 0; j-- {
			s.names[j], s.names[j-1] = s.names[j-1], s.names[j]
		}
	}
	return true
}

func (s *Scratch) named(k string) bool {
	for _, n := range s.names {
		if len(n) == len(k) && compareLower(n, k) == 0 {
			return true
		}
	}
	return false
}

// Scope is the credential scope of OSS V4: date (yyyymmdd), region and product ("oss").
type Scope struct{ Date, Region, Product string }

const v4Terminator = "aliyun_v4_request"

// String is the scope as it stands in a credential, after the access key id.
func (c Scope) String() string { return c.Date + "/" + c.Region + "/" + c.Product + "/" + v4Terminator }

// V4Key derives the signing key of a scope. It is the same for a whole day, so callers
// keep it.
func V4Key(secret string, c Scope) [sha256.Size]byte {
	var k [sha256.Size]byte
	if 9+len(secret) <= block {
		var b [block]byte
		n := copy(b[:], "aliyun_v4")
		n += copy(b[n:], secret)
		k = MAC(b[:n], short(c.Date))
	} else {
		h := sha256.Sum256([]byte("aliyun_v4" + secret))
		k = MAC(h[:], short(c.Date))
	}
	k = MAC(k[:], short(c.Region))
	k = MAC(k[:], short(c.Product))
	return MAC(k[:], v4Terminator)
}

// short keeps hostile scopes inside MAC's buffer; no true one is near it.
func short(s string) string { return s[:min(len(s), 192)] }

// V4Sign hashes the canonical request built last into the string to sign and signs it
// with a key from [V4Key]; the result is the signature in hex. Afterwards Text is the
// string to sign.
func (s *Scratch) V4Sign(key *[sha256.Size]byte, datetime string, c Scope) [2 * sha256.Size]byte {
	s.v4StringToSign(datetime, c)
	return s.hexMAC(key)
}

func (s *Scratch) v4StringToSign(datetime string, c Scope) {
	hash := sha256.Sum256(s.text[block:])
	t := append(s.text[:block], V4Algorithm...)
	t = append(t, '\n')
	t = append(t, datetime...)
	t = append(t, '\n')
	t = append(t, c.Date...)
	t = append(t, '/')
	t = append(t, c.Region...)
	t = append(t, '/')
	t = append(t, c.Product...)
	t = append(t, '/')
	t = append(t, v4Terminator...)
	t = append(t, '\n')
	s.text = AppendHex(t, hash[:])
}

// hexMAC signs the text built last with a 32-byte key.
func (s *Scratch) hexMAC(key *[sha256.Size]byte) (out [2 * sha256.Size]byte) {
	for i := range block {
		s.text[i] = 0x36
	}
	for i, c := range key {
		s.text[i] ^= c
	}
	inner := sha256.Sum256(s.text)
	outer := s.small[:block]
	for i := range block {
		outer[i] = 0x5c
	}
	for i, c := range key {
		outer[i] ^= c
	}
	sum := sha256.Sum256(append(outer, inner[:]...))
	AppendHex(out[:0], sum[:])
	return
}

// V4Policy signs the base64 text of a PostObject policy: in V4 forms that text itself
// is the string to sign. The result is the signature in hex.
func (s *Scratch) V4Policy(key *[sha256.Size]byte, policy string) [2 * sha256.Size]byte {
	s.SetText(policy)
	return s.hexMAC(key)
}

// SetText makes t the text to sign, for signatures over a value as it stands.
func (s *Scratch) SetText(t string) {
	s.reset()
	s.text = append(s.text, t...)
}

// V4Authorization is an OSS V4 Authorization header (or the same fields of a URL).
type V4Authorization struct {
	AccessKeyID string
	Scope       Scope
	Additional  string // header names joined with ';', may be empty
	Signature   string // hex
}

// ParseV4 reads the value of an Authorization header that starts with "OSS4-HMAC-SHA256".
// problem is empty, or says what is wrong in words for the caller. Fields may come in
// any order and be separated by "," or ", " (oss2 puts the signature in the middle).
func ParseV4(h string) (a V4Authorization, problem string) {
	rest, ok := strings.CutPrefix(h, V4Algorithm)
	if !ok || rest == "" || rest[0] != ' ' {
		return a, "Authorization does not start with " + V4Algorithm + "."
	}
	credential := ""
	for rest != "" {
		var f string
		f, rest, _ = strings.Cut(rest, ",")
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		switch k {
		case "Credential":
			credential = v
		case "AdditionalHeaders":
			a.Additional = v
		case "Signature":
			a.Signature = v
		}
	}
	switch {
	case credential == "":
		return a, "The Authorization header has no Credential."
	case a.Signature == "":
		return a, "The Authorization header has no Signature."
	}
	a.AccessKeyID, a.Scope, problem = ParseCredential(credential)
	return a, problem
}

// ParseCredential reads "<access key id>/<yyyymmdd>/<region>/<product>/aliyun_v4_request".
func ParseCredential(c string) (id string, sc Scope, problem string) {
	const form = "Credential must be <AccessKeyId>/<yyyymmdd>/<region>/oss/aliyun_v4_request."
	id, c, _ = strings.Cut(c, "/")
	sc.Date, c, _ = strings.Cut(c, "/")
	sc.Region, c, _ = strings.Cut(c, "/")
	var end string
	var ok bool
	sc.Product, end, ok = strings.Cut(c, "/")
	if !ok || id == "" || end != v4Terminator || len(sc.Date) != 8 || sc.Region == "" || len(sc.Region) > 64 || sc.Product == "" || len(sc.Product) > 64 {
		return id, sc, form
	}
	for i := 0; i < len(sc.Date); i++ {
		if sc.Date[i] < '0' || sc.Date[i] > '9' {
			return id, sc, form
		}
	}
	return id, sc, ""
}

// URLSignature holds the parameters of a query that sign it, decoded. Version 1 and 4
// have different ones; a query with neither is not signed.
type URLSignature struct {
	V1, V4 bool // whether any parameter that only that version has is present

	AccessKeyID string // OSSAccessKeyId
	Expires     string // Expires or x-oss-expires
	Signature   string // Signature or x-oss-signature
	Token       string // security-token or x-oss-security-token

	Algorithm  string // x-oss-signature-version
	Credential string // x-oss-credential
	Date       string // x-oss-date
	Additional string // x-oss-additional-headers
}

// ParseURLSignature reads a raw query once. Of a parameter given twice the first counts;
// where parameters of both versions are present, V4's do.
func ParseURLSignature(raw string) (u URLSignature) {
	type part struct{ expires, signature, token string }
	var v1, v4 part
	for raw != "" {
		var p string
		p, raw, _ = strings.Cut(raw, "&")
		k, v, _ := strings.Cut(p, "=")
		if strings.IndexByte(k, '%') >= 0 {
			k = unescape(k)
		}
		var to *string
		switch k {
		case "OSSAccessKeyId":
			to, u.V1 = &u.AccessKeyID, true
		case "Signature":
			to, u.V1 = &v1.signature, true
		case "Expires":
			to = &v1.expires
		case "security-token":
			to = &v1.token
		case "x-oss-signature-version":
			to, u.V4 = &u.Algorithm, true
		case "x-oss-signature":
			to, u.V4 = &v4.signature, true
		case "x-oss-credential":
			to = &u.Credential
		case "x-oss-date":
			to = &u.Date
		case "x-oss-expires":
			to = &v4.expires
		case "x-oss-additional-headers":
			to = &u.Additional
		case "x-oss-security-token":
			to = &v4.token
		}
		if to != nil && *to == "" {
			*to = unescape(v)
		}
	}
	from := &v1
	if u.V4 {
		from = &v4
	}
	u.Expires, u.Signature, u.Token = from.expires, from.signature, from.token
	return u
}
