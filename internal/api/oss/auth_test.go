package oss

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// user makes a RAM user with one policy and returns its key.
func (e *env) user(name, document string) identity.Credentials {
	e.t.Helper()
	var ps []identity.Policy
	if document != "" {
		ps = []identity.Policy{{Name: "p", Document: document}}
	}
	if _, err := e.ids.PutUser(context.Background(), name, ps, identity.Edit{}); err != nil {
		e.t.Fatal(err)
	}
	k, err := e.ids.CreateAccessKey(context.Background(), name)
	if err != nil {
		e.t.Fatal(err)
	}
	return identity.Credentials{AccessKeyID: k.ID, AccessKeySecret: k.Secret}
}

// theActionTable is the permission that each operation needs, written down a second time
// on purpose: a change of the table in routes.go is a change of what policies mean.
var theActionTable = map[string]struct {
	action   string
	resource string // after acs:oss:cn-hangzhou:<uid>:
	request  string // method bucket/key?query
	head     string
	body     string
}{
	"ListBuckets":               {"oss:ListBuckets", "*", "GET /", "", ""},
	"PutBucket":                 {"oss:PutBucket", "newone", "PUT newone/", "", ""},
	"DeleteBucket":              {"oss:DeleteBucket", "emptied", "DELETE emptied/", "", ""},
	"ListObjects":               {"oss:ListObjects", "bkt", "GET bkt/", "", ""},
	"ListObjectsV2":             {"oss:ListObjects", "bkt", "GET bkt/?list-type=2", "", ""},
	"HeadBucket":                {"oss:GetBucketInfo", "bkt", "HEAD bkt/", "", ""},
	"GetBucketInfo":             {"oss:GetBucketInfo", "bkt", "GET bkt/?bucketInfo", "", ""},
	"GetBucketLocation":         {"oss:GetBucketLocation", "bkt", "GET bkt/?location", "", ""},
	"GetBucketAcl":              {"oss:GetBucketAcl", "bkt", "GET bkt/?acl", "", ""},
	"PutBucketAcl":              {"oss:PutBucketAcl", "bkt", "PUT bkt/?acl", "X-Oss-Acl: private", ""},
	"ListMultipartUploads":      {"oss:ListMultipartUploads", "bkt", "GET bkt/?uploads", "", ""},
	"PutObject":                 {"oss:PutObject", "bkt/new", "PUT bkt/new", "", "x"},
	"GetObject":                 {"oss:GetObject", "bkt/k", "GET bkt/k", "", ""},
	"HeadObject":                {"oss:GetObject", "bkt/k", "HEAD bkt/k", "", ""},
	"GetObjectMeta":             {"oss:GetObject", "bkt/k", "HEAD bkt/k?objectMeta", "", ""},
	"DeleteObject":              {"oss:DeleteObject", "bkt/never", "DELETE bkt/never", "", ""},
	"AppendObject":              {"oss:PutObject", "bkt/log", "POST bkt/log?append&position=0", "", "x"},
	"PutSymlink":                {"oss:PutObject", "bkt/ln", "PUT bkt/ln?symlink", "X-Oss-Symlink-Target: k", ""},
	"GetSymlink":                {"oss:GetObject", "bkt/link", "GET bkt/link?symlink", "", ""},
	"GetObjectAcl":              {"oss:GetObjectAcl", "bkt/k", "GET bkt/k?acl", "", ""},
	"PutObjectAcl":              {"oss:PutObjectAcl", "bkt/k", "PUT bkt/k?acl", "X-Oss-Object-Acl: default", ""},
	"InitiateMultipartUpload":   {"oss:PutObject", "bkt/mp", "POST bkt/mp?uploads", "", ""},
	"UploadPart":                {"oss:PutObject", "bkt/big", "PUT bkt/big?partNumber=1&uploadId=ID", "", "x"},
	"ListParts":                 {"oss:ListParts", "bkt/big", "GET bkt/big?uploadId=ID", "", ""},
	"CompleteMultipartUpload":   {"oss:PutObject", "bkt/big2", "POST bkt/big2?uploadId=I2", "X-Oss-Complete-All: yes", ""},
	"AbortMultipartUpload":      {"oss:AbortMultipartUpload", "bkt/big3", "DELETE bkt/big3?uploadId=I3", "", ""},
	"GetObject (x-oss-process)": {"oss:GetObject", "bkt/k", "GET bkt/k?x-oss-process=image/info", "", ""},
	"DeleteMultipleObjects":     {"oss:DeleteObject", "bkt/never", "POST bkt/?delete", "Content-MD5: " + md5of("<Delete><Object><Key>never</Key></Object></Delete>"), "<Delete><Object><Key>never</Key></Object></Delete>"},
	// Two permissions: the second is tested below.
	"CopyObject":      {"oss:PutObject", "bkt/copy", "PUT bkt/copy", "X-Oss-Copy-Source: /open/k", ""},
	"UploadPartCopy":  {"oss:PutObject", "bkt/big", "PUT bkt/big?partNumber=2&uploadId=ID", "X-Oss-Copy-Source: /open/k", ""},
	"PostProcessTask": {"oss:PostProcessTask", "bkt/k", "POST bkt/k?x-oss-process", "", "x-oss-process=image/resize,w_1|sys/saveas,o_eA,b_b3Blbg"},
}

func TestActionTable(t *testing.T) {
	e := newEnv(t)
	for _, b := range []string{"bkt", "emptied"} {
		e.do("PUT", b, "", "", "")
	}
	e.do("PUT", "open", "", "", "", "X-Oss-Acl: public-read-write")
	e.do("PUT", "bkt", "k", "", "data")
	e.do("PUT", "open", "k", "", "data")
	e.do("PUT", "bkt", "link", "symlink", "", "X-Oss-Symlink-Target: k")
	ids := map[string]string{}
	for key, name := range map[string]string{"big": "ID", "big2": "I2", "big3": "I3"} {
		a := e.do("POST", "bkt", key, "uploads", "")
		_, id, _ := strings.Cut(a.body, "<UploadId>")
		ids[name], _, _ = strings.Cut(id, "<")
		e.do("PUT", "bkt", key, "partNumber=1&uploadId="+ids[name], "x")
	}
	for name := range operations {
		if _, ok := theActionTable[name]; !ok && name != "OptionObject" && name != "PostObject" {
			t.Errorf("%s is not tested", name)
		}
	}
	for name, c := range theActionTable {
		o := operations[name]
		if o == nil || o.action != c.action && o.action != "" {
			t.Errorf("%s: %+v", name, o)
			continue
		}
		method, target, _ := strings.Cut(c.request, " ")
		path, query, _ := strings.Cut(target, "?")
		bucket, key, _ := strings.Cut(path, "/")
		if k, v, ok := strings.Cut(query, "uploadId="); ok {
			query = k + "uploadId=" + ids[v]
		}
		var head []string
		if c.head != "" {
			head = []string{c.head}
		}
		user := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, name)
		resource := "acs:oss:*:" + account + ":" + c.resource
		all := e.user(user+"-others", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"},{"Effect":"Deny","Action":"`+c.action+`","Resource":"`+resource+`"}]}`)
		only := e.user(user+"-only", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"`+c.action+`","Resource":"`+resource+`"}]}`)
		none := e.user(user+"-none", "")
		for _, cred := range []identity.Credentials{all, none, {}} {
			a := e.send(e.build(cred, method, bucket, key, query, c.body, head...))
			if a.StatusCode != 403 || method != "HEAD" && a.code() != "AccessDenied" {
				t.Errorf("%s as %+v: %d %s", name, cred.AccessKeyID, a.StatusCode, a.body)
			}
		}
		if a := e.send(e.build(only, method, bucket, key, query, c.body, head...)); a.StatusCode >= 300 {
			t.Errorf("%s with only %s on %s: %d %s", name, c.action, c.resource, a.StatusCode, a.body)
		}
	}
	// The second permission of those that need two.
	put := `{"Effect":"Allow","Action":["oss:PutObject","oss:PostProcessTask"],"Resource":"acs:oss:*:*:bkt/*"}`
	half := e.user("half", `{"Version":"1","Statement":[`+put+`]}`)
	e.want(e.send(e.build(half, "PUT", "bkt", "c", "", "", "X-Oss-Copy-Source: /bkt/k")), 403, "AccessDenied")
	e.want(e.send(e.build(half, "PUT", "bkt", "big", "partNumber=3&uploadId="+ids["ID"], "", "X-Oss-Copy-Source: /bkt/k")), 403, "AccessDenied")
	e.do("PUT", "closed", "", "", "")
	e.want(e.send(e.build(half, "POST", "bkt", "k", "x-oss-process", "x-oss-process=image/resize,w_1|sys/saveas,o_eA,b_Y2xvc2Vk")), 403, "AccessDenied")
	e.want(e.send(e.build(half, "POST", "bkt", "k", "x-oss-process", "x-oss-process=image/resize,w_1|sys/saveas,o_eA")), 200, "")
	// A symlink is no way around: what it leads to must be allowed too.
	e.do("PUT", "bkt", "secret", "", "s3cret")
	linker := e.user("linker", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"acs:oss:*:*:bkt/own/*"}]}`)
	e.want(e.send(e.build(linker, "PUT", "bkt", "own/l", "symlink", "", "X-Oss-Symlink-Target: secret")), 200, "")
	a := e.send(e.build(linker, "POST", "bkt", "own/mp", "uploads", ""))
	_, id, _ := strings.Cut(a.body, "<UploadId>")
	id, _, _ = strings.Cut(id, "<")
	for _, req := range []*http.Request{
		e.build(linker, "GET", "bkt", "own/l", "", ""),
		e.build(linker, "HEAD", "bkt", "own/l", "", ""),
		e.build(linker, "HEAD", "bkt", "own/l", "objectMeta", ""),
		e.build(linker, "GET", "bkt", "own/l", "x-oss-process=image/info", ""),
		e.build(linker, "POST", "bkt", "own/l", "x-oss-process", "x-oss-process=image/resize,w_1|sys/saveas,o_b3duL3g"),
		e.build(linker, "PUT", "bkt", "own/mp", "partNumber=1&uploadId="+id, "", "X-Oss-Copy-Source: /bkt/own/l"),
	} {
		e.want(e.send(req), 403, "")
	}
	e.do("PUT", "bkt", "own/plain", "", "x")
	e.do("PUT", "bkt", "own/l", "symlink", "", "X-Oss-Symlink-Target: own/plain")
	e.want(e.send(e.build(linker, "GET", "bkt", "own/l", "", "")), 200, "")
	e.want(e.send(e.build(linker, "PUT", "bkt", "own/mp", "partNumber=1&uploadId="+id, "", "X-Oss-Copy-Source: /bkt/own/l")), 200, "")
	// A batch with one forbidden key deletes nothing.
	e.do("PUT", "bkt", "mine/1", "", "x")
	mine := e.user("mine", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:DeleteObject","Resource":"acs:oss:*:*:bkt/mine/*"}]}`)
	body := "<Delete><Object><Key>mine/1</Key></Object><Object><Key>k</Key></Object></Delete>"
	e.want(e.send(e.build(mine, "POST", "bkt", "", "delete", body, "Content-MD5: "+md5of(body))), 403, "AccessDenied")
	e.want(e.do("HEAD", "bkt", "mine/1", "", ""), 200, "")
}

func TestACLs(t *testing.T) {
	e := newEnv(t)
	for _, acl := range []string{"private", "public-read", "public-read-write"} {
		e.do("PUT", acl, "", "", "", "X-Oss-Acl: "+acl)
		e.do("PUT", acl, "k", "", "x")
		e.do("PUT", acl, "shut", "", "x", "X-Oss-Object-Acl: private")
		e.do("PUT", acl, "shown", "", "x", "X-Oss-Object-Acl: public-read")
	}
	nobody := e.user("nobody", "")
	banned := e.user("banned", `{"Version":"1","Statement":[{"Effect":"Deny","Action":"oss:*","Resource":"*"}]}`)
	for _, c := range []struct {
		cred     identity.Credentials
		bucket   string
		key      string
		get, put int
	}{
		{identity.Credentials{}, "private", "k", 403, 403},
		{identity.Credentials{}, "private", "none", 403, 403}, // not 404: it does not tell
		{identity.Credentials{}, "private", "shown", 200, 403},
		{identity.Credentials{}, "public-read", "k", 200, 403},
		{identity.Credentials{}, "public-read", "none", 404, 403},
		{identity.Credentials{}, "public-read", "shut", 403, 403},
		{identity.Credentials{}, "public-read-write", "k", 200, 200},
		{identity.Credentials{}, "public-read-write", "shut", 403, 403},
		{identity.Credentials{}, "public-read-write", "shown", 200, 403},
		{nobody, "private", "k", 403, 403},
		{nobody, "public-read", "k", 200, 403},
		{nobody, "public-read-write", "k", 200, 200},
		{banned, "public-read", "k", 403, 403},
		{banned, "public-read-write", "k", 403, 403},
	} {
		if a := e.send(e.build(c.cred, "GET", c.bucket, c.key, "", "")); a.StatusCode != c.get {
			t.Errorf("GET %s/%s as %q: %d, want %d", c.bucket, c.key, c.cred.AccessKeyID, a.StatusCode, c.get)
		}
		if a := e.send(e.build(c.cred, "PUT", c.bucket, c.key, "", "y")); a.StatusCode != c.put {
			t.Errorf("PUT %s/%s as %q: %d, want %d", c.bucket, c.key, c.cred.AccessKeyID, a.StatusCode, c.put)
		}
	}
	e.want(e.anon("GET", "public-read-write", "", "", ""), 403, "AccessDenied")
	e.want(e.anon("PUT", "public-read-write", "", "acl", "", "X-Oss-Acl: private"), 403, "AccessDenied")
	e.want(e.anon("GET", "nowhere", "k", "", ""), 404, "NoSuchBucket")
}

func TestSignatures(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.do("PUT", "bkt", "a b+c", "", "x")
	wrong := rootKey
	wrong.AccessKeySecret += "!"
	a := e.want(e.send(e.build(wrong, "GET", "bkt", "a b+c", "", "")), 403, "SignatureDoesNotMatch")
	if !strings.Contains(a.body, "<StringToSign>GET&#xA;") || strings.Contains(a.body, "secret!") {
		t.Error(a.body)
	}
	e.want(e.send(e.build(identity.Credentials{AccessKeyID: "LTAInone", AccessKeySecret: "x"}, "GET", "bkt", "a b+c", "", "")), 403, "InvalidAccessKeyId")
	for name, sign := range map[string]func(method string) answer{
		"V1 URL": func(m string) answer {
			req := e.build(identity.Credentials{}, m, "bkt", "a b+c", "", "x")
			presignOSSV1(req, "bkt", "a b+c", rootKey, time.Now().Add(time.Minute))
			return e.send(req)
		},
		"V4 URL": func(m string) answer {
			req := e.build(identity.Credentials{}, m, "bkt", "a b+c", "", "x")
			identity.PresignOSSV4(req, "bkt", "a b+c", "cn-hangzhou", rootKey, time.Now(), time.Minute)
			return e.send(req)
		},
		"V4": func(m string) answer {
			req := e.build(identity.Credentials{}, m, "bkt", "a b+c", "", "x")
			identity.SignOSSV4(req, "bkt", "a b+c", "cn-hangzhou", rootKey, time.Now())
			return e.send(req)
		},
		"V4, virtual host": func(m string) answer {
			req := e.build(identity.Credentials{}, m, "bkt", "a b+c", "", "x")
			req.Host = "bkt.oss-cn-hangzhou.aliyuncs.com"
			req.URL.Path, req.URL.RawPath = "/a b+c", ""
			identity.SignOSSV4(req, "bkt", "a b+c", "cn-hangzhou", rootKey, time.Now())
			return e.send(req)
		},
	} {
		for _, m := range []string{"PUT", "GET"} {
			if a := sign(m); a.StatusCode != 200 {
				t.Errorf("%s %s: %d %s", m, name, a.StatusCode, a.body)
			}
		}
	}
	// ali-oss with an IP endpoint and sldEnable: the bucket stands in the host and the path.
	both := e.build(identity.Credentials{}, "GET", "bkt", "a b+c", "", "")
	both.Host = "bkt.oss-cn-hangzhou.aliyuncs.com"
	signOSSV1(both, "bkt", "a b+c", rootKey, time.Now())
	e.want(e.send(both), 200, "")
	both = e.build(identity.Credentials{}, "PUT", "bkt", "a b+c", "", "x") // and a key that says the same
	both.Host = "bkt.oss-cn-hangzhou.aliyuncs.com"
	signOSSV1(both, "bkt", "bkt/a b+c", rootKey, time.Now())
	e.want(e.send(both), 200, "")
	e.want(e.do("HEAD", "bkt", "bkt/a b+c", "", ""), 200, "")
	// The longest key is not too long for standing behind the bucket; a longer one is.
	for _, c := range []struct {
		size, status int
		code         string
	}{{1023, 200, ""}, {1024, 400, "InvalidObjectName"}} {
		long := strings.Repeat("k", c.size)
		both = e.build(identity.Credentials{}, "PUT", "bkt", long, "", "x")
		both.Host = "bkt.oss-cn-hangzhou.aliyuncs.com"
		signOSSV1(both, "bkt", long, rootKey, time.Now())
		e.want(e.send(both), c.status, c.code)
	}
	both = e.build(identity.Credentials{}, "PUT", "bkt", strings.Repeat("k", 1021), "", "x") // all of it the key
	both.Host = "bkt.oss-cn-hangzhou.aliyuncs.com"
	signOSSV1(both, "bkt", "bkt/"+strings.Repeat("k", 1021), rootKey, time.Now())
	e.want(e.send(both), 400, "InvalidObjectName")
	both = e.build(identity.Credentials{}, "GET", "", "", "", "")
	both.Host = ".oss-cn-hangzhou.aliyuncs.com"
	signOSSV1(both, "", "", rootKey, time.Now())
	e.want(e.send(both), 200, "")
	late := e.build(identity.Credentials{}, "GET", "bkt", "a b+c", "", "")
	signOSSV1(late, "bkt", "a b+c", rootKey, time.Now().Add(-16*time.Minute))
	e.want(e.send(late), 403, "RequestTimeTooSkewed")
	late = e.build(identity.Credentials{}, "GET", "bkt", "a b+c", "", "")
	presignOSSV1(late, "bkt", "a b+c", rootKey, time.Now().Add(time.Minute-time.Hour))
	e.want(e.send(late), 403, "AccessDenied")
}

// A write made with a run's credentials says which run made it; so does one that comes
// out of its sandbox with other credentials.
func TestLineage(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.events.take()
	l := &identity.Lineage{Run: "1-run", Function: "f", Depth: 2, Root: "ev0"}
	cred, err := e.ids.IssueForRun(e.ids.RoleARN(identity.DefaultRole), identity.ServiceFC, "session", time.Hour, l)
	if err != nil {
		t.Fatal(err)
	}
	e.want(e.send(e.build(cred, "PUT", "bkt", "k", "", "x")), 200, "")
	recs := e.events.take()
	if len(recs) != 1 || recs[0].Origin.Lineage == nil || recs[0].Origin.Lineage.Run != "1-run" || recs[0].Origin.Lineage.Depth != 2 || !strings.HasSuffix(recs[0].Origin.PrincipalID, ":session") {
		t.Errorf("%+v", recs)
	}
	e.h.origin = func(context.Context) *lineage.Lineage { return &lineage.Lineage{Run: "sandbox"} }
	for key, cred := range map[string]identity.Credentials{"by-token": cred, "by-sandbox": rootKey} {
		e.want(e.send(e.build(cred, "PUT", "bkt", key, "", "x")), 200, "")
	}
	got := map[string]string{}
	for _, r := range e.events.take() {
		got[r.Key] = r.Origin.Lineage.Run
	}
	if got["by-token"] != "1-run" || got["by-sandbox"] != "sandbox" {
		t.Error(got)
	}
}

// signPolicy returns the fields of a form signed V1.
func signPolicy(doc string, cred identity.Credentials) []string {
	b64 := base64.StdEncoding.EncodeToString([]byte(doc))
	m := hmac.New(sha1.New, []byte(cred.AccessKeySecret))
	m.Write([]byte(b64))
	return []string{"OSSAccessKeyId=" + cred.AccessKeyID, "policy=" + b64, "Signature=" + base64.StdEncoding.EncodeToString(m.Sum(nil))}
}

func TestPostObject(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.do("PUT", "open", "", "", "", "X-Oss-Acl: public-read-write")
	e.events.take()
	post := func(bucket, file string, fields ...string) answer {
		ct, body := formOf(t, fields, file)
		return e.anon("POST", bucket, "", "", string(body), "Content-Type: "+ct)
	}
	// Unsigned.
	e.want(post("bkt", "data", "key=a"), 403, "AccessDenied")
	e.want(post("none", "data", "key=a"), 404, "NoSuchBucket")
	a := e.want(post("open", "data", "key=up/${filename}", "x-oss-meta-a=1", "x-oss-content-type=image/png"), 204, "")
	if a.Header.Get("ETag") != etagOf("data") {
		t.Error(a.Header)
	}
	if a := e.do("GET", "open", "up/photo.png", "", ""); a.body != "data" || a.Header.Get("x-oss-meta-a") != "1" || a.Header.Get("Content-Type") != "image/png" {
		t.Error(a.body, a.Header)
	}
	recs := e.events.take()
	if len(recs) != 1 || recs[0].Type != event.PostObject || recs[0].Key != "up/photo.png" {
		t.Errorf("%+v", recs)
	}
	a = e.want(post("open", "data", "key=a&b", "success_action_status=201"), 201, "")
	want := "<?xml version=\"1.0\" encoding=\"UTF-8\"?><PostResponse><Bucket>open</Bucket><Location>" + e.srv.URL + "/open/a%26b</Location><Key>a&amp;b</Key><ETag>" + etagOf("data") + "</ETag></PostResponse>"
	if strings.ReplaceAll(a.body, "\n", "") != want {
		t.Errorf("%s\n%s", a.body, want)
	}
	e.want(post("open", "data", "key=a", "success_action_status=200"), 200, "")
	a = e.want(post("open", "data", "key=a/b", "success_action_redirect=http://x.test/done?n=1"), 303, "")
	if got := a.Header.Get("Location"); got != "http://x.test/done?n=1&bucket=open&key=a%2Fb&etag=%22"+strings.Trim(etagOf("data"), `"`)+"%22" {
		t.Error(got)
	}
	e.events.take()
	e.want(post("open", "data"), 400, "MissingArgument")
	e.want(post("open", "", "key=a"), 400, "IncorrectNumberOfFilesInPOSTRequest")
	e.want(post("open", "data", "key=a", "callback=e30="), 501, "NotImplemented")
	e.want(post("open", "data", "key=a", "x-oss-object-acl=x"), 400, "InvalidArgument")
	e.want(post("open", "data", "key="+strings.Repeat("x", 1024)), 400, "InvalidObjectName")
	ct, body := formOf(t, []string{"key=cut"}, strings.Repeat("data", 100))
	e.want(e.anon("POST", "open", "", "", string(body[:len(body)-100]), "Content-Type: "+ct), 400, "IncompleteBody")
	e.want(e.anon("POST", "open", "", "", "garbage", "Content-Type: "+ct), 400, "")
	// A policy.
	policy := func(conditions string, ttl time.Duration) []string {
		doc := `{"expiration":"` + time.Now().Add(ttl).UTC().Format(time.RFC3339) + `","conditions":[` + conditions + `]}`
		return signPolicy(doc, rootKey)
	}
	ok := `["starts-with","$key","user/"],{"bucket":"bkt"},["content-length-range",2,6],["eq","$x-oss-meta-a","1"]`
	with := func(p []string, more ...string) []string { return append(slices.Clone(more), p...) }
	p := policy(ok, time.Minute)
	e.want(post("bkt", "data", with(p, "key=admin/a", "x-oss-meta-a=1")...), 403, "AccessDenied")
	e.want(post("bkt", "data", with(p, "key=user/a", "x-oss-meta-a=2")...), 403, "AccessDenied")
	e.want(post("bkt", "d", with(p, "key=user/a", "x-oss-meta-a=1")...), 400, "EntityTooSmall")
	e.want(post("bkt", "1234567", with(p, "key=user/a", "x-oss-meta-a=1")...), 400, "EntityTooLarge")
	e.want(post("open", "data", with(p, "key=user/a", "x-oss-meta-a=1")...), 403, "AccessDenied")
	e.want(post("bkt", "data", with(policy(ok, -time.Minute), "key=user/a", "x-oss-meta-a=1")...), 403, "AccessDenied")
	e.want(post("bkt", "data", with(policy(`["what"]`, time.Minute), "key=user/a")...), 400, "InvalidPolicyDocument")
	forged := slices.Clone(p)
	forged[2] = "Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	e.want(post("bkt", "data", with(forged, "key=user/a", "x-oss-meta-a=1")...), 403, "SignatureDoesNotMatch")
	if recs := e.events.take(); len(recs) != 0 {
		t.Errorf("%+v", recs)
	}
	e.want(post("bkt", "data", with(p, "key=user/a", "x-oss-meta-a=1")...), 204, "")
	e.want(e.do("GET", "bkt", "user/a", "", ""), 200, "")
	// The signer may not do more by a form than by a request.
	user := e.user("uploader", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:PutObject","Resource":"acs:oss:*:*:bkt/up/*"}]}`)
	doc := `{"expiration":"2099-01-01T00:00:00.000Z","conditions":[["content-length-range",0,100]]}`
	e.want(post("bkt", "data", with(signPolicy(doc, user), "key=up/a")...), 204, "")
	e.want(post("bkt", "data", with(signPolicy(doc, user), "key=down/a")...), 403, "AccessDenied")
}

// TestPathsAreNotCleaned drives the handler with the raw request line, as a server gets it.
func TestPathsAreNotCleaned(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "open", "", "", "", "X-Oss-Acl: public-read-write")
	e.do("PUT", "open", "a/../b//c", "", "x")
	r := httptest.NewRequest("GET", "/open/a/../b//c", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	e.h.ServeHTTP(w, r)
	if w.Code != 200 || w.Body.String() != "x" {
		t.Error(w.Code, w.Body)
	}
}
