package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestRunCredentials(t *testing.T) {
	c := &clock{t0}
	s := openFixed(t, c.now)
	l := &Lineage{Run: "1-abc", Function: "resize", Trigger: "t", Event: "e2", Root: "e1", Depth: 2, Chain: []string{"t0", "t1"}}
	cred, err := s.IssueForRun("acs:ram::"+testAccount+":role/aliyunfcdefaultrole", ServiceFC, "resize", 36*time.Hour, l)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(cred.AccessKeyID, "STS.") || !strings.HasPrefix(cred.SecurityToken, "CAIS") || len(cred.AccessKeySecret) != 43 || !cred.Expiration.Equal(t0.Add(36*time.Hour)) {
		t.Errorf("%+v", cred)
	}
	if strings.Contains(cred.SecurityToken, base64.RawURLEncoding.EncodeToString([]byte("resize"))) {
		t.Error("the token can be read")
	}
	verify := func(cred Credentials) (*Principal, error) {
		r := newRequest("PUT", "http://h/b/k", nil)
		signOSSV1(r, "b", "k", cred, c.t)
		return s.VerifyOSS(r, OSSRequest{Bucket: "b", Key: "k", Region: testRegion})
	}
	p, err := verify(cred)
	if err != nil {
		t.Fatal(err)
	}
	role, _ := s.GetRole(DefaultRole)
	if p.Kind != AssumedRole || !reflect.DeepEqual(p.Lineage, l) || p.ID != role.ID+":resize" || p.RoleID() != role.ID || p.Name != DefaultRole || p.Session != "resize" ||
		p.ARN != "acs:ram::"+testAccount+":assumed-role/"+DefaultRole+"/resize" || p.AccessKeyID != cred.AccessKeyID || !p.Expires.Equal(cred.Expiration) {
		t.Errorf("principal %+v", p)
	}
	const res = "acs:oss:cn-hangzhou:" + testAccount + ":b/k"
	want(t, "oss", s.Authorize(p, "oss:PutObject", res, Conditions{}), 0, "")
	want(t, "fc", s.Authorize(p, "fc:InvokeFunction", res, Conditions{}), fault.Denied, ReasonAccessDenied)

	other := openFixed(t, c.now)
	if err := other.keys.derive([]byte(strings.Repeat("y", 32))); err != nil {
		t.Fatal(err)
	}
	other.keys.aeads = aeadCache{}
	_, err = other.session(cred.SecurityToken, c.t)
	want(t, "another server", err, fault.Unauthentic, ReasonTokenInvalid)

	id := cred
	id.AccessKeyID = testKeyID
	_, err = verify(id)
	want(t, "token of another key", err, fault.Unauthentic, ReasonTokenInvalid)
	bare := cred
	bare.SecurityToken = ""
	_, err = verify(bare)
	want(t, "without its token", err, fault.Unauthentic, ReasonInvalidAccessKeyID, "token")
	for _, i := range []int{0, 6, 12, 40, len(cred.SecurityToken) - 1} {
		b := []byte(cred.SecurityToken)
		b[i] ^= 1
		if b[i] == '=' || b[i] == '.' || b[i] == '`' || b[i] == '@' || b[i] == ',' || b[i] == '[' || b[i] == '{' || b[i] == '/' || b[i] == '^' {
			b[i] = 'q'
		}
		bent := cred
		bent.SecurityToken = string(b)
		_, err = verify(bent)
		want(t, fmt.Sprintf("byte %d changed", i), err, fault.Unauthentic, ReasonTokenInvalid)
	}

	c.t = t0.Add(36*time.Hour - time.Second)
	_, err = verify(cred)
	want(t, "just before", err, 0, "")
	c.t = t0.Add(36 * time.Hour)
	_, err = verify(cred)
	want(t, "expired", err, fault.Unauthentic, ReasonTokenExpired)
	c.t = t0.Add(30 * 24 * time.Hour)
	s.cache = sessionCache{}
	_, err = verify(cred)
	want(t, "long expired, not cached", err, fault.Unauthentic, ReasonTokenInvalid)

	for _, bad := range []struct {
		role, service string
		ttl           time.Duration
		kind          fault.Kind
		reason        fault.Reason
	}{
		{"nonsense", ServiceFC, time.Hour, fault.Invalid, ReasonInvalidArgument},
		{s.RoleARN("nobody"), ServiceFC, time.Hour, fault.Invalid, ReasonInvalidArgument},
		{s.RoleARN(NotificationRole), ServiceFC, time.Hour, fault.Denied, ReasonAccessDenied},
		{s.RoleARN(DefaultRole), ServiceFC, 0, fault.Invalid, ReasonDuration},
		{s.RoleARN(DefaultRole), ServiceFC, 8 * 24 * time.Hour, fault.Invalid, ReasonDuration},
	} {
		_, err := s.IssueForRun(bad.role, bad.service, "s", bad.ttl, nil)
		want(t, bad.role, err, bad.kind, bad.reason)
	}
}

// A role's policies are those at the time of use, and a deleted role's sessions die.
func TestRoleAtTimeOfUse(t *testing.T) {
	ctx := context.Background()
	c := &clock{t0}
	s := openFixed(t, c.now)
	if _, err := s.CreateRole(ctx, RoleInput{Name: "w", Trust: trustAll, Policies: []Policy{{"p", allowAll}}}); err != nil {
		t.Fatal(err)
	}
	cred, err := s.IssueForRun(s.RoleARN("w"), ServiceFC, "s1", time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	cr, err := s.session(cred.SecurityToken, c.t)
	if err != nil {
		t.Fatal(err)
	}
	const res = "acs:oss:cn-hangzhou:" + testAccount + ":photos/k"
	want(t, "all", s.Authorize(cr.who, "oss:PutObject", res, Conditions{}), 0, "")
	if _, err := s.UpdateRole(ctx, "w", RoleChange{Policies: &[]Policy{{"p", getOnly}}}); err != nil {
		t.Fatal(err)
	}
	want(t, "narrowed", s.Authorize(cr.who, "oss:PutObject", res, Conditions{}), fault.Denied, ReasonAccessDenied)
	want(t, "still", s.Authorize(cr.who, "oss:GetObject", res, Conditions{}), 0, "")
	if err := s.DeleteRole(ctx, "w"); err != nil {
		t.Fatal(err)
	}
	want(t, "deleted", s.Authorize(cr.who, "oss:GetObject", res, Conditions{}), fault.Denied, ReasonAccessDenied, "no longer exists")
	if _, err := s.CreateRole(ctx, RoleInput{Name: "w", Trust: trustAll, Policies: []Policy{{"p", allowAll}}}); err != nil {
		t.Fatal(err)
	}
	want(t, "made again", s.Authorize(cr.who, "oss:GetObject", res, Conditions{}), fault.Denied, ReasonAccessDenied)
	s.cache = sessionCache{}
	_, err = s.session(cred.SecurityToken, c.t)
	want(t, "its token", err, fault.Unauthentic, ReasonTokenInvalid)
}

func TestAssumeRole(t *testing.T) {
	ctx := context.Background()
	c := &clock{t0}
	s := openFixed(t, c.now)
	if _, err := s.CreateRole(ctx, RoleInput{Name: "Worker", Trust: trustAll, Policies: []Policy{{"p", allowAll}}}); err != nil {
		t.Fatal(err)
	}
	annOnly := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + testAccount + `:user/ann"]}}]}`
	if _, err := s.CreateRole(ctx, RoleInput{Name: "anns", Trust: annOnly}); err != nil {
		t.Fatal(err)
	}
	user := func(name string, p ...Policy) *Principal {
		if _, err := s.PutUser(ctx, name, p, Edit{}); err != nil {
			t.Fatal(err)
		}
		k, err := s.CreateAccessKey(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return s.snap.Load().keys[k.ID].who
	}
	ann := user("ann", Policy{"sts", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`})
	bob := user("bob")
	root, worker := s.RootPrincipal(), s.RoleARN("worker")
	run, err := s.IssueForRun(worker, ServiceFC, "run", time.Hour, &Lineage{Run: "r1", Depth: 3})
	if err != nil {
		t.Fatal(err)
	}
	runCred, err := s.session(run.SecurityToken, c.t)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name     string
		who      *Principal
		arn      string
		session  string
		duration int
		policy   string
		kind     fault.Kind
		reason   fault.Reason
	}{
		{"root", root, worker, "ab", 0, "", 0, ""},
		{"user", ann, worker, "a.b@c-d_e", 900, "", 0, ""},
		{"user by name", ann, s.RoleARN("anns"), "ab", 3600, "", 0, ""},
		{"run", runCred.who, worker, "ab", 0, "", 0, ""},
		{"policy", ann, worker, "ab", 0, getOnly, 0, ""},
		{"user without permission", bob, worker, "ab", 0, "", fault.Denied, ReasonNoPermission},
		{"untrusted", root, s.RoleARN("anns"), "ab", 0, "", fault.Denied, ReasonNoPermission},
		{"service role", root, s.RoleARN(DefaultRole), "ab", 0, "", fault.Denied, ReasonNoPermission},
		{"anonymous", anonymous, worker, "ab", 0, "", fault.Denied, ReasonNoPermission},
		{"no role", root, s.RoleARN("nobody"), "ab", 0, "", fault.NotFound, ReasonNoSuchRole},
		{"another account", root, "acs:ram::1:role/worker", "ab", 0, "", fault.NotFound, ReasonNoSuchRole},
		{"arn", root, "worker", "ab", 0, "", fault.Invalid, ReasonRoleARN},
		{"short session", root, worker, "a", 0, "", fault.Invalid, ReasonSessionName},
		{"session", root, worker, "a b", 0, "", fault.Invalid, ReasonSessionName},
		{"too short", root, worker, "ab", 899, "", fault.Invalid, ReasonDuration},
		{"too long", root, worker, "ab", 3601, "", fault.Invalid, ReasonDuration},
		{"negative", root, worker, "ab", -1, "", fault.Invalid, ReasonDuration},
		{"policy grammar", root, worker, "ab", 0, "{}", fault.Invalid, ReasonPolicyGrammar},
		{"policy size", root, worker, "ab", 0, strings.Repeat(" ", 2049), fault.Invalid, ReasonPolicySize},
	} {
		got, err := s.AssumeRole(ctx, x.who, x.arn, x.session, x.duration, x.policy)
		want(t, x.name, err, x.kind, x.reason)
		if x.reason != "" || err != nil {
			continue
		}
		cr, err := s.session(got.Credentials.SecurityToken, c.t)
		if err != nil || cr.secret != got.Credentials.AccessKeySecret {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		if d := got.Credentials.Expiration.Sub(t0); x.duration != 0 && d != time.Duration(x.duration)*time.Second || x.duration == 0 && d != time.Hour {
			t.Errorf("%s: lasts %v", x.name, d)
		}
		if (cr.who.Lineage != nil) != (x.who == runCred.who) {
			t.Errorf("%s: lineage %+v", x.name, cr.who.Lineage)
		}
		if x.policy != "" {
			photos := "acs:oss:cn-hangzhou:" + testAccount + ":photos/k"
			want(t, "narrow get", s.Authorize(cr.who, "oss:GetObject", photos, Conditions{}), 0, "")
			want(t, "narrow put", s.Authorize(cr.who, "oss:PutObject", photos, Conditions{}), fault.Denied, ReasonAccessDenied, "AssumeRole")
			if d := s.Explain(cr.who, "oss:PutObject", photos, Conditions{}); d.Policy != sessionPolicy {
				t.Errorf("decision %+v", d)
			}
		}
	}
}

func TestLineageIsBounded(t *testing.T) {
	s := openFixed(t, func() time.Time { return t0 })
	l := &Lineage{Run: strings.Repeat("r", 1000), Depth: 99}
	for i := range 99 {
		l.Chain = append(l.Chain, fmt.Sprintf("%03d", i)+strings.Repeat("x", 60))
	}
	cred, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "s", time.Hour, l)
	if err != nil {
		t.Fatal(err)
	}
	if len(cred.SecurityToken) > 6<<10 {
		t.Errorf("token of %d bytes", len(cred.SecurityToken))
	}
	c, err := s.session(cred.SecurityToken, t0)
	if err != nil {
		t.Fatal(err)
	}
	got := c.who.Lineage
	if len(got.Chain) != MaxChain || got.Chain[MaxChain-1] != l.Chain[98] || got.Depth != 99 || len(got.Run) != maxField {
		t.Errorf("%d hops, depth %d", len(got.Chain), got.Depth)
	}
	if len(l.Chain) != 99 || len(l.Run) != 1000 {
		t.Error("the caller's lineage was changed")
	}
	l.Chain = []string{strings.Repeat("y", 4000)}
	if b := bound(l); len(b.Chain) != 0 {
		t.Errorf("a hop of 4000 bytes was kept")
	}
}

func TestSessionCacheIsBounded(t *testing.T) {
	var c sessionCache
	keep := &credential{id: "keep"}
	c.put("keep", keep)
	for i := range 5 * generation {
		c.put(fmt.Sprint(i), &credential{})
		if i%1000 == 0 && c.get("keep") != keep {
			t.Fatalf("what is in use was dropped after %d", i)
		}
	}
	if n := len(c.young) + len(c.old); n > 2*generation {
		t.Errorf("%d entries", n)
	}
}

func FuzzOpenToken(f *testing.F) {
	s := openFixed(f, func() time.Time { return t0 })
	cred, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "s", time.Hour, &Lineage{Run: "r"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cred.SecurityToken)
	f.Add("CAIS")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := s.openToken(token)
		if err == nil && c.Key != cred.AccessKeyID {
			t.Fatalf("forged: %+v", c)
		}
		var e *fault.Error
		if err != nil && (!errors.As(err, &e) || e.Reason != ReasonTokenInvalid) {
			t.Fatal(err)
		}
	})
}
