package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func init() {
	moreReaches = append(moreReaches, mayReaches)
	reading["POST /api/may"] = true
	reading["POST /api/explain"] = true
}

func mayReaches() []reach {
	ram := func(thing string) string { return "acs:ram:*:" + account + ":" + thing }
	ask := func(kind, name string) string {
		return `{"principal":{"type":"` + kind + `","name":"` + name + `"},"action":"oss:GetObject","resource":"acs:oss:*:1:b/k"}`
	}
	return []reach{
		{"POST /api/may", "/api/may", `{"checks":[{"action":"fc:CreateFunction","resource":"*"}]}`, "x:y", "", "", 200},
		{"POST /api/explain", "/api/explain", ask("user", "subject"), "ram:GetUser", ram("user/subject"), ram("user/other"), 200},
		{"POST /api/explain", "/api/explain", ask("role", "subject"), "ram:GetRole", ram("role/subject"), ram("role/other"), 200},
		{"POST /api/explain", "/api/explain", ask("key", root.AccessKeyID), "ram:GetUser", ram("root"), ram("user/subject"), 200},
		{"POST /api/explain", "/api/explain", ask("key", "LTAInone"), "ram:GetUser", ram("user/*"), ram("user/subject"), 404},
		{"GET /api/roles/{name}/uses", "/api/roles/subject/uses", "", "ram:GetRole", ram("role/subject"), ram("role/other"), 200},
	}
}

// What the caller is told that it may do is what it may do.
func TestMayAnswersForItsCaller(t *testing.T) {
	w := newWorld(t)
	cred := w.key("caller", `{"Effect":"Allow","Action":"fc:*","Resource":"*"},{"Effect":"Deny","Action":"fc:DeleteFunction","Resource":"acs:fc:*:*:functions/f"},`+
		`{"Effect":"Allow","Action":"oss:*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":"203.0.113.0/24"}}}`)
	body := `{"checks":[` +
		`{"action":"fc:GetFunction","resource":"acs:fc:r:1:functions/f"},` +
		`{"action":"fc:DeleteFunction","resource":"acs:fc:r:1:functions/f"},` +
		`{"action":"fc:DeleteFunction","resource":"acs:fc:r:1:functions/g"},` +
		`{"action":"oss:PutBucket","resource":"acs:oss:r:1:b"}]}` // the request comes from elsewhere
	var got []May
	w.do(cred, "POST", "/api/may", body).into(&got)
	for i, want := range []bool{true, false, true, false} {
		if len(got) != 4 || got[i].Allowed != want || got[i].Reason == "" {
			t.Fatalf("%d: %+v", i, got)
		}
	}
	w.root("POST", "/api/may", body).into(&got)
	for _, m := range got {
		if !m.Allowed {
			t.Errorf("the account: %+v", got)
		}
	}
	some := w.key("some", `{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:b/in/*"}`)
	var may []May
	w.do(some, "POST", "/api/may", `{"checks":[{"action":"oss:PutObject","resource":"acs:oss:r:1:b/"},{"action":"oss:PutObject","resource":"acs:oss:r:1:b/","some":true},`+
		`{"action":"oss:PutObject","resource":"acs:oss:r:1:b/out/","some":true},{"action":"oss:GetObject","resource":"acs:oss:r:1:b/in/","some":true}]}`).into(&may)
	for i, want := range []bool{false, true, false, false} {
		if len(may) != 4 || may[i].Allowed != want || may[i].Reason == "" {
			t.Fatalf("%d of some: %+v", i, may)
		}
	}
	w.root("POST", "/api/may", `{"checks":[]}`).into(&got)
	if got == nil || len(got) != 0 {
		t.Errorf("no checks: %v", got)
	}
	one := `{"action":"a:b","resource":"*"}`
	w.root("POST", "/api/may", `{"checks":[`+one+strings.Repeat(","+one, 200)+`]}`).refused(400, "InvalidArgument", "200")
	w.root("POST", "/api/may", `{"checks":[{"action":"a:b"}]}`).refused(400, "InvalidArgument", "resource")
}

func TestExplainSaysWhatDecided(t *testing.T) {
	w := newWorld(t)
	key := w.key("subject", `{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:b/*","Condition":{"IpAddress":{"acs:SourceIp":"10.0.0.0/8"}}},`+
		`{"Effect":"Deny","Action":"oss:PutObject","Resource":"acs:oss:*:*:b/fixed/*"}`)
	ask := func(principal, action, object, more string) (e Explanation) {
		t.Helper()
		w.root("POST", "/api/explain", `{"principal":`+principal+`,"action":"`+action+`","resource":"acs:oss:r:1:`+object+`"`+more+`}`).into(&e)
		return e
	}
	user := `{"type":"user","name":"SUBJECT"}`
	inside := `,"conditions":{"sourceIp":"10.1.2.3"}`
	if e := ask(user, "oss:PutObject", "b/x", inside); !e.Allowed || e.Policy != "p" || e.Statement != 1 || len(e.Considered) != 2 || e.Principal != "acs:ram::"+account+":user/subject" {
		t.Errorf("%+v", e)
	}
	if e := ask(user, "oss:PutObject", "b/fixed/x", inside); e.Allowed || e.Statement != 2 || !strings.Contains(string(e.Considered[1].Document), "fixed") {
		t.Errorf("%+v", e)
	}
	if e := ask(user, "oss:PutObject", "b/x", ""); e.Allowed || e.Statement != 0 || !e.Considered[0].Action || !e.Considered[0].Resource || e.Considered[0].Condition {
		t.Errorf("from nowhere: %+v", e)
	}
	if e := ask(`{"type":"key","name":"`+key.AccessKeyID+`"}`, "oss:PutObject", "b/x", inside); !e.Allowed || e.Principal != "acs:ram::"+account+":user/subject" {
		t.Errorf("by key: %+v", e)
	}
	if e := ask(`{"type":"key","name":"`+root.AccessKeyID+`"}`, "oss:PutObject", "b/x", ""); !e.Allowed || len(e.Considered) != 0 {
		t.Errorf("the account's key: %+v", e)
	}
	if e := ask(`{"type":"role","name":"AliyunFCDefaultRole"}`, "oss:PutObject", "b/x", ""); !e.Allowed || e.Policy == "" {
		t.Errorf("the role: %+v", e)
	}
	w.root("POST", "/api/explain", `{"principal":{"type":"user","name":"none"},"action":"a:b","resource":"*"}`).refused(404, "EntityNotExist.User", "none")
	w.root("POST", "/api/explain", `{"principal":{"type":"group","name":"x"},"action":"a:b","resource":"*"}`).refused(400, "InvalidArgument", "group")
	w.root("POST", "/api/explain", `{"principal":`+user+`,"action":"a:b","resource":"*","conditions":{"sourceIp":"x"}}`).refused(400, "InvalidArgument", "sourceIp")
}

func TestRolesSayWhichFunctionsUseThem(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	role := "acs:ram::" + account + ":role/aliyunfcdefaultrole"
	g, err := w.h.Functions.Get(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	c := g.Config
	c.Role = role
	if _, err := w.h.Functions.Update(ctx, "g", "", c); err != nil {
		t.Fatal(err)
	}
	var got RoleUses
	w.root("GET", "/api/roles/AliyunFCDefaultRole/uses", "").into(&got)
	if !got.Known || got.More || len(got.Functions) != 1 || got.Functions[0] != "g" {
		t.Errorf("%+v", got)
	}
	w.do(w.key("caller", `{"Effect":"Allow","Action":"ram:GetRole","Resource":"*"}`), "GET", "/api/roles/AliyunFCDefaultRole/uses", "").into(&got)
	if got.Known || len(got.Functions) != 0 {
		t.Errorf("who may not list functions: %+v", got)
	}
}

// A page whose session has ended asks its reader to sign in again, whether the browser
// still has the cookie or not; others are told to sign their request.
func TestPagesWithoutSessionAreToldToSignIn(t *testing.T) {
	w := newWorld(t)
	ask := func(set func(*http.Request)) answer {
		r := httptest.NewRequest("GET", "/api/users", nil)
		set(r)
		return w.send(r)
	}
	ask(func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "ended"}) }).refused(401, "NotSignedIn", "session has ended")
	ask(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }).refused(401, "NotSignedIn", "session has ended")
	ask(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).refused(403, "AccessDenied", "anonymous")
	ask(func(*http.Request) {}).refused(403, "AccessDenied", "anonymous")
}
