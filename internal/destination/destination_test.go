package destination

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

const (
	region  = "cn-hangzhou"
	account = "1234567890123456"
	fcARN   = "acs:fc:" + region + ":" + account + ":"
	ossARN  = "acs:oss:" + region + ":" + account + ":"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		arn  string
		want Target
	}{
		{fcARN + "functions/next", Target{Kind: Function, Function: "next"}},
		{fcARN + "functions/next/LATEST", Target{Kind: Function, Function: "next", Qualifier: "LATEST"}},
		{fcARN + "functions/next/12", Target{Kind: Function, Function: "next", Qualifier: "12"}},
		{"acs:fc:::functions/a-b_C", Target{Kind: Function, Function: "a-b_C"}},
		{ossARN + "results/", Target{Kind: Object, Bucket: "results"}},
		{ossARN + "results/failed/of f:", Target{Kind: Object, Bucket: "results", Prefix: "failed/of f:"}},
		{"acs:oss:::results/ü/", Target{Kind: Object, Bucket: "results", Prefix: "ü/"}},
		{"https://example.com/hook?token=x", Target{Kind: HTTP}},
		{"HTTP://example.com", Target{Kind: HTTP}},
		{"http://127.0.0.1:9000/acs:mns", Target{Kind: HTTP}},
		{"http://[::1]:9000/", Target{Kind: HTTP}},
	} {
		c.want.ARN = c.arn
		if c.want.Kind == HTTP {
			c.want.URL = c.arn
		}
		if got, err := Parse(c.arn, region, account); err != nil || got != c.want {
			t.Errorf("%s: %+v %v", c.arn, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		arn    string
		reason fault.Reason
		says   string
	}{
		{"", "InvalidArgument", "no destination"},
		{"next", "InvalidArgument", "no destination"},
		{"acs:fc:cn-hangzhou", "InvalidArgument", "no destination"},
		{"acs:mns:cn-hangzhou:1:/queues/q/messages", "NotImplemented", "in place of a queue"},
		{"acs:mns:cn-hangzhou:1:/topics/t/messages", "NotImplemented", "HTTP endpoint"},
		{"acs:mq:cn-hangzhou:1:/instances/i/topics/t", "NotImplemented", "RocketMQ"},
		{"acs:eventbridge:cn-hangzhou:1:eventbus/default", "NotImplemented", "EventBridge"},
		{"acs:kafka:cn-hangzhou:1:x", "NotImplemented", "no service 'kafka'"},
		{"acs:fc:cn-beijing:" + account + ":functions/f", "InvalidArgument", "region 'cn-beijing'"},
		{"acs:fc:cn-hangzhou:42:functions/f", "InvalidArgument", "account '42'"},
		{"acs:oss:*:" + account + ":b/p", "InvalidArgument", "region '*'"},
		{fcARN + "services/s.LATEST/functions/f", "InvalidArgument", "FC 2.0"},
		{fcARN + "functions/", "InvalidArgument", "no function"},
		{fcARN + "functions/1f", "InvalidArgument", "no function"},
		{fcARN + "functions/f/", "InvalidArgument", "no function"},
		{fcARN + "functions/f/a/b", "InvalidArgument", "no function"},
		{fcARN + "layers/f", "InvalidArgument", "no function"},
		{ossARN + "results", "InvalidArgument", "no prefix"},
		{ossARN + "Results/x", "InvalidArgument", "no bucket"},
		{ossARN + "ab/x", "InvalidArgument", "no bucket"},
		{ossARN + "-ab/x", "InvalidArgument", "no bucket"},
		{ossARN + "results//x", "InvalidArgument", "prefix"},
		{ossARN + `results/\x`, "InvalidArgument", "prefix"},
		{ossARN + "results/" + strings.Repeat("x", 513), "InvalidArgument", "512"},
		{ossARN + "results/\x00", "InvalidArgument", "not text"},
		{ossARN + "results/\xff", "InvalidArgument", "not text"},
		{"ftp://example.com/", "InvalidArgument", "'ftp://'"},
		{"http://", "InvalidArgument", "well-formed"},
		{"http:///path", "InvalidArgument", "well-formed"},
		{"http://münchen.example/", "InvalidArgument", "well-formed"},
		{"http://%80/", "InvalidArgument", "well-formed"},
		{"http://[fe80::1%25eth0]/", "InvalidArgument", "well-formed"},
		{"http://a:b:c/", "InvalidArgument", "well-formed"},
		{"https://user:hunter2@example.com/", "InvalidArgument", "password"},
		{"https://user@example.com/", "InvalidArgument", "user name"},
		{"https://example.com/#x", "InvalidArgument", "fragment"},
		{"https://example.com/#", "InvalidArgument", "fragment"},
		{"http://169.254.169.254/latest/meta-data", "InvalidArgument", "credentials"},
		{"http://[::ffff:169.254.169.254]/", "InvalidArgument", "credentials"},
		{"http://[64:ff9b::a9fe:a9fe]/", "InvalidArgument", "credentials"},
		{"http://100.100.100.200/latest/meta-data", "InvalidArgument", "credentials"},
		{"http://[fe80::1]/", "InvalidArgument", "credentials"},
		{"http://224.0.0.1/", "InvalidArgument", "multicast"},
		{"https://example.com/" + strings.Repeat("x", MaxLength), "InvalidArgument", "2048"},
	} {
		_, err := Parse(c.arn, region, account)
		if !fault.Is(err, c.reason) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.80q: %v, want %s saying %q", c.arn, err, c.reason, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error holds the password: %v", c.arn, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{fcARN + "functions/f/1", ossARN + "bucket/prefix/", "https://example.com:80/x?y", "acs:mns:::/queues/q", "http://[64:ff9b::a9fe:a9fe]", ":::::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		got, err := Parse(arn, region, account)
		if err != nil {
			if fault.As(err).Kind == fault.Internal {
				t.Errorf("%q: %v", arn, err)
			}
			return
		}
		again, err := Parse(got.ARN, region, account)
		if err != nil || again != got || got.ARN != arn || !utf8.ValidString(got.Shown()) {
			t.Errorf("%q: %+v, then %+v %v", arn, got, again, err)
		}
		set := map[Kind]bool{Function: got.Function != "", Object: got.Bucket != "", HTTP: got.URL != ""}
		for k, has := range set {
			if has != (k == got.Kind) {
				t.Errorf("%q: %+v", arn, got)
			}
		}
	})
}

func TestForbidden(t *testing.T) {
	for a, want := range map[string]bool{
		"127.0.0.1": false, "::1": false, "10.0.0.1": false, "203.0.113.9": false, "fd00::1": false, "100.100.100.201": false,
		"169.254.0.1": true, "::ffff:100.100.100.200": true, "fd00:ec2::254": true, "fe80::1%eth0": true, "64:ff9b::6464:64c8": true, "ff02::1": true,
	} {
		if got := forbidden(netip.MustParseAddr(a)) != ""; got != want {
			t.Errorf("%s: forbidden %v", a, got)
		}
	}
}

type payload struct {
	Timestamp      int64 `json:"timestamp"`
	RequestContext struct {
		RequestID   string `json:"requestId"`
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
		Count       int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	Request         string `json:"requestPayload"`
	ResponseContext struct {
		StatusCode    int    `json:"statusCode"`
		FunctionError string `json:"functionError"`
	} `json:"responseContext"`
	Response  string   `json:"responsePayload"`
	Truncated []string `json:"truncated"`
}

func TestPayload(t *testing.T) {
	r := &Result{
		Time: time.UnixMilli(1700000000123), RequestID: "1-65a7", FunctionARN: fcARN + "functions/f", Condition: "UnhandledInvocationError",
		Count: 4, StatusCode: 200, Request: []byte("{\"a\":\"ü\n\"}"), Response: []byte("\x01\xff\\"),
	}
	got := string(AppendPayload([]byte("> "), r, 128<<10))
	want := `> {"timestamp":1700000000123,"requestContext":{"requestId":"1-65a7","functionArn":"` + fcARN + `functions/f","condition":"UnhandledInvocationError","approximateInvokeCount":4},` +
		`"requestPayload":"{\"a\":\"ü\n\"}","responseContext":{"statusCode":200,"functionError":"UnhandledInvocationError"},"responsePayload":"\u0001` + "\uFFFD" + `\\"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPayloadFits(t *testing.T) {
	const limit = 128 << 10
	for _, c := range []struct {
		name              string
		request, response string
		truncated         string
	}{
		{"both fit", strings.Repeat("r", limit/2), strings.Repeat("p", limit/3), ""},
		{"long response", "request", strings.Repeat("ü", limit), "responsePayload"},
		{"long request", strings.Repeat(`"`, limit), "response", "requestPayload"},
		{"both long", strings.Repeat("\x00", limit), strings.Repeat("\xff", limit), "requestPayload responsePayload"},
	} {
		b := AppendPayload(nil, &Result{Request: []byte(c.request), Response: []byte(c.response), Condition: "X"}, limit)
		var p payload
		if err := json.Unmarshal(b, &p); err != nil || len(b) > limit {
			t.Fatalf("%s: %d bytes, %v", c.name, len(b), err)
		}
		if got := strings.Join(p.Truncated, " "); got != c.truncated {
			t.Errorf("%s: truncated %q, want %q", c.name, got, c.truncated)
		}
		if c.truncated != "" && len(b) < limit-300 {
			t.Errorf("%s: only %d of %d bytes used", c.name, len(b), limit)
		}
		if !strings.HasPrefix(c.request, p.Request) || !strings.HasPrefix(strings.ToValidUTF8(c.response, "\uFFFD"), p.Response[:min(len(p.Response), 3)]) {
			t.Errorf("%s: what is left is no beginning", c.name)
		}
		if strings.HasSuffix(c.truncated, "responsePayload") && len(p.Response) < limit/8 || c.truncated == "requestPayload" && p.Response != c.response {
			t.Errorf("%s: %d bytes of the response are left", c.name, len(p.Response))
		}
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte("a\"\\\x00\xc3"), []byte("ü\xff"), 4096)
	f.Fuzz(func(t *testing.T, request, response []byte, limit int) {
		limit = max(4096, min(limit, 1<<16))
		b := AppendPayload(nil, &Result{RequestID: "1", Condition: "C", Request: request, Response: response}, limit)
		var p payload
		if err := json.Unmarshal(b, &p); err != nil || len(b) > limit || !utf8.Valid(b) {
			t.Fatalf("%d bytes of %d, %v", len(b), limit, err)
		}
		whole := func(b []byte) string { // as encoding/json reads such bytes
			var s strings.Builder
			for _, r := range string(b) {
				s.WriteRune(r)
			}
			return s.String()
		}
		for _, c := range []struct {
			raw []byte
			got string
		}{{request, p.Request}, {response, p.Response}} {
			w := whole(c.raw)
			if !strings.HasPrefix(w, c.got) || len(p.Truncated) == 0 && w != c.got {
				t.Errorf("%q became %q", c.raw, c.got)
			}
		}
	})
}

func BenchmarkPayload(b *testing.B) {
	r := &Result{Time: time.Now(), RequestID: "1-65a77fbb-157f3f32-e1ee24b17e49", FunctionARN: fcARN + "functions/f", StatusCode: 200,
		Request: []byte(strings.Repeat(`{"k":"v"}`, 100)), Response: []byte(`"done"`)}
	buf := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPayload(buf[:0], r, 128<<10)
	}
}
