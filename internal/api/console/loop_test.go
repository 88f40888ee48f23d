package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func init() { moreReaches = append(moreReaches, loopReaches) }

func loopReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{
		{"GET /api/functions/{name}/loop-limit", "/api/functions/f/loop-limit", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"PUT /api/functions/{name}/loop-limit", "/api/functions/f/loop-limit", `{"limit":"3"}`, "fc:UpdateFunction", fn("f"), fn("g"), 200},
		{"GET /api/functions/{name}/warnings", "/api/functions/f/warnings", "", "fc:GetFunction", fn("f"), fn("g"), 200},

		{"GET /api/dead", "/api/dead?function=g", "", "fc:GetFunction", fn("g"), fn("f"), 200},
		{"GET /api/dead", "/api/dead", "", "fc:GetFunction", fn("*"), fn("g"), 200},
		{"GET /api/dead/{id}", "/api/dead/DEADLETTER", "", "fc:GetFunction", fn("g"), fn("f"), 200},
		{"POST /api/dead/redrive", "/api/dead/redrive", `{"ids":["DEADLETTER"]}`, "fc:InvokeFunction", fn("g"), fn("f"), 200},
		{"POST /api/dead/redrive", "/api/dead/redrive", `{"filter":{"function":"g"}}`, "fc:InvokeFunction", fn("g"), fn("f"), 200},
		{"POST /api/dead/redrive", "/api/dead/redrive", `{"filter":{}}`, "fc:InvokeFunction", fn("*"), fn("g"), 200},
		{"POST /api/dead/delete", "/api/dead/delete", `{"ids":["DEADLETTER"]}`, "fc:StopAsyncTask", fn("g"), fn("f"), 200},
		{"POST /api/dead/delete", "/api/dead/delete", `{"filter":{"function":"g"}}`, "fc:StopAsyncTask", fn("g"), fn("f"), 200},
		{"POST /api/dead/delete", "/api/dead/delete", `{"filter":{"reason":"TriggerPaused"}}`, "fc:StopAsyncTask", fn("*"), fn("g"), 200},

		{"GET /api/jobs", "/api/jobs?function=f", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"GET /api/jobs", "/api/jobs", "", "fc:GetFunction", fn("*"), fn("f"), 200},
		{"GET /api/jobs/{id}", "/api/jobs/RUNNINGJOB", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"POST /api/jobs", "/api/jobs", `{"kind":"backfill","function":"f","trigger":"t"}`, "fc:InvokeFunction", fn("f"), fn("g"), 200},
		{"POST /api/jobs/{id}/pause", "/api/jobs/RUNNINGJOB/pause", "", "fc:InvokeFunction", fn("f"), fn("g"), 200},
		{"POST /api/jobs/{id}/resume", "/api/jobs/PAUSEDJOB/resume", "", "fc:InvokeFunction", fn("f"), fn("g"), 200},
		{"POST /api/jobs/{id}/cancel", "/api/jobs/PAUSEDJOB/cancel", "", "fc:InvokeFunction", fn("f"), fn("g"), 200},
	}
}

func TestLoopLimit(t *testing.T) {
	w := newWorld(t)
	limit := func(want string, effective int) {
		t.Helper()
		var got LoopLimit
		w.root("GET", "/api/functions/f/loop-limit", "").into(&got)
		if got.Limit != want || got.Effective != effective {
			t.Errorf("%+v, want %s, %d", got, want, effective)
		}
	}
	limit("default", 16)
	for _, c := range []struct {
		set       string
		effective int
	}{{"3", 3}, {"1000", 1000}, {"off", 0}, {"default", 16}} {
		var got LoopLimit
		w.root("PUT", "/api/functions/f/loop-limit", `{"limit":"`+c.set+`"}`).into(&got)
		if got.Limit != c.set {
			t.Errorf("%+v", got)
		}
		limit(c.set, c.effective)
	}
	for _, bad := range []string{"0", "-1", "1001", "", "Off", "3.5"} {
		w.root("PUT", "/api/functions/f/loop-limit", `{"limit":"`+bad+`"}`).refused(400, "InvalidArgument", "loop limit")
	}
	w.root("PUT", "/api/functions/none/loop-limit", `{"limit":"3"}`).refused(404, "FunctionNotFound", "none")
	w.root("GET", "/api/functions/none/warnings", "").refused(404, "FunctionNotFound", "none")
}

// died puts a dead letter of f: the end of a chain of runs r0, r1 (of which the history
// knows r1 and its event 1).
func (w *world) died(request string, at time.Time) {
	w.Helper()
	l := &lineage.Lineage{Run: request, Function: "f", Trigger: "t", Depth: 3, Chain: []string{"r0", "r1"}}
	err := w.kv.Update(context.Background(), func(tx kv.Txn) error {
		key := append([]byte("d/x/"), row.U64(uint64(at.UnixMilli()))...)
		key = append(append(append(key, row.U64(uint64(at.UnixMilli()))...), row.U64(7)...), request...)
		tx.Set(key, row.Encode(&delivery.Dead{
			Time: at, Reason: run.Recursive, Message: "too deep", Lineage: l,
			Delivery: delivery.Delivery{RequestID: request, Function: "f", Trigger: "t", Kind: run.Trigger, Bucket: "b", Key: "in/a.png.png", Payload: []byte(`{"events":[]}`), Enqueued: at},
		}))
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestWarnings(t *testing.T) {
	w := newWorld(t)
	var list []Warning
	w.root("GET", "/api/functions/f/warnings", "").into(&list)
	if list == nil || len(list) != 0 {
		t.Errorf("%+v", list)
	}
	changed := w.history.Changed()
	w.history.Record(&run.Record{RequestID: "r1", Function: "f", Trigger: "t", Kind: run.Trigger, EventID: "1", Start: time.Now()})
	<-changed
	at := time.Now().UTC().Truncate(time.Millisecond)
	w.died("r2", at.Add(-time.Hour))
	w.died("r3", at)
	w.root("GET", "/api/functions/f/warnings", "").into(&list)
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	x := list[0]
	if x.Kind != WarnLoop || x.Count != 2 || !x.Since.Equal(at.Add(-time.Hour)) || !x.Last.Equal(at) || !strings.Contains(x.Message, "2 times") || len(x.Chain) != 3 {
		t.Errorf("%+v", x)
	} else if x.Chain[0] != (Link{Run: "r0"}) || x.Chain[1].Run != "r1" || x.Chain[1].Trigger != "t" || x.Chain[2].Run != "r3" || !x.Chain[2].Stopped || x.Chain[2].Key != "in/a.png.png" {
		t.Errorf("%+v", x.Chain)
	}
	var d DeadLetter
	w.root("GET", "/api/dead/"+x.Dead, "").into(&d)
	if d.Reason != run.Recursive || len(d.Chain) != 3 || string(d.Event) != `{"events":[]}` {
		t.Errorf("%+v", d)
	}

	w.root("GET", "/api/functions/g/warnings", "").into(&list)
	if len(list) != 1 || list[0].Kind != WarnPaused || list[0].Trigger != "p" || !strings.Contains(list[0].Message, "as it was found") {
		t.Errorf("%+v", list)
	}
}

func TestDead(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	for i := range 12 {
		w.died("r"+string(rune('a'+i)), at.Add(time.Duration(i)*time.Minute))
	}
	list := func(query string) (p DeadPage) {
		t.Helper()
		w.root("GET", "/api/dead?"+query, "").into(&p)
		return p
	}
	if p := list(""); len(p.Dead) != 13 || p.Next != "" || p.Dead[0].Function != "g" || p.Dead[1].RequestID != "rl" {
		t.Errorf("%+v", p)
	}
	if p := list("function=f&reason=RecursiveInvocation&bucket=b&prefix=in/&since=" + at.Add(5*time.Minute).Format(time.RFC3339Nano) + "&until=" + at.Add(7*time.Minute).Format(time.RFC3339Nano)); len(p.Dead) != 2 || p.Dead[0].RequestID != "rg" {
		t.Errorf("%+v", p)
	}
	first := list("function=f&limit=5")
	second := list("function=f&limit=100&after=" + first.Next)
	if len(first.Dead) != 5 || len(second.Dead) != 7 || second.Next != "" {
		t.Errorf("%d and %d", len(first.Dead), len(second.Dead))
	}
	w.root("GET", "/api/dead?since=yesterday", "").refused(400, "InvalidArgument", "yesterday")
	w.root("GET", "/api/dead/00", "").refused(400, "InvalidArgument", "00")
	for _, body := range []string{`{}`, `{"ids":[]}`, `{"ids":["a"],"filter":{}}`, `{"filter":{},"batch":1001}`} {
		w.root("POST", "/api/dead/delete", body).refused(400, "InvalidArgument", "")
	}

	// By a filter, batch by batch; what came after the first call is left alone.
	var r DeadResult
	w.root("POST", "/api/dead/delete", `{"filter":{"function":"f"},"batch":5}`).into(&r)
	if r.Count != 5 || !r.More || r.After == "" || r.Before.IsZero() {
		t.Fatalf("%+v", r)
	}
	w.died("late", time.Now().Add(time.Minute))
	for r.More {
		body, err := json.Marshal(DeadOrder{Filter: &DeadFilter{Function: "f"}, Batch: 5, After: r.After, Before: r.Before})
		if err != nil {
			t.Fatal(err)
		}
		r = DeadResult{}
		w.root("POST", "/api/dead/delete", string(body)).into(&r)
	}
	if p := list(""); len(p.Dead) != 2 || p.Dead[0].RequestID != "late" {
		t.Errorf("%+v", p)
	}
	// A person with a right to one function does nothing to another's by naming it beside.
	cred := w.key("some", `{"Effect":"Allow","Action":"fc:*","Resource":"acs:fc:*:*:functions/f"}`)
	both := w.fill.Replace(`{"ids":["` + list("function=f").Dead[0].ID + `","DEADLETTER"]}`)
	w.do(cred, "POST", "/api/dead/delete", both).refused(403, "AccessDenied", "")
	w.do(cred, "GET", "/api/dead/"+strings.Repeat("0", 60), "").refused(403, "AccessDenied", "")
	w.root("POST", "/api/dead/redrive", both).into(&r)
	if r.Count != 2 || len(list("").Dead) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestJobs(t *testing.T) {
	w := newWorld(t)
	var j replay.Job
	w.root("POST", "/api/jobs", `{"kind":"replay","function":"f","trigger":"t","since":"2026-01-01T00:00:00Z","rate":5,"prefix":"in/x"}`).into(&j)
	if j.Kind != "replay" || j.Rate != 5 || j.State != replay.Running || j.Since.IsZero() || j.Until.IsZero() || j.Prefix != "in/x" {
		t.Errorf("%+v", j)
	}
	var list []replay.Job
	w.root("GET", "/api/jobs?function=f", "").into(&list)
	if len(list) != 3 || list[0].ID != j.ID {
		t.Errorf("%+v", list)
	}
	w.root("POST", "/api/jobs/"+j.ID+"/pause", "").into(&j)
	if j.State != replay.Paused {
		t.Errorf("%+v", j)
	}
	w.root("POST", "/api/jobs/"+j.ID+"/cancel", "").into(&j)
	if j.State != replay.Canceled {
		t.Errorf("%+v", j)
	}
	w.root("POST", "/api/jobs/"+j.ID+"/resume", "").refused(409, "JobEnded", "over")
	w.root("GET", "/api/jobs/none", "").refused(404, "JobNotFound", "none")
	w.root("POST", "/api/jobs", `{"kind":"backfill","function":"f","trigger":"none"}`).refused(404, "TriggerNotFound", "none")
	w.do(w.key("x", `{"Effect":"Allow","Action":"fc:*","Resource":"acs:fc:*:*:functions/f"}`), "GET", "/api/jobs/none", "").refused(403, "AccessDenied", "")
}

func TestMetricsAccess(t *testing.T) {
	w := newWorld(t)
	w.h.Metrics = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("metrics")) })
	h := New(w.h.Options)
	reader := w.key("reader", `{"Effect":"Allow","Action":"alcedo:ReadMetrics","Resource":"*"}`)
	other := w.key("other", `{"Effect":"Allow","Action":"fc:*","Resource":"*"}`)
	for name, c := range map[string]struct {
		from       string
		id, secret string
		forwarded  bool
		want       int
	}{
		"this machine":           {"127.0.0.1:5", "", "", false, 200},
		"this machine, IPv6":     {"[::1]:5", "", "", false, 200},
		"behind a proxy here":    {"127.0.0.1:5", "", "", true, 401},
		"elsewhere":              {"192.0.2.7:5", "", "", false, 401},
		"elsewhere, root":        {"192.0.2.7:5", root.AccessKeyID, root.AccessKeySecret, false, 200},
		"elsewhere, a reader":    {"192.0.2.7:5", reader.AccessKeyID, reader.AccessKeySecret, false, 200},
		"elsewhere, who may not": {"192.0.2.7:5", other.AccessKeyID, other.AccessKeySecret, false, 403},
		"a wrong secret":         {"192.0.2.7:5", reader.AccessKeyID, "guess", false, 401},
		"an unknown key":         {"192.0.2.7:5", "LTAInone", "guess", false, 401},
		"an empty secret":        {"192.0.2.7:5", reader.AccessKeyID, "", false, 401},
		"nowhere":                {"", "", "", false, 401},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = c.from
		if c.id != "" {
			r.SetBasicAuth(c.id, c.secret)
		}
		if c.forwarded {
			r.Header.Set("X-Forwarded-For", "192.0.2.7")
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != c.want || (rec.Body.String() == "metrics") != (c.want == 200) || (rec.Header().Get("WWW-Authenticate") != "") != (c.want == 401) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}
