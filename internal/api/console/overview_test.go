package console

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func init() { moreReaches = append(moreReaches, overviewReaches) }

func overviewReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{
		{"GET /api/overview", "/api/overview", "", "x:y", "", "", 200},
		{"GET /api/functions/{function}/series", "/api/functions/f/series", "", "fc:GetFunction", fn("f"), fn("g"), 200},
		{"GET /api/functions/{function}/logs", "/api/functions/f/logs", "", "fc:GetFunction", fn("f"), fn("g"), 200},
	}
}

// noted records runs in the history and the gauge, as the server does.
func (w *world) noted(recs ...*run.Record) {
	w.Helper()
	for _, r := range recs {
		changed := w.history.Changed()
		w.h.Gauge.Recorder(w.history).Record(r)
		<-changed
	}
}

type nowhere struct{}

func (nowhere) Event(kv.Txn, *event.Record, []byte, []delivery.Owed) {}
func (nowhere) Owe(kv.Txn, string, delivery.Owed)                    {}
func (nowhere) Outcome(kv.Txn, *delivery.Outcome)                    {}

// What a caller may not see is in no number, no list and no warning.
func TestOverviewShowsWhatTheCallerMaySee(t *testing.T) {
	w := newWorld(t)
	w.h.Usage = gauge.NewStore(twoBuckets{}, func() ([]string, bool) { return nil, false })
	w.h.Trouble = func() error { return fault.New(fault.Unavailable, "DiskFull", "The disk is full.") }
	w.Handler = New(w.h.Options)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.h.Usage.Work(ctx) }()
	defer func() { cancel(); <-done }()
	for at := (time.Time{}); at.IsZero(); _, at, _ = w.h.Usage.Usage() {
		time.Sleep(time.Millisecond)
	}
	w.noted(
		&run.Record{RequestID: "F1", Function: "f", Kind: run.Sync, Start: time.Now(), Duration: time.Second},
		&run.Record{RequestID: "G1", Function: "g", Kind: run.Sync, Start: time.Now(), Duration: time.Second, ErrorType: "UnhandledInvocationError"},
		&run.Record{RequestID: "G2", Function: "g", Kind: run.Sync, Start: time.Now(), Fault: "ResourceExhausted"},
	)
	j := w.h.Gauge.Journal(nowhere{})
	err := w.kv.Update(t.Context(), func(tx kv.Txn) error {
		j.Event(tx, &event.Record{}, nil, nil)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	allow := func(action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, action, resource)
	}
	f := "acs:fc:" + region + ":" + account + ":functions/f"
	var o Overview
	w.root("GET", "/api/overview", "").into(&o)
	if !o.Whole || o.Series.Total.Runs != 3 || o.Series.Total.Events != 1 || o.Series.Total.Errors != 1 || o.Series.Total.Throttles != 1 || o.Minute.Runs != 3 ||
		o.Dead != 1 || len(o.Runs) != 3 || o.Runs[0].RequestID != "G2" || o.Storage.Bytes != 30 || o.Storage.Largest[0].Bucket != "large" {
		t.Errorf("root: %+v %+v", o, o.Storage)
	}
	if len(o.Warnings) != 2 || o.Warnings[0].Kind != WarnDisk || o.Warnings[1].Kind != WarnPaused || o.Warnings[1].Trigger != "p" {
		t.Errorf("root: %+v", o.Warnings)
	}
	o = Overview{}
	w.do(w.key("one", allow("fc:GetFunction", f)+","+allow("oss:ListObjects", "acs:oss:*:*:small")), "GET", "/api/overview", "").into(&o)
	if o.Whole || o.Series.Total.Runs != 1 || o.Series.Total.Events != 0 || o.Minute.Runs != 1 || o.Dead != 0 || len(o.Runs) != 1 || len(o.Warnings) != 1 || o.Storage.Bytes != 10 || len(o.Storage.Largest) != 1 {
		t.Errorf("one function: %+v %+v", o, o.Storage)
	}
	o = Overview{}
	w.do(w.key("numbers", allow("alcedo:GetOverview", "*")), "GET", "/api/overview", "").into(&o)
	if !o.Whole || o.Series.Total.Runs != 3 || o.Dead != 1 || len(o.Runs) != 0 || len(o.Warnings) != 1 || o.Storage.Bytes != 30 || len(o.Storage.Largest) != 0 {
		t.Errorf("only numbers: %+v %+v", o, o.Storage)
	}
	o = Overview{}
	w.do(w.key("nothing", allow("x:y", "*")), "GET", "/api/overview", "").into(&o)
	if o.Whole || o.Series.Total.Runs != 0 || len(o.Runs) != 0 || o.Dead != 0 || o.Storage.Bytes != 0 {
		t.Errorf("nothing: %+v", o)
	}
}

// The overview counts the events that the list of events has, whoever asks; and says of
// which object a run was, to who may see that.
func TestOverviewCountsWhatTheEventsList(t *testing.T) {
	w := newWorld(t)
	j := w.h.Gauge.Journal(w.history)
	err := w.kv.Update(t.Context(), func(tx kv.Txn) error {
		n := byte(0)
		for bucket, events := range map[string]int{"b": 3, "paused": 2, "other": 4} {
			for i := range events {
				n++
				j.Event(tx, &event.Record{Type: event.PutObject, Time: time.Now(), Bucket: bucket, Key: fmt.Sprint("in/", i)}, []byte{n}, nil)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list := func(bucket string) string {
		return `{"Effect":"Allow","Action":"oss:ListObjects","Resource":"acs:oss:*:*:` + bucket + `"}`
	}
	all := `{"Effect":"Allow","Action":["*:Get*","*:List*"],"Resource":"*"}`
	for _, x := range []struct {
		name, policy string
		events       int
	}{
		{"reads", `{"Effect":"Allow","Action":["oss:Get*","oss:List*","fc:Get*","fc:List*"],"Resource":"*"}`, 9},
		{"reads-all", all, 9},
		{"one", list("b"), 3},
		{"two", list("b") + "," + list("other"), 7},
		{"not-one", all + `,{"Effect":"Deny","Action":"alcedo:*","Resource":"*"},{"Effect":"Deny","Action":"oss:*","Resource":"acs:oss:*:*:b"}`, 6},
		{"functions", `{"Effect":"Allow","Action":"fc:*","Resource":"*"}`, 0},
		{"a-folder", `{"Effect":"Allow","Action":"oss:ListObjects","Resource":"*","Condition":{"StringLike":{"oss:Prefix":"in/*"}}}`, 0},
	} {
		var o Overview
		var e Events
		key := w.key(x.name, x.policy)
		w.do(key, "GET", "/api/overview", "").into(&o)
		w.do(key, "GET", "/api/events", "").into(&e)
		listed := 0
		for _, e := range e.Events {
			if e.ID != "1" { // which was before the gauge
				listed++
			}
		}
		if int(o.Series.Total.Events) != x.events || listed != x.events || int(o.Minute.Events) != x.events {
			t.Errorf("%s: %d events, %d in the minute, %d listed, want %d", x.name, o.Series.Total.Events, o.Minute.Events, listed, x.events)
		}
	}
	w.noted(&run.Record{RequestID: "F1", Function: "f", Kind: run.Trigger, EventID: "1", Start: time.Now()}, &run.Record{RequestID: "F2", Function: "f", Kind: run.Sync, Start: time.Now()},
		&run.Record{RequestID: "F3", Function: "f", Kind: run.Trigger, EventID: "ffff", Start: time.Now()})
	var o Overview
	w.root("GET", "/api/overview", "").into(&o)
	if r := o.Runs; len(r) != 3 || r[2].Bucket != "b" || r[2].Key != "in/a.png" || r[1].Key != "" || r[0].Key != "" {
		t.Errorf("%+v", r)
	}
	o = Overview{}
	w.do(w.key("only-f", `{"Effect":"Allow","Action":"fc:GetFunction","Resource":"*"}`), "GET", "/api/overview", "").into(&o)
	if r := o.Runs; len(r) != 3 || r[2].Bucket+r[2].Key != "" {
		t.Errorf("%+v", r)
	}
}

// twoBuckets hold one object each.
type twoBuckets struct{}

func (twoBuckets) ListBuckets(context.Context, string, string, int) ([]*object.Bucket, string, error) {
	return []*object.Bucket{{Name: "small"}, {Name: "large"}}, "", nil
}

func (twoBuckets) List(_ context.Context, bucket string, _ object.ListInput) (*object.Listing, error) {
	return &object.Listing{Objects: []*object.Info{{Size: map[string]int64{"small": 10, "large": 20}[bucket]}}}, nil
}

func TestOverviewWaitsForAnother(t *testing.T) {
	w := newWorld(t)
	var o, next Overview
	w.root("GET", "/api/overview", "").into(&o)
	go w.h.Gauge.Recorder(w.history).Record(&run.Record{RequestID: "F1", Function: "f", Kind: run.Sync, Start: time.Now()})
	w.root("GET", "/api/overview?wait=20&after="+o.Version, "").into(&next)
	if next.Version == o.Version || next.Series.Total.Runs != 1 {
		t.Errorf("%+v", next)
	}
	w.root("GET", "/api/overview?wait=100", "").refused(400, "InvalidArgument", "wait")
}

func TestSeries(t *testing.T) {
	w := newWorld(t)
	w.noted(&run.Record{RequestID: "F1", Function: "f", Kind: run.Sync, Start: time.Now(), Duration: time.Second, Cold: true, MemoryMB: 33})
	var s gauge.Series
	w.root("GET", "/api/functions/f/series?span=600&step=10", "").into(&s)
	if s.Step != 10 || s.Total.Runs != 1 || s.Total.Cold != 1 || s.Total.MemoryMB != 33 || s.To-s.From < 600 || s.To-s.From > 620 {
		t.Errorf("%+v", s)
	}
	// Whoever waits is told of what is counted next.
	var now, next FunctionSeries
	w.root("GET", "/api/functions/f/series", "").into(&now)
	go w.h.Gauge.Recorder(w.history).Record(&run.Record{RequestID: "F2", Function: "f", Kind: run.Sync, Start: time.Now()})
	w.root("GET", "/api/functions/f/series?wait=20&after="+now.Version, "").into(&next)
	if now.Total.Runs != 1 || next.Version == now.Version || next.Total.Runs != 2 {
		t.Errorf("%+v, then %+v", now, next)
	}
	w.root("GET", "/api/functions/f/series?wait=100", "").refused(400, "InvalidArgument", "wait")
	from, to := time.Now().Add(-2*time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	s = gauge.Series{}
	w.root("GET", "/api/functions/f/series?step=60&from="+from+"&to="+to, "").into(&s)
	if s.Step != 60 || s.Total.Runs != 0 || s.To-s.From < 3600 || s.To-s.From > 3720 {
		t.Errorf("%+v", s)
	}
	for query, text := range map[string]string{"from=yesterday": "yesterday", "step=0": "step", "span=-1": "span", "span=1000000": "span", "from=" + to + "&to=" + from: "before"} {
		w.root("GET", "/api/functions/f/series?"+query, "").refused(400, "InvalidArgument", text)
	}
	w.root("GET", "/api/functions/none/series", "").refused(404, "FunctionNotFound", "none")
}

func TestLogsGoBack(t *testing.T) {
	w := newWorld(t)
	start := time.Now().Add(-time.Minute)
	for i := range 5 {
		rec := &run.Record{RequestID: fmt.Sprint("R", i), Function: "f", Kind: run.Sync, Start: start.Add(time.Duration(i) * time.Second), Log: []byte("line")}
		if i == 2 {
			rec.ErrorType = "UnhandledInvocationError"
		}
		w.noted(rec)
	}
	var first, second LogsBack
	w.root("GET", "/api/functions/f/logs?limit=3", "").into(&first)
	w.root("GET", "/api/functions/f/logs?limit=3&before="+first.Next, "").into(&second)
	if len(first.Runs) != 3 || !first.More || first.Runs[0].RequestID != "R4" || first.Runs[0].Log != "line" ||
		first.Head == "" || len(second.Runs) != 2 || second.More || second.Runs[1].RequestID != "R0" || second.Head != "" {
		t.Errorf("%+v\n%+v", first, second)
	}
	var failed LogsBack
	w.root("GET", "/api/functions/f/logs?outcome=failed", "").into(&failed)
	if len(failed.Runs) != 1 || failed.Runs[0].RequestID != "R2" || failed.Head != first.Head {
		t.Errorf("%+v", failed)
	}
	// Following begins behind the latest, whatever was asked for.
	var follow Logs
	w.root("GET", "/api/logs?function=f&after="+failed.Head, "").into(&follow)
	if len(follow.Runs) != 0 {
		t.Errorf("%+v", follow)
	}
	w.noted(&run.Record{RequestID: "R5", Function: "f", Kind: run.Sync, Start: time.Now()})
	w.root("GET", "/api/logs?function=f&after="+failed.Head, "").into(&follow)
	if len(follow.Runs) != 1 || follow.Runs[0].RequestID != "R5" {
		t.Errorf("%+v", follow)
	}
	// A search answers what it found and how far it looked.
	var found LogsBack
	w.root("GET", "/api/functions/f/logs?q=LINE&limit=2", "").into(&found)
	if len(found.Runs) != 2 || !found.More || found.Searched == nil || found.Searched.Sub(start).Round(time.Second) != 3*time.Second {
		t.Errorf("%+v", found)
	}
	found = LogsBack{}
	w.root("GET", "/api/functions/f/logs?q=nowhere", "").into(&found)
	if len(found.Runs) != 0 || found.More || found.Searched == nil || found.Searched.Sub(start).Round(time.Second) != 0 {
		t.Errorf("%+v", found)
	}
	found = LogsBack{}
	w.root("GET", "/api/functions/f/logs?level=ERROR", "").into(&found)
	if len(found.Runs) != 1 || found.Runs[0].RequestID != "R2" {
		t.Errorf("%+v", found)
	}
	w.root("GET", "/api/functions/f/logs?attempt=x", "").refused(400, "InvalidArgument", "attempt")
	for _, none := range []string{"attempt=1", "attempt=retry", "qualifier=1"} {
		var found LogsBack
		if w.root("GET", "/api/functions/f/logs?"+none, "").into(&found); len(found.Runs) != 0 {
			t.Errorf("%s: %d runs", none, len(found.Runs))
		}
	}
	w.root("GET", "/api/functions/f/logs?level=LOUD", "").refused(400, "InvalidArgument", "LOUD")
	w.root("GET", "/api/functions/f/logs?before=zz", "").refused(400, "InvalidArgument", "before")
	w.root("GET", "/api/functions/f/logs?since=x", "").refused(400, "InvalidArgument", "since")
}
