package console

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

const (
	readerPolicy = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"acs:oss:*:*:b/*"}]}`
	rootTrust    = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::` + account + `:root"}}]}`
)

// reach is a route, a request for it, and the permission that the request needs. In path
// and resource, KEY stands for the id of a key of the user "subject".
type reach struct {
	route, path, body string
	action, resource  string // resource "": any key will do
	other             string // the like of resource, of another thing
	status            int
}

// moreReaches are the lists of other files, which add themselves in init.
var moreReaches []func() []reach

// reading are the routes that change nothing though their method is not GET.
var reading = map[string]bool{}

// keyed are the routes that only a long-lived key can use.
var keyed = map[string]bool{}

func reaches() []reach {
	list := ownReaches()
	for _, more := range moreReaches {
		list = append(list, more()...)
	}
	return list
}

func ownReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	ram := func(thing string) string { return "acs:ram:*:" + account + ":" + thing }
	return []reach{
		{"GET /api/runs", "/api/runs?function=f", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"GET /api/runs/{request}", "/api/runs/R1", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"GET /api/logs", "/api/logs?function=f", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"GET /api/runtimes", "/api/runtimes", "", "x:y", "", "", 200},

		{"GET /api/roles", "/api/roles", "", "ram:ListRoles", ram("role/*"), ram("role/subject"), 200},
		{"POST /api/roles", "/api/roles", `{"name":"fresh","trust":` + rootTrust + `}`, "ram:CreateRole", ram("role/fresh"), ram("role/subject"), 200},
		{"GET /api/roles/{name}", "/api/roles/subject", "", "ram:GetRole", ram("role/subject"), ram("role/other"), 200},
		{"PUT /api/roles/{name}", "/api/roles/subject", `{"description":"new"}`, "ram:UpdateRole", ram("role/subject"), ram("role/other"), 200},
		{"DELETE /api/roles/{name}", "/api/roles/subject", "", "ram:DeleteRole", ram("role/subject"), ram("role/other"), 204},

		{"GET /api/users", "/api/users", "", "ram:ListUsers", ram("user/*"), ram("user/subject"), 200},
		{"POST /api/users", "/api/users", `{"name":"fresh"}`, "ram:CreateUser", ram("user/fresh"), ram("user/subject"), 200},
		{"GET /api/users/{name}", "/api/users/subject", "", "ram:GetUser", ram("user/subject"), ram("user/other"), 200},
		{"PUT /api/users/{name}", "/api/users/subject", `{"policies":[]}`, "ram:UpdateUser", ram("user/subject"), ram("user/other"), 200},
		{"DELETE /api/users/{name}", "/api/users/subject", "", "ram:DeleteUser", ram("user/subject"), ram("user/other"), 204},
		{"GET /api/users/{name}/keys", "/api/users/subject/keys", "", "ram:ListAccessKeys", ram("user/subject"), ram("user/other"), 200},
		{"POST /api/users/{name}/keys", "/api/users/subject/keys", "", "ram:CreateAccessKey", ram("user/subject"), ram("user/other"), 200},
		{"DELETE /api/users/{name}/keys/{id}", "/api/users/subject/keys/KEY", "", "ram:DeleteAccessKey", ram("user/subject"), ram("user/other"), 204},
	}
}

// The console can do nothing that its caller's key may not do, whichever operation it is.
func TestEveryOperationAsksForItsOnePermission(t *testing.T) {
	list := reaches()
	covered := map[string]bool{}
	for _, c := range list {
		covered[c.route] = true
	}
	for route := range new(handler).operations() {
		if !covered[route] {
			t.Errorf("no case for %s", route)
		}
	}
	allow := func(key, action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow",%q:%q,"Resource":%q}`, key, action, resource)
	}
	callers := []struct {
		name string
		cred func(w *world, c reach) *identity.Credentials
		// code is what a refusal says; "" if the caller may.
		code func(c reach) string
	}{
		{"root", func(*world, reach) *identity.Credentials { return &root }, may},
		{"a user with the one permission", func(w *world, c reach) *identity.Credentials {
			return w.key("caller", allow("Action", c.action, or(c.resource)))
		}, may},
		{"a role's session with the one permission", func(w *world, c reach) *identity.Credentials {
			return w.session(allow("Action", c.action, or(c.resource)))
		}, func(c reach) string {
			if keyed[c.route] {
				return "AccessDenied"
			}
			return ""
		}},
		{"a user with all permissions but that", func(w *world, c reach) *identity.Credentials {
			return w.key("caller", allow("NotAction", c.action, "*"))
		}, mayNot},
		{"a user with that permission on something else", func(w *world, c reach) *identity.Credentials {
			return w.key("caller", allow("Action", c.action, or(c.other)))
		}, mayNot},
		{"a user who is denied it from this address", func(w *world, c reach) *identity.Credentials {
			return w.key("caller", allow("Action", "*", "*")+
				`,{"Effect":"Deny","Action":"`+c.action+`","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}`)
		}, mayNot},
		{"a user without policies", func(w *world, c reach) *identity.Credentials {
			cred := w.key("caller", allow("Action", "*", "*"))
			if _, err := w.ids.PutUser(context.Background(), "caller", nil, identity.Edit{}); err != nil {
				t.Fatal(err)
			}
			return cred
		}, mayNot},
		{"nobody", func(*world, reach) *identity.Credentials { return nil }, func(reach) string { return "AccessDenied" }},
		{"an expired token", func(w *world, c reach) *identity.Credentials {
			cred := w.session(allow("Action", "*", "*"))
			w.skip = 901 * time.Second
			return cred
		}, func(reach) string { return "SecurityTokenExpired" }},
		{"a wrong secret", func(*world, reach) *identity.Credentials {
			return &identity.Credentials{AccessKeyID: root.AccessKeyID, AccessKeySecret: "guess"}
		}, func(reach) string { return "SignatureDoesNotMatch" }},
	}
	for _, caller := range callers {
		t.Run(caller.name, func(t *testing.T) {
			for _, c := range list {
				w := newWorld(t)
				if c.route == "GET /api/runtimes" {
					w.withRunner()
				}
				if c.route == "GET /api/runs/{request}" {
					w.ran("f", "R1", time.Now(), "log")
				}
				subject := w.key("subject", allow("Action", "oss:*", "*"))
				if _, err := w.ids.CreateRole(context.Background(), identity.RoleInput{Name: "subject", Trust: rootTrust}); err != nil {
					t.Fatal(err)
				}
				method, _, _ := strings.Cut(c.route, " ")
				cred := caller.cred(w, c)
				before := w.everything()
				got := w.do(cred, method, w.fill.Replace(strings.ReplaceAll(c.path, "KEY", subject.AccessKeyID)), w.fill.Replace(c.body))
				want := caller.code(c)
				status, code := got.code()
				switch after := w.everything(); {
				case want == "" && status != c.status:
					t.Errorf("%s: %d %s", c.route, status, got.Body)
				case want == "" && method != "GET" && !reading[c.route] && after == before:
					t.Errorf("%s: %d, and nothing changed", c.route, status)
				case want != "" && (status != 403 || code != want):
					t.Errorf("%s: %d %s, want 403 %s", c.route, status, got.Body, want)
				case want != "" && after != before:
					t.Errorf("%s: refused, and yet changed\n%s\n%s", c.route, before, after)
				}
			}
		})
	}
}

func may(reach) string { return "" }

func mayNot(c reach) string {
	if c.resource == "" {
		return "" // any key will do
	}
	return "AccessDenied"
}

// or stands in where an operation needs no permission.
func or(resource string) string {
	if resource == "" {
		return "*"
	}
	return resource
}

// session is a session of 900 seconds of a role with a policy.
func (w *world) session(statement string) *identity.Credentials {
	w.Helper()
	ctx := context.Background()
	_, err := w.ids.CreateRole(ctx, identity.RoleInput{Name: "caller", Trust: rootTrust, Policies: []identity.Policy{{Name: "p", Document: `{"Version":"1","Statement":[` + statement + `]}`}}})
	if err != nil {
		w.Fatal(err)
	}
	s, err := w.ids.AssumeRole(ctx, w.ids.RootPrincipal(), w.ids.RoleARN("caller"), "test", 900, "")
	if err != nil {
		w.Fatal(err)
	}
	return &s.Credentials
}

// A policy on a name holds however the request spells that name.
func TestSpellingEscapesNoPolicy(t *testing.T) {
	w := newWorld(t)
	w.key("Admin", `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	cred := w.key("caller", `{"Effect":"Allow","Action":"ram:*","Resource":"*"},`+
		`{"Effect":"Deny","Action":"ram:*","Resource":["acs:ram::`+account+`:user/Admin","acs:ram:*:`+account+`:role/AliyunFCDefaultRole"]}`)
	for _, c := range []struct{ method, path, body string }{
		{"DELETE", "/api/users/admin", ""},
		{"DELETE", "/api/users/%41dmin", ""},
		{"POST", "/api/users/ADMIN/keys", ""},
		{"PUT", "/api/users/aDMIN", `{"policies":[]}`},
		{"POST", "/api/users", `{"name":"admin"}`},
		{"PUT", "/api/roles/aliyunfcdefaultrole", `{"policies":[]}`},
		{"DELETE", "/api/roles/ALIYUNFCDEFAULTROLE", ""},
	} {
		w.do(cred, c.method, c.path, c.body).refused(403, "AccessDenied", "is not allowed")
	}
	if s, _ := w.do(cred, "GET", "/api/users/caller", "").code(); s != 200 {
		t.Errorf("the rest is refused too: %d", s)
	}
}
