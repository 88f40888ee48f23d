package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

var rootCred = Credentials{AccessKeyID: testKeyID, AccessKeySecret: testKeySecret}

func newRequest(method, rawURL string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, rawURL, body)
	if err != nil {
		panic(err)
	}
	return r
}

// TestVerifyOSSFaults signs a good request each way, spoils it, and wants the cloud's code.
func TestVerifyOSSFaults(t *testing.T) {
	info := OSSRequest{Bucket: "b", Key: "k é", Region: testRegion}
	const path = "http://b.oss.test/k%20%C3%A9?uploadId=1&partNumber=2"
	header := func(sign func(*http.Request)) func() *http.Request {
		return func() *http.Request {
			r := newRequest("PUT", path, nil)
			r.Header.Set("Content-Type", "text/plain")
			r.Header.Set("X-Oss-Meta-A", "1")
			sign(r)
			return r
		}
	}
	v1 := header(func(r *http.Request) { signOSSV1(r, "b", "k é", rootCred, t0) })
	v4 := header(func(r *http.Request) { SignOSSV4(r, "b", "k é", testRegion, rootCred, t0) })
	u1 := header(func(r *http.Request) { presignOSSV1(r, "b", "k é", rootCred, t0, time.Hour) })
	u4 := header(func(r *http.Request) { PresignOSSV4(r, "b", "k é", testRegion, rootCred, t0, time.Hour) })
	set := func(k, v string) func(*http.Request, *clock) {
		return func(r *http.Request, _ *clock) { r.Header.Set(k, v) }
	}
	query := func(old, new string) func(*http.Request, *clock) {
		return func(r *http.Request, _ *clock) {
			if !strings.Contains(r.URL.RawQuery, old) {
				panic(old + " is not in " + r.URL.RawQuery)
			}
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1)
		}
	}
	at := func(d time.Duration) func(*http.Request, *clock) {
		return func(_ *http.Request, c *clock) { c.t = t0.Add(d) }
	}
	auth := func(old, new string) func(*http.Request, *clock) {
		return func(r *http.Request, _ *clock) {
			a := r.Header.Get("Authorization")
			if !strings.Contains(a, old) {
				panic(old + " is not in " + a)
			}
			r.Header.Set("Authorization", strings.Replace(a, old, new, 1))
		}
	}
	method := func(r *http.Request, _ *clock) { r.Method = "DELETE" }
	none := func(*http.Request, *clock) {}
	ok, sig := fault.Reason(""), ReasonSignature
	for _, c := range []struct {
		name   string
		make   func() *http.Request
		spoil  func(*http.Request, *clock)
		kind   fault.Kind
		reason fault.Reason
	}{
		{"v1", v1, none, 0, ok},
		{"v1 15 minutes late", v1, at(15 * time.Minute), 0, ok},
		{"v1 too late", v1, at(15*time.Minute + time.Second), fault.Unauthentic, ReasonSkewed},
		{"v1 too early", v1, at(-15*time.Minute - time.Second), fault.Unauthentic, ReasonSkewed},
		{"v1 method", v1, method, fault.Unauthentic, sig},
		{"v1 content type", v1, set("Content-Type", "text/html"), fault.Unauthentic, sig},
		{"v1 meta", v1, set("X-Oss-Meta-A", "2"), fault.Unauthentic, sig},
		{"v1 more meta", v1, set("X-Oss-Meta-B", "2"), fault.Unauthentic, sig},
		{"v1 md5", v1, set("Content-Md5", "x"), fault.Unauthentic, sig},
		{"v1 subresource", v1, query("partNumber=2", "partNumber=3"), fault.Unauthentic, sig},
		{"v1 other query", v1, query("uploadId", "prefix=a&uploadId"), 0, ok},
		{"v1 no date", v1, func(r *http.Request, _ *clock) { r.Header.Del("Date") }, fault.Denied, ReasonAccessDenied},
		{"v1 bad date", v1, set("Date", "today"), fault.Denied, ReasonAccessDenied},
		{"v1 unknown key", v1, auth(testKeyID, "LTAInobody"), fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"v1 key with a made up token", v1, set("X-Oss-Security-Token", "CAISxxx"), fault.Unauthentic, ReasonTokenInvalid},
		{"v1 malformed", v1, set("Authorization", "OSS abc"), fault.Invalid, ReasonInvalidArgument},
		{"v1 empty signature", v1, set("Authorization", "OSS "+testKeyID+":"), fault.Invalid, ReasonInvalidArgument},
		{"another scheme", v1, set("Authorization", "AWS a:b"), fault.Invalid, ReasonInvalidArgument},
		{"v2", v1, set("Authorization", "OSS2 AccessKeyId:a,Signature:b"), fault.Invalid, ReasonInvalidArgument},

		{"v4", v4, none, 0, ok},
		{"v4 late", v4, at(16 * time.Minute), fault.Unauthentic, ReasonSkewed},
		{"v4 early", v4, at(-16 * time.Minute), fault.Unauthentic, ReasonSkewed},
		{"v4 method", v4, method, fault.Unauthentic, sig},
		{"v4 query", v4, query("partNumber=2", "partNumber=3"), fault.Unauthentic, sig},
		{"v4 any query", v4, query("uploadId", "prefix=a&uploadId"), fault.Unauthentic, sig},
		{"v4 content type", v4, set("Content-Type", "text/html"), fault.Unauthentic, sig},
		{"v4 meta", v4, set("X-Oss-Meta-B", "2"), fault.Unauthentic, sig},
		{"v4 hash", v4, set("X-Oss-Content-Sha256", "00"), fault.Unauthentic, sig},
		{"v4 other header", v4, set("X-Other", "2"), 0, ok},
		{"v4 region", v4, auth("/cn-hangzhou/", "/cn-beijing/"), fault.Invalid, ReasonInvalidArgument},
		{"v4 product", v4, auth("/oss/", "/sls/"), fault.Invalid, ReasonInvalidArgument},
		{"v4 day", v4, auth("/20260102/", "/20260103/"), fault.Invalid, ReasonInvalidArgument},
		{"v4 unknown key", v4, auth(testKeyID, "LTAInobody"), fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"v4 malformed", v4, set("Authorization", "OSS4-HMAC-SHA256 x"), fault.Invalid, ReasonInvalidArgument},
		{"v4 no date", v4, func(r *http.Request, _ *clock) { r.Header.Del("X-Oss-Date") }, fault.Denied, ReasonAccessDenied},

		{"v1 url", u1, none, 0, ok},
		{"v1 url at its end", u1, at(time.Hour), 0, ok},
		{"v1 url long before", u1, at(-10 * time.Hour), 0, ok},
		{"v1 url expired", u1, at(time.Hour + time.Second), fault.Denied, ReasonAccessDenied},
		{"v1 url method", u1, method, fault.Unauthentic, sig},
		{"v1 url later", u1, query("Expires=1", "Expires=2"), fault.Unauthentic, sig},
		{"v1 url no expires", u1, query("Expires=", "X="), fault.Denied, ReasonAccessDenied},
		{"v1 url bad expires", u1, query("Expires=", "Expires=x"), fault.Denied, ReasonAccessDenied},
		{"v1 url no signature", u1, query("Signature=", "X="), fault.Denied, ReasonAccessDenied},
		{"v1 url no key", u1, query("OSSAccessKeyId=", "X="), fault.Denied, ReasonAccessDenied},
		{"v1 url meta", u1, set("X-Oss-Meta-B", "2"), fault.Unauthentic, sig},

		{"v4 url", u4, none, 0, ok},
		{"v4 url at its end", u4, at(time.Hour), 0, ok},
		{"v4 url expired", u4, at(time.Hour + time.Second), fault.Denied, ReasonAccessDenied},
		{"v4 url not yet", u4, at(-16 * time.Minute), fault.Unauthentic, ReasonSkewed},
		{"v4 url method", u4, method, fault.Unauthentic, sig},
		{"v4 url longer", u4, query("x-oss-expires=3600", "x-oss-expires=7200"), fault.Unauthentic, sig},
		{"v4 url too long", u4, query("x-oss-expires=3600", "x-oss-expires=604801"), fault.Invalid, ReasonInvalidArgument},
		{"v4 url no expires", u4, query("x-oss-expires", "x"), fault.Denied, ReasonAccessDenied},
		{"v4 url version", u4, query("x-oss-signature-version=OSS4", "x-oss-signature-version=OSS5"), fault.Invalid, ReasonInvalidArgument},
		{"v4 url no version", u4, query("x-oss-signature-version", "x"), fault.Invalid, ReasonInvalidArgument},
		{"v4 url region", u4, query("cn-hangzhou", "cn-beijing"), fault.Invalid, ReasonInvalidArgument},
		{"v4 url date", u4, query("x-oss-date=2026", "x-oss-date=x"), fault.Invalid, ReasonInvalidArgument},
		{"v4 url credential", u4, query("aliyun_v4_request", "aws4_request"), fault.Invalid, ReasonInvalidArgument},
	} {
		clk := &clock{t0}
		s := openFixed(t, clk.now)
		r := c.make()
		c.spoil(r, clk)
		p, err := s.VerifyOSS(r, info)
		want(t, c.name, err, c.kind, c.reason)
		if c.reason == ok && p != s.RootPrincipal() {
			t.Errorf("%s: principal %+v", c.name, p)
		}
		if c.reason == sig {
			e := fault.As(err)
			if e.Params["OSSAccessKeyId"] != testKeyID || !strings.Contains(e.Params["StringToSign"], "\n") || e.Params["SignatureProvided"] == "" ||
				!strings.HasPrefix(e.Params["StringToSignBytes"], strings.ToUpper(hex.EncodeToString([]byte(e.Params["StringToSign"][:1])))+" ") {
				t.Errorf("%s: params %v", c.name, e.Params)
			}
			if strings.HasPrefix(c.name, "v4") != (e.Params["CanonicalRequest"] != "") {
				t.Errorf("%s: CanonicalRequest %q", c.name, e.Params["CanonicalRequest"])
			}
		}
	}
	s := openFixed(t, func() time.Time { return t0 })
	for _, u := range []string{"http://h/k", "http://h/k?prefix=a&Expires=1"} {
		if p, err := s.VerifyOSS(newRequest("GET", u, nil), info); err != nil || p.Kind != Anonymous {
			t.Errorf("%s: %+v, %v", u, p, err)
		}
	}
	for _, c := range []struct{ h, want string }{{"", ""}, {"UNSIGNED-PAYLOAD", ""}, {"ABCD", "abcd"}} {
		r := newRequest("PUT", "http://h/", nil)
		r.Header.Set("X-Oss-Content-Sha256", c.h)
		if got, ok := ContentSHA256(r); got != c.want || ok != (c.want != "") {
			t.Errorf("content hash of %q: %q, %v", c.h, got, ok)
		}
	}
}

func TestVerifyACS3(t *testing.T) {
	body := []byte(`{"a":1}`)
	sum := sha256.Sum256(body)
	hash := func() (string, error) { return strings.ToUpper(hex.EncodeToString(sum[:])), nil }
	clk := &clock{t0}
	s := openFixed(t, clk.now)
	run, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "run", time.Hour, &Lineage{Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	make := func(cred Credentials) *http.Request {
		r := newRequest("POST", "http://127.0.0.1:9000/2023-03-30/functions/a%2Fb/invocations?qualifier=LATEST&b=*~%20&a=", bytes.NewReader(body))
		r.Header.Set("x-acs-action", "InvokeFunction")
		r.Header.Set("x-acs-version", "2023-03-30")
		r.Header.Set("Content-Type", "application/octet-stream")
		SignACS3(r, body, cred, t0)
		return r
	}
	ok := fault.Reason("")
	for _, c := range []struct {
		name   string
		spoil  func(*http.Request)
		at     time.Duration
		kind   fault.Kind
		reason fault.Reason
	}{
		{"good", func(*http.Request) {}, 0, 0, ok},
		{"other header", func(r *http.Request) { r.Header.Set("x-fc-invocation-type", "Async") }, 0, 0, ok},
		{"query order and form", func(r *http.Request) { r.URL.RawQuery = "b=%2A%7E+&a&qualifier=LATEST" }, 0, 0, ok},
		{"late", func(*http.Request) {}, 16 * time.Minute, fault.Unauthentic, ReasonSkewed},
		{"early", func(*http.Request) {}, -16 * time.Minute, fault.Unauthentic, ReasonSkewed},
		{"method", func(r *http.Request) { r.Method = "PUT" }, 0, fault.Unauthentic, ReasonSignature},
		{"path", func(r *http.Request) { r.URL.RawPath = ""; r.URL.Path = "/x" }, 0, fault.Unauthentic, ReasonSignature},
		{"query", func(r *http.Request) { r.URL.RawQuery += "&c=1" }, 0, fault.Unauthentic, ReasonSignature},
		{"host", func(r *http.Request) { r.Host = "other" }, 0, fault.Unauthentic, ReasonSignature},
		{"action", func(r *http.Request) { r.Header.Set("x-acs-action", "DeleteFunction") }, 0, fault.Unauthentic, ReasonSignature},
		{"body hash", func(r *http.Request) { r.Header.Set("x-acs-content-sha256", strings.Repeat("0", 64)) }, 0, fault.Unauthentic, ReasonSignature},
		{"no body hash", func(r *http.Request) { r.Header.Del("x-acs-content-sha256") }, 0, fault.Invalid, ReasonMissingHeader},
		{"no date", func(r *http.Request) { r.Header.Del("x-acs-date") }, 0, fault.Invalid, ReasonMissingHeader},
		{"bad date", func(r *http.Request) { r.Header.Set("x-acs-date", "now") }, 0, fault.Invalid, ReasonInvalidArgument},
		{"unsigned action", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "x-acs-action;", "", 1))
		}, 0, fault.Invalid, ReasonInvalidArgument},
		{"unsigned host", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		}, 0, fault.Invalid, ReasonInvalidArgument},
		{"unknown key", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Credential=", "Credential=x", 1))
		}, 0, fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"algorithm", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "SHA256", "SM3", 1))
		}, 0, fault.Invalid, ReasonInvalidArgument},
		{"malformed", func(r *http.Request) { r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Signature=a") }, 0, fault.Invalid, ReasonInvalidArgument},
	} {
		for _, cred := range []Credentials{rootCred, run} {
			clk.t = t0.Add(c.at)
			r := make(cred)
			c.spoil(r)
			p, err := s.VerifyACS3(r, hash)
			if c.name == "unknown key" && cred.SecurityToken != "" {
				want(t, "token of another key", err, fault.Unauthentic, ReasonTokenInvalid)
				continue
			}
			want(t, c.name, err, c.kind, c.reason)
			if c.reason == ok && err == nil && p.AccessKeyID != cred.AccessKeyID {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
	}
	clk.t = t0
	r := make(rootCred)
	_, err = s.VerifyACS3(r, func() (string, error) { return strings.Repeat("0", 64), nil })
	want(t, "another body", err, fault.Unauthentic, ReasonSignature, "body")
	_, err = s.VerifyACS3(r, func() (string, error) { return "", io.ErrUnexpectedEOF })
	if err != io.ErrUnexpectedEOF {
		t.Errorf("cut body: %v", err)
	}
	_, err = s.VerifyACS3(r, nil)
	want(t, "after failures", err, 0, "")
	_, err = s.VerifyACS3(r, nil)
	want(t, "replayed", err, fault.Unauthentic, ReasonNonceUsed)
	if p, err := s.VerifyACS3(newRequest("GET", "http://h/", nil), nil); err != nil || p.Kind != Anonymous {
		t.Errorf("anonymous: %+v, %v", p, err)
	}
}

func TestVerifyFC(t *testing.T) {
	clk := &clock{t0}
	s := openFixed(t, clk.now)
	make := func() *http.Request {
		r := newRequest("GET", "http://h/2016-08-15/services/s%20x?limit=3", nil)
		r.Header.Set("Date", t0.Format(http.TimeFormat))
		r.Header.Set("X-Fc-Account-Id", testAccount)
		b := sign.Get()
		defer b.Put()
		b.FC(r, "/2016-08-15/services/s x")
		mac := b.HMACSHA256(testKeySecret)
		r.Header.Set("Authorization", "FC "+testKeyID+":"+base64.StdEncoding.EncodeToString(mac[:]))
		return r
	}
	for _, c := range []struct {
		name   string
		spoil  func(*http.Request)
		kind   fault.Kind
		reason fault.Reason
	}{
		{"good", func(*http.Request) {}, 0, ""},
		{"query is not signed", func(r *http.Request) { r.URL.RawQuery = "limit=4" }, 0, ""},
		{"method", func(r *http.Request) { r.Method = "PUT" }, fault.Unauthentic, ReasonSignature},
		{"header", func(r *http.Request) { r.Header.Set("X-Fc-Log-Type", "Tail") }, fault.Unauthentic, ReasonSignature},
		{"path", func(r *http.Request) { r.URL.Path = "/2016-08-15/services/t" }, fault.Unauthentic, ReasonSignature},
		{"date", func(r *http.Request) { r.Header.Set("Date", t0.Add(time.Hour).Format(http.TimeFormat)) }, fault.Unauthentic, ReasonSkewed},
		{"no date", func(r *http.Request) { r.Header.Del("Date") }, fault.Invalid, ReasonMissingHeader},
		{"bad date", func(r *http.Request) { r.Header.Set("Date", "x") }, fault.Invalid, ReasonInvalidArgument},
		{"malformed", func(r *http.Request) { r.Header.Set("Authorization", "FC x") }, fault.Invalid, ReasonInvalidArgument},
		{"another scheme", func(r *http.Request) { r.Header.Set("Authorization", "OSS x:y") }, fault.Invalid, ReasonInvalidArgument},
		{"unknown key", func(r *http.Request) { r.Header.Set("Authorization", "FC x:y") }, fault.Unauthentic, ReasonInvalidAccessKeyID},
	} {
		r := make()
		c.spoil(r)
		_, err := s.VerifyFC(r)
		want(t, c.name, err, c.kind, c.reason)
	}
	if p, err := s.VerifyFC(newRequest("GET", "http://h/", nil)); err != nil || p.Kind != Anonymous {
		t.Errorf("anonymous: %+v, %v", p, err)
	}
}

func TestVerifyRPC(t *testing.T) {
	s := openFixed(t, func() time.Time { return t0 })
	make := func() url.Values {
		p := url.Values{}
		for k, v := range map[string]string{"Action": "AssumeRole", "AccessKeyId": testKeyID, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": "n", "Timestamp": t0.Format(isoExtended), "X": "a b*~'+"} {
			p.Set(k, v)
		}
		b := sign.Get()
		defer b.Put()
		b.RPC("GET", p)
		mac := b.HMACSHA1(testKeySecret + "&")
		p.Set("Signature", base64.StdEncoding.EncodeToString(mac[:]))
		return p
	}
	set := func(k, v string) func(url.Values) { return func(p url.Values) { p.Set(k, v) } }
	for _, c := range []struct {
		name   string
		spoil  func(url.Values)
		kind   fault.Kind
		reason fault.Reason
	}{
		{"changed", set("X", "b"), fault.Unauthentic, ReasonSignature},
		{"more", set("Y", "b"), fault.Unauthentic, ReasonSignature},
		{"no nonce", set("SignatureNonce", ""), fault.Invalid, "MissingSignatureNonce"},
		{"no timestamp", set("Timestamp", ""), fault.Invalid, "MissingTimestamp"},
		{"no signature", set("Signature", ""), fault.Invalid, "MissingSignature"},
		{"timestamp", set("Timestamp", "x"), fault.Invalid, ReasonInvalidArgument},
		{"old", set("Timestamp", t0.Add(-time.Hour).Format(isoExtended)), fault.Unauthentic, ReasonSkewed},
		{"method", set("SignatureMethod", "HMAC-MD5"), fault.Invalid, ReasonInvalidArgument},
		{"version", set("SignatureVersion", "2.0"), fault.Invalid, ReasonInvalidArgument},
		{"key", set("AccessKeyId", "x"), fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"token", set("SecurityToken", "x"), fault.Unauthentic, ReasonTokenInvalid},
		{"twice", func(p url.Values) { p.Add("X", "c") }, fault.Invalid, ReasonInvalidArgument},
		{"good", func(url.Values) {}, 0, ""},
		{"replayed", func(url.Values) {}, fault.Unauthentic, ReasonNonceUsed},
	} {
		p := make()
		c.spoil(p)
		_, err := s.VerifyRPC("GET", p)
		want(t, c.name, err, c.kind, c.reason)
	}
	if p, err := s.VerifyRPC("GET", url.Values{}); err != nil || p.Kind != Anonymous {
		t.Errorf("anonymous: %+v, %v", p, err)
	}
}
