package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// clock is a time the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// want checks the kind and reason of an error; an empty reason wants none.
func want(t *testing.T, what string, err error, k fault.Kind, r fault.Reason, mentions ...string) {
	t.Helper()
	if r == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != k || e.Reason != r {
		t.Errorf("%s: error is %#v, want %v %s", what, err, k, r)
		return
	}
	for _, m := range mentions {
		if !strings.Contains(e.Error(), m) {
			t.Errorf("%s: %q does not mention %q", what, e.Error(), m)
		}
	}
	for _, secret := range []string{testKeySecret, string(testSecret)} {
		if strings.Contains(fmt.Sprintf("%v %v", e, e.Params), secret) {
			t.Errorf("%s: the error holds a secret: %v", what, e)
		}
	}
}

const (
	allowAll = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	getOnly  = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"acs:oss:*:*:photos/*"}]}`
	trustAll = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + testAccount + `:root"],"Service":["fc.aliyuncs.com"]}}]}`
)

func TestOpenRefuses(t *testing.T) {
	good := Options{Account: testAccount, RootKeyID: "AK", RootKeySecret: "s", Secret: testSecret}
	for name, f := range map[string]func(*Options){
		"short account":  func(o *Options) { o.Account = "123" },
		"letters":        func(o *Options) { o.Account = "12345678901234ab" },
		"no key":         func(o *Options) { o.RootKeyID = "" },
		"no secret":      func(o *Options) { o.RootKeySecret = "" },
		"key with slash": func(o *Options) { o.RootKeyID = "A/B" },
		"short secret":   func(o *Options) { o.Secret = testSecret[:31] },
	} {
		o := good
		f(&o)
		_, err := Open(context.Background(), memkv.New(), o)
		want(t, name, err, fault.Invalid, ReasonInvalidArgument)
	}
}

func TestDefaultRoles(t *testing.T) {
	ctx, db := context.Background(), memkv.New()
	open := func() *Store {
		s, err := Open(ctx, db, Options{Account: testAccount, RootKeyID: testKeyID, RootKeySecret: testKeySecret, Secret: testSecret})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if l := s.ListRoles(); len(l) != 2 || l[0].Name != DefaultRole || l[1].Name != NotificationRole {
		t.Fatalf("roles %+v", l)
	}
	lower := "acs:ram::" + testAccount + ":role/aliyunosseventnotificationrole"
	want(t, "lower case", s.CheckTrust(lower, ServiceOSS), 0, "")
	want(t, "FC's role by FC", s.CheckTrust(s.RoleARN(DefaultRole), ServiceFC), 0, "")
	want(t, "no account", s.CheckTrust("acs:ram:::role/AliyunFCDefaultRole", ServiceFC), 0, "")
	want(t, "untrusting", s.CheckTrust(lower, ServiceFC), fault.Denied, ReasonAccessDenied, "No permission to assume the role '"+lower+"'")
	for _, bad := range []string{"", "role/x", "acs:ram::12a:role/x", "acs:ram::" + testAccount + ":user/x", "acs:ram::" + testAccount + ":role/", "acs:ram::1:role/" + strings.Repeat("x", 65)} {
		want(t, bad, s.CheckTrust(bad, ServiceOSS), fault.Invalid, ReasonInvalidArgument, "Invalid format of role arn: "+bad, "^acs:ram::[0-9]*:role/.*$")
	}
	for _, missing := range []string{s.RoleARN("nobody"), "acs:ram::9999999999999999:role/" + NotificationRole} {
		want(t, missing, s.CheckTrust(missing, ServiceOSS), fault.Invalid, ReasonInvalidArgument, "does not exist")
	}
	id := s.ListRoles()[0].ID
	if s = open(); s.ListRoles()[0].ID != id {
		t.Error("opening again made the role again")
	}
	if err := s.DeleteRole(ctx, "ALIYUNFCDEFAULTROLE"); err != nil {
		t.Fatal(err)
	}
	if s = open(); len(s.ListRoles()) != 1 {
		t.Error("a deleted default role came back")
	}
	p, err := s.AsRole(lower, ServiceOSS, "trigger")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "invoke", s.Authorize(p, "fc:InvokeFunction", "acs:fc:cn-hangzhou:"+testAccount+":functions/f", Conditions{}), 0, "")
	want(t, "put", s.Authorize(p, "oss:PutObject", "acs:oss:*:*:b/k", Conditions{}), fault.Denied, ReasonAccessDenied, "oss:PutObject", "acs:oss:*:*:b/k")
}

func TestRoles(t *testing.T) {
	ctx, db := context.Background(), memkv.New()
	c := &clock{t0}
	opts := Options{Account: testAccount, RootKeyID: testKeyID, RootKeySecret: testKeySecret, Secret: testSecret, Now: c.now}
	s, err := Open(ctx, db, opts)
	if err != nil {
		t.Fatal(err)
	}
	in := RoleInput{Name: "Worker", Trust: trustAll, Description: "d", Policies: []Policy{{"p", getOnly}}}
	for name, f := range map[string]func(*RoleInput){
		"name":        func(r *RoleInput) { r.Name = "a b" },
		"long name":   func(r *RoleInput) { r.Name = strings.Repeat("a", 65) },
		"description": func(r *RoleInput) { r.Description = strings.Repeat("d", 1025) },
		"duration":    func(r *RoleInput) { r.MaxSession = 13 * time.Hour },
		"policy name": func(r *RoleInput) { r.Policies = []Policy{{"", getOnly}} },
		"twice":       func(r *RoleInput) { r.Policies = []Policy{{"p", getOnly}, {"P", getOnly}} },
	} {
		bad := in
		f(&bad)
		_, err := s.CreateRole(ctx, bad)
		want(t, name, err, fault.Invalid, ReasonInvalidArgument)
	}
	for name, f := range map[string]func(*RoleInput){
		"trust":  func(r *RoleInput) { r.Trust = getOnly },
		"policy": func(r *RoleInput) { r.Policies = []Policy{{"p", trustAll}} },
	} {
		bad := in
		f(&bad)
		_, err := s.CreateRole(ctx, bad)
		want(t, name, err, fault.Invalid, ReasonMalformedPolicy, "Worker")
	}
	bad := in
	bad.Policies = make([]Policy, 9)
	_, err = s.CreateRole(ctx, bad)
	want(t, "nine policies", err, fault.Conflict, ReasonLimit)

	r, err := s.CreateRole(ctx, in)
	if err != nil || r.MaxSession != time.Hour || r.ARN != s.RoleARN("Worker") || !r.Created.Equal(t0) || len(r.ID) != 18 {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = s.CreateRole(ctx, RoleInput{Name: "WORKER", Trust: trustAll})
	want(t, "again", err, fault.Exists, ReasonRoleExists)
	c.t = t0.Add(time.Minute)
	newTrust, long := trustOf(ServiceOSS), 2*time.Hour
	r2, err := s.UpdateRole(ctx, "worker", RoleChange{Trust: &newTrust, MaxSession: &long})
	if err != nil || r2.Trust != newTrust || r2.Description != "d" || len(r2.Policies) != 1 || r2.MaxSession != long || !r2.Updated.Equal(c.t) || r2.ID != r.ID {
		t.Fatalf("%+v, %v", r2, err)
	}
	broken := "{}"
	_, err = s.UpdateRole(ctx, "worker", RoleChange{Trust: &broken})
	want(t, "broken update", err, fault.Invalid, ReasonMalformedPolicy)
	if s, err = Open(ctx, db, opts); err != nil {
		t.Fatal(err)
	}
	if got, err := s.GetRole("WoRkEr"); err != nil || fmt.Sprint(got) != fmt.Sprint(r2) {
		t.Errorf("after opening again: %+v, %v", got, err)
	}
	want(t, "delete", s.DeleteRole(ctx, "Worker"), 0, "")
	want(t, "delete again", s.DeleteRole(ctx, "Worker"), fault.NotFound, ReasonNoSuchRole)
	_, err = s.GetRole("Worker")
	want(t, "get", err, fault.NotFound, ReasonNoSuchRole)
	_, err = s.UpdateRole(ctx, "Worker", RoleChange{})
	want(t, "update", err, fault.NotFound, ReasonNoSuchRole)
}

func TestUsersAndKeys(t *testing.T) {
	ctx, db := context.Background(), memkv.New()
	opts := Options{Account: testAccount, RootKeyID: testKeyID, RootKeySecret: testKeySecret, Secret: testSecret}
	s, err := Open(ctx, db, opts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.CreateAccessKey(ctx, "ann")
	want(t, "no user", err, fault.NotFound, ReasonNoSuchUser)
	if _, err := s.PutUser(ctx, "Ann", []Policy{{"read", getOnly}}, Edit{}); err != nil {
		t.Fatal(err)
	}
	k1, err := s.CreateAccessKey(ctx, "ann")
	if err != nil || !strings.HasPrefix(k1.ID, "LTAI") || len(k1.Secret) != 30 {
		t.Fatalf("%+v, %v", k1, err)
	}
	k2, _ := s.CreateAccessKey(ctx, "ann")
	if k2.ID == k1.ID || k2.Secret == k1.Secret {
		t.Fatal("two keys are the same")
	}
	_, err = s.CreateAccessKey(ctx, "ann")
	want(t, "third key", err, fault.Conflict, ReasonLimit)

	err = db.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Range{}, func(k, v []byte) error {
			if strings.Contains(string(v), k1.Secret) || strings.Contains(string(v), testKeySecret) {
				t.Errorf("row %q holds a secret", k)
			}
			if !strings.HasPrefix(string(k), "i/") {
				t.Errorf("row %q is not under i/", k)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}

	who := func(s *Store, k AccessKey) (*Principal, error) {
		r := newRequest("GET", "http://h/photos/a", nil)
		SignOSSV4(r, "photos", "a", testRegion, Credentials{AccessKeyID: k.ID, AccessKeySecret: k.Secret}, time.Now())
		return s.VerifyOSS(r, OSSRequest{Bucket: "photos", Key: "a", Region: testRegion})
	}
	if s, err = Open(ctx, db, opts); err != nil {
		t.Fatal(err)
	}
	p, err := who(s, k1)
	if err != nil || p.Kind != User || p.Name != "Ann" || p.ARN != "acs:ram::"+testAccount+":user/Ann" || p.AccessKeyID != k1.ID {
		t.Fatalf("%+v, %v", p, err)
	}
	const res = "acs:oss:cn-hangzhou:" + testAccount + ":photos/a"
	want(t, "get", s.Authorize(p, "oss:GetObject", res, Conditions{}), 0, "")
	want(t, "put", s.Authorize(p, "oss:PutObject", res, Conditions{}), fault.Denied, ReasonAccessDenied, "oss:PutObject", res)
	if d := s.Explain(p, "oss:GetObject", res, Conditions{}); !d.Allowed || d.Policy != "read" || d.Statement != 1 {
		t.Errorf("decision %+v", d)
	}
	if _, err := s.PutUser(ctx, "ann", []Policy{{"all", allowAll}, {"no", `{"Version":"1","Statement":[{"Effect":"Deny","Action":"oss:Delete*","Resource":"*"}]}`}}, Edit{}); err != nil {
		t.Fatal(err)
	}
	want(t, "put, allowed at once", s.Authorize(p, "oss:PutObject", res, Conditions{}), 0, "")
	want(t, "delete", s.Authorize(p, "oss:DeleteObject", res, Conditions{}), fault.Denied, ReasonAccessDenied)
	if d := s.Explain(p, "oss:DeleteObject", res, Conditions{}); d.Allowed || d.Policy != "no" || d.Statement != 1 {
		t.Errorf("decision %+v", d)
	}

	if l, err := s.ListAccessKeys("ANN"); err != nil || len(l) != 2 || l[0].Secret != "" {
		t.Errorf("keys %+v, %v", l, err)
	}
	want(t, "delete key", s.DeleteAccessKey(ctx, k1.ID), 0, "")
	want(t, "delete key again", s.DeleteAccessKey(ctx, k1.ID), fault.NotFound, ReasonNoSuchKey)
	_, err = who(s, k1)
	want(t, "deleted key", err, fault.Unauthentic, ReasonInvalidAccessKeyID)
	p2, err := who(s, k2)
	want(t, "other key", err, 0, "")
	if l := s.ListUsers(); len(l) != 1 || l[0].Name != "Ann" || l[0].Policies[0].Name != "all" {
		t.Errorf("users %+v", l)
	}
	want(t, "delete user", s.DeleteUser(ctx, "aNN"), 0, "")
	_, err = who(s, k2)
	want(t, "key of a deleted user", err, fault.Unauthentic, ReasonInvalidAccessKeyID)
	want(t, "request under way", s.Authorize(p2, "oss:GetObject", res, Conditions{}), fault.Denied, ReasonAccessDenied)

	other := opts
	other.Secret = []byte(strings.Repeat("x", 32))
	if _, err := s.PutUser(ctx, "bob", nil, Edit{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateAccessKey(ctx, "bob"); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, db, other)
	want(t, "another server secret", err, fault.Internal, "InternalError", "secret")
}

func TestAuthorizeKinds(t *testing.T) {
	s := openFixed(t, nil)
	const res = "acs:oss:cn-hangzhou:" + testAccount + ":b/k"
	want(t, "root", s.Authorize(s.RootPrincipal(), "oss:DeleteBucket", res, Conditions{}), 0, "")
	want(t, "anonymous", s.Authorize(anonymous, "oss:GetObject", res, Conditions{}), fault.Denied, ReasonAccessDenied, "oss:GetObject", res)
	want(t, "service", s.Authorize(s.ServicePrincipal(ServiceOSS), "oss:GetObject", res, Conditions{}), fault.Denied, ReasonAccessDenied)
	if d := s.Explain(s.RootPrincipal(), "a:b", res, Conditions{}); !d.Allowed {
		t.Errorf("root: %+v", d)
	}
}

// Requests are judged while identities change: each sees one whole state.
func TestConcurrentChanges(t *testing.T) {
	ctx := context.Background()
	s := openFixed(t, func() time.Time { return t0 })
	if _, err := s.CreateRole(ctx, RoleInput{Name: "w", Trust: trustAll, Policies: []Policy{{"p", getOnly}}}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			ps := []Policy{{"p", getOnly}, {fmt.Sprint("q", i), getOnly}}
			if _, err := s.UpdateRole(ctx, "w", RoleChange{Policies: &ps}); err != nil {
				t.Error(err)
			}
			name := fmt.Sprint("u", i)
			if _, err := s.PutUser(ctx, name, ps, Edit{}); err != nil {
				t.Error(err)
			}
			if _, err := s.CreateAccessKey(ctx, name); err != nil {
				t.Error(err)
			}
		}
	}()
	var wait []chan struct{}
	for range 4 {
		stop := make(chan struct{})
		wait = append(wait, stop)
		go func() {
			defer close(stop)
			for {
				cred, err := s.IssueForRun(s.RoleARN("w"), ServiceFC, "run", time.Hour, nil)
				if err != nil {
					t.Error(err)
					return
				}
				r := newRequest("GET", "http://h/photos/a", nil)
				SignOSSV4(r, "photos", "a", testRegion, cred, t0)
				p, err := s.VerifyOSS(r, OSSRequest{Bucket: "photos", Key: "a", Region: testRegion})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Authorize(p, "oss:GetObject", "acs:oss:cn-hangzhou:"+testAccount+":photos/a", Conditions{}); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		}()
	}
	for _, c := range wait {
		<-c
	}
	<-done
	if n := len(s.ListUsers()); n != 50 {
		t.Errorf("%d users", n)
	}
}
