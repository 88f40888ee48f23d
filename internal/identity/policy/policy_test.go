package policy

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func one(statement string) string { return `{"Version":"1","Statement":[` + statement + `]}` }

func TestParseRefuses(t *testing.T) {
	ok := `"Effect":"Allow","Action":"oss:*","Resource":"*"`
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {``, "not a JSON object"},
		"array":              {`[]`, "not a JSON object"},
		"null":               {`null`, "not a JSON object"},
		"cut":                {`{"Version":"1"`, "not valid JSON"},
		"more behind":        {one(`{`+ok+`}`) + `{}`, "followed by"},
		"version":            {`{"Version":"2","Statement":[{` + ok + `}]}`, "Version"},
		"no version":         {`{"Statement":[{` + ok + `}]}`, "Version"},
		"no statement":       {`{"Version":"1","Statement":[]}`, "Statement"},
		"unknown field":      {`{"Version":"1","Statement":[{` + ok + `}],"Id":"x"}`, `"Id"`},
		"case of a field":    {one(`{"effect":"Allow","Action":"oss:*","Resource":"*"}`), `"effect"`},
		"a field twice":      {one(`{"Effect":"Allow",` + ok + `}`), "twice"},
		"effect":             {one(`{"Effect":"Maybe","Action":"oss:*","Resource":"*"}`), "Effect"},
		"no action":          {one(`{"Effect":"Allow","Resource":"*"}`), "Action"},
		"no resource":        {one(`{"Effect":"Allow","Action":"*"}`), "Resource"},
		"action form":        {one(`{"Effect":"Allow","Action":"GetObject","Resource":"*"}`), "service:Name"},
		"action number":      {one(`{"Effect":"Allow","Action":7,"Resource":"*"}`), "string"},
		"action and not":     {one(`{` + ok + `,"NotAction":"oss:*"}`), "both"},
		"resource form":      {one(`{"Effect":"Allow","Action":"*","Resource":"mybucket/*"}`), "acs:"},
		"principal":          {one(`{` + ok + `,"Principal":{"RAM":["acs:ram::1:root"]}}`), "Principal"},
		"unknown operator":   {one(`{` + ok + `,"Condition":{"StringSounds":{"acs:SourceIp":"1"}}}`), "StringSounds"},
		"unknown key":        {one(`{` + ok + `,"Condition":{"StringEquals":{"acs:Moon":"1"}}}`), "acs:Moon"},
		"operator unfit":     {one(`{` + ok + `,"Condition":{"IpAddress":{"oss:Prefix":"1.2.3.4"}}}`), "cannot compare"},
		"bad address":        {one(`{` + ok + `,"Condition":{"IpAddress":{"acs:SourceIp":"1.2.3"}}}`), "1.2.3"},
		"bad date":           {one(`{` + ok + `,"Condition":{"DateLessThan":{"acs:CurrentTime":"soon"}}}`), "soon"},
		"bad truth":          {one(`{` + ok + `,"Condition":{"Bool":{"acs:SecureTransport":"maybe"}}}`), "maybe"},
		"null value":         {one(`{` + ok + `,"Condition":{"StringEquals":{"oss:Prefix":null}}}`), "no string"},
		"object value":       {one(`{` + ok + `,"Condition":{"StringEquals":{"oss:Prefix":{}}}}`), "no string"},
		"too long":           {one(`{` + ok + strings.Repeat(" ", MaxPermission) + `}`), "bytes long"},
		"too many":           {one(`{` + ok + `}` + strings.Repeat(`,{`+ok+`}`, 100)), "Statement"},
		"not UTF-8":          {one("{" + ok + ",\"Sid\":\"\xff\"}"), "UTF-8"},
		"empty action list":  {one(`{"Effect":"Allow","Action":[],"Resource":"*"}`), "string"},
		"condition is a nil": {one(`{` + ok + `,"Condition":null}`), "not a JSON object"},
	} {
		_, err := Parse(c.text, MaxPermission)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not mention %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"resource":     {one(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Principal":{"Service":"a.b"}}`), "Resource"},
		"no principal": {one(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "Principal"},
		"federated":    {one(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":"x"}}`), "Federated"},
		"service":      {one(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"*"}}`), "service"},
		"ram":          {one(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"*"}}`), "RAM principal"},
	} {
		_, err := ParseTrust(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("trust, %s: error %v does not mention %q", name, err, c.want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	const res = "acs:oss:cn-hangzhou:1234567890123456:photos/2024/a.jpg"
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ip := Context{SourceIP: netip.MustParseAddr("10.1.2.3"), Secure: true, Time: noon}
	list := Context{List: true, Prefix: "home/ann/", Delimiter: "/", Time: noon}
	allow := func(rest string) string {
		return one(`{"Effect":"Allow","Action":["oss:GetObject"],"Resource":["*"]` + rest + `}`)
	}
	when := func(c string) string { return allow(`,"Condition":{` + c + `}`) }
	for _, c := range []struct {
		name, doc, action, res string
		ctx                    Context
		want                   Verdict
		at                     int
	}{
		{"plain", allow(""), "oss:GetObject", res, ip, Allowed, 0},
		{"action without case", allow(""), "OSS:getobject", res, ip, Allowed, 0},
		{"another action", allow(""), "oss:PutObject", res, ip, Silent, -1},
		{"action wildcard", one(`{"Effect":"Allow","Action":"oss:?etO*","Resource":"*"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"star means every service", one(`{"Effect":"Allow","Action":"*","Resource":"*"}`), "fc:InvokeFunction", res, ip, Allowed, 0},
		{"resource", one(`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:photos/*"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"resource, region as in endpoints", one(`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:oss-cn-hangzhou:*:photos/2024/?.jpg"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"resource with case", one(`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:Photos/*"}`), "oss:GetObject", res, ip, Silent, -1},
		{"bucket is not its objects", one(`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:photos"}`), "oss:GetObject", res, ip, Silent, -1},
		{"deny wins, after", one(`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"oss:Get*","Resource":"*"}`), "oss:GetObject", res, ip, Denied, 1},
		{"deny wins, before", one(`{"Effect":"Deny","Action":"oss:Get*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`), "oss:GetObject", res, ip, Denied, 0},
		{"deny elsewhere", one(`{"Effect":"Deny","Action":"oss:*","Resource":"acs:oss:*:*:other/*"},{"Effect":"Allow","Action":"*","Resource":"*"}`), "oss:GetObject", res, ip, Allowed, 1},
		{"NotAction", one(`{"Effect":"Allow","NotAction":"oss:Delete*","Resource":"*"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"NotAction, named", one(`{"Effect":"Allow","NotAction":"oss:Get*","Resource":"*"}`), "oss:GetObject", res, ip, Silent, -1},
		{"NotResource", one(`{"Effect":"Allow","Action":"*","NotResource":"acs:oss:*:*:photos/*"}`), "oss:GetObject", res, ip, Silent, -1},
		{"one statement as an object", `{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, "oss:GetObject", res, ip, Allowed, 0},

		{"ip in net", when(`"IpAddress":{"acs:sourceip":["192.168.0.0/16","10.0.0.0/8"]}`), "oss:GetObject", res, ip, Allowed, 0},
		{"ip exact", when(`"IpAddress":{"acs:SourceIp":"10.1.2.3"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"ip mapped", when(`"IpAddress":{"acs:SourceIp":"10.1.2.3"}`), "oss:GetObject", res, Context{SourceIP: netip.MustParseAddr("::ffff:10.1.2.3")}, Allowed, 0},
		{"ip outside", when(`"IpAddress":{"acs:SourceIp":"192.168.0.0/16"}`), "oss:GetObject", res, ip, Silent, -1},
		{"ip unknown", when(`"IpAddress":{"acs:SourceIp":"0.0.0.0/0"}`), "oss:GetObject", res, Context{}, Silent, -1},
		{"not ip", when(`"NotIpAddress":{"acs:SourceIp":"10.0.0.0/8"}`), "oss:GetObject", res, ip, Silent, -1},
		{"not ip, outside", when(`"NotIpAddress":{"acs:SourceIp":"11.0.0.0/8"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"tls", when(`"Bool":{"acs:SecureTransport":"true"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"tls as a truth value", when(`"Bool":{"acs:SecureTransport":true}`), "oss:GetObject", res, Context{}, Silent, -1},
		{"before", when(`"DateLessThan":{"acs:CurrentTime":"2026-01-02T12:00:01Z"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"not before", when(`"DateLessThan":{"acs:CurrentTime":"2026-01-02T12:00:00Z"}`), "oss:GetObject", res, ip, Silent, -1},
		{"until, other zone", when(`"DateLessThanEquals":{"acs:CurrentTime":"2026-01-02T20:00:00+08:00"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"after", when(`"DateGreaterThan":{"acs:CurrentTime":"2026-01-02"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"both must hold", when(`"DateGreaterThan":{"acs:CurrentTime":"2026-01-02"},"Bool":{"acs:SecureTransport":"false"}`), "oss:GetObject", res, ip, Silent, -1},
		{"prefix like", when(`"StringLike":{"oss:Prefix":["home/ann/*","x"]}`), "oss:GetObject", res, list, Allowed, 0},
		{"prefix equals", when(`"StringEquals":{"oss:Prefix":"home/ann/","oss:delimiter":"/"}`), "oss:GetObject", res, list, Allowed, 0},
		{"prefix with case", when(`"StringEquals":{"oss:Prefix":"Home/ann/"}`), "oss:GetObject", res, list, Silent, -1},
		{"prefix without case", when(`"StringEqualsIgnoreCase":{"oss:Prefix":"Home/ann/"}`), "oss:GetObject", res, list, Allowed, 0},
		{"prefix not like", when(`"StringNotLike":{"oss:Prefix":"home/bob/*"}`), "oss:GetObject", res, list, Allowed, 0},
		{"prefix not equals any", when(`"StringNotEquals":{"oss:Prefix":["x","home/ann/"]}`), "oss:GetObject", res, list, Silent, -1},
		{"no prefix, positive", when(`"StringLike":{"oss:Prefix":"*"}`), "oss:GetObject", res, ip, Silent, -1},
		{"no prefix, negated", when(`"StringNotLike":{"oss:Prefix":"a*"}`), "oss:GetObject", res, ip, Allowed, 0},
		{"number", when(`"NumericGreaterThan":{"oss:Prefix":9}`), "oss:GetObject", res, Context{List: true, Prefix: "10"}, Allowed, 0},
		{"number equals", when(`"NumericEquals":{"oss:Prefix":["9","10.0"]}`), "oss:GetObject", res, Context{List: true, Prefix: "10"}, Allowed, 0},
		{"number not", when(`"NumericNotEquals":{"oss:Prefix":10}`), "oss:GetObject", res, Context{List: true, Prefix: "10"}, Silent, -1},
		{"number less or equal", when(`"NumericLessThanEquals":{"oss:Prefix":10}`), "oss:GetObject", res, Context{List: true, Prefix: "10"}, Allowed, 0},
		{"no number", when(`"NumericLessThan":{"oss:Prefix":10}`), "oss:GetObject", res, Context{List: true, Prefix: "ten"}, Silent, -1},
	} {
		d, err := Parse(c.doc, MaxPermission)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		v, at := d.Evaluate(&Request{Action: c.action, Resource: c.res, Context: c.ctx})
		if v != c.want || at != c.at {
			t.Errorf("%s: verdict %d by %d, want %d by %d", c.name, v, at, c.want, c.at)
		}
	}
}

func TestTrust(t *testing.T) {
	d, err := ParseTrust(one(`{"Effect":"Allow","Action":"sts:assumerole","Principal":{"Service":["FC.aliyuncs.com"],"RAM":["acs:ram::1:user/Ann","acs:ram::2:root"]}},` +
		`{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::2:user/eve"}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &Context{}
	for service, want := range map[string]bool{"fc.aliyuncs.com": true, "oss.aliyuncs.com": false, "": false} {
		if got := d.TrustsService(service, c); got != want {
			t.Errorf("service %q: %v", service, got)
		}
	}
	for _, p := range []struct {
		arn, account string
		want         bool
	}{
		{"acs:ram::1:user/ann", "1", true}, {"acs:ram::1:user/bob", "1", false}, {"acs:ram::2:user/bob", "2", true},
		{"acs:ram::2:user/eve", "2", false}, {"acs:ram::2:root", "2", true}, {"acs:ram::1:root", "1", false},
	} {
		if got := d.TrustsPrincipal(p.arn, p.account, c); got != p.want {
			t.Errorf("%s: %v", p.arn, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		p, s string
		want bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b:c", true}, {"?", "", false}, {"a*c", "abbc", true}, {"a*c", "abcd", false},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b", "ab b", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"**", "x", true},
	} {
		if got := match(c.p, c.s, false); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.p, c.s, got)
		}
	}
	// A pattern made to backtrack must stay within pattern × text steps.
	if match(strings.Repeat("*a", 1000)+"b", strings.Repeat("a", 4000), false) {
		t.Error("matched")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(one(`{"Effect":"Allow","Action":["oss:*"],"Resource":["acs:oss:*:*:b/*"],"Condition":{"IpAddress":{"acs:SourceIp":["10.0.0.0/8"]}}}`))
	f.Add(`{"Version":"1","Statement":{"Effect":"Deny","NotAction":"a:b","NotResource":"*"}}`)
	f.Add(one(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}`))
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := Parse(text, MaxPermission); err == nil {
			d.Evaluate(&Request{Action: "oss:GetObject", Resource: "acs:oss:r:1:b/k", Context: Context{List: true, Prefix: text, SourceIP: netip.IPv4Unspecified()}})
			again, err := Parse(d.Text(), MaxPermission)
			if err != nil || len(again.statements) != len(d.statements) {
				t.Fatalf("does not parse twice: %v", err)
			}
		}
		if d, err := ParseTrust(text); err == nil {
			d.TrustsService("fc.aliyuncs.com", &Context{})
		}
	})
}
