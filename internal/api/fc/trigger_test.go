package fc

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func ruleConfig(pattern, more string) string {
	b, _ := json.Marshal(pattern) // a string always can
	return `{"eventRuleFilterPattern":` + string(b) + more + `}`
}

// A rule needs neither a source nor a role, and comes back as it was sent.
func TestEventBridgeTriggers(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	config := ruleConfig(`{"source":["acs.oss"]}`, `,  "triggerEnable":true`)
	made := w.must("POST", "functions/f/triggers", map[string]any{"triggerName": "r", "triggerType": "eventbridge", "triggerConfig": config})
	if made.body["triggerConfig"] != config || made.body["triggerType"] != "eventbridge" || made.body["sourceArn"] != "" || made.body["invocationRole"] != "" || made.body["status"] != "OK" {
		t.Error(made.text)
	}
	if got := w.must("GET", "functions/f/triggers/r", nil); got.text != made.text {
		t.Errorf("%s, made %s", got.text, made.text)
	}
	// Pausing changes nothing that FC's clients see.
	if err := w.h.Triggers.(*trigger.Store).Pause(t.Context(), "f", "r", trigger.Manual, ""); err != nil {
		t.Fatal(err)
	}
	if got := w.must("GET", "functions/f/triggers/r", nil); got.text != made.text {
		t.Errorf("paused: %s, made %s", got.text, made.text)
	}
	// Serverless Devs sends the whole trigger to change it.
	changed := ruleConfig(`{"source":["acs.oss"]}`, `,"triggerEnable":false`)
	u := w.must("PUT", "functions/f/triggers/r", map[string]any{"triggerName": "r", "triggerType": "eventbridge", "triggerConfig": changed, "sourceArn": "", "invocationRole": "", "qualifier": "LATEST", "description": ""})
	if u.body["triggerConfig"] != changed || u.body["triggerId"] != made.body["triggerId"] {
		t.Error(u.text)
	}
	for _, bad := range []struct {
		config, code, text string
		status             int
	}{
		{`{}`, "InvalidArgument", "eventRuleFilterPattern", 400},
		{ruleConfig(`{"source":"acs.oss"}`, ""), "InvalidArgument", "source", 400},
		{ruleConfig(`{"source":["acs.oss"]}`, `,"runOptions":{"mode":"event-streaming"}`), "NotImplemented", "event-streaming", 501},
	} {
		w.wantError(w.do("POST", "functions/f/triggers", map[string]any{"triggerName": "x", "triggerType": "eventbridge", "triggerConfig": bad.config}), bad.status, bad.code, bad.text)
		w.wantError(w.do("PUT", "functions/f/triggers/r", map[string]any{"triggerConfig": bad.config}), bad.status, bad.code, bad.text)
	}
	w.wantError(w.do("DELETE", "functions/f", nil), 409, "FunctionNotEmpty", "'r'")
	w.must("DELETE", "functions/f/triggers/r", nil)
}

// A trigger that its function's own writes would start is made, and pointed out.
func TestTriggerWarning(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	create := func(name, typ, config string) answer {
		t.Helper()
		in := map[string]any{"triggerName": name, "triggerType": typ, "triggerConfig": config}
		if typ == "oss" {
			in["sourceArn"], in["invocationRole"] = bucketARN, notifier
		}
		return w.must("POST", "functions/f/triggers", in)
	}
	bucket := bucketARN[strings.LastIndexByte(bucketARN, ':')+1:]
	w.writes = []event.Record{
		{Type: event.PutObject, Bucket: bucket, Key: "b/ü\n\"x", Region: testRegion, Owner: testAccount},
		{Type: event.PutObject, Bucket: bucket, Key: "other", Region: testRegion, Owner: testAccount},
	}
	for _, c := range []struct {
		name, typ, config string
		warned            bool
	}{
		{"a", "oss", ossConfig("a/"), false},
		{"b", "oss", ossConfig("b/"), true},
		{"r", "eventbridge", ruleConfig(`{"source":["acs.oss"],"subject":[{"prefix":"`+bucketARN+`/b/"}]}`, ""), true},
		{"s", "eventbridge", ruleConfig(`{"source":["acs.oss"],"subject":[{"prefix":"`+bucketARN+`/c/"}]}`, ""), false},
		{"off", "eventbridge", ruleConfig(`{"source":["acs.oss"]}`, `,"triggerEnable":false`), false},
	} {
		got := create(c.name, c.typ, c.config).header.Get(Warning)
		if (got != "") != c.warned || c.warned && (!strings.Contains(got, "'"+c.name+"'") || !strings.Contains(got, "1 of the last 2") || !strings.Contains(got, `/b/\u00fc\n\"x`)) {
			t.Errorf("%s: %q, want a warning: %v", c.name, got, c.warned)
		}
		for _, r := range got {
			if r < ' ' || r > '~' {
				t.Errorf("%s: %q does not fit a header", c.name, got)
			}
		}
	}
	// A change is looked at too.
	got := w.must("PUT", "functions/f/triggers/off", map[string]any{"triggerConfig": ruleConfig(`{"source":["acs.oss"]}`, "")}).header.Get(Warning)
	if !strings.Contains(got, "2 of the last 2") {
		t.Errorf("%q", got)
	}
	// Not to know is no reason to refuse.
	w.writesErr = errors.New("broken")
	if got := create("c", "oss", ossConfig("c/")).header.Get(Warning); got != "" {
		t.Errorf("%q", got)
	}
}
