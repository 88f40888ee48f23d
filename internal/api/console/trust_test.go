package console

import (
	"context"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

func init() {
	moreReaches = append(moreReaches, trustReaches)
	reading["POST /api/explain/trust"] = true
}

func trustReaches() []reach {
	role := func(name string) string { return "acs:ram:*:" + account + ":role/" + name }
	return []reach{
		{"POST /api/explain/trust", "/api/explain/trust", `{"principal":{"type":"service","name":"fc.aliyuncs.com"},"role":"subject"}`, "ram:GetRole", role("subject"), role("other"), 200},
	}
}

func TestTrustSaysWhatDecided(t *testing.T) {
	w := newWorld(t)
	ann := w.key("ann", `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"},{"Effect":"Allow","Action":"ram:GetRole","Resource":"*"}`)
	bob := w.key("bob", `{"Effect":"Allow","Action":"oss:GetObject","Resource":"*"}`)
	for name, trust := range map[string]string{
		"guarded": `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + account + `:root"],"Service":["oss.aliyuncs.com"]}},` +
			`{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::` + account + `:user/bob"}}]}`,
		"later":   `{"Version":"1","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::` + account + `:role/guarded"},"Condition":{"DateGreaterThan":{"acs:CurrentTime":"2040-01-01T00:00:00Z"}}}}`,
		"outside": `{"Version":"1","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::` + account + `:root"},"Condition":{"IpAddress":{"acs:SourceIp":"0.0.0.0/0"}}}}`,
	} {
		if _, err := w.ids.CreateRole(context.Background(), identity.RoleInput{Name: name, Trust: trust}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		typ, name, role, more string
		allowed               bool
		statement             int
	}{
		{"user", "ann", "guarded", "", true, 1},
		{"user", "BOB", "GUARDED", "", false, 2},
		{"key", bob.AccessKeyID, "guarded", "", false, 2},
		{"key", root.AccessKeyID, "guarded", "", true, 1},
		{"service", "OSS.aliyuncs.com", "guarded", "", true, 1},
		{"service", "fc.aliyuncs.com", "guarded", "", false, 0},
		{"role", "guarded", "later", "", false, 0},
		{"role", "guarded", "later", `,"time":"2041-01-01T00:00:00Z"`, true, 1},
		{"role", "later", "later", `,"time":"2041-01-01T00:00:00Z"`, false, 0},
		{"user", "ann", "outside", "", false, 0}, // AssumeRole knows no address
	} {
		t.Run(c.typ+" "+c.name+" "+c.role+c.more, func(t *testing.T) {
			var got TrustExplanation
			w.root("POST", "/api/explain/trust", `{"principal":{"type":"`+c.typ+`","name":"`+c.name+`"},"role":"`+c.role+`"`+c.more+`}`).into(&got)
			if got.Allowed != c.allowed || got.Statement != c.statement || len(got.Considered) == 0 || got.Considered[0].Document == nil {
				t.Errorf("%+v", got)
			}
			// It is what AssumeRole does for who has the permission.
			if c.typ == "user" && c.name == "ann" {
				who, err := w.ids.UserPrincipal("ann")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.ids.AssumeRole(context.Background(), who, w.ids.RoleARN(c.role), "session", 0, ""); (err == nil) != c.allowed {
					t.Errorf("AssumeRole: %v", err)
				}
			}
		})
	}
	ask := func(principal, role string) string { return `{"principal":` + principal + `,"role":"` + role + `"}` }
	w.root("POST", "/api/explain/trust", ask(`{"type":"user","name":"ghost"}`, "guarded")).refused(404, "EntityNotExist.User", "ghost")
	w.root("POST", "/api/explain/trust", ask(`{"type":"user","name":"ann"}`, "ghost")).refused(404, "EntityNotExist.Role", "ghost")
	w.root("POST", "/api/explain/trust", ask(`{"type":"service","name":""}`, "guarded")).refused(400, "InvalidArgument", "service")
	w.root("POST", "/api/explain/trust", ask(`{"type":"group","name":"x"}`, "guarded")).refused(400, "InvalidArgument", "group")
	w.do(ann, "POST", "/api/explain/trust", ask(`{"type":"user","name":"bob"}`, "guarded")).refused(403, "AccessDenied", "ram:GetUser")
}
