package console

import (
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/event"
)

func init() {
	moreReaches = append(moreReaches, triggerPageReaches)
	reading["POST /api/triggers/test"] = true
}

func triggerPageReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{
		{"POST /api/triggers/test", "/api/triggers/test", `{"pattern":"{}","event":"{}"}`, "fc:ListTriggers", fn("*"), fn("f"), 200},
		{"GET /api/functions/{name}/trigger-warnings", "/api/functions/f/trigger-warnings", "", "fc:ListTriggers", fn("f"), fn("g"), 200},
	}
}

func TestPatternsAreTriedWithEvents(t *testing.T) {
	w := newWorld(t)
	ask := func(pattern, event string) answer {
		t.Helper()
		return w.root("POST", "/api/triggers/test", `{"pattern":`+quote(pattern)+`,"event":`+quote(event)+`}`)
	}
	sent := `{"source":"acs.oss","subject":"acs:oss:cn-hangzhou:1:b/in/a.png"}`
	for _, c := range []struct{ pattern, why string }{
		{`{"source":["acs.oss"]}`, ""},
		{`{"subject":[{"prefix":"acs:oss:cn-hangzhou:1:b/in/"},{"prefix":"x"}]}`, ""},
		{`{"subject":[{"prefix":"acs:oss:cn-hangzhou:1:b/out/"}]}`, "subject"},
		{`{"source":["acs.oss"],"type":["x"]}`, "type is not in the event"},
	} {
		var v PatternVerdict
		ask(c.pattern, sent).into(&v)
		if v.Matches != (c.why == "") || v.Matches != (v.Reason == "") || !strings.Contains(v.Reason, c.why) {
			t.Errorf("%s: %+v, want %q", c.pattern, v, c.why)
		}
	}
	ask(`{"source":"acs.oss"}`, sent).refused(400, "InvalidArgument", "source")
	ask(`{"source":["acs.oss"]}`, "{").refused(400, "InvalidEvent", "not JSON")
	ask(`{"source":["acs.oss"]}`, "[]").refused(400, "InvalidEvent", "CloudEvent")
	ask(strings.Repeat(" ", 10241), sent).refused(413, "InvalidArgument", "10240")
}

func TestTriggersThatStartThemselvesAreNamed(t *testing.T) {
	w := newWorld(t)
	warned := func() (out []TriggerWarning) {
		w.root("GET", "/api/functions/f/trigger-warnings", "").into(&out)
		return out
	}
	if got := warned(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	w.writes = map[string][]event.Record{"f": {{Type: event.PutObject, Bucket: "b", Key: "in/1.png", Owner: account, Region: region}}}
	if got := warned(); len(got) != 1 || got[0].Trigger != "t" || !strings.Contains(got[0].Message, `"b/in/1.png"`) {
		t.Errorf("%+v", got)
	}
	w.root("GET", "/api/functions/none/trigger-warnings", "").refused(404, "FunctionNotFound", "none")
}
