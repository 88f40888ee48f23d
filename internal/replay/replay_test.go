package replay

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// world is all rooms over memory; only what functions do is the test's. Function "f" is
// there, without triggers.
type world struct {
	*testing.T
	kv      kv.Store
	objects *object.Store
	ts      *trigger.Store
	history *history.Store
	q       *delivery.Queue
	s       *Store
	stop    func() // ends Work

	mu    sync.Mutex
	calls []run.Call
	slow  time.Duration // what a run takes
}

func (w *world) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	w.mu.Lock()
	c.Event = bytes.Clone(c.Event)
	w.calls = append(w.calls, c)
	slow := w.slow
	w.mu.Unlock()
	time.Sleep(slow)
	return &runner.Result{}, &run.Record{}, nil
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// bubble runs a test with everything at work and a clock of its own.
func bubble(t *testing.T, fn func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, kv: memkv.New()}
		ctx := t.Context()
		fns, err := function.Open(ctx, w.kv, memblob.New(), function.Options{Dir: t.TempDir()})
		w.must(err)
		var pkg bytes.Buffer
		z := zip.NewWriter(&pkg)
		z.Create("index.js")
		z.Close()
		code, err := fns.AddCode(ctx, &pkg, "")
		w.must(err)
		_, err = fns.Create(ctx, function.Function{Name: "f", Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}})
		w.must(err)
		w.ts = trigger.Open(w.kv, trigger.Options{Region: "cn-hangzhou", Account: "1", Bucket: object.RegionOf})
		w.history = history.Open(w.kv, history.Options{})
		w.q = delivery.Open(w.kv, delivery.Options{Triggers: w.ts, Settings: fns, Invoker: w, Journal: w.history})
		w.objects = object.Open(w.kv, memblob.New(), object.Options{Region: "cn-hangzhou", Sink: w.q})
		w.bucket("bucket")
		w.must(w.q.Start(ctx))
		w.work()
		defer func() {
			w.stop()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			w.q.Stop(ctx)
			w.history.Close()
		}()
		fn(w)
	})
}

// work opens the room, as a start of the server does.
func (w *world) work() {
	w.s = Open(w.kv, Options{Triggers: w.ts, Objects: w.objects, Events: w.history, Queue: w.q})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.s.Work(ctx); close(done) }()
	w.stop = func() { cancel(); <-done }
}

func (w *world) bucket(name string) {
	w.Helper()
	_, err := w.objects.CreateBucket(context.Background(), event.Origin{}, object.Bucket{Name: name, Owner: "1"})
	w.must(err)
}

func (w *world) put(bucket, key string) {
	w.Helper()
	_, err := w.objects.Put(context.Background(), event.Origin{PrincipalID: "uploader"}, object.PutInput{Bucket: bucket, Key: key, Body: strings.NewReader("x"), Size: 1, Event: event.PutObject})
	w.must(err)
}

func (w *world) native(name, events, prefix, suffix string) {
	w.Helper()
	_, err := w.ts.Create(context.Background(), "f", trigger.Trigger{
		Name: name, Type: "oss", Config: fmt.Sprintf(`{"events":[%q],"filter":{"key":{"prefix":%q,"suffix":%q}}}`, events, prefix, suffix),
		SourceARN: "acs:oss:cn-hangzhou:1:bucket", InvocationRole: "acs:ram::1:role/r",
	})
	w.must(err)
}

func (w *world) begin(o Order) *Job {
	w.Helper()
	o.Function, o.By = "f", event.Origin{PrincipalID: "operator", SourceIP: "10.1.1.1"}
	j, err := w.s.Begin(context.Background(), o)
	w.must(err)
	return j
}

func (w *world) get(id string) *Job {
	w.Helper()
	j, err := w.s.Get(context.Background(), id)
	w.must(err)
	return j
}

// until waits until a job is in a state.
func (w *world) until(id, state string) *Job {
	w.Helper()
	begun := time.Now()
	for {
		j := w.get(id)
		if j.State == state {
			return j
		}
		if time.Since(begun) > time.Hour {
			w.Fatalf("still %+v", j)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ran returns how often each key was run, by runs with a mark; it waits until nothing is
// left to be run.
func (w *world) ran(mark string) map[string]int {
	w.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		stats, err := w.q.FunctionStats(context.Background(), "f")
		w.must(err)
		if stats.Waiting+stats.Running == 0 {
			break
		}
		if time.Since(begun) > time.Hour {
			w.Fatalf("%+v", stats)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, c := range w.calls {
		if c.Mark == mark {
			n[c.Key]++
		}
	}
	return n
}

func once(keys ...string) map[string]int {
	n := map[string]int{}
	for _, k := range keys {
		n[k]++
	}
	return n
}

func TestBackfill(t *testing.T) {
	bubble(t, func(w *world) {
		var want []string
		for i := range 300 {
			want = append(want, fmt.Sprintf("in/%03d.png", i))
			w.put("bucket", want[i])
			w.put("bucket", fmt.Sprintf("in/%03d.txt", i))
			w.put("bucket", fmt.Sprintf("other/%03d.png", i))
		}
		w.native("t", "oss:ObjectCreated:*", "in/", ".png")

		dry := w.until(w.begin(Order{Kind: Backfill, Trigger: "t", DryRun: true}).ID, Done)
		if dry.Total != 300 || len(dry.Examples) != maxExamples || dry.Examples[0] != "ObjectCreated:PutObject bucket/in/000.png" || dry.Looked != 600 || dry.Enqueued != 0 {
			t.Errorf("dry run: %+v", dry)
		}
		if got := w.ran(Backfill); len(got) != 0 {
			t.Errorf("a dry run ran %d", len(got))
		}

		begun := time.Now()
		j := w.until(w.begin(Order{Kind: Backfill, Trigger: "t", Rate: 50}).ID, Done)
		if took := time.Since(begun); took < 4*time.Second || took > 8*time.Second {
			t.Errorf("300 at 50 a second took %v", took)
		}
		if j.Enqueued != 300 || j.Total != 300 || j.Ended.IsZero() {
			t.Errorf("%+v", j)
		}
		if got := w.ran(Backfill); !maps.Equal(got, once(want...)) {
			t.Errorf("%d keys ran", len(got))
		}
		for _, c := range w.calls {
			if c.Mark == Backfill && (c.Trigger != "t" || c.Kind != run.Trigger) {
				t.Fatalf("%+v", c)
			}
		}
		var e struct {
			Events []struct {
				EventName    string
				UserIdentity struct{ PrincipalID string }
				OSS          struct {
					Object struct {
						Key             string
						Size, DeltaSize int
					}
				}
			}
		}
		w.must(json.Unmarshal(w.calls[len(w.calls)-1].Event, &e))
		if x := e.Events[0]; x.EventName != "ObjectCreated:PutObject" || x.UserIdentity.PrincipalID != "operator" || x.OSS.Object.Size != 1 || x.OSS.Object.DeltaSize != 1 {
			t.Errorf("%+v", x)
		}
		if strings.Contains(string(w.calls[len(w.calls)-1].Event), "backfill") {
			t.Error("the event says that it is a backfill")
		}

		j = w.until(w.begin(Order{Kind: Backfill, Trigger: "t", Prefix: "in/00", Rate: MaxRate}).ID, Done)
		if got := w.ran(Backfill); j.Enqueued != 10 || got["in/009.png"] != 2 || got["in/010.png"] != 1 {
			t.Errorf("with a prefix: %d, %d, %d", j.Enqueued, got["in/009.png"], got["in/010.png"])
		}
	})
}

// A job that the server's end cuts off anywhere goes on where it was: nothing is left out
// and nothing is enqueued twice.
func TestJobsSurviveRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		var want []string
		for i := range 300 {
			want = append(want, fmt.Sprintf("in/%03d", i))
			w.put("bucket", want[i])
		}
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		id := w.begin(Order{Kind: Backfill, Trigger: "t", Rate: 20}).ID
		for n := 0; w.get(id).State == Running; n++ {
			time.Sleep(time.Duration(300+n*170%900) * time.Millisecond)
			w.stop()
			before := w.get(id).Enqueued
			time.Sleep(time.Minute)
			if now := w.get(id).Enqueued; now != before {
				t.Fatalf("%d were enqueued while nothing worked", now-before)
			}
			w.work()
			if n == 3 {
				if _, err := w.s.Pause(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				w.stop()
				w.work()
				time.Sleep(time.Minute)
				if j := w.get(id); j.State != Paused || j.Enqueued == 0 || j.Enqueued == 300 {
					t.Fatalf("paused: %+v", j)
				}
				if _, err := w.s.Resume(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if n > 200 {
				t.Fatalf("still %+v", w.get(id))
			}
		}
		if got := w.ran(Backfill); !maps.Equal(got, once(want...)) {
			t.Errorf("%d keys ran", len(got))
		}
	})
}

func TestPauseResumeCancel(t *testing.T) {
	bubble(t, func(w *world) {
		for i := range 200 {
			w.put("bucket", fmt.Sprintf("in/%03d", i))
		}
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		ctx := t.Context()
		id := w.begin(Order{Kind: Backfill, Trigger: "t", Rate: 10}).ID
		time.Sleep(2500 * time.Millisecond)
		j := w.get(id)
		if j.Phase != "enqueuing" || j.Total != 200 || j.Enqueued < 20 || j.Enqueued > 40 || j.Speed < 5 || j.Speed > 15 || j.Left < 10*time.Second || j.Left > 40*time.Second {
			t.Errorf("under way: %+v", j)
		}
		for range 3 { // at once, as a person who changes their mind
			if _, err := w.s.Pause(ctx, id); err != nil {
				t.Fatal(err)
			}
			if _, err := w.s.Resume(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		before := w.get(id).Enqueued
		time.Sleep(2500 * time.Millisecond)
		if now := w.get(id).Enqueued; now <= before {
			t.Errorf("it does not go on after %d", now)
		}
		if j, err := w.s.Cancel(ctx, id); err != nil || j.State != Canceled || j.Ended.IsZero() {
			t.Error(j, err)
		}
		before = w.get(id).Enqueued
		time.Sleep(time.Minute)
		if j := w.get(id); j.Enqueued != before || j.State != Canceled {
			t.Errorf("after the end: %+v", j)
		}
		for name, fn := range map[string]func(context.Context, string) (*Job, error){"pause": w.s.Pause, "resume": w.s.Resume} {
			if _, err := fn(ctx, id); !fault.Is(err, "JobEnded") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := fn(ctx, "none"); !fault.Is(err, "JobNotFound") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.s.Cancel(ctx, id); err != nil {
			t.Error(err)
		}
	})
}

// interrupting pauses a job while a page of it is being read.
type interrupting struct {
	Objects
	pause func()
}

func (i interrupting) List(ctx context.Context, bucket string, in object.ListInput) (*object.Listing, error) {
	l, err := i.Objects.List(ctx, bucket, in)
	i.pause()
	return l, err
}

// What is read when a job is paused is not enqueued after the pause was acknowledged.
func TestPauseWhileAPageIsRead(t *testing.T) {
	bubble(t, func(w *world) {
		w.put("bucket", "in/a")
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		w.stop()
		id := w.begin(Order{Kind: Backfill, Trigger: "t"}).ID
		s := Open(w.kv, Options{Triggers: w.ts, Events: w.history, Queue: w.q, Objects: interrupting{w.objects, func() {
			if _, err := w.s.Pause(context.Background(), id); err != nil {
				t.Error(err)
			}
		}}})
		if _, _, err := s.page(t.Context(), id); !errors.Is(err, errOver) {
			t.Error(err)
		}
		if j := w.get(id); j.State != Paused || j.Enqueued != 0 || len(w.ran(Backfill)) != 0 {
			t.Errorf("%+v", j)
		}
		w.work()
	})
}

// A job does not flood a function that does not keep up.
func TestBackfillWaitsForTheFunction(t *testing.T) {
	bubble(t, func(w *world) {
		for i := range 3000 {
			w.put("bucket", fmt.Sprintf("in/%04d", i))
		}
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		w.slow = time.Minute
		id := w.begin(Order{Kind: Backfill, Trigger: "t", Rate: MaxRate}).ID
		time.Sleep(30 * time.Second)
		stats, err := w.q.FunctionStats(t.Context(), "f")
		w.must(err)
		if j := w.get(id); stats.Waiting < maxBacklog-100 || stats.Waiting > maxBacklog+pageRuns || j.Waits == "" || j.State != Running {
			t.Errorf("%d wait; %+v", stats.Waiting, j)
		}
		w.mu.Lock()
		w.slow = 0
		w.mu.Unlock()
		w.until(id, Done)
		if got := w.ran(Backfill); len(got) != 3000 {
			t.Errorf("%d ran", len(got))
		}
	})
}

func TestReplay(t *testing.T) {
	bubble(t, func(w *world) {
		w.put("bucket", "in/early")
		time.Sleep(time.Minute)
		since := time.Now()
		w.put("bucket", "in/a")
		w.put("bucket", "in/a") // both
		w.put("bucket", "in/gone")
		w.put("bucket", "out/x")
		w.bucket("another")
		w.put("another", "in/z")
		_, err := w.objects.Delete(t.Context(), event.Origin{}, "bucket", "in/gone")
		w.must(err)
		time.Sleep(time.Minute)
		until := time.Now()
		w.put("bucket", "in/late")
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		if got := w.ran(""); len(got) != 0 {
			t.Fatal("nothing was to run yet")
		}

		j := w.until(w.begin(Order{Kind: Replay, Trigger: "t", Since: since, Until: until}).ID, Done)
		if got := w.ran(Replay); !maps.Equal(got, once("in/a", "in/a", "in/gone")) || j.Total != 3 || j.Enqueued != 3 {
			t.Errorf("%v; %+v", got, j)
		}
		events, err := w.history.Events(t.Context(), history.EventQuery{Bucket: "bucket", Key: "in/a"})
		w.must(err)
		var ids, of []string
		for _, e := range events.Events {
			ids = append(ids, e.ID)
		}
		for _, c := range w.calls {
			if c.Key == "in/a" {
				of = append(of, c.EventID)
			}
			if !strings.Contains(string(c.Event), `"principalId":"uploader"`) {
				t.Errorf("not the event that it was: %s", c.Event)
			}
		}
		slices.Sort(of)
		slices.Sort(ids)
		if !slices.Equal(ids, of) {
			t.Errorf("runs of events %v, want %v", of, ids)
		}
		// In the history, the event owes a run that is marked.
		_, runs, err := w.history.Lookup(t.Context(), ids[0])
		w.must(err)
		if len(runs) != 1 || runs[0].Mark != Replay || runs[0].Job != j.ID {
			t.Errorf("%+v", runs)
		}
		j = w.until(w.begin(Order{Kind: Replay, Trigger: "t", Since: since, Prefix: "in/l"}).ID, Done)
		if got := w.ran(Replay); got["in/late"] != 1 || j.Enqueued != 1 {
			t.Errorf("%v; %+v", got, j)
		}
	})
}

// The event of a backfill is what made the object, or else the first one that the trigger
// listens to.
func TestTypesOfBackfill(t *testing.T) {
	for _, c := range []struct{ events, normal, appended, link string }{
		{"oss:ObjectCreated:*", "PutObject", "AppendObject", "PutSymlink"},
		{"oss:ObjectCreated:PostObject", "PostObject", "PostObject", "PostObject"},
		{"oss:ObjectCreated:PutSymlink", "PutSymlink", "PutSymlink", "PutSymlink"},
	} {
		bubble(t, func(w *world) {
			ctx := t.Context()
			w.put("bucket", "normal")
			_, err := w.objects.Append(ctx, event.Origin{}, object.AppendInput{Bucket: "bucket", Key: "appended", Body: strings.NewReader("x"), Size: 1})
			w.must(err)
			_, err = w.objects.PutSymlink(ctx, event.Origin{}, object.PutInput{Bucket: "bucket", Key: "link"}, "normal")
			w.must(err)
			w.native("t", c.events, "", "")
			w.until(w.begin(Order{Kind: Backfill, Trigger: "t"}).ID, Done)
			w.ran(Backfill)
			got := map[string]string{}
			for _, c := range w.calls {
				var e struct{ Events []struct{ EventName string } }
				w.must(json.Unmarshal(c.Event, &e))
				got[c.Key] = strings.TrimPrefix(e.Events[0].EventName, "ObjectCreated:")
			}
			if want := map[string]string{"normal": c.normal, "appended": c.appended, "link": c.link}; !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", c.events, got, want)
			}
		})
	}
}

// An EventBridge trigger may be about several buckets, and gets CloudEvents.
func TestEventBridge(t *testing.T) {
	bubble(t, func(w *world) {
		w.bucket("aaa")
		w.bucket("zzz")
		for _, b := range []string{"aaa", "bucket", "zzz"} {
			w.put(b, "in/"+b+".png")
			w.put(b, "in/"+b+".txt")
		}
		time.Sleep(time.Second)
		pattern := `{"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],"subject":[{"suffix":".png"}]}`
		config, err := json.Marshal(map[string]any{"eventRuleFilterPattern": pattern, "eventSourceConfig": map[string]string{"eventSourceType": "Default"}})
		w.must(err)
		_, err = w.ts.Create(t.Context(), "f", trigger.Trigger{Name: "e", Type: "eventbridge", Config: string(config)})
		w.must(err)
		j := w.until(w.begin(Order{Kind: Backfill, Trigger: "e"}).ID, Done)
		all := once("in/aaa.png", "in/bucket.png", "in/zzz.png")
		if got := w.ran(Backfill); !maps.Equal(got, all) || j.Total != 3 {
			t.Errorf("%v; %+v", got, j)
		}
		if e := string(w.calls[0].Event); !strings.Contains(e, `"specversion":"1.0"`) {
			t.Errorf("%s", e)
		}
		w.until(w.begin(Order{Kind: Backfill, Trigger: "e", Bucket: "zzz"}).ID, Done)
		if got := w.ran(Backfill); got["in/zzz.png"] != 2 || got["in/aaa.png"] != 1 {
			t.Errorf("%v", got)
		}
		w.until(w.begin(Order{Kind: Replay, Trigger: "e", Since: time.Now().Add(-time.Hour)}).ID, Done)
		if got := w.ran(Replay); !maps.Equal(got, all) {
			t.Errorf("replayed %v", got)
		}
	})
}

// What happens to the trigger meanwhile stops the job, and says so.
func TestTriggersChangeUnderway(t *testing.T) {
	bubble(t, func(w *world) {
		for i := range 100 {
			w.put("bucket", fmt.Sprintf("in/%03d", i))
		}
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		id := w.begin(Order{Kind: Backfill, Trigger: "t", Rate: 10}).ID
		time.Sleep(2 * time.Second)
		w.must(w.ts.Pause(t.Context(), "f", "t", trigger.Manual, ""))
		if j := w.until(id, Paused); !strings.Contains(j.Message, "is paused (Manual)") {
			t.Errorf("%+v", j)
		}
		if _, err := w.s.Begin(t.Context(), Order{Kind: Backfill, Function: "f", Trigger: "t"}); !fault.Is(err, "TriggerPaused") {
			t.Error(err)
		}
		w.until(w.begin(Order{Kind: Backfill, Trigger: "t", DryRun: true}).ID, Done) // may still be counted
		w.must(w.ts.Resume(t.Context(), "f", "t"))
		_, err := w.s.Resume(t.Context(), id)
		w.must(err)
		time.Sleep(2 * time.Second)
		w.must(w.ts.Delete(t.Context(), "f", "t"))
		if j := w.until(id, Failed); !strings.Contains(j.Message, "does not exist") || j.Enqueued == 0 || j.Enqueued == 100 {
			t.Errorf("%+v", j)
		}
	})
}

func TestOrdersThatAreRefused(t *testing.T) {
	bubble(t, func(w *world) {
		w.native("t", "oss:ObjectCreated:*", "in/", "")
		w.native("del", "oss:ObjectRemoved:DeleteObject", "in/", "")
		ctx, hour := t.Context(), time.Now().Add(-time.Hour)
		for name, c := range map[string]struct {
			o      Order
			reason fault.Reason
		}{
			"kind":            {Order{Kind: "x", Function: "f", Trigger: "t"}, "InvalidArgument"},
			"function":        {Order{Kind: Backfill, Function: "none", Trigger: "t"}, "FunctionNotFound"},
			"trigger":         {Order{Kind: Backfill, Function: "f", Trigger: "none"}, "TriggerNotFound"},
			"no since":        {Order{Kind: Replay, Function: "f", Trigger: "t"}, "InvalidArgument"},
			"backwards":       {Order{Kind: Replay, Function: "f", Trigger: "t", Since: hour, Until: hour}, "InvalidArgument"},
			"times":           {Order{Kind: Backfill, Function: "f", Trigger: "t", Since: hour}, "InvalidArgument"},
			"rate":            {Order{Kind: Backfill, Function: "f", Trigger: "t", Rate: -1}, "InvalidArgument"},
			"too fast":        {Order{Kind: Backfill, Function: "f", Trigger: "t", Rate: MaxRate + 1}, "InvalidArgument"},
			"prefix":          {Order{Kind: Backfill, Function: "f", Trigger: "t", Prefix: "out/"}, "InvalidArgument"},
			"bucket":          {Order{Kind: Backfill, Function: "f", Trigger: "t", Bucket: "other"}, "InvalidArgument"},
			"only deletes":    {Order{Kind: Backfill, Function: "f", Trigger: "del"}, "InvalidArgument"},
			"bucket, replay":  {Order{Kind: Replay, Function: "f", Trigger: "t", Since: hour, Bucket: "bucket"}, "InvalidArgument"},
			"prefix too long": {Order{Kind: Backfill, Function: "f", Trigger: "t", Prefix: "in/" + strings.Repeat("x", 1100)}, "InvalidArgument"},
		} {
			if _, err := w.s.Begin(ctx, c.o); !fault.Is(err, c.reason) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.stop() // so that jobs stay
		for range MaxActive {
			w.begin(Order{Kind: Backfill, Trigger: "t"})
			time.Sleep(time.Millisecond)
		}
		if _, err := w.s.Begin(ctx, Order{Kind: Backfill, Function: "f", Trigger: "t"}); !fault.Is(err, "TooManyJobs") {
			t.Error(err)
		}
		w.work()
		for n := range keepEnded + 10 {
			time.Sleep(10 * time.Millisecond)
			w.until(w.begin(Order{Kind: Backfill, Trigger: "t", DryRun: n%2 == 0}).ID, Done)
		}
		jobs, err := w.s.List(ctx, "")
		w.must(err)
		if len(jobs) > keepEnded+MaxActive || !slices.IsSortedFunc(jobs, func(a, b *Job) int { return b.Created.Compare(a.Created) }) {
			t.Errorf("%d jobs are kept", len(jobs))
		}
		if jobs, err := w.s.List(ctx, "g"); err != nil || len(jobs) != 0 {
			t.Error(jobs, err)
		}
	})
}
