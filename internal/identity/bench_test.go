package identity

import (
	"net/http"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// benchmarkVerify runs verify on a request signed with the root key and on one signed
// with a run's session.
func benchmarkVerify(b *testing.B, make func(Credentials) *http.Request, verify func(*Store, *http.Request) (*Principal, error)) {
	s := openFixed(b, func() time.Time { return t0 })
	run, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "run", time.Hour, &Lineage{Run: "1-6960d0f5-12345678-abcdef", Function: "resize", Trigger: "t", Event: "e", Root: "e", Depth: 1, Chain: []string{"t"}})
	if err != nil {
		b.Fatal(err)
	}
	for name, cred := range map[string]Credentials{"root": rootCred, "session": run} {
		r := make(cred)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(s, r); err != nil && !fault.Is(err, ReasonNonceUsed) {
					b.Fatal(err)
				}
			}
		})
	}
}

var benchInfo = OSSRequest{Bucket: "testbucket", Key: "source/picture.png", Region: testRegion}

func benchPut() *http.Request {
	r := newRequest("PUT", "http://testbucket.oss-cn-hangzhou.aliyuncs.com/source/picture.png", nil)
	r.Header.Set("Content-Type", "image/png")
	r.Header.Set("User-Agent", "aliyun-sdk-nodejs/6.23.0")
	r.Header.Set("Content-Length", "4096")
	return r
}

func verifyOSS(s *Store, r *http.Request) (*Principal, error) { return s.VerifyOSS(r, benchInfo) }

func BenchmarkVerifyV1(b *testing.B) {
	benchmarkVerify(b, func(c Credentials) *http.Request {
		r := benchPut()
		signOSSV1(r, benchInfo.Bucket, benchInfo.Key, c, t0)
		return r
	}, verifyOSS)
}

func BenchmarkVerifyV4(b *testing.B) {
	benchmarkVerify(b, func(c Credentials) *http.Request {
		r := benchPut()
		SignOSSV4(r, benchInfo.Bucket, benchInfo.Key, testRegion, c, t0)
		return r
	}, verifyOSS)
}

func BenchmarkVerifyV4URL(b *testing.B) {
	benchmarkVerify(b, func(c Credentials) *http.Request {
		r := newRequest("GET", "http://testbucket.oss-cn-hangzhou.aliyuncs.com/source/picture.png", nil)
		PresignOSSV4(r, benchInfo.Bucket, benchInfo.Key, testRegion, c, t0, time.Hour)
		return r
	}, verifyOSS)
}

func BenchmarkVerifyACS3(b *testing.B) {
	benchmarkVerify(b, func(c Credentials) *http.Request {
		r := newRequest("POST", "http://127.0.0.1:8001/2023-03-30/functions/resize/invocations?qualifier=LATEST", nil)
		r.Header.Set("x-acs-action", "InvokeFunction")
		r.Header.Set("x-acs-version", "2023-03-30")
		r.Header.Set("Content-Type", "application/octet-stream")
		SignACS3(r, nil, c, t0)
		return r
	}, func(s *Store, r *http.Request) (*Principal, error) { return s.VerifyACS3(r, nil) })
}

func BenchmarkIssueForRun(b *testing.B) {
	s := openFixed(b, func() time.Time { return t0 })
	arn := "acs:ram::" + testAccount + ":role/aliyunfcdefaultrole"
	l := &Lineage{Run: "1-6960d0f5-12345678-abcdef", Function: "resize", Trigger: "t", Event: "e", Root: "e", Depth: 1, Chain: []string{"t"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.IssueForRun(arn, ServiceFC, "resize", 36*time.Hour, l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenToken(b *testing.B) {
	s := openFixed(b, func() time.Time { return t0 })
	c, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "resize", time.Hour, &Lineage{Run: "r", Chain: []string{"t"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.cache = sessionCache{}
		if _, err := s.session(c.SecurityToken, t0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	s := openFixed(b, func() time.Time { return t0 })
	p, err := s.AsRole(s.RoleARN(DefaultRole), ServiceFC, "x")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Authorize(p, "oss:PutObject", "acs:oss:cn-hangzhou:1234567890123456:testbucket/processed/a.png", Conditions{}); err != nil {
			b.Fatal(err)
		}
	}
}
