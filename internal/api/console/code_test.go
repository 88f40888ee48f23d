package console

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func init() { moreReaches = append(moreReaches, codeReaches) }

func codeReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	bucket := func(name string) string { return "acs:oss:*:" + account + ":" + name }
	return []reach{
		{"GET /api/functions/{name}/test-events", "/api/functions/f/test-events", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"PUT /api/functions/{name}/test-events/{event}", "/api/functions/f/test-events/fresh", `{"content":"{}"}`, "fc:UpdateFunction", fn("f"), fn("g"), 200},
		{"DELETE /api/functions/{name}/test-events/{event}", "/api/functions/f/test-events/kept", "", "fc:UpdateFunction", fn("f"), fn("g"), 204},
		{"GET /api/events/sample", "/api/events/sample?type=ObjectCreated:PutObject&bucket=b&function=f", "", "x:y", "", "", 200},
		{"GET /api/events/{id}/native", "/api/events/1/native?function=f", "", "oss:ListObjects", bucket("b"), bucket("c"), 200},
	}
}

func TestTestEventsAreKeptByName(t *testing.T) {
	w := newWorld(t)
	at := "/api/functions/f/test-events"
	w.root("PUT", at+"/upload?new=1", `{"content":"{\"a\": 1}"}`)
	w.root("PUT", at+"/upload?new=1", `{"content":"{}"}`).refused(409, "TestEventAlreadyExists", "upload")
	w.root("PUT", at+"/kept", `{"content":"[2]"}`)
	w.root("PUT", at+"/no%20json", `{"content":"{"}`).refused(400, "InvalidArgument", "JSON")
	w.root("PUT", at+"/large", `{"content":"`+strings.Repeat("1", 61<<10)+`"}`).refused(413, "EntityTooLarge", "61440")
	w.root("GET", "/api/functions/none/test-events", "").refused(404, "FunctionNotFound", "none")
	var got []TestEvent
	w.root("GET", at, "").into(&got)
	if len(got) != 2 || got[0] != (TestEvent{"kept", "[2]"}) || got[1] != (TestEvent{"upload", `{"a": 1}`}) {
		t.Errorf("%+v", got)
	}
	w.root("DELETE", at+"/kept", "")
	if w.root("GET", at, "").into(&got); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// What a page offers as a test event is what the trigger would send.
func TestEventsAreRenderedAsTriggersSendThem(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	own, err := w.h.Triggers.Get(ctx, "f", "t")
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := w.history.Lookup(ctx, "1")
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (p Payload) {
		w.root("GET", path, "").into(&p)
		return p
	}
	p := get("/api/events/1/native?function=f")
	if want := string(e.Record.AppendNative(nil, own.RuleID)); p.Native != want || p.Sent != trigger.TypeOSS {
		t.Errorf("%s\n%s\nwant %s", p.Sent, p.Native, want)
	}
	if want := string(e.Record.AppendCloud(nil, e.Record.Time)); p.Cloud != want {
		t.Errorf("%s\nwant %s", p.Cloud, want)
	}
	w.rule("g", "any", `{"source":["acs.oss"]}`, "")
	if p := get("/api/events/1/native?function=g"); p.Sent != trigger.TypeEventBridge || strings.Contains(p.Native, own.RuleID) {
		t.Errorf("%+v", p)
	}

	p = get("/api/events/sample?type=oss:ObjectCreated:PutObject&bucket=b&key=in/a.png&size=7&etag=%22ab%22&contentType=image/png&meta=x-oss-meta-who=me=you&meta=other=1&function=f")
	var native struct {
		Events []struct {
			EventName string
			OSS       struct {
				RuleID string
				Bucket struct{ Name string }
				Object struct {
					Key             string
					Size, DeltaSize int
					ETag            string
					ObjectMeta      struct {
						MimeType string
						UserMeta map[string]string
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(p.Native), &native); err != nil || len(native.Events) != 1 {
		t.Fatal(err, p.Native)
	}
	o := native.Events[0]
	if o.EventName != "ObjectCreated:PutObject" || o.OSS.RuleID != own.RuleID || o.OSS.Bucket.Name != "b" || o.OSS.Object.Key != "in/a.png" || o.OSS.Object.Size != 7 ||
		o.OSS.Object.DeltaSize != 7 || o.OSS.Object.ETag != "AB" || o.OSS.Object.ObjectMeta.MimeType != "image/png" ||
		len(o.OSS.Object.ObjectMeta.UserMeta) != 1 || o.OSS.Object.ObjectMeta.UserMeta["x-oss-meta-who"] != "me=you" {
		t.Errorf("%s", p.Native)
	}
	if p := get("/api/events/sample?type=ObjectRemoved:DeleteObject&bucket=b&key=in/a.png&size=7"); !strings.Contains(p.Native, `"deltaSize":-7`) {
		t.Errorf("%s", p.Native)
	}
	w.root("GET", "/api/events/sample?bucket=b", "").refused(400, "InvalidArgument", "type and bucket")
	w.root("GET", "/api/events/sample?type=ObjectCreated:PutObject&bucket=b&size=-1", "").refused(400, "InvalidArgument", "size")
}
