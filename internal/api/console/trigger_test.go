package console

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func init() { moreReaches = append(moreReaches, triggerReaches) }

func triggerReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{
		{"GET /api/triggers", "/api/triggers?function=f", "", "fc:ListTriggers", fn("f"), fn("g"), 200},
		{"GET /api/triggers/match", "/api/triggers/match?bucket=b&key=in/a.png&event=oss:ObjectCreated:PutObject", "", "fc:ListTriggers", fn("*"), fn("f"), 200},
		{"GET /api/triggers/check", "/api/triggers/check?function=f&bucket=b&event=oss:ObjectCreated:PutObject", "", "fc:ListTriggers", fn("*"), fn("f"), 200},
		{"GET /api/triggers/{function}/{name}", "/api/triggers/f/t", "", "fc:GetTrigger", fn("f"), fn("g"), 200},
		{"POST /api/triggers/{function}/{name}/pause", "/api/triggers/f/t/pause", "", "fc:UpdateTrigger", fn("f"), fn("g"), 200},
		{"POST /api/triggers/{function}/{name}/resume", "/api/triggers/g/p/resume", "", "fc:UpdateTrigger", fn("g"), fn("f"), 200},
	}
}

// rule makes an EventBridge trigger.
func (w *world) rule(function, name, pattern string, more string) {
	w.Helper()
	config := `{"eventRuleFilterPattern":` + quote(pattern) + more + `}`
	if _, err := w.h.Triggers.Create(context.Background(), function, trigger.Trigger{Name: name, Type: trigger.TypeEventBridge, Config: config}); err != nil {
		w.Fatal(err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can
	return string(b)
}

func TestMatchTellsOfRules(t *testing.T) {
	w := newWorld(t)
	w.rule("g", "any", `{"source":["acs.oss"],"type":[{"prefix":"oss:ObjectCreated:"}]}`, "")
	w.rule("g", "off", `{"source":["acs.oss"]}`, `,"triggerEnable":false`)
	w.rule("f", "large", `{"data":{"oss":{"object":{"size":[{"numeric":[">",1000]}]}}}}`, "")
	w.rule("f", "buckets", `{"type":["oss:BucketCreated:PutBucket"]}`, "")
	ask := func(query string) string {
		var m []Match
		w.root("GET", "/api/triggers/match?"+query, "").into(&m)
		var s []string
		for _, x := range m {
			fires := "no"
			if x.Fires {
				fires = "yes"
			}
			if x.Fires != (x.Reason == "") {
				t.Errorf("fires %v for the reason %q", x.Fires, x.Reason)
			}
			s = append(s, x.Trigger+"/"+x.Type+"/"+x.State+"/"+fires)
		}
		return strings.Join(s, " ")
	}
	for _, c := range []struct{ query, want string }{
		{"bucket=b&key=in/a.png&event=oss:ObjectCreated:PutObject", "t/oss/enabled/yes any/eventbridge/enabled/yes off/eventbridge/disabled/no large/eventbridge/enabled/no buckets/eventbridge/enabled/no"},
		{"bucket=x&key=a&event=oss:ObjectRemoved:DeleteObject&size=1001", "any/eventbridge/enabled/no off/eventbridge/disabled/no large/eventbridge/enabled/yes buckets/eventbridge/enabled/no"},
		{"bucket=paused&key=a&event=oss:ObjectCreated:PutObject", "p/oss/paused/no any/eventbridge/enabled/yes off/eventbridge/disabled/no large/eventbridge/enabled/no buckets/eventbridge/enabled/no"},
		{"bucket=x&key=dropped&event=oss:BucketCreated:PutBucket", "any/eventbridge/enabled/no off/eventbridge/disabled/no large/eventbridge/enabled/no buckets/eventbridge/enabled/yes"},
	} {
		got := ask(c.query)
		// Rules made within one second stand by function and name.
		if sorted(got) != sorted(c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.query, got, c.want)
		}
	}
	w.root("GET", "/api/triggers/match?bucket=b&key=k&event=oss:ObjectCreated:*", "").refused(400, "InvalidArgument", "several events")
	w.root("GET", "/api/triggers/match?bucket=b&key=k&size=-1&event=oss:ObjectCreated:PutObject", "").refused(400, "InvalidArgument", "size")
}

func sorted(s string) string {
	f := strings.Fields(s)
	for i := range f {
		for j := i + 1; j < len(f); j++ {
			if f[j] < f[i] {
				f[i], f[j] = f[j], f[i]
			}
		}
	}
	return strings.Join(f, " ")
}

func TestPauseAndResume(t *testing.T) {
	w := newWorld(t)
	state := func() Trigger {
		var x Trigger
		w.root("GET", "/api/triggers/f/t", "").into(&x)
		return x
	}
	before := state()
	if before.State != "enabled" || before.Paused != nil || before.Name != "t" || before.Function != "f" || before.Config == "" {
		t.Errorf("%+v", before)
	}
	var x Trigger
	w.root("POST", "/api/triggers/f/t/pause", `{"detail":"too many"}`).into(&x)
	if x.State != "paused" || x.Paused == nil || x.Paused.Reason != "Manual" || x.Paused.Detail != "too many" || x.Paused.Since.IsZero() || x.Status != "OK" {
		t.Errorf("%+v", x)
	}
	w.root("POST", "/api/triggers/f/t/pause", `{"detail":"again"}`).into(&x)
	if x.Paused.Detail != "too many" {
		t.Errorf("the second pause replaced the first: %+v", x.Paused)
	}
	var list []Trigger
	w.root("GET", "/api/triggers?function=f", "").into(&list)
	if len(list) != 1 || list[0].State != "paused" {
		t.Errorf("%+v", list)
	}
	var m []Match
	w.root("GET", "/api/triggers/match?bucket=b&key=in/a.png&event=oss:ObjectCreated:PutObject", "").into(&m)
	if len(m) != 1 || m[0].Fires || !strings.Contains(m[0].Reason, "Manual: too many") {
		t.Errorf("%+v", m)
	}
	for range 2 {
		var x Trigger
		w.root("POST", "/api/triggers/f/t/resume", "").into(&x)
		if x != before {
			t.Errorf("%+v, before %+v", x, before)
		}
	}
	w.root("POST", "/api/triggers/f/none/pause", "").refused(404, "TriggerNotFound", "none")
	w.root("POST", "/api/triggers/none/t/resume", "").refused(404, "FunctionNotFound", "none")
	w.root("POST", "/api/triggers/f/t/pause", `{"reason":"x"}`).refused(400, "InvalidArgument", "reason")
	w.root("POST", "/api/triggers/f/t/pause", `{"detail":"`+strings.Repeat("x", 257)+`"}`).refused(400, "InvalidArgument", "256")
}

func TestCheckBeforeCreation(t *testing.T) {
	w := newWorld(t)
	w.rule("g", "r", `{"source":["acs.oss"]}`, "")
	check := func(q url.Values) (c Check) {
		t.Helper()
		w.root("GET", "/api/triggers/check?"+q.Encode(), "").into(&c)
		return c
	}
	put := "oss:ObjectCreated:PutObject"
	c := check(url.Values{"function": {"g"}, "bucket": {"b"}, "prefix": {"in/deep/"}, "event": {put, "oss:ObjectRemoved:DeleteObject"}})
	if len(c.Conflicts) != 1 || c.Conflicts[0].Trigger != "t" || c.Conflicts[0].Function != "f" || c.Conflicts[0].Prefix != "in/" ||
		c.Used != 1 || c.Limit != 10 || c.FunctionUsed != 2 || c.FunctionLimit != 50 || c.Type != "oss" || c.Warning != "" {
		t.Errorf("%+v", c)
	}
	// The trigger that is changed is in nobody's way.
	c = check(url.Values{"function": {"f"}, "name": {"t"}, "bucket": {"b"}, "prefix": {"in/deep/"}, "event": {put}})
	if len(c.Conflicts) != 0 || c.Conflicts == nil || c.Used != 0 || c.FunctionUsed != 0 {
		t.Errorf("%+v", c)
	}
	c = check(url.Values{"function": {"f"}, "pattern": {`{"source":["acs.oss"]}`}})
	if c.Type != "eventbridge" || c.Used != 1 || c.Limit != 50 || len(c.Conflicts) != 0 || c.FunctionUsed != 1 {
		t.Errorf("%+v", c)
	}
	for _, bad := range []struct {
		q    url.Values
		text string
	}{
		{url.Values{"function": {"f"}, "bucket": {"b"}}, "no events"},
		{url.Values{"function": {"f"}, "bucket": {"b"}, "prefix": {"/x"}, "event": {put}}, "slash"},
		{url.Values{"function": {"f"}, "event": {put}}, "sourceArn"},
		{url.Values{"function": {"f"}, "pattern": {"{"}}, "attern"},
		{url.Values{"function": {"f"}, "pattern": {""}}, "eventRuleFilterPattern"},
		{url.Values{"function": {"f"}, "pattern": {`{"source":["acs.oss"]}`}, "bucket": {"b"}}, "native"},
	} {
		w.root("GET", "/api/triggers/check?"+bad.q.Encode(), "").refused(400, "InvalidArgument", bad.text)
	}
	w.root("GET", "/api/triggers/check?function=none&bucket=b&event="+put, "").refused(404, "FunctionNotFound", "none")
}

// What a function's runs wrote before tells whether it will start itself.
func TestCheckWarnsOfLoops(t *testing.T) {
	w := newWorld(t)
	w.writes = map[string][]event.Record{"f": {{Type: event.PutObject, Bucket: "b", Key: "out/1.png", Owner: account, Region: region}}}
	for query, want := range map[string]bool{
		"function=f&bucket=b&prefix=out/":                                 true,
		"function=f&bucket=b&prefix=in/":                                  false,
		"function=g&bucket=b&prefix=out/":                                 false,
		"function=f&pattern=" + url.QueryEscape(`{"source":["acs.oss"]}`): true,
		"function=f&pattern=" + url.QueryEscape(`{"source":["x"]}`):       false,
	} {
		if !strings.Contains(query, "pattern") {
			query += "&event=oss:ObjectCreated:PutObject"
		}
		var c Check
		w.root("GET", "/api/triggers/check?"+query, "").into(&c)
		if (c.Warning != "") != want || want && !strings.Contains(c.Warning, `"b/out/1.png"`) {
			t.Errorf("%s: %q, want a warning: %v", query, c.Warning, want)
		}
	}
}
