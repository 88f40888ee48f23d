package trigger

import "testing"

func TestWhatAPatternSaysOfABucket(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		concerns bool
	}{
		{`{"source":["acs.oss"]}`, true},
		{`{"data":{"oss":{"bucket":{"name":["photos"]}}}}`, true},
		{`{"data":{"oss":{"bucket":{"name":["other","films"]}}}}`, false},
		{`{"data":{"oss":{"bucket":{"name":[{"prefix":"pho"}]}}}}`, true},
		{`{"data":{"oss":{"bucket":{"name":[{"prefix":"fil"}]}}}}`, false},
		{`{"data":{"oss":{"bucket":{"name":[{"anything-but":["photos"]}]}}}}`, false},
		{`{"data":{"oss":{"bucket":{"name":[{"anything-but":["films"]}]}}}}`, true},
		{`{"data":{"oss":{"object":{"key":[{"prefix":"in/"}]}}}}`, true},
		{`{"subject":["acs:oss:cn-hangzhou:1:photos/in/a.png"]}`, true},
		{`{"subject":[{"prefix":"acs:oss:cn-hangzhou:1:films/in/"}]}`, false},
		{`{"subject":[{"prefix":"acs:oss:cn-hangzhou:1:ph"}]}`, true}, // of any bucket that begins so: not told apart
	} {
		if got := concerns(c.pattern, "photos"); got != c.concerns {
			t.Errorf("%s: %v", c.pattern, got)
		}
	}
}
