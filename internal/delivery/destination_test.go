package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

const (
	toG       = "acs:fc:cn-hangzhou:1:functions/g"
	toObjects = "acs:oss:cn-hangzhou:1:results/of/"
)

// shelf takes results that become objects; fail, if set, says whether it does.
type shelf struct {
	mu     sync.Mutex
	writes []destination.Write
	at     []time.Time
	fail   func(n int) error
}

func (s *shelf) PutObject(_ context.Context, w destination.Write) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	if s.fail != nil {
		if err := s.fail(len(s.at) - 1); err != nil {
			return err
		}
	}
	s.writes = append(s.writes, w)
	return nil
}

type result struct {
	Context struct {
		RequestID   string `json:"requestId"`
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
		Count       int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	Request  string `json:"requestPayload"`
	Response struct {
		Status int    `json:"statusCode"`
		Error  string `json:"functionError"`
	} `json:"responseContext"`
	Payload string `json:"responsePayload"`
}

func parse(t *testing.T, b []byte) (r result) {
	t.Helper()
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%v: %.200s", err, b)
	}
	return r
}

func sender(s *shelf) *destination.Sender { return destination.NewSender("cn-hangzhou", "1", s) }

// What is told of every end that a delivery can have.
func TestResult(t *testing.T) {
	one, two := 1, 2
	busy := fault.New(fault.Throttled, "ResourceExhausted", "busy")
	tests := []struct {
		name    string
		config  function.AsyncConfig
		do      errand
		want    string // condition, status, count, payload; empty: nothing is handed on
		payload int    // bytes; 0: a few
	}{
		{"success", function.AsyncConfig{OnSuccess: toObjects, OnFailure: toG}, func(context.Context, run.Call) (string, string, error) { return "", `{"a":1}`, nil }, ` 200 1 {"a":1}`, 0},
		{"success after a retry", function.AsyncConfig{OnSuccess: toObjects}, func(_ context.Context, c run.Call) (string, string, error) {
			if c.Attempt == 0 {
				return runner.ErrorUnhandled, "no", nil
			}
			return "", "yes", nil
		}, ` 200 2 yes`, 0},
		{"success without a destination for it", function.AsyncConfig{OnFailure: toObjects}, func(context.Context, run.Call) (string, string, error) { return "", "", nil }, "", 0},
		{"failure", function.AsyncConfig{OnSuccess: toG, OnFailure: toObjects, Retries: &two}, func(context.Context, run.Call) (string, string, error) {
			return runner.ErrorHandled, `{"errorMessage":"oops"}`, nil
		}, `HandledInvocationError 200 3 {"errorMessage":"oops"}`, 0},
		{"failure without a destination for it", function.AsyncConfig{OnSuccess: toObjects}, func(context.Context, run.Call) (string, string, error) { return runner.ErrorHandled, "", nil }, "", 0},
		{"expired", function.AsyncConfig{OnFailure: toObjects, MaxAgeSeconds: &one}, func(context.Context, run.Call) (string, string, error) { return "", "", busy },
			`Expired 408 0 {"errorMessage":"The event waited 1s, longer than maxAsyncEventAgeInSeconds (1) allows.","errorType":"Expired"}`, 0},
		{"throttled for five hours", function.AsyncConfig{OnFailure: toObjects}, func(context.Context, run.Call) (string, string, error) { return "", "", busy },
			`ResourceExhausted 429 0 {"errorMessage":"Given up after 5h0m0s: busy","errorType":"ResourceExhausted"}`, 0},
		{"the function is gone", function.AsyncConfig{OnFailure: toObjects}, func(context.Context, run.Call) (string, string, error) {
			return "", "", fault.New(fault.NotFound, "FunctionNotFound", "gone")
		}, `FunctionNotFound 404 0 {"errorMessage":"gone","errorType":"FunctionNotFound"}`, 0},
		{"a loop was stopped", function.AsyncConfig{OnFailure: toObjects}, func(context.Context, run.Call) (string, string, error) {
			return "", "", fault.New(fault.Denied, run.Recursive, "deep")
		}, "", 0},
		{"a large payload", function.AsyncConfig{OnSuccess: toObjects}, func(context.Context, run.Call) (string, string, error) { return "", "ok", nil }, ` 200 1 ok`, 100 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f", "g")
			synctest.Test(t, func(t *testing.T) {
				tt.config.Function = "f"
				r.settings(t, tt.config)
				s := &shelf{}
				q := r.start(t, func(ctx context.Context, c run.Call) (string, string, error) {
					if c.Function == "g" {
						t.Error("the wrong destination")
					}
					return tt.do(ctx, c)
				}, Options{Destinations: sender(s)})
				payload := strings.Repeat("p", max(tt.payload, 10))
				requestID := invoke(t, q, "f", payload, "")
				time.Sleep(6 * time.Hour)
				synctest.Wait()
				q.Stop(context.Background())
				if rows := rowsLeft(t, r.kv, tQueue); len(rows) > 0 {
					t.Errorf("left in the queues: %q", rows)
				}
				if tt.want == "" {
					if len(s.writes) > 0 {
						t.Errorf("handed on: %s", s.writes[0].Body)
					}
					return
				}
				if len(s.writes) != 1 {
					t.Fatalf("%d results", len(s.writes))
				}
				w := s.writes[0]
				got := parse(t, w.Body)
				if text := fmt.Sprintf("%s %d %d %s", got.Context.Condition, got.Response.Status, got.Context.Count, got.Payload); text != tt.want {
					t.Errorf("got  %s\nwant %s", text, tt.want)
				}
				if w.Key != "of/"+requestID+".json" || w.Bucket != "results" || w.Function != "f" || w.RequestID != requestID || got.Context.RequestID != requestID ||
					got.Context.FunctionARN != "acs:fc:cn-hangzhou:1:functions/f" || got.Request != payload || got.Response.Error != got.Context.Condition {
					t.Errorf("%+v\n%+v", w, got)
				}
				if w.Lineage == nil || w.Lineage.Run != requestID {
					t.Errorf("lineage %+v", w.Lineage)
				}
				if ok, bad := q.Destinations(); ok != 1 || bad != 0 {
					t.Errorf("counted %d and %d", ok, bad)
				}
			})
		})
	}
}

// A chain of destinations has a depth that grows, whatever it began with, and its runs
// are asynchronous invocations with settings of their own.
func TestResultsToFunctions(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		r.settings(t, function.AsyncConfig{Function: "f", OnSuccess: toG})
		r.settings(t, function.AsyncConfig{Function: "g", OnSuccess: "acs:fc:cn-hangzhou:1:functions/f/LATEST", Task: true})
		var calls []run.Call
		s := &shelf{}
		q := r.start(t, func(_ context.Context, c run.Call) (string, string, error) {
			if c.Lineage.Depth > 6 {
				return "", "", fault.New(fault.Denied, run.Recursive, "deep")
			}
			calls = append(calls, c)
			return "", "r", nil
		}, Options{Destinations: sender(s)})
		cause(t, q, "f/a.png", &lineage.Lineage{Run: "earlier", Depth: 2})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(calls) != 4 {
			t.Fatalf("%d runs", len(calls))
		}
		for i, c := range calls {
			want, kind := "f", run.Destination
			if i%2 == 1 {
				want = "g"
			}
			if i == 0 {
				kind = run.Trigger
			}
			if c.Function != want || c.Kind != kind || c.Qualifier != "LATEST" || c.Lineage.Depth != 3+i || c.Lineage.Run != c.RequestID {
				t.Errorf("run %d: %+v, depth %d", i, c, c.Lineage.Depth)
			}
			if i > 0 {
				got := parse(t, c.Event)
				if got.Context.RequestID != calls[i-1].RequestID || got.Request != string(calls[i-1].Event) || got.Context.Condition != "" || got.Payload != "r" {
					t.Errorf("run %d got %s", i, c.Event)
				}
				if l := c.Lineage.Chain; l[len(l)-1] != calls[i-1].RequestID {
					t.Errorf("run %d is caused by %v", i, l)
				}
			}
		}
		if l, _, err := q.ListTasks(context.Background(), TaskQuery{Function: "g"}); len(l) != 2 || err != nil {
			t.Errorf("%d tasks, %v", len(l), err)
		}
		if dead, _, err := q.ListDead(context.Background(), DeadQuery{}); len(dead) != 1 || err != nil || dead[0].Reason != run.Recursive {
			t.Errorf("%+v %v", dead, err)
		}
		if ok, bad := q.Destinations(); ok != 4 || bad != 0 {
			t.Errorf("counted %d and %d", ok, bad)
		}
		q.Stop(context.Background())
	})
}

// Results that do not get to their destination are tried again as system errors are, and
// do not hold up the function's deliveries.
func TestResultsThatDoNotArrive(t *testing.T) {
	unavailable := fault.New(fault.Unavailable, "InsufficientStorage", "full")
	denied := fault.New(fault.Denied, "AccessDenied", "no")
	tests := []struct {
		name string
		fail func(n int) error
		gaps []int // seconds, rounded
		dead string
	}{
		{"back after a while", func(n int) error {
			if n < 4 {
				return unavailable
			}
			return nil
		}, []int{1, 1, 2, 4}, ""},
		{"never", func(int) error { return unavailable }, nil, "Given up after 5h0m0s: full"},
		{"denied, then allowed", func(n int) error {
			if n < 2 {
				return denied
			}
			return nil
		}, []int{1, 1}, ""},
		{"no such bucket", func(int) error { return fault.New(fault.NotFound, "NoSuchBucket", "no bucket") }, []int{}, "no bucket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				r.settings(t, function.AsyncConfig{Function: "f", OnSuccess: toObjects, Task: true})
				s := &shelf{fail: tt.fail}
				done := 0
				q := r.start(t, func(context.Context, run.Call) (string, string, error) { done++; return "", "", nil }, Options{Destinations: sender(s)})
				invoke(t, q, "f", "x", "job")
				synctest.Wait()
				time.Sleep(7 * time.Hour)
				synctest.Wait()
				var gaps []int
				for i := 1; i < len(s.at); i++ {
					gaps = append(gaps, int(s.at[i].Sub(s.at[i-1]).Round(time.Second)/time.Second))
				}
				if tt.gaps != nil && fmt.Sprint(gaps) != fmt.Sprint(tt.gaps) {
					t.Errorf("gaps %v, want %v", gaps, tt.gaps)
				}
				if total := s.at[len(s.at)-1].Sub(s.at[0]); tt.gaps == nil && (total < giveUp-maxDelay || total > giveUp+maxDelay) {
					t.Errorf("given up after %v", total)
				}
				dead, _, err := q.ListDead(context.Background(), DeadQuery{})
				if err != nil {
					t.Fatal(err)
				}
				ok, bad := q.Destinations()
				status := q.task(t, "f", "job").Destination
				if tt.dead == "" && (len(dead) != 0 || ok != 1 || bad != 0 || status != Succeeded) {
					t.Errorf("dead %v, counted %d and %d, the task says %q", dead, ok, bad, status)
				}
				if tt.dead != "" && (len(dead) != 1 || dead[0].Reason != ReasonDestination || dead[0].Message != tt.dead || ok != 0 || bad != 1 || status != Failed) {
					t.Errorf("dead %+v, counted %d and %d, the task says %q", dead, ok, bad, status)
				}
				if len(dead) == 1 { // and it can be tried again
					s.fail = nil
					if n, err := q.Redrive(context.Background(), dead[0].ID); n != 1 || err != nil {
						t.Fatalf("%d %v", n, err)
					}
					synctest.Wait()
					if len(s.writes) != 1 || q.task(t, "f", "job").Destination != Succeeded {
						t.Errorf("redriven: %d results", len(s.writes))
					}
				}
				if done != 1 {
					t.Errorf("%d runs", done)
				}
				q.Stop(context.Background())
			})
		})
	}
}

// A destination that never answers takes no place from the function's own runs.
func TestDeadEndpointHoldsUpNothing(t *testing.T) {
	block := make(chan struct{})
	var mu sync.Mutex
	conditions := map[string]int{}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		conditions[r.Header.Get("X-Fc-Destination-Condition")]++
		mu.Unlock()
		<-block
	}))
	defer endpoint.Close()
	defer close(block)
	r := newRooms(t, "f")
	none := 0
	r.settings(t, function.AsyncConfig{Function: "f", OnSuccess: endpoint.URL, OnFailure: endpoint.URL, Retries: &none})
	done := make(chan struct{}, 1000)
	q := r.start(t, func(_ context.Context, c run.Call) (string, string, error) {
		done <- struct{}{}
		if string(c.Event) == "0" {
			return runner.ErrorUnhandled, "", nil
		}
		return "", "", nil
	}, Options{Destinations: sender(nil), PerFunction: 2})
	for i := range 100 {
		invoke(t, q, "f", fmt.Sprint(i), "")
	}
	for i := range 100 {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatalf("the %dth run did not happen", i)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q.Stop(ctx)
}

// A result is owed from the moment that its run is over, and a crash does not lose it.
func TestResultsSurviveACrash(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		r.settings(t, function.AsyncConfig{Function: "f", OnSuccess: toObjects})
		s := &shelf{fail: func(int) error { return fault.New(fault.Unavailable, "X", "not now") }}
		do := func(context.Context, run.Call) (string, string, error) { return "", "r", nil }
		q := r.start(t, do, Options{Destinations: sender(s)})
		requestID := invoke(t, q, "f", "x", "")
		synctest.Wait()
		q.Stop(context.Background())
		if rows := rowsLeft(t, r.kv, tQueue+"f\x01@\x00"); len(rows) != 1 {
			t.Fatalf("%q", rowsLeft(t, r.kv, tQueue))
		}
		s.fail = nil
		q = r.start(t, do, Options{Destinations: sender(s)})
		time.Sleep(time.Minute)
		synctest.Wait()
		q.Stop(context.Background())
		if len(s.writes) != 1 || s.writes[0].RequestID != requestID {
			t.Errorf("%+v", s.writes)
		}
	})
}

// An EventBridge trigger's results go to its dead letter queue and nowhere else.
func TestDeadLetterOfARule(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		r.settings(t, function.AsyncConfig{Function: "f", OnSuccess: toG, OnFailure: toG})
		s := &shelf{}
		fails := true
		q := r.start(t, func(_ context.Context, c run.Call) (string, string, error) {
			if c.Function == "g" {
				t.Error("handed on to g")
			}
			if fails {
				return runner.ErrorUnhandled, "oops", nil
			}
			return "", "", nil
		}, Options{Destinations: sender(s)})
		owe := func(dlq string) {
			t.Helper()
			err := q.kv.Update(context.Background(), func(tx kv.Txn) error {
				return q.Owe(tx, &Delivery{RequestID: run.NewRequestID(time.Now()), Function: "f", Qualifier: "LATEST", Kind: run.Trigger, Trigger: "rule",
					Payload: []byte("cloud event"), Retry: &trigger.Retry{Strategy: trigger.Backoff, DeadLetter: dlq}}, []byte{0})
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
		}
		owe("")
		if len(s.writes) != 0 {
			t.Errorf("without a queue: %s", s.writes[0].Body)
		}
		owe(toObjects)
		if len(s.writes) != 1 {
			t.Fatalf("%d results", len(s.writes))
		}
		if got := parse(t, s.writes[0].Body); got.Context.Condition != runner.ErrorUnhandled || got.Request != "cloud event" || got.Payload != "oops" || got.Context.Count != 4 {
			t.Errorf("%+v", got)
		}
		fails = false
		owe(toObjects)
		if len(s.writes) != 1 {
			t.Errorf("a success: %s", s.writes[1].Body)
		}
		q.Stop(context.Background())
	})
}
