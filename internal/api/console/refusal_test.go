package console

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/api/fc"
	"github.com/alcedo-storage/alcedo/internal/api/oss"
	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// What a page is refused is told with its code, whichever protocol refuses it; what a
// program is refused is not.
func TestRefusalsAreTold(t *testing.T) {
	w := newWorld(t)
	objects := object.Open(w.kv, memblob.New(), object.Options{Region: region})
	o := w.h.Options
	var err error
	if o.OSS, err = oss.New(oss.Options{Objects: objects, Identity: w.ids, Region: region, Account: account}); err != nil {
		t.Fatal(err)
	}
	o.FC = fc.New(fc.Options{Functions: o.Functions, Identity: w.ids, Triggers: o.Triggers, Region: region, Account: account})
	w.Handler = New(o)
	c := w.signIn(root.AccessKeyID, root.AccessKeySecret)
	for _, x := range [][2]string{{"/oss/kept", ""}, {"/oss/kept/a", "a"}} {
		if a := w.browse(c, "PUT", x[0], x[1], "same-origin"); a.Code != 200 {
			t.Fatalf("%s: %d %s", x[0], a.Code, a.Body)
		}
	}
	const f = "/fc/2023-03-30/functions"
	native := func(name, config string) string {
		b, _ := json.Marshal(map[string]string{
			"triggerName": name, "triggerType": "oss", "triggerConfig": config,
			"sourceArn": "acs:oss:" + region + ":" + account + ":b", "invocationRole": w.ids.RoleARN(identity.NotificationRole),
		})
		return string(b)
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string // codes: the message's, what stands in it, the hint's
	}{
		{"GET", f + "/none", "", 404, "FunctionNotFound"},
		{"PUT", f + "/f", `{"memorySize":100}`, 400, "MemoryInvalid"},
		{"PUT", f + "/f", `{"memorySize":4096,"cpu":0.1}`, 400, "CPUMemoryRatio"},
		{"PUT", f + "/f", `{"memorySize":128,"cpu":0.1,"diskSize":512,"timeout":3,"instanceConcurrency":1,"environmentVariables":{"FC_A":"1"}}`, 400, "VariableNameReserved"},
		{"PUT", f + "/f", `{"memorySize":128,"cpu":0.1,"diskSize":512,"timeout":3,"instanceConcurrency":1,"role":"acs:ram::` + account + `:role/none"}`, 400, "RoleARNUnknown RoleForService"},
		{"PUT", f + "/f/concurrency", `{"reservedConcurrency":-1}`, 400, "ReservedInvalid"},
		{"PUT", f + "/f/async-invoke-config", `{"destinationConfig":{"onFailure":{"destination":"acs:oss:::none/x/"}}}`, 400, "DestinationBucket DestinationBucketHint"},
		{"PUT", f + "/f/async-invoke-config", `{"destinationConfig":{"onFailure":{"destination":"ftp://a/"}}}`, 400, "DestinationWrong DestinationScheme"},
		{"DELETE", f + "/f", "", 409, "FunctionHasTriggers FunctionNamed DeleteTrigger"},
		{"GET", f + "/f/triggers/none", "", 404, "TriggerNotFound"},
		{"POST", f + "/f/triggers", native("t", `{"events":["oss:ObjectCreated:PostObject"]}`), 409, "TriggerExists"},
		{"POST", f + "/f/triggers", native("a b", `{"events":["oss:ObjectCreated:PostObject"]}`), 400, "TriggerNameInvalid TriggerNameHint"},
		{"POST", f + "/f/triggers", native("u", `{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"in/a"}}}`), 400, "TriggersOverlap TriggersOverlapWith FilterIs"},
		{"POST", f + "/f/triggers", native("u", `{"events":["objectcreated:putobject"]}`), 400, "OSSConfigInvalid ConfigEventUnknown ConfigEventCase"},
		{"POST", f + "/f/triggers", native("u", `{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"/in"}}}`), 400, "OSSConfigInvalid ConfigSlash UseThis"},
		{"POST", f + "/f/triggers", native("u", `{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"suffix":"*.png"}}}`), 400, "OSSConfigInvalid ConfigWildcard WordSuffix ConfigWildcardHint WordSuffix"},
		{"POST", f + "/f/triggers", `{"triggerName":"r","triggerType":"eventbridge","triggerConfig":"{\"eventRuleFilterPattern\":\"{\\\"source\\\":\\\"a\\\"}\",\"eventSourceConfig\":{\"eventSourceType\":\"Default\"}}"}`, 400, "PatternAt PatternNotArray PatternNotArrayHint"},
		{"POST", f + "/f/aliases", `{"aliasName":"a","versionId":"7"}`, 404, "VersionNotFound"},
		{"DELETE", f + "/f/versions/7", "", 404, "VersionNotFound"},
		{"GET", "/oss/none/", "", 404, "NoSuchBucket"},
		{"GET", "/oss/kept/b", "", 404, "NoSuchKey"},
		{"HEAD", "/oss/kept/b", "", 404, "NoSuchKey"},
		{"PUT", "/oss/UPPER/", "", 400, "BucketNameInvalid BucketNameRule"},
		{"DELETE", "/oss/kept/", "", 409, "BucketNotEmpty BucketStillHas WordObjects"},
		{"POST", "/api/roles", `{"name":"r","trust":{"Version":"2","Statement":[]}}`, 400, "PolicyInvalid TrustPolicyOf PolicyVersion"},
		{"POST", "/api/users", `{"name":"u v"}`, 400, "PrincipalName WordUser"},
		{"POST", "/api/users", `{"name":"u","policies":[{"name":"p","document":{"Version":"1","Statement":[{"Effect":"Allow","Action":"x","Resource":"*"}]}}]}`, 400, "PolicyInvalid PolicyOf UserNamed PolicyAction"},
		{"GET", "/api/roles/none", "", 404, "RoleNotFound CreateRoleOrMend"},
		{"GET", "/api/none", "", 404, "OperationNotFound"},
		{"POST", "/api/triggers/f/none/pause", `{}`, 404, "TriggerNotFound"},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			a := w.browse(c, tt.method, tt.path, tt.body, "same-origin")
			if a.Code != tt.status {
				t.Fatalf("%d %s", a.Code, a.Body)
			}
			said := a.Header().Get(reason.HeaderSaid)
			if strings.HasPrefix(tt.path, "/api/") {
				var body struct{ Said json.RawMessage }
				if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil || said != "" {
					t.Fatalf("%v: %s", err, said)
				}
				said = string(body.Said)
			} else if a.Header().Get("X-Alcedo-Version") == "" && o.Version != "" || a.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("a refusal lost the headers of the console: %v", a.Header())
			}
			var got told
			if err := json.Unmarshal([]byte(said), &got); err != nil {
				t.Fatalf("%v: %q of %s", err, said, a.Body)
			}
			if codes := strings.Join(got.codes(), " "); codes != tt.want {
				t.Errorf("%s, want %s: %s", codes, tt.want, a.Body)
			}
			if strings.HasPrefix(tt.path, "/api/") {
				return
			}
			// The same, by a program.
			handler, prefix := o.FC, "/fc"
			if strings.HasPrefix(tt.path, "/oss/") {
				handler, prefix = o.OSS, "/oss"
			}
			r := httptest.NewRequest(tt.method, strings.TrimPrefix(tt.path, prefix), strings.NewReader(tt.body))
			r.Host = "127.0.0.1"
			rec := httptest.NewRecorder()
			if prefix == "/fc" {
				identity.SignACS3(r, []byte(tt.body), root, w.now())
			} else {
				bucket, key, _ := strings.Cut(r.URL.Path[1:], "/")
				identity.SignOSSV4(r, bucket, key, region, root, w.now())
			}
			handler.ServeHTTP(rec, r)
			if _, ok := rec.Header()[http.CanonicalHeaderKey(reason.HeaderSaid)]; ok || rec.Code != tt.status {
				t.Errorf("a program is told: %d %v %s", rec.Code, rec.Header(), rec.Body)
			}
		})
	}
}

// Nobody is told a secret, however wrong it is.
func TestRefusalsTellNoSecret(t *testing.T) {
	w := newWorld(t)
	const secret = "wrong-secret-0123456789"
	a := w.do(nil, "POST", "/api/session", `{"accessKeyId":"`+root.AccessKeyID+`","accessKeySecret":"`+secret+`"}`)
	if a.Code == 200 || strings.Contains(a.Body.String(), secret) || !strings.Contains(a.Body.String(), `"WrongSecret"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	f := fault.New(fault.Unauthentic, "", "The AccessKey secret does not belong to the AccessKey ID %s.", root.AccessKeyID).With("Secret", secret)
	if h := reason.Header(f); h == "" || strings.Contains(h, secret) {
		t.Error(h)
	}
}

// told is a reason as a page reads it.
type told struct {
	Reason string
	Args   map[string]json.RawMessage
	Hint   *told
}

// codes are a reason's own, those of the sentences in it by their arguments' names, and its hint's.
func (s *told) codes() []string {
	out := []string{s.Reason}
	for _, name := range []string{"filter", "field", "what", "of", "why"} {
		var inner told
		if v := s.Args[name]; len(v) > 0 && v[0] == '{' && json.Unmarshal(v, &inner) == nil {
			out = append(out, inner.codes()...)
		}
	}
	if s.Hint != nil {
		out = append(out, s.Hint.codes()...)
	}
	return out
}
