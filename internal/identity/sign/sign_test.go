package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestHMACAgainstStdlib(t *testing.T) {
	for _, n := range []int{0, 1, 30, 63, 64, 65, 200} {
		key := strings.Repeat("k", n)
		for _, m := range []int{0, 1, 55, 56, 64, 500, 5000} {
			s := Get()
			s.SetText(strings.Repeat("m", m))
			h1 := hmac.New(sha1.New, []byte(key))
			h1.Write([]byte(s.Text()))
			if got := s.HMACSHA1(key); string(got[:]) != string(h1.Sum(nil)) {
				t.Errorf("SHA-1 of %d under %d", m, n)
			}
			h2 := hmac.New(sha256.New, []byte(key))
			h2.Write([]byte(s.Text()))
			if got := s.HMACSHA256(key); string(got[:]) != string(h2.Sum(nil)) {
				t.Errorf("SHA-256 of %d under %d", m, n)
			}
			s.Put()
		}
		if n <= 64 {
			h := hmac.New(sha256.New, []byte(key))
			h.Write([]byte("short"))
			if got := MAC([]byte(key), "short"); string(got[:]) != string(h.Sum(nil)) {
				t.Errorf("MAC under %d", n)
			}
		}
	}
}

// TestACS3Vector is the vector of darabonba-openapi's own tests (client_test.go).
func TestACS3Vector(t *testing.T) {
	r := &http.Request{Method: "", URL: &url.URL{RawQuery: "test=ok&empty="}, Header: http.Header{"X-Acs-Test": {"http", "https"}}}
	s := Get()
	defer s.Put()
	if !s.ACS3(r, "x-acs-test", "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23", false, nil) {
		t.Fatal("refused")
	}
	mac := s.HMACSHA256("secret")
	if got := hex.EncodeToString(mac[:]); got != "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3" {
		t.Errorf("signature %s", got)
	}
}

// TestV1Vector is the example of the OSS documentation ("Include signatures in the
// Authorization header").
func TestV1Vector(t *testing.T) {
	r, _ := http.NewRequest("PUT", "http://oss-example.oss-cn-hangzhou.aliyuncs.com/nelson", nil)
	r.Header = http.Header{
		"Content-Md5": {"ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="}, "Content-Type": {"text/html"},
		"Date": {"Thu, 17 Nov 2005 18:49:58 GMT"}, "X-Oss-Meta-Author": {"foo@example.com"}, "X-Oss-Magic": {"abracadabra"},
	}
	s := Get()
	defer s.Put()
	s.OSSV1(r, r.Header.Get("Date"), "oss-example", "nelson")
	want := "PUT\nODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM=\ntext/html\nThu, 17 Nov 2005 18:49:58 GMT\nx-oss-magic:abracadabra\nx-oss-meta-author:foo@example.com\n/oss-example/nelson"
	if s.Text() != want {
		t.Errorf("string to sign\n%q\n%q", s.Text(), want)
	}
}

func TestV1Resource(t *testing.T) {
	for query, want := range map[string]string{
		"":           "",
		"prefix=a":   "",
		"uploads":    "?uploads",
		"uploads=":   "?uploads",
		"acl&prefix": "?acl",
		"uploadId=a%2Fb&partNumber=1&x-oss-traffic-limit=9&foo=1":             "?partNumber=1&uploadId=a/b&x-oss-traffic-limit=9",
		"x-oss-process=image%2Fresize%2Cw_1":                                  "?x-oss-process=image/resize,w_1",
		"response-content-type=text%2Fhtml&response-expires=a+b&versionId=%7": "?response-content-type=text/html&response-expires=a b&versionId=%7",
		"symlink&position=0&append&callback=e30%3D":                           "?append&callback=e30=&position=0&symlink",
		"%61cl=": "?acl",
	} {
		r, _ := http.NewRequest("GET", "http://h/k", nil)
		r.URL.RawQuery = query
		s := Get()
		s.OSSV1(r, "d", "b", "k ü")
		if got := s.Text(); got != "GET\n\n\nd\n/b/k ü"+want {
			t.Errorf("%s: %q", query, got)
		}
		s.Put()
	}
}

func TestV4Canonical(t *testing.T) {
	r, _ := http.NewRequest("PUT", "http://h/x?b=2&a+c=%7e%2f&acl=&x-oss-signature=zz", nil)
	r.Header = http.Header{"X-Oss-Meta-B": {"2"}, "X-Oss-Meta-_a": {" 1 ", "3"}, "Content-Type": {"t"}, "Zed": {"z"}, "Not": {"n"}}
	r.Host, r.ContentLength = "host:1", 5
	s := Get()
	defer s.Put()
	s.OSSV4(r, "bk", "k /(ü)", "zed;Host;zed; content-length ", true, false)
	want := "PUT\n/bk/k%20/%28%C3%BC%29\na%20c=~%2F&acl&b=2\ncontent-length:5\ncontent-type:t\nhost:host:1\nx-oss-meta-_a:1,3\nx-oss-meta-b:2\nzed:z\n\ncontent-length;host;zed\nUNSIGNED-PAYLOAD"
	if s.Text() != want {
		t.Errorf("\n%s\n---\n%s", s.Text(), want)
	}
	s.OSSV4(r, "", "", "", false, true)
	if !strings.HasPrefix(s.Text(), "PUT\n/\na%20c=~%2F&acl=&b=2&x-oss-signature=zz\n") {
		t.Errorf("%s", s.Text())
	}
}

func TestLimits(t *testing.T) {
	r, _ := http.NewRequest("GET", "http://h/?"+strings.Repeat("acl&", MaxQueryParams+1), nil)
	s := Get()
	defer s.Put()
	if s.OSSV1(r, "", "b", "") || s.OSSV4(r, "b", "", "", false, false) || s.ACS3(r, "host", "", false, nil) {
		t.Error("too many parameters are signed")
	}
	r.URL.RawQuery = ""
	var names []string
	for i := range MaxHeaderNames + 1 {
		names = append(names, strings.Repeat("x", i+1))
	}
	if list := strings.Join(names, ";"); s.OSSV4(r, "b", "", list, false, false) || s.ACS3(r, list, "", false, nil) {
		t.Error("too many headers are signed")
	}
}

func TestParseV4(t *testing.T) {
	const cred = "AK/20260102/cn-hangzhou/oss/aliyun_v4_request"
	for h, bad := range map[string]bool{
		"OSS4-HMAC-SHA256 Credential=" + cred + ",Signature=ab":                           false,
		"OSS4-HMAC-SHA256 Credential=" + cred + ", Signature=ab, AdditionalHeaders=a;b":   false,
		"OSS4-HMAC-SHA256 AdditionalHeaders=host,Credential=" + cred + ",Signature=ab":    false,
		"OSS4-HMAC-SHA256 Credential=" + cred:                                             true,
		"OSS4-HMAC-SHA256 Signature=ab":                                                   true,
		"OSS4-HMAC-SHA256":                                                                true,
		"OSS4-HMAC-SHA256Credential=" + cred + ",Signature=ab":                            true,
		"OSS4-HMAC-SHA256 Credential=AK/2026/cn/oss/aliyun_v4_request,Signature=ab":       true,
		"OSS4-HMAC-SHA256 Credential=AK/20260102/cn/oss/aws4_request,Signature=ab":        true,
		"OSS4-HMAC-SHA256 Credential=AK/20260102/cn/oss,Signature=ab":                     true,
		"OSS4-HMAC-SHA256 Credential=/20260102/cn/oss/aliyun_v4_request,Signature=ab":     true,
		"OSS4-HMAC-SHA256 Credential=AK/2026010x/cn/oss/aliyun_v4_request,Signature=ab":   true,
		"OSS4-HMAC-SHA256 Credential=AK/20260102//oss/aliyun_v4_request,Signature=ab":     true,
		"OSS4-HMAC-SHA256 Credential=AK/20260102/cn/oss/aliyun_v4_request/x,Signature=ab": true,
	} {
		a, problem := ParseV4(h)
		if (problem != "") != bad {
			t.Errorf("%s: %q", h, problem)
		}
		if !bad && (a.AccessKeyID != "AK" || a.Scope != Scope{"20260102", "cn-hangzhou", "oss"} || a.Signature != "ab") {
			t.Errorf("%s: %+v", h, a)
		}
	}
}

func TestQuery(t *testing.T) {
	raw := "a=1&%62=2+3%2F&c&a=9&d=%zz"
	for name, want := range map[string]string{"a": "1", "b": "2 3/", "c": "", "d": "%zz"} {
		if v, ok := Query(raw, name); v != want || !ok {
			t.Errorf("%s: %q %v", name, v, ok)
		}
	}
	if v, ok := Query(raw, "e"); ok {
		t.Errorf("e: %q", v)
	}
}

func FuzzParsers(f *testing.F) {
	f.Add("OSS4-HMAC-SHA256 Credential=AK/20260102/cn-hangzhou/oss/aliyun_v4_request,AdditionalHeaders=host;a,Signature=ab", "a=1&b=%2F&c", "x")
	f.Add("ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature=ab", "%", "")
	f.Fuzz(func(t *testing.T, auth, query, key string) {
		r := &http.Request{Method: "GET", URL: &url.URL{Path: "/" + key, RawQuery: query}, Host: "h", Header: http.Header{"X-Oss-Meta-A": {key}, "X-Fc-A": {query}}}
		v4, _ := ParseV4(auth)
		acs3, _ := ParseACS3(auth)
		V4Key(auth, v4.Scope)
		s := Get()
		defer s.Put()
		s.OSSV1(r, auth, "b", key)
		s.HMACSHA1(auth)
		s.OSSV4(r, "b", key, v4.Additional, true, true)
		s.ACS3(r, acs3.SignedHeaders, auth, true, nil)
		s.FC(r, "/2016-08-15/proxy/"+key)
		Query(query, key)
		if p, err := url.ParseQuery(query); err == nil {
			s.RPC("GET", p)
		}
		// A name or value that both sides can read must read the same as the standard library reads it.
		if p, err := url.ParseQuery(query); err == nil && !strings.Contains(query, ";") {
			for k := range p {
				if v, ok := Query(query, k); !ok || v != p.Get(k) {
					t.Errorf("Query(%q, %q) = %q, %v; want %q", query, k, v, ok, p.Get(k))
				}
			}
		}
	})
}
