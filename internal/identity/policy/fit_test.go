package policy

import (
	"testing"
)

// What Fits says and what Evaluate decides are one thing.
func TestFitsAgreeWithTheDecision(t *testing.T) {
	for _, text := range []string{
		`{"Version":"1","Statement":{"Effect":"Allow","Action":"oss:Get*","Resource":"acs:oss:*:*:b/*"}}`,
		`{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*","Condition":{"Bool":{"acs:SecureTransport":"true"}}},{"Effect":"Deny","Action":"oss:PutObject","Resource":"acs:oss:*:*:b/no/*"}]}`,
		`{"Version":"1","Statement":[{"Effect":"Deny","NotAction":"oss:GetObject","Resource":"*"},{"Sid":"x","Effect":"Allow","Action":"*","NotResource":"acs:oss:*:*:c/*"}]}`,
	} {
		d, err := Parse(text, MaxPermission)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range []string{"oss:GetObject", "oss:PutObject", "fc:InvokeFunction"} {
			for _, resource := range []string{"acs:oss:r:1:b/x", "acs:oss:r:1:b/no/x", "acs:oss:r:1:c/x"} {
				for _, secure := range []bool{true, false} {
					r := Request{Action: action, Resource: resource, Context: Context{Secure: secure}}
					want, at := d.Evaluate(&r)
					got, from := Silent, -1
					for i, f := range d.Fits(&r) {
						if f.Text == "" {
							t.Fatalf("statement %d of %s has no text", i, text)
						}
						if _, err := Parse(`{"Version":"1","Statement":[`+f.Text+`]}`, MaxPermission); err != nil {
							t.Errorf("%s: %v", f.Text, err)
						}
						switch applies := f.Action && f.Resource && f.Condition; {
						case applies && f.Deny && got != Denied:
							got, from = Denied, i
						case applies && got == Silent:
							got, from = Allowed, i
						}
					}
					if got != want || from != at {
						t.Errorf("%s on %s, secure %v, by %s: %v at %d, and Fits say %v at %d", action, resource, secure, text, want, at, got, from)
					}
				}
			}
		}
	}
}
