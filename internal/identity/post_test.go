package identity

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
)

const postPolicy = `{"expiration":"2026-01-02T04:00:00.000Z","conditions":[{"bucket":"photos"},["eq","$key","a/b.jpg"],["starts-with","$Content-Type","image/"],` +
	`["in","$x-oss-object-acl",["private","public-read"]],["not-in","$cache-control",["no-cache"]],["content-length-range",2,10]]}`

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestPostPolicy(t *testing.T) {
	p, err := ParsePostPolicy(b64(postPolicy))
	if err != nil || p.MaxSize() != 10 || !p.Expiration.Equal(time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, c := range []struct {
		name   string
		change map[string]string
		size   int64
		at     time.Time
		kind   fault.Kind
		reason fault.Reason
		text   string
	}{
		{"good", nil, 5, t0, 0, "", ""},
		{"smallest", nil, 2, t0, 0, "", ""},
		{"largest", nil, 10, t0, 0, "", ""},
		{"size unknown", nil, -1, t0, 0, "", ""},
		{"other fields", map[string]string{"x-oss-meta-a": "1"}, 5, t0, 0, "", ""},
		{"expired", nil, 5, p.Expiration, fault.Denied, ReasonAccessDenied, "Invalid according to Policy: Policy expired."},
		{"bucket", map[string]string{"bucket": "b"}, 5, t0, fault.Denied, ReasonAccessDenied, `Invalid according to Policy: Policy Condition failed: ["eq", "$bucket", "photos"]`},
		{"key", map[string]string{"key": "a/c.jpg"}, 5, t0, fault.Denied, ReasonAccessDenied, `["eq","$key","a/b.jpg"]`},
		{"prefix", map[string]string{"Content-Type": "text/html"}, 5, t0, fault.Denied, ReasonAccessDenied, "starts-with"},
		{"missing", map[string]string{"Content-Type": ""}, 5, t0, fault.Denied, ReasonAccessDenied, "starts-with"},
		{"in", map[string]string{"x-oss-object-acl": "public"}, 5, t0, fault.Denied, ReasonAccessDenied, `"in"`},
		{"not-in", map[string]string{"Cache-Control": "no-cache"}, 5, t0, fault.Denied, ReasonAccessDenied, "not-in"},
		{"too large", nil, 11, t0, fault.TooLarge, ReasonTooLarge, "maximum"},
		{"too small", nil, 1, t0, fault.Invalid, ReasonTooSmall, "minimum"},
	} {
		f := map[string]string{"bucket": "photos", "key": "a/b.jpg", "Content-Type": "image/png", "x-oss-object-acl": "private"}
		for k, v := range c.change {
			f[k] = v
		}
		want(t, c.name, p.Check(f, c.size, c.at), c.kind, c.reason, c.text)
	}
}

func TestParsePostPolicyRefuses(t *testing.T) {
	with := func(c string) string { return `{"expiration":"2026-01-02T04:00:00Z","conditions":[` + c + `]}` }
	for text, mention := range map[string]string{
		``:                                      "JSON",
		`[]`:                                    "JSON",
		`{"conditions":[]}`:                     "expiration",
		`{"expiration":"2026-01-02T04:00:00Z"}`: "conditions",
		`{"expiration":"tomorrow","conditions":[]}`: "tomorrow",
		with(`{}`):                               "exactly one property",
		with(`{"a":"1","b":"2"}`):                "exactly one property",
		with(`{"a":1}`):                          "not a string",
		with(`"x"`):                              "Invalid condition",
		with(`["eq","$key"]`):                    "Invalid condition",
		with(`["eq","key","v"]`):                 "start with $",
		with(`["eq","$key",1]`):                  "not a string",
		with(`["like","$key","v"]`):              "unknown operator",
		with(`["in","$key","v"]`):                "list of strings",
		with(`["content-length-range",5,1]`):     "content-length-range",
		with(`["content-length-range",-1,1]`):    "content-length-range",
		with(`["content-length-range","a","b"]`): "content-length-range",
		with(`["eq","$k","v"]` + strings.Repeat(`,["eq","$k","v"]`, 256)): "more than",
	} {
		_, err := ParsePostPolicy(b64(text))
		want(t, text, err, fault.Invalid, ReasonPolicyDocument, mention)
	}
	_, err := ParsePostPolicy("%%")
	want(t, "base64", err, fault.Invalid, ReasonPolicyDocument, "base64")
	_, err = ParsePostPolicy(strings.Repeat("A", MaxPostPolicy+4))
	want(t, "long", err, fault.Invalid, ReasonPolicyDocument, "longer")
}

func TestVerifyPost(t *testing.T) {
	s := openFixed(t, func() time.Time { return t0 })
	run, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "run", time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	pol := b64(postPolicy)
	v1 := func(c Credentials) map[string]string {
		b := sign.Get()
		defer b.Put()
		b.SetText(pol)
		mac := b.HMACSHA1(c.AccessKeySecret)
		return map[string]string{"OSSAccessKeyId": c.AccessKeyID, "Signature": base64.StdEncoding.EncodeToString(mac[:]), "x-oss-security-token": c.SecurityToken}
	}
	v4 := func(c Credentials) map[string]string {
		b := sign.Get()
		defer b.Put()
		scope := sign.Scope{Date: "20260102", Region: testRegion, Product: "oss"}
		key := sign.V4Key(c.AccessKeySecret, scope)
		sig := b.V4Policy(&key, pol)
		return map[string]string{"x-oss-signature-version": sign.V4Algorithm, "x-oss-credential": c.AccessKeyID + "/" + scope.String(), "x-oss-date": "20260102T030405Z", "X-Oss-Signature": string(sig[:]), "x-oss-security-token": c.SecurityToken}
	}
	for name, f := range map[string]map[string]string{"v1": v1(rootCred), "v4": v4(rootCred), "v1 sts": v1(run), "v4 sts": v4(run)} {
		p, err := s.VerifyPost(pol, f)
		if err != nil || p.Kind == Anonymous {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		_, err = s.VerifyPost(pol+"=", f)
		want(t, name+", another policy", err, fault.Unauthentic, ReasonSignature)
		_, err = s.VerifyPost("", f)
		want(t, name+", no policy", err, fault.Invalid, ReasonInvalidArgument)
	}
	for _, c := range []struct {
		name, field, value string
		base               map[string]string
		kind               fault.Kind
		reason             fault.Reason
	}{
		{"no signature", "Signature", "", v1(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"no key", "OSSAccessKeyId", "", v1(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"unknown key", "OSSAccessKeyId", "x", v1(rootCred), fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"no token", "x-oss-security-token", "", v1(run), fault.Unauthentic, ReasonInvalidAccessKeyID},
		{"v4 version", "x-oss-signature-version", "x", v4(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"v4 credential", "x-oss-credential", "x", v4(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"v4 date", "x-oss-date", "x", v4(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"v4 another day", "x-oss-date", "20260103T030405Z", v4(rootCred), fault.Invalid, ReasonInvalidArgument},
		{"v4 later", "x-oss-date", "20260102T040405Z", v4(rootCred), fault.Unauthentic, ReasonSkewed},
	} {
		c.base[c.field] = c.value
		_, err := s.VerifyPost(pol, c.base)
		want(t, c.name, err, c.kind, c.reason)
	}
	if p, err := s.VerifyPost("", map[string]string{"key": "k"}); err != nil || p.Kind != Anonymous {
		t.Errorf("anonymous: %+v, %v", p, err)
	}
	_, err = s.VerifyPost(pol, nil)
	want(t, "policy alone", err, fault.Invalid, ReasonInvalidArgument)
}

// The vectors were made by ali-oss 6.23: calculatePostSignature and signPostObjectPolicyV4.
func TestVerifyPostVectors(t *testing.T) {
	s := openFixed(t, func() time.Time { return t0 })
	const pol = "eyJleHBpcmF0aW9uIjoiMjAyNi0wMS0wMlQwNDowMDowMC4wMDBaIiwiY29uZGl0aW9ucyI6W3siYnVja2V0IjoicGhvdG9zIn1dfQ=="
	for name, f := range map[string]map[string]string{
		"v1": {"OSSAccessKeyId": testKeyID, "Signature": "WcR5w+PkG6RKj6dNbpISgNUr9AM="},
		"v4": {"x-oss-signature-version": "OSS4-HMAC-SHA256", "x-oss-credential": testKeyID + "/20260102/cn-hangzhou/oss/aliyun_v4_request", "x-oss-date": "20260102T030405Z", "x-oss-signature": "16599bef7459770e45112c1502362d1f88d26d5efa2940686568451d54eb5391"},
	} {
		if p, err := s.VerifyPost(pol, f); err != nil || p.Kind != Root {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func FuzzPostPolicy(f *testing.F) {
	f.Add(b64(postPolicy))
	f.Add(b64(`{"expiration":"2026-01-02T04:00:00Z","conditions":[{"a":"b"}]}`))
	f.Fuzz(func(t *testing.T, text string) {
		for _, in := range []string{text, b64(text)} {
			if p, err := ParsePostPolicy(in); err == nil {
				_ = p.Check(map[string]string{"key": text}, int64(len(text)), t0)
			} else if !fault.Is(err, ReasonPolicyDocument) {
				t.Fatal(err)
			}
		}
	})
}
