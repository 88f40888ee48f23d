package console

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func init() { moreReaches = append(moreReaches, eventReaches) }

func eventReaches() []reach {
	b, other := "acs:oss:*:"+account+":b", "acs:oss:*:"+account+":other"
	f, g := "acs:fc:"+region+":"+account+":functions/f", "acs:fc:"+region+":"+account+":functions/g"
	return []reach{
		{"GET /api/events", "/api/events?bucket=b", "", "oss:ListObjects", b, other, 200},
		{"GET /api/events/{id}", "/api/events/1", "", "oss:ListObjects", b, other, 200},
		{"GET /api/trace", "/api/trace?bucket=b&key=in/a.png", "", "oss:ListObjects", b, other, 200},
		{"GET /api/trace", "/api/trace?event=1", "", "oss:ListObjects", b, other, 200},
		{"GET /api/functions/{function}/runs", "/api/functions/f/runs", "", "fc:GetFunction", f, g, 200},
	}
}

// upload commits an event of a PUT, with the runs that it owes, and returns its id.
func (w *world) upload(bucket, key string, owed ...delivery.Owed) string {
	return w.wrote(nil, bucket, key, owed...)
}

func (w *world) wrote(by *lineage.Lineage, bucket, key string, owed ...delivery.Owed) (id string) {
	w.Helper()
	err := w.kv.Update(context.Background(), func(tx kv.Txn) error {
		w.history.Event(tx, &event.Record{
			Type: event.PutObject, Time: time.Now().UTC(), Bucket: bucket, Owner: account, Region: region, Key: key, Size: 3, Origin: event.Origin{Lineage: by},
		}, nil, owed)
		tx.OnCommit(func(seq uint64) { id = history.EventID(seq, nil) })
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w *world) events(query string) (p Events) {
	w.Helper()
	w.root("GET", "/api/events?"+query, "").into(&p)
	return p
}

func keys(p Events) string {
	var k []string
	for _, e := range p.Events {
		k = append(k, e.Key)
	}
	return strings.Join(k, " ")
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.upload("b", "in/b.png", delivery.Owed{RequestID: "R1", Function: "f", Trigger: "t"})
	w.upload("c", "other")
	err := w.kv.Update(t.Context(), func(tx kv.Txn) error {
		w.history.Outcome(tx, &delivery.Outcome{RequestID: "R1", Function: "f", State: delivery.Failed, Reason: "RetriesExhausted", Attempts: 4})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                                   "other in/b.png in/a.png",
		"order=asc":                          "in/a.png in/b.png other",
		"bucket=b":                           "in/b.png in/a.png",
		"prefix=in/b":                        "in/b.png",
		"bucket=b&key=in/a.png":              "in/a.png",
		"state=failed":                       "in/b.png",
		"state=None":                         "other in/a.png",
		"type=ObjectRemoved":                 "",
		"function=f":                         "in/b.png",
		"since=2020-01-01T00:00:00Z&limit=1": "other",
		"until=2020-01-01T00:00:00Z":         "",
		"since=" + url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339Nano)): "",
	} {
		if got := keys(w.events(query)); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	p := w.events("state=failed")
	if o := p.Events[0].Owed; len(o) != 1 || o[0].State != delivery.Failed || o[0].Reason != "RetriesExhausted" || o[0].Attempts != 4 {
		t.Errorf("%+v", o)
	}
	p = w.events("limit=2")
	if !p.More || keys(w.events("after="+p.Next)) != "in/a.png" {
		t.Errorf("the cursor: %+v", p)
	}
	if got := w.root("GET", "/api/events?state=None&limit=1&until=2020-01-01T00:00:00Z", "").Body.String(); !strings.Contains(got, `"events":[]`) {
		t.Errorf("an empty list: %s", got)
	}
	for query, text := range map[string]string{
		"limit=0": "limit", "since=yesterday": "since", "until=1": "until", "after=x": "cursor", "state=lost": "state", "order=up": "order", "wait=61": "wait", "wait=1&order=desc": "wait",
	} {
		w.root("GET", "/api/events?"+query, "").refused(400, "InvalidArgument", text)
	}
	w.root("GET", "/api/events/ff", "").refused(404, "EventNotFound", "ff")
	w.root("GET", "/api/events/x", "").refused(400, "InvalidArgument", "x")
}

// Who may see one bucket sees nothing of another, wherever it is asked for; and of runs
// only those of functions that it may see.
func TestEventsOfOthers(t *testing.T) {
	w := newWorld(t)
	in := w.upload("c", "in/secret", delivery.Owed{RequestID: "R1", Function: "g"}, delivery.Owed{RequestID: "R2", Function: "f"})
	l := lineage.Next(nil, "R1", "g", "t", in)
	out := w.wrote(l, "b", "out/open")
	w.wrote(l, "c", "out/secret")
	b := w.key("b", `{"Effect":"Allow","Action":["oss:ListObjects"],"Resource":"acs:oss:*:*:b"}`)
	prefix := w.key("prefix", `{"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:b","Condition":{"StringLike":{"oss:Prefix":"in/*"}}}`)
	bf := w.key("bf", `{"Effect":"Allow","Action":["oss:ListObjects","fc:GetFunction"],"Resource":["acs:oss:*:*:*","acs:fc:*:*:functions/f"]}`)

	var p Events
	w.do(b, "GET", "/api/events", "").into(&p)
	if keys(p) != "out/open in/a.png" || p.Events[0].By != nil {
		t.Errorf("%+v", p)
	}
	w.do(b, "GET", "/api/events?bucket=c", "").refused(403, "AccessDenied", "oss:ListObjects")
	w.do(b, "GET", "/api/events/"+in, "").refused(403, "AccessDenied", "")
	w.do(b, "GET", "/api/trace?bucket=c&key=in/secret", "").refused(403, "AccessDenied", "")
	w.do(b, "GET", "/api/trace?event="+in, "").refused(403, "AccessDenied", "")
	w.do(b, "GET", "/api/events?function=f", "").refused(403, "AccessDenied", "fc:GetFunction")
	for _, path := range []string{"/api/trace?event=" + out, "/api/events/" + out, "/api/events"} {
		if got := w.do(b, "GET", path, "").Body.String(); strings.Contains(got, "secret") || strings.Contains(got, `"g"`) {
			t.Errorf("%s: %s", path, got)
		}
	}
	w.do(prefix, "GET", "/api/events/1", "").into(new(EventDetail))
	w.do(prefix, "GET", "/api/events?bucket=b&prefix=in/", "").into(&p)
	if keys(p) != "in/a.png" {
		t.Errorf("with a prefix: %s", keys(p))
	}
	w.do(prefix, "GET", "/api/events/"+out, "").refused(403, "AccessDenied", "")
	w.do(prefix, "GET", "/api/events?bucket=b", "").refused(403, "AccessDenied", "")

	var e EventDetail
	w.do(bf, "GET", "/api/events/"+in, "").into(&e)
	if len(e.Owed) != 1 || e.Owed[0].Function != "f" || e.HiddenRuns != 1 || len(e.Written) != 0 || len(e.Triggers) != 0 || !e.Unjudged {
		t.Errorf("%+v", e)
	}
	mine := w.upload("b", "in/mine", delivery.Owed{RequestID: "R3", Function: "f"})
	l = lineage.Next(nil, "R3", "f", "t", mine)
	w.wrote(l, "c", "out/secret")
	w.wrote(l, "b", "out/mine")
	w.ran("f", "R3", time.Now(), "log")
	onlyB := w.key("onlyb", `{"Effect":"Allow","Action":["oss:ListObjects","fc:GetFunction"],"Resource":["acs:oss:*:*:b","acs:fc:*:*:functions/f"]}`)
	w.do(onlyB, "GET", "/api/events/"+mine, "").into(&e)
	if len(e.Owed) != 1 || len(e.Written) != 1 || e.Written[0].Key != "out/mine" {
		t.Errorf("%+v", e)
	}

	w.ran("g", "R1", time.Now(), "log")
	w.do(bf, "GET", "/api/trace?run=R1", "").refused(403, "AccessDenied", "")
}

func TestEventShown(t *testing.T) {
	w := newWorld(t)
	in := w.upload("b", "in/b.png", delivery.Owed{RequestID: "R1", Function: "f", Trigger: "t"})
	w.wrote(lineage.Next(nil, "R1", "f", "t", in), "b", "out/b.png")
	w.ran("f", "R1", time.Now(), "log")
	var e EventDetail
	w.root("GET", "/api/events/"+in, "").into(&e)
	if e.ID != in || len(e.Owed) != 1 || e.Owed[0].Last == nil || len(e.Written) != 1 || e.Written[0].Key != "out/b.png" {
		t.Errorf("%+v", e)
	}
	if len(e.Triggers) == 0 || e.Triggers[0].Trigger != "t" || !e.Triggers[0].Fires || e.Unjudged {
		t.Errorf("%+v", e.Triggers)
	}
	w.root("GET", "/api/events/"+e.Written[0].ID, "").into(&e)
	if len(e.Owed) != 0 || e.By == nil || e.By.Run != "R1" || len(e.Triggers) == 0 || e.Triggers[0].Fires || !strings.Contains(e.Triggers[0].Reason, "prefix") {
		t.Errorf("%+v", e)
	}
	var tr history.Trace
	w.root("GET", "/api/trace?bucket=b&key=out/b.png", "").into(&tr)
	if len(tr.Nodes) != 3 || tr.Root != "event:"+in || tr.Nodes[1].Run.Function != "f" || len(tr.Edges) != 2 {
		t.Errorf("%+v", tr)
	}
	for _, bad := range []string{"", "bucket=b", "key=k", "event=1&run=R1", "bucket=b&key=k&event=1", "bucket=b&run=R1"} {
		w.root("GET", "/api/trace?"+bad, "").refused(400, "InvalidArgument", "one thing")
	}
	tr = history.Trace{}
	w.root("GET", "/api/trace?bucket=b&key=in/b.png&nodes=1&depth=3&fan=2", "").into(&tr)
	if len(tr.Nodes) != 1 || len(tr.Cut) != 1 {
		t.Errorf("one node: %+v", tr)
	}
	for _, bad := range []string{"nodes=0", "nodes=2001", "depth=x", "fan=101"} {
		w.root("GET", "/api/trace?event=1&"+bad, "").refused(400, "InvalidArgument", "number")
	}
	w.root("GET", "/api/trace?bucket=b&key=none", "").refused(404, "EventNotFound", "none")
	w.root("GET", "/api/trace?run=none", "").refused(404, "RunNotFound", "none")
}

func TestEventsAreAwaited(t *testing.T) {
	w := newWorld(t)
	head := w.events("").Head
	type answer struct {
		p  Events
		at time.Time
	}
	got := make(chan answer)
	go func() {
		a := answer{p: w.events("bucket=b&prefix=in/&wait=30&after=" + head)}
		a.at = time.Now()
		got <- a
	}()
	w.upload("c", "in/else") // wakes, and is not what is waited for
	w.upload("b", "in/new")
	a := <-got
	if keys(a.p) != "in/new" {
		t.Errorf("%+v", a.p)
	}
	if p := w.events("wait=0&after=" + a.p.Next); len(p.Events) != 0 || p.Next != a.p.Next {
		t.Errorf("nothing new: %+v", p)
	}
}

func TestRunsByOutcome(t *testing.T) {
	w := newWorld(t)
	w.ran("f", "R1", time.Now().Add(-time.Hour), "log")
	changed := w.history.Changed()
	w.history.Record(&run.Record{RequestID: "R2", Function: "f", Kind: run.Trigger, Start: time.Now(), ErrorType: "HandledInvocationError"})
	<-changed
	list := func(query string) string {
		t.Helper()
		var ids []string
		for {
			var p Runs
			w.root("GET", "/api/functions/f/runs?"+query, "").into(&p)
			for _, r := range p.Runs {
				ids = append(ids, r.RequestID)
			}
			if !p.More {
				return strings.Join(ids, " ")
			}
			query += "&after=" + p.Next
		}
	}
	since := "since=" + url.QueryEscape(time.Now().Add(-time.Minute).Format(time.RFC3339))
	for query, want := range map[string]string{"": "R2 R1", "limit=1": "R2 R1", "outcome=failed": "R2", "outcome=ok": "R1", since: "R2", "until=2020-01-01T00:00:00Z": ""} {
		if got := list(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var all []json.RawMessage
	w.root("GET", "/api/runs?function=f&outcome=failed", "").into(&all)
	if len(all) != 1 {
		t.Errorf("%s", all)
	}
	w.root("GET", "/api/functions/f/runs?after=zz", "").refused(400, "InvalidArgument", "cursor")
	w.root("GET", "/api/functions/h/runs", "").refused(404, "FunctionNotFound", "h")
}
