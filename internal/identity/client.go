package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

// SignACS3 signs a request as the official FC 3.0 SDKs do: it sets x-acs-date, a nonce,
// the body's hash, the token and Authorization. The caller sets x-acs-action,
// x-acs-version and Content-Type before, and the body on the request.
func SignACS3(req *http.Request, body []byte, cred Credentials, now time.Time) {
	if req.Host == "" {
		req.Host = req.URL.Host
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	h := req.Header
	h.Set("X-Acs-Date", now.UTC().Format(isoExtended))
	h.Set("X-Acs-Signature-Nonce", rand.Text())
	h.Set("X-Acs-Content-Sha256", hash)
	if cred.SecurityToken != "" {
		h.Set("X-Acs-Accesskey-Id", cred.AccessKeyID)
		h.Set("X-Acs-Security-Token", cred.SecurityToken)
	}
	names := []string{"host"}
	for k := range h {
		if l := strings.ToLower(k); l == "content-type" || strings.HasPrefix(l, "x-acs-") {
			names = append(names, l)
		}
	}
	slices.Sort(names)
	signed := strings.Join(names, ";")
	b := sign.Get()
	defer b.Put()
	b.ACS3(req, signed, hash, false, nil)
	mac := b.HMACSHA256(cred.AccessKeySecret)
	h.Set("Authorization", sign.ACS3Algorithm+" Credential="+cred.AccessKeyID+",SignedHeaders="+signed+",Signature="+hex.EncodeToString(mac[:]))
}

// SignOSSV4 signs a request with OSS signature V4 in its header. The body is left
// unsigned unless x-oss-content-sha256 is already set.
func SignOSSV4(req *http.Request, bucket, key, region string, cred Credentials, now time.Time) {
	h := req.Header
	date := now.UTC().Format(isoBasic)
	h.Set("X-Oss-Date", date)
	if h.Get("X-Oss-Content-Sha256") == "" {
		h.Set("X-Oss-Content-Sha256", sign.UnsignedPayload)
	}
	if cred.SecurityToken != "" {
		h.Set("X-Oss-Security-Token", cred.SecurityToken)
	}
	scope := sign.Scope{Date: date[:8], Region: region, Product: "oss"}
	sig := signV4(req, bucket, key, scope, date, cred, false)
	h.Set("Authorization", sign.V4Algorithm+" Credential="+cred.AccessKeyID+"/"+scope.String()+",Signature="+sig)
}

func signV4(req *http.Request, bucket, key string, scope sign.Scope, date string, cred Credentials, query bool) string {
	b := sign.Get()
	defer b.Put()
	k := sign.V4Key(cred.AccessKeySecret, scope)
	b.OSSV4(req, bucket, key, "", query, false)
	sig := b.V4Sign(&k, date, scope)
	return string(sig[:])
}

// PresignOSSV4 adds an OSS V4 signature, good for ttl (at most 7 days), to the
// request's URL. Headers that start with x-oss- and Content-Type, if set, must then be
// sent as they are.
func PresignOSSV4(req *http.Request, bucket, key, region string, cred Credentials, now time.Time, ttl time.Duration) {
	date := now.UTC().Format(isoBasic)
	scope := sign.Scope{Date: date[:8], Region: region, Product: "oss"}
	q := []string{
		"x-oss-signature-version=" + sign.V4Algorithm,
		"x-oss-credential=" + url.QueryEscape(cred.AccessKeyID+"/"+scope.String()),
		"x-oss-date=" + date,
		"x-oss-expires=" + strconv.FormatInt(int64(ttl/time.Second), 10),
	}
	if cred.SecurityToken != "" {
		q = append(q, "x-oss-security-token="+url.QueryEscape(cred.SecurityToken))
	}
	addQuery(req.URL, q...)
	addQuery(req.URL, "x-oss-signature="+signV4(req, bucket, key, scope, date, cred, true))
}

func addQuery(u *url.URL, params ...string) {
	if u.RawQuery != "" {
		params = append([]string{u.RawQuery}, params...)
	}
	u.RawQuery = strings.Join(params, "&")
}
