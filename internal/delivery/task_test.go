package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// errand runs functions for tests that look at what a run returns, or stop it.
type errand func(ctx context.Context, c run.Call) (errorType, payload string, err error)

func (e errand) Invoke(ctx context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	start := time.Now()
	if c.OnStart != nil {
		c.OnStart(runner.Start{})
	}
	typ, payload, err := e(ctx, c)
	rec := &run.Record{RequestID: c.RequestID, Function: c.Function, Attempt: c.Attempt, Start: start, Duration: time.Since(start), Lineage: c.Lineage}
	if err != nil {
		rec.Fault = string(fault.As(err).Reason)
		return nil, rec, err
	}
	rec.InstanceID, rec.ErrorType, rec.Payload = "i-1", typ, []byte(payload)
	return &runner.Result{ErrorType: typ, Payload: rec.Payload}, rec, nil
}

// settings sets what holds for asynchronous runs of a function.
func (r *rooms) settings(t *testing.T, c function.AsyncConfig) {
	t.Helper()
	if _, err := r.functions.PutAsyncConfig(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

func (r *rooms) start(t *testing.T, e errand, o Options) *Queue {
	t.Helper()
	o.Triggers, o.Settings, o.Invoker = r.triggers, r.functions, e
	q := Open(r.kv, o)
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return q
}

func (q *Queue) task(t *testing.T, f, id string) *Task {
	t.Helper()
	got, err := q.GetTask(context.Background(), f, "", id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func steps(t *Task) (s []string) {
	for i, e := range t.Events {
		if e.ID != t.EventCount-int64(len(t.Events)-1-i) {
			s = append(s, fmt.Sprintf("event %d is number %d", i, e.ID))
		}
		s = append(s, e.State)
	}
	return s
}

func invoke(t *testing.T, q *Queue, f, payload, id string) string {
	t.Helper()
	requestID := run.NewRequestID(time.Now())
	if err := q.Enqueue(context.Background(), f, "", []byte(payload), requestID, id, event.Origin{}); err != nil {
		t.Fatal(err)
	}
	return requestID
}

func TestTask(t *testing.T) {
	one, two := 1, 2
	tests := []struct {
		name    string
		config  function.AsyncConfig
		do      errand
		state   string
		steps   []string
		retried int
		says    string
		returns string
	}{
		{"succeeds", function.AsyncConfig{}, func(context.Context, run.Call) (string, string, error) {
			time.Sleep(3 * time.Second)
			return "", strings.Repeat("r", maxTaskReturn+1), nil
		}, Succeeded, []string{Enqueued, Running, Succeeded}, 0, "", strings.Repeat("r", maxTaskReturn)},
		{"fails", function.AsyncConfig{Retries: &two}, func(context.Context, run.Call) (string, string, error) {
			return runner.ErrorUnhandled, `{"errorMessage":"oops"}`, nil
		}, Failed, []string{Enqueued, Running, Retrying, Running, Retrying, Running, Failed}, 2, "oops", `{"errorMessage":"oops"}`},
		{"recovers", function.AsyncConfig{}, func(_ context.Context, c run.Call) (string, string, error) {
			if c.Attempt == 0 {
				return runner.ErrorHandled, "null", nil
			}
			return "", "fine", nil
		}, Succeeded, []string{Enqueued, Running, Retrying, Running, Succeeded}, 1, "", "fine"},
		{"expires", function.AsyncConfig{MaxAgeSeconds: &one}, func(context.Context, run.Call) (string, string, error) {
			return "", "", fault.New(fault.Throttled, "ResourceExhausted", "busy")
		}, Expired, []string{Enqueued, Expired}, 0, "maxAsyncEventAgeInSeconds", ""},
		{"is of nothing", function.AsyncConfig{}, func(context.Context, run.Call) (string, string, error) {
			return "", "", fault.New(fault.NotFound, "FunctionNotFound", "gone")
		}, Invalid, []string{Enqueued, Invalid}, 0, "gone", ""},
		{"is given up", function.AsyncConfig{}, func(context.Context, run.Call) (string, string, error) {
			return "", "", fault.New(fault.Throttled, "ResourceExhausted", "busy")
		}, Failed, []string{Enqueued, Failed}, 0, "Given up after", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				tt.config.Function, tt.config.Task = "f", true
				r.settings(t, tt.config)
				q := r.start(t, tt.do, Options{})
				begun := time.Now().UTC()
				payload := strings.Repeat("p", MaxPayload)
				requestID := invoke(t, q, "f", payload, "job")
				time.Sleep(6 * time.Hour)
				synctest.Wait()
				task := q.task(t, "f", "job")
				if task.State != tt.state || !slices.Equal(steps(task), tt.steps) || task.Retried != tt.retried || !strings.Contains(task.Error, tt.says) || tt.says == "" && task.Error != "" {
					t.Errorf("%s %v, %d retries: %q", task.State, steps(task), task.Retried, task.Error)
				}
				if task.RequestID != requestID || task.Qualifier != "LATEST" || string(task.Return) != tt.returns || string(task.Payload) != payload ||
					task.Started.Sub(begun).Abs() > time.Millisecond || task.Ended.Before(task.Started) {
					t.Errorf("%+v", task)
				}
				if tt.state == Succeeded && tt.retried == 0 && (task.Duration != 3*time.Second || task.InstanceID != "i-1") {
					t.Errorf("ran for %v on %q", task.Duration, task.InstanceID)
				}

				// It is forgotten, without a trace, when its time has come.
				left := TaskRetention - time.Since(task.Ended)
				time.Sleep(left - time.Second)
				if n, err := q.ForgetTasks(context.Background()); n != 0 || err != nil {
					t.Errorf("too early: %d %v", n, err)
				}
				time.Sleep(2 * time.Second)
				if n, err := q.ForgetTasks(context.Background()); n != 1 || err != nil {
					t.Errorf("in time: %d %v", n, err)
				}
				if rows := rowsLeft(t, r.kv, "d/t"); len(rows) > 0 {
					t.Errorf("left behind: %q", rows)
				}
				if _, err := q.GetTask(context.Background(), "f", "", "job"); !fault.Is(err, "AsyncTaskNotFound") {
					t.Errorf("afterwards: %v", err)
				}
				q.Stop(context.Background())
			})
		})
	}
}

func TestTaskIdentity(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		q := r.start(t, func(context.Context, run.Call) (string, string, error) { return "", "", nil }, Options{})
		defer q.Stop(ctx)
		invoke(t, q, "f", "x", "job") // no task yet
		invoke(t, q, "f", "x", "job")
		synctest.Wait()
		if rows := rowsLeft(t, r.kv, "d/"); len(rows) > 0 {
			t.Errorf("rows of what is no task: %q", rows)
		}
		if l, next, err := q.ListTasks(ctx, TaskQuery{Function: "f"}); len(l) != 0 || next != "" || err != nil {
			t.Errorf("%v %q %v", l, next, err)
		}
		r.settings(t, function.AsyncConfig{Function: "f", Task: true})
		r.settings(t, function.AsyncConfig{Function: "g", Task: true})
		invoke(t, q, "f", "x", "job")
		invoke(t, q, "g", "x", "job") // another function's
		err := q.Enqueue(ctx, "f", "", nil, "1-2", "job", event.Origin{})
		if !fault.Is(err, "AsyncTaskAlreadyExists") || fault.KindOf(err) != fault.Exists {
			t.Errorf("a second one: %v", err)
		}
		synctest.Wait()
		if err := q.Enqueue(ctx, "f", "", nil, "1-3", "job", event.Origin{}); !fault.Is(err, "AsyncTaskAlreadyExists") {
			t.Errorf("after its end: %v", err)
		}
		time.Sleep(time.Second)
		cause(t, q, "f/a.png", nil)
		synctest.Wait()
		l, _, err := q.ListTasks(ctx, TaskQuery{Function: "f", Payload: true})
		if err != nil || len(l) != 2 || l[0].ID != l[0].RequestID || !bytes.Contains(l[0].Payload, []byte("f/a.png")) || l[0].State != Succeeded {
			t.Errorf("an event's: %+v %v", l, err)
		}
		for _, c := range []struct{ f, qualifier, id, reason string }{
			{"f", "LATEST", "job", ""}, {"f", "", "job", ""}, {"f", "prod", "job", "AsyncTaskNotFound"}, {"f", "", "none", "AsyncTaskNotFound"},
			{"f", "", strings.Repeat("x", 5000), "AsyncTaskNotFound"}, {"nope", "", "job", "FunctionNotFound"},
		} {
			_, err := q.GetTask(ctx, c.f, c.qualifier, c.id)
			if stopped := q.StopTask(ctx, c.f, c.qualifier, c.id); c.reason != "" && !fault.Is(stopped, fault.Reason(c.reason)) {
				t.Errorf("stopping %.20v: %v", c, stopped)
			}
			if (err == nil) != (c.reason == "") || err != nil && !fault.Is(err, fault.Reason(c.reason)) {
				t.Errorf("%.20v: %v", c, err)
			}
		}
	})
}

func TestListTasks(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		none := 0
		r.settings(t, function.AsyncConfig{Function: "f", Task: true, Retries: &none})
		hold := make(chan struct{})
		q := r.start(t, func(_ context.Context, c run.Call) (string, string, error) {
			switch string(c.Event) {
			case "fail":
				return runner.ErrorUnhandled, "", nil
			case "hold":
				<-hold
			}
			return "", "", nil
		}, Options{})
		begun := time.Now()
		for i := range 12 {
			invoke(t, q, "f", []string{"", "fail", "hold"}[i%3], fmt.Sprintf("%c%02d", 'a'+i%2, i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
		for _, c := range []struct {
			name string
			in   TaskQuery
			want string
		}{
			{"all", TaskQuery{}, "b11 a10 b09 a08 b07 a06 b05 a04 b03 a02 b01 a00"},
			{"ascending", TaskQuery{Ascending: true}, "a00 b01 a02 b03 a04 b05 a06 b07 a08 b09 a10 b11"},
			{"prefix", TaskQuery{Prefix: "b0"}, "b09 b07 b05 b03 b01"},
			{"failed", TaskQuery{State: Failed}, "a10 b07 a04 b01"},
			{"running", TaskQuery{State: Running}, "b11 a08 b05 a02"},
			{"waiting", TaskQuery{State: Enqueued}, ""},
			{"qualifier", TaskQuery{Qualifier: "LATEST", Prefix: "a00"}, "a00"},
			{"another qualifier", TaskQuery{Qualifier: "1"}, ""},
			{"from", TaskQuery{Begin: at(10)}, "b11 a10"},
			{"to", TaskQuery{End: at(1)}, "b01 a00"},
			{"between", TaskQuery{Begin: at(3), End: at(5), Ascending: true}, "b03 a04 b05"},
			{"nothing between", TaskQuery{Begin: at(5), End: at(3)}, ""},
		} {
			for _, limit := range []int{0, 1, 2, 5} {
				in := c.in
				in.Function, in.Limit = "f", limit
				var got []string
				for pages := 0; ; pages++ {
					l, next, err := q.ListTasks(ctx, in)
					if err != nil || limit > 0 && len(l) > limit || pages > 20 {
						t.Fatalf("%s: %d tasks, page %d: %v", c.name, len(l), pages, err)
					}
					for _, task := range l {
						got = append(got, task.ID)
						if task.Payload != nil {
							t.Errorf("%s: a payload that nobody asked for", c.name)
						}
					}
					if in.Token = next; next == "" {
						break
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("%s by %d: %v, want %s", c.name, limit, got, c.want)
				}
			}
		}
		for _, token := range []string{"!", "YQ", strings.Repeat("a", 1000)} {
			if _, _, err := q.ListTasks(ctx, TaskQuery{Function: "f", Token: token}); !fault.Is(err, "InvalidArgument") {
				t.Errorf("token %.10q: %v", token, err)
			}
		}
		if _, _, err := q.ListTasks(ctx, TaskQuery{Function: "nope"}); !fault.Is(err, "FunctionNotFound") {
			t.Error(err)
		}
		close(hold)
		q.Stop(ctx)
	})
}

func TestStopTask(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		r.settings(t, function.AsyncConfig{Function: "f", Task: true, OnSuccess: toObjects, OnFailure: toObjects})
		results := &shelf{}
		var mu sync.Mutex
		runs := map[string]int{}
		do := func(_ context.Context, c run.Call) (string, string, error) {
			mu.Lock()
			runs[string(c.Event)]++
			mu.Unlock()
			switch string(c.Event) {
			case "retry":
				return runner.ErrorUnhandled, "", nil
			case "busy":
				return "", "", fault.New(fault.Internal, "InternalError", "not now")
			case "deaf": // it ends on its own at the very moment
				<-c.Stop
				return "", "done", nil
			}
			<-c.Stop
			return "", "", fault.New(fault.Unavailable, "RunStopped", "stopped").Because(context.Canceled)
		}
		q := r.start(t, do, Options{PerFunction: 2, Destinations: sender(results)})
		stop := func(id string) {
			t.Helper()
			if err := q.StopTask(ctx, "f", "", id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			synctest.Wait()
		}
		is := func(id string, want ...string) {
			t.Helper()
			if task := q.task(t, "f", id); task.State != want[len(want)-1] || !slices.Equal(steps(task), want) {
				t.Errorf("%s: %s %v, want %v", id, task.State, steps(task), want)
			}
		}
		invoke(t, q, "f", "retry", "retry")
		synctest.Wait()
		is("retry", Enqueued, Running, Retrying)
		stop("retry")
		is("retry", Enqueued, Running, Retrying, Stopping, Stopped)

		invoke(t, q, "f", "busy", "busy")
		time.Sleep(time.Second)
		stop("busy")
		is("busy", Enqueued, Stopping, Stopped)
		tries := runs["busy"]

		invoke(t, q, "f", "long", "long")
		invoke(t, q, "f", "deaf", "deaf")
		time.Sleep(5 * time.Second)         // the function that refused is tried again
		invoke(t, q, "f", "waits", "waits") // both places are taken
		synctest.Wait()
		if s := q.task(t, "f", "long").State; s != Running {
			t.Errorf("under way: %s", s)
		}
		stop("waits")
		is("waits", Enqueued, Stopping, Stopped)
		stop("long")
		is("long", Enqueued, Stopping, Running, Stopped)
		stop("long")
		stop("deaf")
		is("deaf", Enqueued, Stopping, Running, Succeeded)
		if err := q.StopTask(ctx, "f", "", "deaf"); !fault.Is(err, "AsyncInvocationStopped") || !strings.Contains(err.Error(), Succeeded) {
			t.Errorf("after its end: %v", err)
		}
		time.Sleep(time.Hour)
		if runs["retry"] != 1 || runs["busy"] != tries || runs["long"] != 1 || runs["waits"] != 0 {
			t.Errorf("runs: %v", runs)
		}
		// Nothing else is left of what was stopped: no dead letter, no result.
		if rows := rowsLeft(t, r.kv, tQueue); len(rows) > 0 {
			t.Errorf("waiting: %q", rows)
		}
		if rows := rowsLeft(t, r.kv, tDead); len(rows) > 0 {
			t.Errorf("dead: %q", rows)
		}
		if task := q.task(t, "f", "deaf"); len(results.writes) != 1 || results.writes[0].RequestID != task.RequestID {
			t.Errorf("results: %+v", results.writes)
		}
		q.Stop(ctx)
	})
}

// A crash between the order to stop and the end of the run does not let the task run on.
func TestStopTaskSurvivesACrash(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		r.settings(t, function.AsyncConfig{Function: "f", Task: true})
		q := r.start(t, func(context.Context, run.Call) (string, string, error) {
			<-ctx.Done() // of the first process, whose verdict is never written
			return "", "", errors.Join(context.Canceled)
		}, Options{})
		invoke(t, q, "f", "x", "job")
		synctest.Wait()
		if err := q.StopTask(context.Background(), "f", "", "job"); err != nil {
			t.Fatal(err)
		}
		second := r.start(t, func(context.Context, run.Call) (string, string, error) {
			t.Error("it runs again")
			return "", "", nil
		}, Options{})
		synctest.Wait()
		if task := second.task(t, "f", "job"); task.State != Stopped || !slices.Equal(steps(task), []string{Enqueued, Stopping, Stopped}) {
			t.Errorf("%s %v", task.State, steps(task))
		}
		cancel()
		second.Stop(context.Background())
		q.Stop(context.Background())
	})
}

func TestRedrivenTask(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		none := 0
		r.settings(t, function.AsyncConfig{Function: "f", Task: true, Retries: &none})
		fails := true
		q := r.start(t, func(context.Context, run.Call) (string, string, error) {
			if fails {
				return runner.ErrorUnhandled, `{"errorMessage":"oops"}`, nil
			}
			return "", "fine", nil
		}, Options{})
		defer q.Stop(ctx)
		invoke(t, q, "f", "x", "job")
		synctest.Wait()
		dead, _, err := q.ListDead(ctx, DeadQuery{})
		if err != nil || len(dead) != 1 {
			t.Fatalf("%v %v", dead, err)
		}
		fails = false
		time.Sleep(time.Hour)
		if n, err := q.Redrive(ctx, dead[0].ID); n != 1 || err != nil {
			t.Fatalf("%d %v", n, err)
		}
		synctest.Wait()
		task := q.task(t, "f", "job")
		if !slices.Equal(steps(task), []string{Enqueued, Running, Failed, Enqueued, Running, Succeeded}) || task.State != Succeeded || task.Error != "" || string(task.Return) != "fine" {
			t.Errorf("%+v", task)
		}
		time.Sleep(TaskRetention + time.Second)
		if n, err := q.ForgetTasks(ctx); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		if rows := rowsLeft(t, r.kv, "d/t"); len(rows) > 0 {
			t.Errorf("left behind: %q", rows)
		}
	})
}
