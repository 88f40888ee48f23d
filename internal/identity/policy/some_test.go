package policy

import "testing"

func TestPatternsThatReachAPrefix(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		want            bool
	}{
		{"*", "", true}, {"*", "b/", true}, {"b", "b/", false}, {"b/", "b/", true}, {"b/in/*", "b/", true}, {"b/*", "b/in/", true},
		{"acs:oss:*:*:b/in/*", "acs:oss:r:1:b/", true}, {"acs:oss:*:*:b/in/*", "acs:oss:r:1:b/out/", false}, {"acs:oss:*", "acs:oss:r:1:b/", true}, {"acs:fc:*:*:b/*", "acs:oss:r:1:b/", false},
		{"c/*", "b/", false}, {"b/*.png", "b/in/", true}, {"b/x*.png", "b/in/", false}, {"b/?n/a", "b/in/", true}, {"b/?", "b/in/", false},
	} {
		if got := reaches(c.pattern, c.prefix); got != c.want {
			t.Errorf("%q %q: %v", c.pattern, c.prefix, got)
		}
	}
}

func TestWhatMayBeDoneWithSome(t *testing.T) {
	const everything = `{"Effect":"Allow","Action":"oss:*","Resource":"*"},`
	for _, c := range []struct {
		statements      string
		allowed, denied bool
	}{
		{`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:b/in/*"}`, true, false},
		{`{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:r:1:c/*"}`, false, false},
		{`{"Effect":"Allow","Action":"oss:Get*","Resource":"*"}`, false, false},
		{everything + `{"Effect":"Deny","Action":"oss:Put*","Resource":"acs:oss:*:*:b/*"}`, true, true},
		{everything + `{"Effect":"Deny","Action":"oss:Put*","Resource":"acs:oss:*:*:b/secret/*"}`, true, false},
		{everything + `{"Effect":"Deny","Action":"oss:Put*","Resource":"acs:oss:*:*:b/?"}`, true, false},
		{`{"Effect":"Allow","Action":"oss:*","NotResource":"acs:oss:r:1:b/in/*"}`, true, false},
		{`{"Effect":"Allow","Action":"oss:*","NotResource":"acs:oss:r:1:b*"}`, false, false},
		{everything + `{"Effect":"Deny","Action":"oss:*","NotResource":"acs:oss:r:1:c/*"}`, true, true},
		{everything + `{"Effect":"Deny","Action":"oss:*","NotResource":"acs:oss:r:1:b/*"}`, true, false},
	} {
		d, err := Parse(`{"Version":"1","Statement":[`+c.statements+`]}`, 6144)
		if err != nil {
			t.Fatal(c.statements, err)
		}
		allowed, denied := d.MaySome(&Request{Action: "oss:PutObject", Resource: "acs:oss:r:1:b/"})
		if allowed != c.allowed || denied != c.denied {
			t.Errorf("%s: %v %v", c.statements, allowed, denied)
		}
	}
}
