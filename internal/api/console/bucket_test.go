package console

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func init() {
	moreReaches = append(moreReaches, bucketReaches)
	reading["POST /api/buckets/{name}/upload-triggers"] = true
	reading["POST /api/objects/link"] = true
	keyed["POST /api/objects/link"] = true
}

func bucketReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	ob := func(name string) string { return "acs:oss:*:" + account + ":" + name }
	return []reach{
		{"GET /api/buckets/{name}/triggers", "/api/buckets/b/triggers", "", "fc:ListTriggers", fn("*"), fn("f"), 200},
		{"POST /api/buckets/{name}/upload-triggers", "/api/buckets/b/upload-triggers", `{"files":[]}`, "fc:ListTriggers", fn("*"), fn("f"), 200},
		{"POST /api/objects/link", "/api/objects/link", `{"bucket":"b","key":"in/a.png","seconds":60}`, "oss:GetObject", ob("b/in/a.png"), ob("b/in/b.png"), 200},
	}
}

func TestABucketTellsItsTriggers(t *testing.T) {
	w := newWorld(t)
	var got BucketTriggers
	w.root("GET", "/api/buckets/b/triggers", "").into(&got)
	if len(got.Triggers) != 1 || got.Triggers[0].Name != "t" || got.Triggers[0].Function != "f" || got.Limit != 10 {
		t.Errorf("%+v", got)
	}
	w.root("GET", "/api/buckets/paused/triggers", "").into(&got)
	if len(got.Triggers) != 1 || got.Triggers[0].State != "paused" || got.Triggers[0].Paused == nil {
		t.Errorf("%+v", got)
	}
	w.root("GET", "/api/buckets/none/triggers", "").into(&got)
	if got.Triggers == nil || len(got.Triggers) != 0 || got.Rules == nil || len(got.Rules) != 0 {
		t.Errorf("%+v", got)
	}
	w.rule("g", "any", `{"source":["acs.oss"]}`, `,"triggerEnable":false`)
	w.rule("g", "other", `{"data":{"oss":{"bucket":{"name":["other"]}}}}`, "")
	w.rule("g", "own", `{"data":{"oss":{"bucket":{"name":["b"]}}}}`, "")
	w.root("GET", "/api/buckets/b/triggers", "").into(&got)
	if len(got.Triggers) != 1 || len(got.Rules) != 2 || got.Rules[0].Name != "any" || got.Rules[0].State != "disabled" || got.Rules[1].Name != "own" {
		t.Errorf("%+v", got)
	}
}

func TestAnUploadSaysBeforeWhatItFires(t *testing.T) {
	w := newWorld(t)
	plan := func(event string, keys ...string) string {
		var files []string
		for _, k := range keys {
			files = append(files, `{"key":`+quote(k)+`,"event":"`+event+`","size":1}`)
		}
		return `{"files":[` + strings.Join(files, ",") + `]}`
	}
	ask := func(body string) (out UploadTriggers) {
		t.Helper()
		w.root("POST", "/api/buckets/b/upload-triggers", body).into(&out)
		return out
	}
	got := ask(plan("oss:ObjectCreated:PutObject", "in/1.png", "in/2.png", "in/3.png", "in/4.png", "in/5.png", "in/6.png", "out/1.png"))
	if len(got.Fires) != 1 || got.Fires[0].Count != 6 || len(got.Fires[0].Keys) != maxPlannedKeys || got.Alone != 1 || len(got.Quiet) != 0 {
		t.Errorf("%+v", got)
	}
	got = ask(plan("oss:ObjectCreated:PostObject", "in/1.png"))
	if len(got.Fires) != 0 || got.Alone != 1 || len(got.Quiet) != 1 || !strings.Contains(got.Quiet[0].Reason, "PostObject") {
		t.Errorf("%+v", got)
	}
	w.root("POST", "/api/buckets/b/upload-triggers", plan("oss:ObjectCreated:*", "a")).refused(400, "InvalidArgument", "several events")
	w.root("POST", "/api/buckets/b/upload-triggers", plan("oss:ObjectCreated:PutObject", "")).refused(400, "InvalidArgument", "no key")
	w.root("POST", "/api/buckets/b/upload-triggers", plan("oss:ObjectCreated:PutObject", make([]string, maxPlanned+1)...)).refused(400, "InvalidArgument", "at most 200")
}

func TestLinksNameTheAddressThatCanBeReached(t *testing.T) {
	for _, c := range []struct{ listens, asked, want string }{
		{"127.0.0.1:9000", "localhost:8080", "127.0.0.1:9000"},
		{"0.0.0.0:9000", "store.example:8080", "store.example:9000"},
		{"[::]:9000", "192.0.2.1", "192.0.2.1:9000"},
		{"[::]:9000", "[2001:db8::1]:8080", "[2001:db8::1]:9000"},
		{":9000", "store.example", "store.example:9000"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.asked
		h := &handler{Options: Options{OSSAddr: c.listens}}
		if got := h.ossHost(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestLinksAreSigned(t *testing.T) {
	w := newWorld(t)
	ask := func(body string) answer { return w.root("POST", "/api/objects/link", body) }
	var l SignedLink
	ask(`{"bucket":"b","key":"in/a b+c/../ü.png","seconds":60,"process":"image/resize,w_1","download":true}`).into(&l)
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/b/in/a b+c/../ü.png" || !strings.Contains(l.URL, "/in/a%20b%2Bc/../%C3%BC.png?") ||
		q.Get("x-oss-process") != "image/resize,w_1" || q.Get("response-content-disposition") != "attachment" ||
		q.Get("x-oss-signature") == "" || q.Get("x-oss-expires") != "60" || strings.Contains(l.URL, root.AccessKeySecret) {
		t.Error(l.URL)
	}
	if d := time.Until(l.Expires); d < 50*time.Second || d > 60*time.Second {
		t.Error(l.Expires)
	}
	ask(`{"bucket":"b","key":"k","seconds":0}`).refused(400, "InvalidArgument", "604800")
	ask(`{"bucket":"b","key":"k","seconds":604801}`).refused(400, "InvalidArgument", "604800")
	ask(`{"bucket":"b/c","key":"k","seconds":1}`).refused(400, "InvalidArgument", "bucket")
	ask(`{"bucket":"b","seconds":1}`).refused(400, "InvalidArgument", "key")
}
