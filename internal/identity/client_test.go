package identity

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

// signOSSV1 signs a request with OSS signature V1 in its header. bucket and key
// (decoded) name the resource, whichever way the URL addresses it.
func signOSSV1(req *http.Request, bucket, key string, cred Credentials, now time.Time) {
	date := now.UTC().Format(http.TimeFormat)
	req.Header.Set("Date", date)
	if cred.SecurityToken != "" {
		req.Header.Set("X-Oss-Security-Token", cred.SecurityToken)
	}
	b := sign.Get()
	defer b.Put()
	b.OSSV1(req, date, bucket, key)
	mac := b.HMACSHA1(cred.AccessKeySecret)
	req.Header.Set("Authorization", "OSS "+cred.AccessKeyID+":"+base64.StdEncoding.EncodeToString(mac[:]))
}

// presignOSSV1 adds an OSS V1 signature, good until now+ttl, to the request's URL.
func presignOSSV1(req *http.Request, bucket, key string, cred Credentials, now time.Time, ttl time.Duration) {
	expires := strconv.FormatInt(now.Add(ttl).Unix(), 10)
	if cred.SecurityToken != "" {
		addQuery(req.URL, "security-token="+url.QueryEscape(cred.SecurityToken))
	}
	b := sign.Get()
	defer b.Put()
	b.OSSV1(req, expires, bucket, key)
	mac := b.HMACSHA1(cred.AccessKeySecret)
	addQuery(req.URL, "OSSAccessKeyId="+url.QueryEscape(cred.AccessKeyID), "Expires="+expires,
		"Signature="+url.QueryEscape(base64.StdEncoding.EncodeToString(mac[:])))
}
