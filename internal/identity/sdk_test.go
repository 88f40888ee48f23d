package identity

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

const (
	testAccount   = "1234567890123456"
	testKeyID     = "LTAItestkey00000000000000"
	testKeySecret = "testsecret-0123456789abcdefghij"
	testRegion    = "cn-hangzhou"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

// counter is a source of "randomness" that is the same in every test run.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n += 7
		p[i] = c.n
	}
	return len(p), nil
}

// openFixed opens a store whose ids, and so whose tokens, are always the same.
func openFixed(t testing.TB, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), memkv.New(), Options{
		Account: testAccount, RootKeyID: testKeyID, RootKeySecret: testKeySecret, Secret: testSecret, Now: now, Rand: &counter{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// captured is a request that an official SDK made; see capture_test.go.
type captured struct {
	From       string
	Method     string
	URI        string
	Host       string
	Length     int64
	Header     http.Header
	BodySHA256 string
	Form       string `json:",omitempty"`
	Now        int64
}

func (c *captured) request() (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.Method + " " + c.URI + " HTTP/1.1\r\nHost: " + c.Host + "\r\n\r\n")))
	if err != nil {
		return nil, err
	}
	r.Header = c.Header.Clone()
	r.ContentLength = c.Length
	return r, nil
}

func (c *captured) verify(s *Store) (*Principal, error) {
	r, err := c.request()
	if err != nil {
		return nil, err
	}
	auth := r.Header.Get("Authorization")
	q := r.URL.Query()
	switch {
	case strings.HasPrefix(auth, "ACS3"):
		return s.VerifyACS3(r, func() (string, error) { return c.BodySHA256, nil })
	case strings.HasPrefix(auth, "FC "):
		return s.VerifyFC(r)
	case q.Get("SignatureNonce") != "" || strings.Contains(c.Form, "SignatureNonce"):
		params := q
		if c.Form != "" {
			f, err := url.ParseQuery(c.Form)
			if err != nil {
				return nil, err
			}
			for k, v := range f {
				params[k] = append(params[k], v...)
			}
		}
		return s.VerifyRPC(c.Method, params)
	}
	return s.VerifyOSS(r, c.oss(r))
}

// oss finds bucket and key: "testbucket.<anything>" is a virtual host, others are paths.
func (c *captured) oss(r *http.Request) OSSRequest {
	info := OSSRequest{Region: testRegion, Now: time.Unix(c.Now, 0)}
	p := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(c.Host, "testbucket.") {
		info.Bucket, info.Key = "testbucket", p
		return info
	}
	info.PathStyle = true
	info.Bucket, info.Key, _ = strings.Cut(p, "/")
	return info
}

func loadCaptured(t testing.TB) []captured {
	t.Helper()
	f, err := os.Open("testdata/sdk.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []captured
	for dec := json.NewDecoder(f); dec.More(); {
		var c captured
		if err := dec.Decode(&c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// TestSDKRequests checks what the official SDKs sent, and that nothing of it may be
// changed.
func TestSDKRequests(t *testing.T) {
	all := loadCaptured(t)
	var now time.Time
	s := openFixed(t, func() time.Time { return now })
	kinds := map[string]int{}
	for i := range all {
		c := &all[i]
		now = time.Unix(c.Now, 0)
		auth, _, _ := strings.Cut(c.Header.Get("Authorization"), " ")
		p, err := c.verify(s)
		if err != nil {
			e := fault.As(err)
			t.Errorf("%s %s %s (%s): %v\n%s\n%s", auth, c.Method, c.URI, c.From, err, e.Params["CanonicalRequest"], e.Params["StringToSign"])
			continue
		}
		if p.Kind != Root && p.Kind != AssumedRole {
			t.Errorf("%s %s (%s): principal is %v", c.Method, c.URI, c.From, p.Kind)
		}
		if p.Kind == AssumedRole && (p.Lineage == nil || p.Lineage.Run != "run-1") {
			t.Errorf("%s %s: the token's lineage is %+v", c.Method, c.URI, p.Lineage)
		}
		sdk, _, _ := strings.Cut(c.From, "/")
		kinds[sdk+" "+auth+" "+p.Kind.String()]++

		broken := *c
		broken.Method = "PATCH"
		if _, err := broken.verify(s); !fault.Is(err, ReasonSignature) {
			t.Errorf("%s %s with another method: %v", c.Method, c.URI, err)
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d captured requests", len(all))
	}
	for k, n := range kinds {
		t.Logf("%3d %s", n, k)
	}
}
