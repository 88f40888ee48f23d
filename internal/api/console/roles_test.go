package console

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

func TestRoles(t *testing.T) {
	w := newWorld(t)
	var made, read Role
	w.root("POST", "/api/roles", `{"name":"Reader","description":"reads","maxSessionSeconds":7200,
		"trust":`+rootTrust+`, "policies":[{"name":"read","document": `+strings.ReplaceAll(readerPolicy, ",", " , ")+`}]}`).into(&made)
	if made.Name != "Reader" || made.ARN != "acs:ram::"+account+":role/Reader" || made.Description != "reads" || made.MaxSession != 7200 ||
		string(made.Trust) != rootTrust || len(made.Policies) != 1 || string(made.Policies[0].Document) != readerPolicy {
		t.Errorf("%+v", made)
	}
	w.root("GET", "/api/roles/reader", "").into(&read)
	if read.ID != made.ID || string(read.Policies[0].Document) != readerPolicy {
		t.Errorf("%+v", read)
	}

	// What is absent stays.
	w.root("PUT", "/api/roles/reader", `{"name":"READER","description":"still reads"}`).into(&read)
	if read.Description != "still reads" || read.MaxSession != 7200 || len(read.Policies) != 1 || string(read.Trust) != rootTrust {
		t.Errorf("%+v", read)
	}
	w.root("PUT", "/api/roles/reader", `{"policies":[],"maxSessionSeconds":3600,"description":"","trust":`+strings.ReplaceAll(rootTrust, "Allow", "Deny")+`}`).into(&read)
	if read.Description != "" || read.MaxSession != 3600 || len(read.Policies) != 0 || !strings.Contains(string(read.Trust), "Deny") {
		t.Errorf("%+v", read)
	}

	w.root("PUT", "/api/roles/reader", `{"policies":[{"name":"read","document":`+readerPolicy+`}]}`).into(&read)
	var list []Role
	w.root("GET", "/api/roles", "").into(&list)
	var names []string
	for _, x := range list {
		names = append(names, x.Name)
		for _, p := range x.Policies {
			if p.Name == "" || p.Document != nil {
				t.Errorf("%s: policy %+v", x.Name, p)
			}
		}
	}
	if got := strings.Join(names, " "); got != "AliyunFCDefaultRole AliyunOSSEventNotificationRole Reader" {
		t.Errorf("roles %s", got)
	}

	gone := w.root("DELETE", "/api/roles/Reader", "")
	if gone.Code != 204 || gone.Body.Len() != 0 || gone.Header().Get("Content-Type") != "" {
		t.Errorf("%d %q", gone.Code, gone.Body)
	}
	for _, method := range []string{"GET", "DELETE", "PUT"} {
		w.root(method, "/api/roles/Reader", `{}`).refused(404, "EntityNotExist.Role", "Reader")
	}
}

func TestBadRoles(t *testing.T) {
	w := newWorld(t)
	before := w.everything()
	role := func(fields string) string { return `{"name":"r","trust":` + rootTrust + fields + `}` }
	for _, c := range []struct {
		method, path, body string
		status             int
		code, text         string
	}{
		{"POST", "/api/roles", "", 400, "InvalidArgument", "empty"},
		{"POST", "/api/roles", "{", 400, "InvalidArgument", "unexpected EOF"},
		{"POST", "/api/roles", "[]", 400, "InvalidArgument", "not array"},
		{"POST", "/api/roles", role("") + "{}", 400, "InvalidArgument", "follows"},
		{"POST", "/api/roles", `{"name":7}`, 400, "InvalidArgument", `\"name\" cannot be number`},
		{"POST", "/api/roles", role(`,"polices":[]`), 400, "InvalidArgument", "polices"},
		{"POST", "/api/roles", `{"name":"r"}`, 400, "InvalidArgument", "no trust policy"},
		{"POST", "/api/roles", `{"name":"r","trust":null}`, 400, "MalformedPolicy", "trust policy of role r"},
		{"POST", "/api/roles", `{"name":"r","trust":"{}"}`, 400, "MalformedPolicy", "not a JSON object"},
		{"POST", "/api/roles", `{"name":"r","trust":` + readerPolicy + `}`, 400, "MalformedPolicy", "Resource"},
		{"POST", "/api/roles", `{"trust":` + rootTrust + `}`, 400, "InvalidArgument", "role name"},
		{"POST", "/api/roles", `{"name":"a/b","trust":` + rootTrust + `}`, 400, "InvalidArgument", "a/b"},
		{"POST", "/api/roles", `{"name":"..","trust":` + rootTrust + `}`, 400, "InvalidArgument", ".."},
		{"POST", "/api/roles", `{"name":"aliyunFCdefaultrole","trust":` + rootTrust + `}`, 409, "EntityAlreadyExists.Role", "exists"},
		{"POST", "/api/roles", role(`,"policies":[{"name":"p"}]`), 400, "MalformedPolicy", "policy p"},
		{"POST", "/api/roles", role(`,"policies":[{"document":` + readerPolicy + `}]`), 400, "InvalidArgument", "policy name"},
		{"POST", "/api/roles", role(`,"policies":[{"name":"p","document":{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*","Condition":{"X":{}}}]}}]`), 400, "MalformedPolicy", "X"},
		{"POST", "/api/roles", role(`,"maxSessionSeconds":60`), 400, "InvalidArgument", "3600 to 43200"},
		{"POST", "/api/roles", role(`,"maxSessionSeconds":-1`), 400, "InvalidArgument", "-1"},
		// 2^64 ns are 18446744073.7 s: as a Duration this would be within the limits.
		{"POST", "/api/roles", role(`,"maxSessionSeconds":18446747674`), 400, "InvalidArgument", "18446747674"},
		{"POST", "/api/roles", role(`,"maxSessionSeconds":1e99`), 400, "InvalidArgument", "maxSessionSeconds"},
		{"PUT", "/api/roles/AliyunFCDefaultRole", `{"name":"mine"}`, 400, "InvalidArgument", "renamed"},
		{"PUT", "/api/roles/AliyunFCDefaultRole", `{"trust":{}}`, 400, "MalformedPolicy", "Version"},
		{"PUT", "/api/roles/AliyunFCDefaultRole", ``, 400, "InvalidArgument", "empty"},
		{"POST", "/api/users", `{"name":""}`, 400, "InvalidArgument", "user name"},
		{"POST", "/api/users", `{"name":"."}`, 400, "InvalidArgument", "."},
		{"POST", "/api/users", `{"name":"u","policies":[{"name":"p","document":7}]}`, 400, "MalformedPolicy", "not a JSON object"},
		{"PUT", "/api/users/ghost", `{"policies":[]}`, 404, "EntityNotExist.User", "ghost"},
		{"GET", "/api/users/ghost", "", 404, "EntityNotExist.User", "ghost"},
		{"DELETE", "/api/users/ghost", "", 404, "EntityNotExist.User", "ghost"},
		{"GET", "/api/users/ghost/keys", "", 404, "EntityNotExist.User", "ghost"},
		{"POST", "/api/users/ghost/keys", "", 404, "EntityNotExist.User", "ghost"},
		{"DELETE", "/api/users/ghost/keys/LTAI", "", 404, "EntityNotExist.User", "ghost"},
	} {
		t.Run(c.method+" "+c.path+" "+c.body, func(t *testing.T) {
			got := w.root(c.method, c.path, c.body)
			got.t = t
			got.refused(c.status, c.code, c.text)
		})
	}
	if after := w.everything(); after != before {
		t.Errorf("what was refused changed something:\n%s\n%s", before, after)
	}
}

func TestUsersAndKeys(t *testing.T) {
	w := newWorld(t)
	var u User
	w.root("POST", "/api/users", `{"name":"Ann","policies":[{"name":"list","document":{"Version":"1","Statement":[{"Effect":"Allow","Action":"ram:ListUsers","Resource":"*"}]}}]}`).into(&u)
	if u.Name != "Ann" || u.ARN != "acs:ram::"+account+":user/Ann" || len(u.Policies) != 1 || u.Policies[0].Document == nil {
		t.Errorf("%+v", u)
	}
	w.root("POST", "/api/users", `{"name":"ann"}`).refused(409, "EntityAlreadyExists.User", "Ann already exists")

	var first, second AccessKey
	created := w.root("POST", "/api/users/ann/keys", "")
	created.into(&first)
	w.root("POST", "/api/users/Ann/keys", "").into(&second)
	if first.Secret == "" || first.User != "Ann" || created.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%+v %v", first, created.Header())
	}
	w.root("POST", "/api/users/Ann/keys", "").refused(409, "LimitExceeded", "2 access keys")

	listed := w.root("GET", "/api/users/ann/keys", "")
	var keys []AccessKey
	listed.into(&keys)
	if len(keys) != 2 || strings.Contains(listed.Body.String(), first.Secret) || strings.Contains(listed.Body.String(), "ecret") {
		t.Errorf("%s", listed.Body)
	}

	// The key works, within its policy, until it is deleted.
	cred := &identity.Credentials{AccessKeyID: first.ID, AccessKeySecret: first.Secret}
	var users []User
	w.do(cred, "GET", "/api/users", "").into(&users)
	if len(users) != 1 || users[0].Policies[0].Name != "list" || users[0].Policies[0].Document != nil {
		t.Errorf("%+v", users)
	}
	w.do(cred, "GET", "/api/roles", "").refused(403, "AccessDenied", "ram:ListRoles")

	// Somebody else's key is not among theirs.
	w.root("POST", "/api/users", `{"name":"bob"}`).into(&u)
	var bobs AccessKey
	w.root("POST", "/api/users/bob/keys", "").into(&bobs)
	w.root("DELETE", "/api/users/bob/keys/"+first.ID, "").refused(404, "EntityNotExist.User.AccessKey", "bob has no access key")
	if s, _ := w.do(cred, "GET", "/api/users", "").code(); s != 200 {
		t.Errorf("the key of ann was deleted as one of bob: %d", s)
	}

	w.root("PUT", "/api/users/ann", `{}`).into(&u)
	if len(u.Policies) != 1 {
		t.Errorf("absent policies were replaced: %+v", u)
	}
	w.root("PUT", "/api/users/ann", `{"policies":[]}`).into(&u)
	w.do(cred, "GET", "/api/users", "").refused(403, "AccessDenied", "ram:ListUsers")

	if got := w.root("DELETE", "/api/users/ANN/keys/"+first.ID, ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	w.do(cred, "GET", "/api/users", "").refused(403, "InvalidAccessKeyId", "does not exist")
	if got := w.root("DELETE", "/api/users/Ann", ""); got.Code != 204 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	w.do(&identity.Credentials{AccessKeyID: second.ID, AccessKeySecret: second.Secret}, "GET", "/api/users", "").refused(403, "InvalidAccessKeyId", "does not exist")
}

// Of creations at once one wins; none replaces what another made.
func TestOneOfManyCreates(t *testing.T) {
	w := newWorld(t)
	writing, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	gate := func() { once.Do(func() { close(writing) }); <-release }
	w.gate.Store(&gate)
	var wg sync.WaitGroup
	answers := make([]answer, 8)
	create := func(i int) { wg.Go(func() { answers[i] = w.root("POST", "/api/users", `{"name":"one"}`) }) }
	create(0)
	<-writing
	for i := range answers[1:] {
		create(i + 1)
	}
	// The others are to come as far as they can, which nothing tells of. If this is too
	// short the test is weaker, not wrong.
	time.Sleep(20 * time.Millisecond)
	close(release)
	wg.Wait()
	for i, a := range answers {
		if want := map[bool]int{true: 200, false: 409}[i == 0]; a.Code != want {
			t.Errorf("%d: %d %s", i, a.Code, a.Body)
		}
	}
}

func TestBodies(t *testing.T) {
	w := newWorld(t)
	before := w.everything()
	// The body is not the one that was signed.
	body := `{"name":"mallory"}`
	r := httptest.NewRequest("POST", "/api/users", strings.NewReader(body))
	identity.SignACS3(r, []byte(`{"name":"ann"}`), root, w.now())
	w.send(r).refused(403, "SignatureDoesNotMatch", "x-acs-content-sha256")
	// Nor is one that is missing, or too much.
	r = httptest.NewRequest("POST", "/api/users", nil)
	identity.SignACS3(r, []byte(body), root, w.now())
	w.send(r).refused(403, "SignatureDoesNotMatch", "x-acs-content-sha256")
	r = httptest.NewRequest("DELETE", "/api/roles/AliyunFCDefaultRole", strings.NewReader("x"))
	identity.SignACS3(r, nil, root, w.now())
	w.send(r).refused(403, "SignatureDoesNotMatch", "x-acs-content-sha256")

	pad := func(n int) string { return body[:len(body)-1] + strings.Repeat(" ", n-len(body)) + "}" }
	w.root("POST", "/api/users", pad(maxBody+1)).refused(413, "EntityTooLarge", "1048576")
	if after := w.everything(); after != before {
		t.Errorf("what was refused changed something:\n%s\n%s", before, after)
	}
	if got := w.root("POST", "/api/users", pad(maxBody)); got.Code != 200 {
		t.Errorf("a body of just 1 MiB: %d %s", got.Code, got.Body)
	}
	// A caller who is nobody has no body read.
	r = httptest.NewRequest("POST", "/api/users", unread{t})
	w.send(r).refused(403, "AccessDenied", "anonymous")
}

type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of an anonymous request was read")
	return 0, nil
}
