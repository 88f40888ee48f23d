package fc

import (
	"bytes"
	"context"
	"encoding/base64"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

func TestFunctionLife(t *testing.T) {
	w := newWorld(t)
	z := codeZip(t, "index.js", "exports.handler = async e => e")
	a := w.must("POST", "functions", w.input("f", "description", "d", "role", "acs:ram::"+testAccount+":role/aliyunfcdefaultrole",
		"environmentVariables", map[string]string{"A": "b"}, "logConfig", map[string]any{"project": "p"}, "tags", []map[string]string{{"Key": "k", "Value": "v"}},
		"nasConfig", map[string]any{"userId": -1, "groupId": -1, "mountPoints": []any{}}, "vpcConfig", map[string]any{"vpcId": "", "vSwitchIds": []any{}}))
	sum := strconv.FormatUint(crc64.Checksum(z, crc64.MakeTable(crc64.ECMA)), 10)
	for k, want := range map[string]any{
		"functionName": "f", "functionArn": "acs:fc:cn-hangzhou:" + testAccount + ":functions/f", "runtime": "nodejs20", "memorySize": 512.0, "cpu": 0.35,
		"timeout": 3.0, "diskSize": 512.0, "instanceConcurrency": 1.0, "internetAccess": true, "codeChecksum": sum, "codeSize": float64(len(z)), "state": "Active", "lastUpdateStatus": "Successful",
	} {
		if a.body[k] != want {
			t.Errorf("%s is %v, want %v", k, a.body[k], want)
		}
	}
	if a.header.Get("X-Alcedo-Runtime") != "nodejs20 -> node v20.20.2" {
		t.Errorf("runtime header %q", a.header.Get("X-Alcedo-Runtime"))
	}
	if lc, ok := a.body["logConfig"].(map[string]any); !ok || lc["project"] != "p" || a.body["nasConfig"] == nil {
		t.Errorf("settings were not given back: %s", a.text)
	}
	if at, err := time.Parse("2006-01-02T15:04:05Z", a.body["createdTime"].(string)); err != nil || time.Since(at) > time.Minute {
		t.Errorf("createdTime %v", a.body["createdTime"])
	}

	etag := a.header.Get("Etag")
	w.wantError(w.do("POST", "functions", w.input("f")), 409, "FunctionAlreadyExists", "'f'")
	u := w.must("PUT", "functions/f", map[string]any{"timeout": 60, "environmentVariables": map[string]string{}, "functionName": "ignored"}, "If-Match", etag)
	if u.body["timeout"] != 60.0 || u.body["memorySize"] != 512.0 || len(u.body["environmentVariables"].(map[string]any)) != 0 || u.body["description"] != "d" || u.body["invocationRestriction"] != nil || u.body["codeChecksum"] != sum {
		t.Errorf("after update: %s", u.text)
	}
	w.wantError(w.do("PUT", "functions/f", map[string]any{"timeout": 61}, "If-Match", etag), 412, "PreconditionFailed", "")
	w.wantError(w.do("PUT", "functions/f", map[string]any{"handler": "other.handler"}), 400, "InvalidArgument", "other.js")
	w.wantError(w.do("PUT", "functions/nope", map[string]any{"timeout": 61}), 404, "FunctionNotFound", "function 'nope' does not exist.")

	code := w.must("GET", "functions/f/code", nil)
	link, err := url.Parse(code.body["url"].(string))
	if err != nil || code.body["checksum"] != sum {
		t.Fatal(code.text)
	}
	get := w.send(httptest.NewRequest("GET", link.String(), nil))
	if get.status != 200 || get.text != string(z) {
		t.Errorf("download: %d, %d bytes", get.status, len(get.text))
	}
	q := link.Query()
	q.Set("Expires", "99999999999")
	link.RawQuery = q.Encode()
	w.wantError(w.send(httptest.NewRequest("GET", link.String(), nil)), 403, "SignatureNotMatch", "")

	list := w.must("GET", "functions?prefix=f&limit=10", nil)
	fs := list.body["functions"].([]any)
	if len(fs) != 1 || fs[0].(map[string]any)["state"] != nil || list.body["nextToken"] != nil {
		t.Errorf("list: %s", list.text)
	}
	w.must("POST", "functions/f/triggers", map[string]any{"triggerName": "t", "triggerType": "oss", "triggerConfig": ossConfig("x/"), "sourceArn": bucketARN, "invocationRole": notifier})
	w.wantError(w.do("DELETE", "functions/f", nil), 409, "FunctionNotEmpty", "active triggers")
	w.must("DELETE", "functions/f/triggers/t", nil)
	if d := w.must("DELETE", "functions/f", nil); d.status != 204 || d.text != "" {
		t.Errorf("delete: %d %q", d.status, d.text)
	}
	if len(w.evicted) != 1 || w.evicted[0] != a.body["functionId"] {
		t.Errorf("evicted %v", w.evicted)
	}
	w.wantError(w.do("GET", "functions/f", nil), 404, "FunctionNotFound", "")
}

func TestCreateRefuses(t *testing.T) {
	w := newWorld(t)
	role := "acs:ram::" + testAccount + ":role/"
	for name, c := range map[string]struct {
		change []any
		status int
		code   string
		says   string
	}{
		"name":             {[]any{"functionName", "9f"}, 400, "InvalidArgument", "functionName '9f'"},
		"no name":          {[]any{"functionName", nil}, 400, "InvalidArgument", "functionName is required"},
		"no runtime":       {[]any{"runtime", nil}, 400, "InvalidArgument", "runtime is required"},
		"unknown runtime":  {[]any{"runtime", "cobol"}, 400, "InvalidArgument", "cobol"},
		"no handler":       {[]any{"handler", nil}, 400, "InvalidArgument", "handler is required"},
		"handler form":     {[]any{"handler", "index"}, 400, "InvalidArgument", "file.function"},
		"handler dots":     {[]any{"handler", "../index.handler"}, 400, "InvalidArgument", "file.function"},
		"handler file":     {[]any{"handler", "main.handler"}, 400, "InvalidArgument", "main.js"},
		"memory":           {[]any{"memorySize", 500}, 400, "InvalidArgument", "memorySize 500"},
		"memory low":       {[]any{"memorySize", 64}, 400, "InvalidArgument", "128 to 32768"},
		"memory high":      {[]any{"memorySize", 32832}, 400, "InvalidArgument", "128 to 32768"},
		"cpu step":         {[]any{"cpu", 0.33}, 400, "InvalidArgument", "steps of 0.05"},
		"cpu high":         {[]any{"cpu", 16.05}, 400, "InvalidArgument", "0.05 to 16"},
		"cpu ratio":        {[]any{"cpu", 1, "memorySize", 512}, 400, "InvalidArgument", "1:1 to 1:4"},
		"cpu ratio low":    {[]any{"cpu", 0.05, "memorySize", 512}, 400, "InvalidArgument", "1:1 to 1:4"},
		"timeout":          {[]any{"timeout", 0}, 400, "InvalidArgument", "timeout 0"},
		"timeout high":     {[]any{"timeout", 86401}, 400, "InvalidArgument", "1 to 86400"},
		"disk":             {[]any{"diskSize", 1024}, 400, "InvalidArgument", "512 or 10240"},
		"concurrency":      {[]any{"instanceConcurrency", 201}, 400, "InvalidArgument", "1 to 200"},
		"env name":         {[]any{"environmentVariables", map[string]string{"1A": ""}}, 400, "InvalidArgument", "'1A'"},
		"env reserved":     {[]any{"environmentVariables", map[string]string{"FC_X": ""}}, 400, "InvalidArgument", "reserved"},
		"env size":         {[]any{"environmentVariables", map[string]string{"A": strings.Repeat("x", 4096)}}, 400, "InvalidArgument", "at most 4096"},
		"description":      {[]any{"description", strings.Repeat("x", 257)}, 400, "InvalidArgument", "256"},
		"role form":        {[]any{"role", "admin"}, 400, "InvalidArgument", "Invalid format of role arn: admin, it should satisfy reg"},
		"role unknown":     {[]any{"role", role + "nobody"}, 400, "InvalidArgument", "does not exist"},
		"role trust":       {[]any{"role", role + "AliyunOSSEventNotificationRole"}, 403, "AccessDenied", "trust policy"},
		"type":             {[]any{"timeout", "ten"}, 400, "InvalidArgument", "field 'timeout' must be a number"},
		"no code":          {[]any{"code", nil}, 400, "InvalidArgument", "code is required"},
		"empty code":       {[]any{"code", map[string]any{}}, 400, "InvalidArgument", "code is empty"},
		"two codes":        {[]any{"code", map[string]any{"zipFile": "eA==", "ossBucketName": "b", "ossObjectName": "o"}}, 400, "InvalidArgument", "one of them"},
		"not base64":       {[]any{"code", map[string]any{"zipFile": "*"}}, 400, "InvalidArgument", "JSON"},
		"not a zip":        {[]any{"code", map[string]any{"zipFile": "aGVsbG8="}}, 400, "InvalidArgument", "zip archive"},
		"checksum":         {[]any{"code", map[string]any{"zipFile": w.zip(), "checksum": "1"}}, 400, "InvalidArgument", "checksum"},
		"no object":        {[]any{"code", map[string]any{"ossBucketName": "b", "ossObjectName": "o"}}, 400, "InvalidArgument", "The object 'o' of code.ossObjectName does not exist in bucket 'b'"},
		"no bucket":        {[]any{"code", map[string]any{"ossBucketName": "nobucket", "ossObjectName": "o"}}, 400, "InvalidArgument", "The bucket 'nobucket' of code.ossBucketName does not exist"},
		"closed object":    {[]any{"code", map[string]any{"ossBucketName": "closed", "ossObjectName": "o"}}, 403, "AccessDenied", "'o' in bucket 'closed' cannot be read: You have no right to access this object. Ask the owner."},
		"layers":           {[]any{"layers", []string{"acs:fc:x"}}, 501, "NotImplemented", "layers"},
		"vpc":              {[]any{"vpcConfig", map[string]any{"vpcId": "vpc-1"}}, 501, "NotImplemented", "vpcConfig"},
		"nas":              {[]any{"nasConfig", map[string]any{"mountPoints": []any{map[string]any{"mountDir": "/mnt"}}}}, 501, "NotImplemented", "nasConfig"},
		"container":        {[]any{"customContainerConfig", map[string]any{"image": "i"}}, 501, "NotImplemented", "customContainerConfig"},
		"gpu":              {[]any{"gpuConfig", map[string]any{"gpuType": "g"}}, 501, "NotImplemented", "gpuConfig"},
		"affinity":         {[]any{"sessionAffinity", "MCP_SSE"}, 501, "NotImplemented", "sessionAffinity"},
		"hook command":     {[]any{"instanceLifecycleConfig", map[string]any{"preStop": map[string]any{"command": []string{"x"}}}}, 501, "NotImplemented", "preStop.command"},
		"hook timeout":     {[]any{"instanceLifecycleConfig", map[string]any{"initializer": map[string]any{"handler": "index.init", "timeout": 601}}}, 400, "InvalidArgument", "601"},
		"tag twice":        {[]any{"tags", []map[string]string{{"Key": "a"}, {"Key": "a"}}}, 400, "InvalidArgument", "twice"},
		"tag key":          {[]any{"tags", []map[string]string{{"Key": "acs:x"}}}, 400, "InvalidArgument", "acs:x"},
		"settings too big": {[]any{"logConfig", map[string]string{"project": strings.Repeat("x", 25<<10)}}, 400, "InvalidArgument", "settings"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.wantError(w.do("POST", "functions", w.input("f", c.change...)), c.status, c.code, c.says)
		})
	}
	w.t = t
	w.wantError(w.do("POST", "functions", "{"), 400, "InvalidArgument", "JSON")
	w.wantError(w.do("POST", "functions", nil), 400, "InvalidArgument", "empty")
	w.wantError(w.do("POST", "functions", "[]"), 400, "InvalidArgument", "JSON")
	w.wantError(w.do("GET", "functions/f", nil), 404, "FunctionNotFound", "")
}

func TestPower(t *testing.T) {
	for _, c := range []struct {
		cpu    float64
		memory int
		oldCPU float64
		oldMem int
		want   float64
		mem    int
	}{
		{want: 0.35, mem: 512},
		{memory: 128, want: 0.1, mem: 128},
		{memory: 32768, want: 16, mem: 32768},
		{cpu: 2, want: 2, mem: 3072},
		{cpu: 0.5, want: 0.5, mem: 512},
		{cpu: 1, memory: 1024, want: 1, mem: 1024},
		{cpu: 1, memory: 4096, want: 1, mem: 4096},
		{cpu: 0.15, memory: 512, want: 0.15, mem: 512},
		{memory: 1024, oldCPU: 0.35, oldMem: 512, want: 0.35, mem: 1024},
		{memory: 4096, oldCPU: 0.35, oldMem: 512, want: 2.7, mem: 4096},
	} {
		in, cfg := &functionInput{}, function.Config{CPU: c.oldCPU, MemoryMB: c.oldMem}
		if c.cpu != 0 {
			in.CPU = &c.cpu
		}
		if c.memory != 0 {
			in.MemorySize = &c.memory
		}
		if err := in.power(&cfg); err != nil || cfg.CPU != c.want || cfg.MemoryMB != c.mem {
			t.Errorf("%+v: got cpu %v memory %d, %v", c, cfg.CPU, cfg.MemoryMB, err)
		}
	}
	for mb := 128; mb <= 32768; mb += 64 { // every memory size has a CPU by default
		cfg := function.Config{}
		if err := (&functionInput{MemorySize: &mb}).power(&cfg); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCodeFromOSS(t *testing.T) {
	w := newWorld(t)
	w.objects["b/code.zip"] = codeZip(t, "index.js", "from OSS")
	a := w.must("POST", "functions", w.input("f", "code", map[string]any{"ossBucketName": "b", "ossObjectName": "code.zip"}))
	if a.body["codeSize"] != float64(len(w.objects["b/code.zip"])) {
		t.Error(a.text)
	}
}

// Large bodies take turns; small ones, and other requests, do not wait for them.
func TestLargeBodies(t *testing.T) {
	w := newWorld(t)
	for range cap(w.h.deploys) {
		w.h.deploys <- struct{}{}
	}
	w.must("POST", "functions", w.input("small"))
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	large := w.input("large", "code", map[string]any{"zipFile": codeZip(t, "index.js", string(noise))})
	done := make(chan answer)
	go func() { done <- w.do("POST", "functions", large) }()
	select {
	case a := <-done:
		t.Fatalf("did not wait: %s", a.text)
	case <-time.After(20 * time.Millisecond):
	}
	<-w.h.deploys
	if a := <-done; a.status != 200 || a.body["codeSize"].(float64) < 1<<20 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if n := len(w.h.deploys); n != cap(w.h.deploys)-1 {
		t.Fatalf("%d turns are taken", n)
	}
}

func TestInvoke(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f", "role", "acs:ram::"+testAccount+":role/AliyunFCDefaultRole"))
	a := w.must("POST", "functions/f/invocations", []byte("hello"))
	if a.text != "hello" || a.header.Get("X-Fc-Error-Type") != "" || a.header.Get("X-Fc-Log-Result") != "" {
		t.Errorf("%+v", a)
	}
	for k, want := range map[string]string{"X-Fc-Instance-Id": "c-1", "X-Fc-Invocation-Service-Version": "LATEST", "X-Fc-Invocation-Duration": "2", "X-Fc-Max-Memory-Usage": "33", "Content-Length": "5"} {
		if got := a.header.Get(k); got != want {
			t.Errorf("%s: %q, want %q", k, got, want)
		}
	}
	if !regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}$`).MatchString(a.header.Get("X-Fc-Request-Id")) {
		t.Errorf("request id %q", a.header.Get("X-Fc-Request-Id"))
	}
	q := w.requests[0]
	if q.RequestID != a.header.Get("X-Fc-Request-Id") || !strings.HasPrefix(q.AccessKeyID, "STS.") || q.SecurityToken == "" || q.Account != testAccount {
		t.Errorf("request %+v", q)
	}
	if e := w.must("POST", "functions/f/invocations", nil); e.text != "" || e.header.Get("Content-Length") != "0" {
		t.Errorf("no event: %+v", e)
	}
	tail := w.must("POST", "functions/f/invocations", "x", "X-Fc-Log-Type", "Tail")
	if log, err := base64.StdEncoding.DecodeString(tail.header.Get("X-Fc-Log-Result")); err != nil || len(log) != 4096 || !bytes.HasSuffix(log, []byte("abcdef")) {
		t.Errorf("log: %d bytes, %v", len(log), err)
	}
	if f := w.must("POST", "functions/f/invocations", "fail"); f.status != 200 || f.header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || f.body["errorMessage"] != "oops" {
		t.Errorf("failure: %+v", f)
	}
	w.wantError(w.do("POST", "functions/f/invocations", "busy"), 429, "ResourceExhausted", "")
	w.wantError(w.do("POST", "functions/f/invocations", "exit"), 412, "CAExited", "")
	if bug := w.do("POST", "functions/f/invocations", "bug"); bug.status != 500 || bug.body["Code"] != "InternalServerError" || strings.Contains(bug.text, "hunter2") {
		t.Errorf("bug: %+v", bug)
	}
	w.wantError(w.do("POST", "functions/nope/invocations", "x"), 404, "FunctionNotFound", "")
	w.wantError(w.do("POST", "functions/f/invocations?qualifier=nope", "x"), 404, "AliasNotFound", "")
	w.wantError(w.do("POST", "functions/f/invocations", make([]byte, maxSyncEvent+1)), 400, "EntityTooLarge", "33554432")
	w.wantError(w.do("POST", "functions/f/invocations", "x", "X-Fc-Invocation-Type", "Later"), 400, "InvalidArgument", "Later")

	w.must("POST", "functions/f/versions", map[string]any{})
	w.must("POST", "functions/f/aliases", map[string]any{"aliasName": "live", "versionId": "1"})
	if v := w.must("POST", "functions/f/invocations?qualifier=live", "x"); v.header.Get("X-Fc-Invocation-Service-Version") != "1" {
		t.Errorf("version %q", v.header.Get("X-Fc-Invocation-Service-Version"))
	}
	w.must("POST", "functions/f/invoke/disable", map[string]any{"reason": "maintenance"})
	w.wantError(w.do("POST", "functions/f/invocations", "x"), 403, "FunctionDisabled", "maintenance")
	w.must("POST", "functions/f/invoke/enable", nil)
	w.must("POST", "functions/f/invocations", "x")
}

func TestInvokeAsync(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	async := []string{"X-Fc-Invocation-Type", "Async"}
	a := w.must("POST", "functions/f/invocations", "event", append(async, "X-Fc-Async-Task-Id", "task-1")...)
	if a.status != 202 || a.text != "" || a.header.Get("X-Fc-Async-Task-Id") != "task-1" {
		t.Errorf("%+v", a)
	}
	if e := w.enqueued[0]; e.payload != "event" || e.function != "f" || e.taskID != "task-1" || e.requestID != a.header.Get("X-Fc-Request-Id") || e.origin.PrincipalID != testAccount {
		t.Errorf("%+v", e)
	}
	w.wantError(w.do("POST", "functions/f/invocations", "x", append(async, "X-Fc-Async-Task-Id", "9")...), 400, "InvalidArgument", "x-fc-async-task-id")
	w.wantError(w.do("POST", "functions/f/invocations", make([]byte, maxAsyncEvent+1), async...), 400, "EntityTooLarge", "131072")
	w.wantError(w.do("POST", "functions/nope/invocations", "x", async...), 404, "FunctionNotFound", "")
	if len(w.enqueued) != 1 || len(w.requests) != 0 {
		t.Errorf("%d enqueued, %d run", len(w.enqueued), len(w.requests))
	}
}

// What a run does with its credentials knows that run; a chain that goes on and on ends.
func TestInvokeLineage(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	if _, err := w.ids.CreateRole(ctx, identity.RoleInput{Name: "caller", Trust: `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}]}`,
		Policies: []identity.Policy{{Name: "p", Document: `{"Version":"1","Statement":[{"Effect":"Allow","Action":"fc:InvokeFunction","Resource":"acs:fc:*:*:functions/f"}]}`}}}); err != nil {
		t.Fatal(err)
	}
	w.must("POST", "functions", w.input("f", "role", "acs:ram::"+testAccount+":role/caller"))
	w.must("POST", "functions", w.input("g"))
	cred := rootKey
	for depth := range 6 {
		a := w.as(cred, "POST", "/2023-03-30/functions/f/invocations", "x")
		if depth == 5 {
			w.wantError(a, 400, "RecursiveInvocation", "chain")
			break
		}
		if a.status != 200 {
			t.Fatalf("depth %d: %s", depth, a.text)
		}
		q := w.requests[depth]
		cred = identity.Credentials{AccessKeyID: q.AccessKeyID, AccessKeySecret: q.AccessKeySecret, SecurityToken: q.SecurityToken}
	}
	w.wantError(w.as(cred, "POST", "/2023-03-30/functions/g/invocations", "x"), 403, "AccessDenied", "functions/g")
	w.wantError(w.as(cred, "GET", "/2023-03-30/functions", nil), 403, "AccessDenied", "fc:ListFunctions")
	w.wantError(w.as(cred, "POST", "/2023-03-30/functions", w.input("h")), 403, "AccessDenied", "fc:CreateFunction")
	w.as(cred, "POST", "/2023-03-30/functions/f/invocations", "x", "X-Fc-Invocation-Type", "Async")
	if len(w.enqueued) != 0 { // too deep to be accepted
		t.Errorf("enqueued %+v", w.enqueued)
	}
	var l *lineage.Lineage
	first := w.requests[0]
	cred = identity.Credentials{AccessKeyID: first.AccessKeyID, AccessKeySecret: first.AccessKeySecret, SecurityToken: first.SecurityToken}
	w.as(cred, "POST", "/2023-03-30/functions/f/invocations", "x", "X-Fc-Invocation-Type", "Async")
	if l = w.enqueued[0].origin.Lineage; l == nil || l.Run != first.RequestID || l.Function != "f" {
		t.Errorf("origin's lineage %+v", l)
	}
	// The account's own keys have no lineage, but the sandbox that they are used in has.
	w.inside = &lineage.Lineage{Run: "r", Function: "f", Depth: 2}
	w.must("POST", "functions/f/invocations", "x")
	w.do("POST", "functions/f/invocations", "x", "X-Fc-Invocation-Type", "Async")
	if l := w.requests[len(w.requests)-1].Lineage; l.Depth != 3 {
		t.Errorf("called from inside a run: %+v", l)
	}
	if l = w.enqueued[len(w.enqueued)-1].origin.Lineage; l != w.inside {
		t.Errorf("called asynchronously from inside a run: %+v", l)
	}
}

func TestAuthentication(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	none := identity.Credentials{}
	wrong := identity.Credentials{AccessKeyID: rootKey.AccessKeyID, AccessKeySecret: "wrong"}
	unknown := identity.Credentials{AccessKeyID: "nobody", AccessKeySecret: "x"}
	for _, p := range []struct{ method, path string }{{"GET", "functions"}, {"POST", "functions"}, {"POST", "functions/f/invocations"}, {"GET", "layers"}, {"DELETE", "functions/f"}} {
		w.wantError(w.as(none, p.method, apiPath+p.path, "x"), 400, "MissingRequiredHeader", "Authorization")
		w.wantError(w.as(wrong, p.method, apiPath+p.path, "x"), 403, "SignatureNotMatch", "")
		w.wantError(w.as(unknown, p.method, apiPath+p.path, "x"), 403, "InvalidAccessKeyID", "nobody")
	}
	r := httptest.NewRequest("POST", "http://fc.test/2023-03-30/functions/f/invocations", strings.NewReader("changed"))
	identity.SignACS3(r, []byte("signed"), rootKey, time.Now())
	w.wantError(w.send(r), 403, "SignatureNotMatch", "SHA-256")
	r = httptest.NewRequest("GET", "http://fc.test/2023-03-30/functions/f", nil)
	identity.SignACS3(r, nil, rootKey, time.Now().Add(-time.Hour))
	if a := w.send(r); a.status != 403 {
		t.Errorf("an old request: %d %s", a.status, a.text)
	}
	for _, p := range []string{"functions", "functions/f/invocations"} { // cut on its way
		r = httptest.NewRequest("POST", apiPath+p, nil)
		identity.SignACS3(r, []byte("signed"), rootKey, time.Now())
		r.ContentLength, r.Body = 6, io.NopCloser(io.MultiReader(strings.NewReader("sig"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		w.wantError(w.send(r), 400, "InvalidArgument", "ended early")
	}
	if len(w.requests) > 0 {
		t.Error("an unauthenticated request ran a function")
	}
	old := w.send(httptest.NewRequest("GET", "http://fc.test/2016-08-15/tempBucketToken", nil))
	if old.status != 400 || old.body["ErrorCode"] != "MissingRequiredHeader" || old.body["ErrorMessage"] == nil || old.body["Code"] != nil {
		t.Errorf("old API: %+v", old)
	}
}

func TestVersionsAndAliases(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	v := w.must("POST", "functions/f/versions", map[string]any{"description": "one"})
	if v.body["versionId"] != "1" || v.body["description"] != "one" {
		t.Error(v.text)
	}
	w.must("PUT", "functions/f", map[string]any{"timeout": 9})
	w.must("POST", "functions/f/versions", map[string]any{})
	if a := w.must("GET", "functions/f?qualifier=1", nil); a.body["timeout"] != 3.0 {
		t.Error(a.text)
	}
	l := w.must("GET", "functions/f/versions?limit=1", nil)
	if l.body["direction"] != "BACKWARD" || l.body["nextToken"] == nil {
		t.Error(l.text)
	}
	l = w.must("GET", "functions/f/versions?limit=1&nextToken="+url.QueryEscape(l.body["nextToken"].(string)), nil)
	if vs := l.body["versions"].([]any); len(vs) != 1 || vs[0].(map[string]any)["versionId"] != "1" || l.body["nextToken"] != nil {
		t.Error(l.text)
	}
	a := w.must("POST", "functions/f/aliases", map[string]any{"aliasName": "live", "versionId": "1", "additionalVersionWeight": map[string]float64{"2": 0.5}})
	if a.body["aliasName"] != "live" || a.body["additionalVersionWeight"].(map[string]any)["2"] != 0.5 {
		t.Error(a.text)
	}
	w.wantError(w.do("DELETE", "functions/f/versions/1", nil), 409, "VersionInUse", "live")
	w.wantError(w.do("POST", "functions/f/aliases", map[string]any{"aliasName": "live", "versionId": "1"}), 409, "AliasAlreadyExists", "")
	w.wantError(w.do("POST", "functions/f/aliases", map[string]any{"aliasName": "x", "versionId": "1", "additionalVersionWeight": map[string]float64{"1": 0.5}}), 400, "AdditionalVersionContainsMajorVersion", "")
	u := w.must("PUT", "functions/f/aliases/live", map[string]any{"versionId": "2", "additionalVersionWeight": map[string]float64{}})
	if u.body["versionId"] != "2" {
		t.Error(u.text)
	}
	w.must("DELETE", "functions/f/versions/1", nil)
	w.wantError(w.do("DELETE", "functions/f/versions/1", nil), 404, "VersionNotFound", "")
	w.must("POST", "functions/f/triggers", map[string]any{"triggerName": "t", "triggerType": "oss", "triggerConfig": ossConfig("x/"), "sourceArn": bucketARN, "invocationRole": notifier, "qualifier": "live"})
	w.wantError(w.do("DELETE", "functions/f/aliases/live", nil), 409, "FunctionNotEmpty", "")
	w.must("DELETE", "functions/f/triggers/t", nil)
	w.must("DELETE", "functions/f/aliases/live", nil)
	w.wantError(w.do("GET", "functions/f/aliases/live", nil), 404, "AliasNotFound", "")
}

func TestTriggers(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	config := ossConfig("t1/")
	for _, n := range []string{"t1", "t2", "t3"} {
		config := ossConfig(n + "/")
		a := w.must("POST", "functions/f/triggers", map[string]any{"triggerName": n, "triggerType": "oss", "triggerConfig": config, "sourceArn": bucketARN, "invocationRole": notifier})
		if a.body["triggerConfig"] != config || a.body["qualifier"] != "LATEST" || a.body["targetArn"] != "acs:fc:cn-hangzhou:"+testAccount+":functions/f" || a.body["triggerId"] == "" {
			t.Error(a.text)
		}
	}
	l := w.must("GET", "functions/f/triggers?limit=2", nil)
	if len(l.body["triggers"].([]any)) != 2 || l.body["nextToken"] == nil {
		t.Error(l.text)
	}
	l = w.must("GET", "functions/f/triggers?limit=2&nextToken="+url.QueryEscape(l.body["nextToken"].(string)), nil)
	if len(l.body["triggers"].([]any)) != 1 || l.body["nextToken"] != nil {
		t.Error(l.text)
	}
	w.wantError(w.do("POST", "functions/f/triggers", map[string]any{"triggerName": "t4", "triggerType": "oss", "triggerConfig": ossConfig("t1/a"), "sourceArn": bucketARN, "invocationRole": notifier}),
		400, "OSSInvalidRequest", "Cannot specify overlapping prefix and suffix with same event type")
	u := w.must("PUT", "functions/f/triggers/t1", map[string]any{"description": "new", "triggerType": "timer", "triggerName": "x"})
	if u.body["description"] != "new" || u.body["triggerConfig"] != config || u.body["triggerType"] != "oss" {
		t.Error(u.text)
	}
	w.wantError(w.do("POST", "functions/f/triggers", map[string]any{"triggerName": "t", "triggerType": "oss", "triggerConfig": "{"}), 400, "InvalidArgument", "triggerConfig")
	w.wantError(w.do("POST", "functions/f/triggers", map[string]any{"triggerName": "t", "triggerType": "oss"}), 400, "InvalidArgument", "triggerConfig is required")
	w.wantError(w.do("GET", "functions/f/triggers/none", nil), 404, "TriggerNotFound", "")
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	w.wantError(w.do("GET", "functions/f/async-invoke-config", nil), 404, "AsyncConfigNotExists", "")
	a := w.must("PUT", "functions/f/async-invoke-config", map[string]any{"maxAsyncRetryAttempts": 0, "destinationConfig": map[string]any{"onSuccess": map[string]any{}}})
	if a.body["maxAsyncRetryAttempts"] != 0.0 || a.body["maxAsyncEventAgeInSeconds"] != 86400.0 {
		t.Error(a.text)
	}
	w.wantError(w.do("PUT", "functions/f/async-invoke-config", map[string]any{"maxAsyncRetryAttempts": 9}), 400, "InvalidArgument", "0 to 8")
	if l := w.must("GET", "async-invoke-configs?functionName=f", nil); len(l.body["configs"].([]any)) != 1 {
		t.Error(l.text)
	}
	w.must("DELETE", "functions/f/async-invoke-config", nil)

	if c := w.must("GET", "functions/f/concurrency", nil); c.body["reservedConcurrency"] != nil {
		t.Error(c.text)
	}
	w.must("PUT", "functions/f/concurrency", map[string]any{"reservedConcurrency": 0})
	w.wantError(w.do("POST", "functions/f/invocations", "x"), 429, "ResourceExhausted", "reserved concurrency")
	if l := w.must("GET", "concurrency-configs", nil); len(l.body["configs"].([]any)) != 1 {
		t.Error(l.text)
	}
	w.must("DELETE", "functions/f/concurrency", nil)
	w.must("POST", "functions/f/invocations", "x")
	w.wantError(w.do("PUT", "functions/f/concurrency", map[string]any{"reservedConcurrency": -1}), 400, "InvalidArgument", "-1")

	arn := "acs:fc:" + testRegion + ":" + testAccount + ":functions/f"
	w.must("POST", "tags-v2", map[string]any{"ResourceType": "ALIYUN::FC:FUNCTION", "ResourceId": []string{arn}, "Tag": []map[string]string{{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}}})
	w.must("POST", "tags-v2", map[string]any{"ResourceType": "function", "ResourceId": []string{"f"}, "Tag": []map[string]string{{"Key": "a", "Value": "3"}}})
	l := w.must("GET", "tags-v2?ResourceType=function&ResourceId="+url.QueryEscape(`["`+arn+`"]`), nil)
	if ts := l.body["TagResources"].([]any); len(ts) != 2 || ts[0].(map[string]any)["TagValue"] != "3" || ts[0].(map[string]any)["ResourceId"] != arn {
		t.Error(l.text)
	}
	if l := w.must("GET", "functions?tags="+url.QueryEscape(`[{"Key":"a","Value":"1"}]`), nil); len(l.body["functions"].([]any)) != 0 {
		t.Error(l.text)
	}
	w.must("DELETE", "tags-v2?ResourceType=function&ResourceId="+url.QueryEscape(`["`+arn+`"]`)+"&TagKey="+url.QueryEscape(`["a"]`), nil)
	if l := w.must("GET", "tags-v2?ResourceType=function", nil); len(l.body["TagResources"].([]any)) != 1 {
		t.Error(l.text)
	}
	w.wantError(w.do("POST", "tags-v2", map[string]any{"ResourceType": "function", "ResourceId": []string{"f", "nope"}, "Tag": []map[string]string{{"Key": "z"}}}), 404, "FunctionNotFound", "nope")
	w.wantError(w.do("POST", "tags-v2", map[string]any{"ResourceType": "function", "ResourceId": []string{"acs:fc:x:1:functions/f"}, "Tag": []map[string]string{{"Key": "z"}}}), 400, "InvalidArgument", "account and region")

	for path, want := range map[string]string{"functions/f/provision-config": `{}`, "functions/f/scaling-config": `{}`, "functions/f/vpc-bindings": `{"vpcIds":[]}`, "provision-configs": `{"provisionConfigs":[]}`} {
		if a := w.must("GET", path, nil); a.text != want {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	w.wantError(w.do("GET", "functions/nope/scaling-config", nil), 404, "FunctionNotFound", "")
	w.wantError(w.do("PUT", "functions/f/provision-config", map[string]any{"target": 1}), 501, "NotImplemented", "PutProvisionConfig")
	w.wantError(w.do("GET", "layers", nil), 501, "NotImplemented", "layers")
	if r := w.must("GET", "regions", nil); !strings.Contains(r.text, testRegion) {
		t.Error(r.text)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct{ method, path, action, args string }{
		{"POST", "/2023-03-30/functions/f/invocations", "InvokeFunction", "f"},
		{"GET", "/2023-03-30/functions/my%20func%2F%E4%B8%AD%2A~", "GetFunction", "my func/中*~"},
		{"GET", "/2023-03-30/functions/f/versions", "ListFunctionVersions", "f"},
		{"DELETE", "/2023-03-30/functions/f/versions/1", "DeleteFunctionVersion", "f,1"},
		{"GET", "/2023-03-30/functions/code", "GetFunction", "code"},
		{"PUT", "/2023-03-30/functions/f/async-tasks/t/stop", "StopAsyncTask", "f,t"},
		{"GET", "/2016-08-15/tempBucketToken", "GetTempBucketToken", ""},
		{"GET", "/2023-03-30/tempBucketToken", "", ""},
		{"GET", "/2016-08-15/functions", "", ""},
		{"PATCH", "/2023-03-30/functions", "", ""},
		{"GET", "/2023-03-30/functions/", "", ""},
		{"GET", "/2023-03-30/functions//code", "", ""},
		{"GET", "/2023-03-30/a/b/c/d/e/f/g", "", ""},
		{"GET", "/2023-03-30/", "", ""},
		{"GET", "/", "", ""},
		{"GET", "/2023-03-30/functions/%zz", "", ""},
	} {
		var args [3]string
		r, err := match(c.method, c.path, &args)
		action := ""
		if r != nil {
			action = r.action
		}
		if action != c.action || (err == nil) != (c.action != "") || strings.TrimRight(strings.Join(args[:], ","), ",") != c.args {
			t.Errorf("%s %s: %s %q %v", c.method, c.path, action, args, err)
		}
	}
	w := newWorld(t)
	w.wantError(w.do("PATCH", "functions", nil), 400, "PathNotSupported", "'PATCH' against '/2023-03-30/functions' is not supported")
}

// Every route has a way to answer, and its method and pattern are its own.
func TestRoutes(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range routes {
		k := r.method + " " + r.pattern
		if seen[k] || (r.serve == nil) == (r.why == "") || strings.Count(r.pattern, "*") > 3 {
			t.Errorf("route %s %s", k, r.action)
		}
		seen[k] = true
	}
}

func FuzzMatch(f *testing.F) {
	for _, r := range routes {
		f.Add(r.method, apiPath+strings.ReplaceAll(r.pattern, "*", "a%2Fb"))
	}
	f.Add("GET", "/2023-03-30//%")
	f.Fuzz(func(t *testing.T, method, path string) {
		var args [3]string
		r, err := match(method, path, &args)
		if (r == nil) == (err == nil) {
			t.Fatal(r, err)
		}
		if err != nil {
			return
		}
		if r.method != method {
			t.Fatalf("%s matched %s", method, r.method)
		}
		// Putting the arguments back gives a path that means the same.
		back := r.pattern
		for i := range strings.Count(r.pattern, "*") {
			back = strings.Replace(back, "*", strings.ReplaceAll(url.PathEscape(args[i]), "*", "%2A"), 1)
		}
		base := apiPath
		if r.old {
			base = oldPath
		}
		var again [3]string
		if r2, err := match(method, base+back, &again); err != nil && len(base+back) <= 4096 || err == nil && (r2 != r || again != args) {
			t.Fatalf("%q means %s %q, but %q means %v %q (%v)", path, r.action, args, base+back, r2, again, err)
		}
	})
}

func FuzzCreateFunction(f *testing.F) {
	w := newWorld(f)
	f.Add(`{"functionName":"f","runtime":"nodejs20","handler":"index.handler","cpu":0.35,"memorySize":512,"environmentVariables":{"A":"b"},"vpcConfig":{"vSwitchIds":[]},"code":{"zipFile":"eA=="}}`)
	f.Add(`{"cpu":1e308,"memorySize":-1}`)
	f.Add(`{"instanceLifecycleConfig":{"initializer":{"handler":"a.b","timeout":1}},"tags":[{"Key":"a"}],"nasConfig":null,"logConfig":[[[]]]}`)
	f.Fuzz(func(t *testing.T, body string) {
		c := &call{body: []byte(body)}
		in, err := decodeFunction(c)
		if err != nil {
			return
		}
		var cfg function.Config
		if in.apply(&cfg, true) != nil {
			return
		}
		fn := &function.Function{Name: "f", Config: cfg}
		b, err := w.h.functionJSON(fn, true)
		if err != nil {
			t.Fatal(err)
		}
		// What is shown can be sent back, and means the same.
		back, err := decodeFunction(&call{body: b})
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		cfg2 := cfg
		if err := back.apply(&cfg2, false); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		b2, err := w.h.functionJSON(&function.Function{Name: "f", Config: cfg2}, true)
		if err != nil || !bytes.Equal(b, b2) {
			t.Fatalf("%s became %s (%v)", b, b2, err)
		}
	})
}

// BenchmarkInvoke is all of this package and the signature, without HTTP and the runner.
func BenchmarkInvoke(b *testing.B) {
	w := newWorld(b)
	w.must("POST", "functions", w.input("f"))
	event := bytes.Repeat([]byte("x"), 500)
	w.h.Invoker.Runner = fixed{w}
	r := httptest.NewRequest("POST", "http://fc.test/2023-03-30/functions/f/invocations", nil)
	r.ContentLength = int64(len(event))
	identity.SignACS3(r, event, rootKey, time.Now())
	r.Header.Del("X-Acs-Signature-Nonce") // it would be used once only
	identity.SignACS3(r, event, rootKey, time.Now())
	out := &discard{h: http.Header{}}
	body := bytes.NewReader(event)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		identity.SignACS3(r, event, rootKey, time.Now())
		b.StartTimer()
		body.Reset(event)
		r.Body = readCloser{body}
		clear(out.h)
		w.h.ServeHTTP(out, r)
		if out.status != 200 {
			b.Fatal(out.status)
		}
	}
}
