package sts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/identity/sign"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

const account = "1234567890123456"

var root = identity.Credentials{AccessKeyID: "LTAIroot", AccessKeySecret: "rootsecret"}

func start(t *testing.T) (*identity.Store, *httptest.Server) {
	t.Helper()
	ctx := context.Background()
	ids, err := identity.Open(ctx, memkv.New(), identity.Options{Account: account, RootKeyID: root.AccessKeyID, RootKeySecret: root.AccessKeySecret, Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ids.CreateRole(ctx, identity.RoleInput{Name: "Worker",
		Trust:    `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + account + `:root"]}}]}`,
		Policies: []identity.Policy{{Name: "all", Document: `{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}}}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(New(ids))
	t.Cleanup(srv.Close)
	return ids, srv
}

var nonce int

// rpc signs parameters with the RPC signature. Empty values remove a parameter.
func rpc(method string, cred identity.Credentials, change map[string]string) url.Values {
	nonce++
	p := url.Values{}
	for k, v := range map[string]string{
		"Version": Version, "Format": "JSON", "AccessKeyId": cred.AccessKeyID, "SecurityToken": cred.SecurityToken, "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
		"SignatureNonce": string(rune('A'+nonce%26)) + time.Now().String(), "Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05Z"),
	} {
		p.Set(k, v)
	}
	for k, v := range change {
		p.Set(k, v)
	}
	for k := range p {
		if p.Get(k) == "" {
			p.Del(k)
		}
	}
	b := sign.Get()
	defer b.Put()
	b.RPC(method, p)
	mac := b.HMACSHA1(cred.AccessKeySecret + "&")
	p.Set("Signature", base64.StdEncoding.EncodeToString(mac[:]))
	return p
}

func do(t *testing.T, r *http.Request, err error) (int, []byte, http.Header) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b, resp.Header
}

func get(t *testing.T, base string, p url.Values) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest("GET", base+"/?"+p.Encode(), nil)
	status, b, _ := do(t, r, err)
	return status, b
}

func TestAssumeRole(t *testing.T) {
	ids, srv := start(t)
	params := map[string]string{"Action": "AssumeRole", "RoleArn": "acs:ram::" + account + ":role/worker", "RoleSessionName": "alice", "DurationSeconds": "900"}
	var a assumeRoleResponse
	decode := func(name string, status int, b []byte, asXML bool) {
		t.Helper()
		a = assumeRoleResponse{}
		err := json.Unmarshal(b, &a)
		if asXML {
			err = xml.Unmarshal(b, &a)
		}
		if status != 200 || err != nil || a.AssumedRoleUser.ARN != "acs:ram::"+account+":role/Worker/alice" || !strings.HasSuffix(a.AssumedRoleUser.ID, ":alice") ||
			!strings.HasPrefix(a.Credentials.AccessKeyID, "STS.") || a.Credentials.SecurityToken == "" || len(a.RequestID) != 36 {
			t.Fatalf("%s: %d %s, %v", name, status, b, err)
		}
		if d := time.Until(a.Credentials.Expiration); d > 900*time.Second || d < 800*time.Second {
			t.Errorf("%s: good for %v", name, d)
		}
	}
	status, b := get(t, srv.URL, rpc("GET", root, params))
	decode("GET", status, b, false)
	if !strings.Contains(string(b), `"Expiration":"20`) || !strings.Contains(string(b), `Z"`) {
		t.Errorf("expiration in %s", b)
	}

	r, err := http.NewRequest("POST", srv.URL+"/", strings.NewReader(rpc("POST", root, params).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, b, _ = do(t, r, err)
	decode("POST", status, b, false)

	params["Format"] = ""
	status, b = get(t, srv.URL, rpc("GET", root, params))
	decode("XML by default", status, b, true)
	delete(params, "Format")

	acs3 := func(form bool, cred identity.Credentials) (int, []byte) {
		p := url.Values{}
		for k, v := range params {
			if k != "Action" {
				p.Set(k, v)
			}
		}
		var r *http.Request
		body := ""
		if form {
			body = p.Encode()
			r, err = http.NewRequest("POST", srv.URL+"/", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		} else {
			r, err = http.NewRequest("POST", srv.URL+"/?"+p.Encode(), nil)
		}
		r.Header.Set("x-acs-action", params["Action"])
		r.Header.Set("x-acs-version", Version)
		identity.SignACS3(r, []byte(body), cred, time.Now())
		status, b, _ := do(t, r, err)
		return status, b
	}
	for _, form := range []bool{false, true} {
		status, b := acs3(form, root)
		decode("ACS3", status, b, false)
	}

	// The session's credentials work here and say who they are.
	status, b = get(t, srv.URL, rpc("GET", a.Credentials, map[string]string{"Action": "GetCallerIdentity"}))
	var who map[string]string
	role, _ := ids.GetRole("worker")
	if err := json.Unmarshal(b, &who); err != nil || status != 200 || who["IdentityType"] != "AssumedRoleUser" || who["AccountId"] != account || who["RoleId"] != role.ID ||
		who["PrincipalId"] != role.ID+":alice" || who["Arn"] != "acs:ram::"+account+":assumed-role/Worker/alice" {
		t.Errorf("%d %s %v", status, b, err)
	}
	params["Action"] = "GetCallerIdentity"
	status, b = acs3(false, root)
	who = nil
	if err := json.Unmarshal(b, &who); err != nil || status != 200 || who["IdentityType"] != "Account" || who["UserId"] != account || who["Arn"] != "acs:ram::"+account+":root" {
		t.Errorf("%d %s %v", status, b, err)
	}
}

func TestErrors(t *testing.T) {
	_, srv := start(t)
	good := map[string]string{"Action": "AssumeRole", "RoleArn": "acs:ram::" + account + ":role/worker", "RoleSessionName": "alice"}
	for _, c := range []struct {
		name   string
		change map[string]string
		after  map[string]string // changed after signing
		status int
		code   string
	}{
		{"unknown action", map[string]string{"Action": "AssumeRoles"}, nil, 404, "InvalidAction.NotFound"},
		{"no action", map[string]string{"Action": ""}, nil, 400, "MissingAction"},
		{"version", map[string]string{"Version": "2014-01-01"}, nil, 400, "InvalidVersion"},
		{"no key", map[string]string{"AccessKeyId": ""}, nil, 400, "MissingAccessKeyId"},
		{"unknown key", map[string]string{"AccessKeyId": "x"}, nil, 404, "InvalidAccessKeyId.NotFound"},
		{"signature", nil, map[string]string{"RoleSessionName": "bob"}, 400, "SignatureDoesNotMatch"},
		{"no nonce", map[string]string{"SignatureNonce": ""}, nil, 400, "MissingSignatureNonce"},
		{"old", map[string]string{"Timestamp": "2020-01-01T00:00:00Z"}, nil, 400, "InvalidTimeStamp.Expired"},
		{"token", map[string]string{"SecurityToken": "x"}, nil, 400, "InvalidSecurityToken.Malformed"},
		{"no role given", map[string]string{"RoleArn": ""}, nil, 400, "MissingRoleArn"},
		{"no session name", map[string]string{"RoleSessionName": ""}, nil, 400, "MissingRoleSessionName"},
		{"role form", map[string]string{"RoleArn": "worker"}, nil, 400, "InvalidParameter.RoleArn"},
		{"no such role", map[string]string{"RoleArn": "acs:ram::" + account + ":role/nobody"}, nil, 404, "EntityNotExist.Role"},
		{"untrusting role", map[string]string{"RoleArn": "acs:ram::" + account + ":role/" + identity.DefaultRole}, nil, 403, "NoPermission"},
		{"session form", map[string]string{"RoleSessionName": "a b"}, nil, 400, "InvalidParameter.RoleSessionName"},
		{"duration", map[string]string{"DurationSeconds": "10"}, nil, 400, "InvalidParameter.DurationSeconds"},
		{"no number", map[string]string{"DurationSeconds": "1h"}, nil, 400, "InvalidParameter.DurationSeconds"},
		{"policy", map[string]string{"Policy": "{"}, nil, 400, "InvalidParameter.PolicyGrammar"},
		{"long policy", map[string]string{"Policy": strings.Repeat("x", 2049)}, nil, 400, "InvalidParameter.PolicySize"},
	} {
		for _, format := range []string{"JSON", "XML"} {
			p := map[string]string{"Format": format}
			for _, m := range []map[string]string{good, c.change} {
				for k, v := range m {
					p[k] = v
				}
			}
			q := rpc("GET", root, p)
			for k, v := range c.after {
				q.Set(k, v)
			}
			status, b := get(t, srv.URL, q)
			var e errorResponse
			err := json.Unmarshal(b, &e)
			if format == "XML" {
				err = xml.Unmarshal(b, &e)
			}
			if err != nil || status != c.status || e.Code != c.code || e.Message == "" || len(e.RequestID) != 36 || e.HostID != strings.TrimPrefix(srv.URL, "http://") {
				t.Errorf("%s: %d %s, %v; want %d %s", c.name, status, b, err, c.status, c.code)
			}
			if strings.Contains(string(b), root.AccessKeySecret) {
				t.Errorf("%s: the answer holds the secret", c.name)
			}
		}
	}

	q := rpc("GET", root, good)
	if status, b := get(t, srv.URL, q); status != 200 {
		t.Fatalf("%d %s", status, b)
	}
	if status, b := get(t, srv.URL, q); status != 400 || !strings.Contains(string(b), "SignatureNonceUsed") {
		t.Errorf("replayed: %d %s", status, b)
	}
	for _, c := range []struct {
		method, path, contentType, body string
		status                          int
		code                            string
	}{
		{"DELETE", "/", "", "", 405, "UnsupportedHTTPMethod"},
		{"GET", "/x", "", "", 404, "InvalidAction.NotFound"},
		{"POST", "/", "", strings.Repeat("x", maxBody+1), 413, "EntityTooLarge"},
		{"POST", "/", "application/x-www-form-urlencoded; charset=utf-8", "a=%zz", 400, "InvalidParameter"},
	} {
		r, err := http.NewRequest(c.method, srv.URL+c.path, strings.NewReader(c.body))
		if c.contentType != "" {
			r.Header.Set("Content-Type", c.contentType)
		}
		status, b, h := do(t, r, err)
		if status != c.status || !strings.Contains(string(b), "<Code>"+c.code+"</Code>") || h.Get("X-Acs-Request-Id") == "" {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, b)
		}
	}
}

// An ACS3 request whose action header is not the signed one must not run.
func TestACS3ActionIsSigned(t *testing.T) {
	_, srv := start(t)
	r, err := http.NewRequest("POST", srv.URL+"/?Action=AssumeRole&RoleArn=acs:ram::"+account+":role/worker&RoleSessionName=ab", nil)
	r.Header.Set("x-acs-action", "GetCallerIdentity")
	r.Header.Set("x-acs-version", Version)
	identity.SignACS3(r, nil, root, time.Now())
	status, b, _ := do(t, r, err)
	if status != 200 || strings.Contains(string(b), "Credentials") {
		t.Errorf("the query's action ran: %d %s", status, b)
	}
	r, err = http.NewRequest("POST", srv.URL+"/", nil)
	r.Header.Set("x-acs-action", "GetCallerIdentity")
	r.Header.Set("x-acs-version", Version)
	identity.SignACS3(r, nil, root, time.Now())
	r.Header.Set("x-acs-action", "AssumeRole")
	if status, b, _ := do(t, r, err); status != 400 || !strings.Contains(string(b), "SignatureDoesNotMatch") {
		t.Errorf("%d %s", status, b)
	}
}
