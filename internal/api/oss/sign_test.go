package oss

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

// signOSSV1 signs a request with OSS signature V1 in its header.
func signOSSV1(r *http.Request, bucket, key string, cred identity.Credentials, now time.Time) {
	date := now.UTC().Format(http.TimeFormat)
	r.Header.Set("Date", date)
	if cred.SecurityToken != "" {
		r.Header.Set("X-Oss-Security-Token", cred.SecurityToken)
	}
	r.Header.Set("Authorization", "OSS "+cred.AccessKeyID+":"+signatureV1(r, date, bucket, key, cred))
}

// presignOSSV1 adds an OSS V1 signature, good until then, to a request's URL.
func presignOSSV1(r *http.Request, bucket, key string, cred identity.Credentials, then time.Time) {
	expires := strconv.FormatInt(then.Unix(), 10)
	q := url.Values{"OSSAccessKeyId": {cred.AccessKeyID}, "Expires": {expires}, "Signature": {signatureV1(r, expires, bucket, key, cred)}}
	if r.URL.RawQuery != "" {
		r.URL.RawQuery += "&"
	}
	r.URL.RawQuery += q.Encode()
}

func signatureV1(r *http.Request, date, bucket, key string, cred identity.Credentials) string {
	b := sign.Get()
	defer b.Put()
	b.OSSV1(r, date, bucket, key)
	mac := b.HMACSHA1(cred.AccessKeySecret)
	return base64.StdEncoding.EncodeToString(mac[:])
}
