package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// journal keeps what it is told in a table, so that what a transaction did not commit is
// not there.
type journal struct{ s kv.Store }

func (j journal) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []Owed) {
	for _, o := range owed {
		tx.Set([]byte("j/event/"+rec.Key+"/"+o.RequestID), []byte(o.Trigger))
	}
}

func (j journal) Owe(tx kv.Txn, eventID string, o Owed) {
	tx.Set([]byte("j/owe/"+eventID+"/"+o.RequestID), []byte(o.Mark))
}

func (j journal) Outcome(tx kv.Txn, o *Outcome) {
	tx.Set([]byte("j/outcome/"+o.RequestID), fmt.Appendf(nil, "%s %s %d", o.State, o.Reason, o.Attempts))
}

// outcomes returns the ends of all deliveries, sorted.
func (j journal) outcomes(t *testing.T) (all []string) {
	t.Helper()
	err := j.s.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte("j/outcome/")), func(_, v []byte) error { all = append(all, string(v)); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// rule adds an EventBridge trigger on the objects under the function's name.
func (r *rooms) rule(t *testing.T, function, name, options string) {
	t.Helper()
	_, err := r.triggers.Create(context.Background(), function, trigger.Trigger{Name: name, Type: trigger.TypeEventBridge,
		Config: fmt.Sprintf(`{"eventRuleFilterPattern":"{\"source\":[\"acs.oss\"],\"subject\":[{\"prefix\":\"acs:oss:cn-hangzhou:1:testbucket/%s/\"}]}"%s}`, function, options)})
	if err != nil {
		t.Fatal(err)
	}
}

// owe enqueues deliveries that nothing but the test causes.
func owe(t testing.TB, q *Queue, n int, d Delivery) {
	t.Helper()
	for n > 0 {
		batch := min(n, 500)
		err := q.kv.Update(context.Background(), func(tx kv.Txn) error {
			for i := range batch {
				c := d
				c.RequestID = run.NewRequestID(time.Now())
				if d.RequestID != "" {
					c.RequestID = d.RequestID
				}
				if c.Payload == nil {
					c.Payload = []byte("{}")
				}
				if err := q.Owe(tx, &c, []byte{byte(i >> 8), byte(i), 0}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		n -= batch
	}
}

var busy = fault.New(fault.Throttled, "ResourceExhausted", "busy")

func TestEventBridgeRetries(t *testing.T) {
	decay := func(n int) (gaps []int) {
		for i := range n {
			gaps = append(gaps, int(backoff(time.Second, 512*time.Second, i)/time.Second))
		}
		return gaps
	}
	failing := func(int) (string, error) { return runner.ErrorUnhandled, nil }
	tests := []struct {
		name  string
		retry trigger.Retry
		do    func(n int) (string, error)
		gaps  []int // s; nil for 10 to 20 each
		runs  int
		dead  string
	}{
		{"backoff", trigger.Retry{Strategy: trigger.Backoff}, failing, nil, 4, ReasonRetries},
		{"backoff, fewer", trigger.Retry{Strategy: trigger.Backoff, MaxAttempts: 1}, failing, nil, 2, ReasonRetries},
		{"backoff, too old", trigger.Retry{Strategy: trigger.Backoff, MaxAge: 5 * time.Second}, failing, nil, 1, ReasonRetries},
		{"refusals count", trigger.Retry{Strategy: trigger.Backoff}, func(int) (string, error) { return "", busy }, nil, 4, "ResourceExhausted"},
		{"recovers", trigger.Retry{Strategy: trigger.Backoff}, func(n int) (string, error) {
			if n < 3 {
				return "", busy
			}
			return "", nil
		}, nil, 4, ""},
		{"decay", trigger.Retry{Strategy: trigger.ExponentialDecay, MaxAge: 48 * time.Hour}, failing, decay(176), 177, ReasonRetries},
		{"decay for a day", trigger.Retry{Strategy: trigger.ExponentialDecay}, failing, decay(176)[:9+int((24*time.Hour-511*time.Second)/(512*time.Second))], 0, ReasonRetries},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				h := &handler{}
				n := 0
				h.do = func(run.Call) (string, error) { n++; return tt.do(n - 1) }
				j := journal{r.kv}
				q := r.open(h, Options{Journal: j})
				q.Start(t.Context())
				defer q.Stop(t.Context())
				owe(t, q, 1, Delivery{Function: "f", Trigger: "t", Retry: &tt.retry})
				time.Sleep(49 * time.Hour)
				q.Stop(t.Context())
				gaps := h.gaps()
				for i := range gaps {
					gaps[i] /= 1000
				}
				if tt.gaps != nil {
					if !slices.Equal(gaps, tt.gaps) {
						t.Errorf("gaps %v, want %v", gaps, tt.gaps)
					}
				} else {
					for _, g := range gaps {
						if g < 10 || g > 20 {
							t.Errorf("a gap of %d s, want 10 to 20", g)
						}
					}
				}
				if tt.runs != 0 && h.count() != tt.runs {
					t.Errorf("%d runs, want %d", h.count(), tt.runs)
				}
				for i, c := range h.all() {
					if c.Attempt != i || c.RequestID != h.all()[0].RequestID {
						t.Errorf("run %d is attempt %d of %s", i, c.Attempt, c.RequestID)
					}
				}
				dead, _, _ := q.ListDead(t.Context(), DeadQuery{})
				if tt.dead == "" && len(dead) > 0 || tt.dead != "" && (len(dead) != 1 || dead[0].Reason != tt.dead) {
					t.Errorf("dead %+v, want %q", dead, tt.dead)
				}
				if o := j.outcomes(t); len(o) != 1 {
					t.Errorf("outcomes %q", o)
				}
			})
		})
	}
}

// A trigger that tolerates no errors waits for its first event for ever, one run at a time
// and in order, across restarts; others go on.
func TestBlockingTriggerKeepsItsOrder(t *testing.T) {
	r := newRooms(t, "f")
	r.rule(t, "f", "strict", `,"runOptions":{"errorsTolerance":"NONE"}`)
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		var mu sync.Mutex
		var keys []string
		order := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(keys)
		}
		var atOnce atomic.Int32
		h := &handler{do: func(c run.Call) (string, error) {
			if c.Trigger != "strict" {
				return "", nil
			}
			if atOnce.Add(1) > 1 {
				t.Error("two runs at once")
			}
			time.Sleep(time.Second)
			atOnce.Add(-1)
			if !well.Load() && c.Key == "f/1" {
				return runner.ErrorUnhandled, nil
			}
			mu.Lock()
			defer mu.Unlock()
			keys = append(keys, c.Key)
			return "", nil
		}}
		j := journal{r.kv}
		q := r.open(h, Options{Journal: j})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		for i := range 6 {
			cause(t, q, fmt.Sprintf("f/%d", i), nil)
		}
		time.Sleep(2 * time.Hour)
		if !slices.Equal(order(), []string{"f/0"}) {
			t.Fatalf("run: %q", order())
		}
		if n := h.count(); n < 6+7200/22 || n > 6+7200/11 { // it takes a second, and 10 to 20 between
			t.Errorf("%d runs in two hours", n)
		}
		s, err := q.FunctionStats(t.Context(), "f")
		if err != nil || s.Waiting+s.Running != 5 || len(s.Holds) != 1 || s.Holds[0].Trigger != "strict" || s.Holds[0].Reason != runner.ErrorUnhandled || time.Since(s.Holds[0].Since) < time.Hour {
			t.Errorf("stats %+v %v", s, err)
		}
		q.Stop(t.Context())
		q = r.open(h, Options{Journal: j})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		for i := range 3 {
			cause(t, q, fmt.Sprintf("f/%d", i+6), nil)
		}
		time.Sleep(time.Hour)
		if !slices.Equal(order(), []string{"f/0"}) {
			t.Fatalf("run after the restart: %q", order())
		}
		well.Store(true)
		time.Sleep(30 * time.Second)
		q.Stop(t.Context())
		if want := []string{"f/0", "f/1", "f/2", "f/3", "f/4", "f/5", "f/6", "f/7", "f/8"}; !slices.Equal(order(), want) {
			t.Errorf("run: %q", order())
		}
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("rows left: %q", left)
		}
		if o := j.outcomes(t); len(o) != 18 { // the native trigger's too
			t.Errorf("%d outcomes", len(o))
		}
	})
}

// An event can owe many runs; those of a rule get a CloudEvent, and a paused trigger's
// become dead letters in the same transaction.
func TestEventOwesManyRuns(t *testing.T) {
	r := newRooms(t, "f", "g")
	r.rule(t, "f", "sync", "")
	r.rule(t, "f", "async", `,"asyncInvocationType":true`)
	r.rule(t, "f", "paused", "")
	if err := r.triggers.Pause(t.Context(), "f", "paused", trigger.Manual, "because"); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		j := journal{r.kv}
		q := r.open(h, Options{Journal: j})
		cause(t, q, "f/a", nil)
		if n := len(rowsLeft(t, r.kv, tQueue)); n != 3 {
			t.Fatalf("%d deliveries, want 3", n)
		}
		if n := len(rowsLeft(t, r.kv, "j/event/f/a/")); n != 4 {
			t.Errorf("%d runs owed, want 4", n)
		}
		dead, _, err := q.ListDead(t.Context(), DeadQuery{})
		if err != nil || len(dead) != 1 || dead[0].Reason != ReasonPaused || dead[0].Delivery.Trigger != "paused" || !strings.Contains(dead[0].Message, "because") {
			t.Fatalf("dead %+v %v", dead, err)
		}
		if o := j.outcomes(t); !slices.Equal(o, []string{"Failed TriggerPaused 0"}) {
			t.Errorf("outcomes %q", o)
		}
		q = r.open(h, Options{Journal: j})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		synctest.Wait()
		var got []string
		id := ""
		for _, c := range h.all() {
			form := "native"
			if strings.Contains(string(c.Event), `"specversion":"1.0"`) {
				form = "cloud"
			}
			got = append(got, c.Trigger+" "+form)
			if id == "" {
				id = c.EventID
			}
			if c.EventID != id || c.Bucket != "testbucket" || c.Key != "f/a" {
				t.Errorf("call %+v", c)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, []string{"async cloud", "sync cloud", "t native"}) {
			t.Errorf("runs %q", got)
		}
		// The pause's event is that of the others.
		if n, err := q.Redrive(t.Context(), dead[0].ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait()
		q.Stop(t.Context())
		c := h.all()[h.count()-1]
		if c.Trigger != "paused" || c.EventID != id || c.Mark != MarkRedrive {
			t.Errorf("redriven %+v, want event %s", c, id)
		}
	})
}

// A delivery expires on time, though its next attempt would be later, and is not started
// after its age.
func TestExpiryBetweenAttempts(t *testing.T) {
	for _, typ := range []string{runner.ErrorUnhandled, ""} {
		t.Run("after "+typ, func(t *testing.T) {
			r := newRooms(t, "f")
			age := 5
			retries := 8
			if _, err := r.functions.PutAsyncConfig(t.Context(), function.AsyncConfig{Function: "f", MaxAgeSeconds: &age, Retries: &retries}); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				h := &handler{do: func(run.Call) (string, error) {
					if typ == "" {
						return "", busy
					}
					return typ, nil
				}}
				j := journal{r.kv}
				q := r.open(h, Options{Journal: j})
				q.Start(t.Context())
				defer q.Stop(t.Context())
				began := time.Now()
				cause(t, q, "f/a", nil)
				time.Sleep(time.Minute)
				q.Stop(t.Context())
				for _, at := range h.at {
					if d := at.Sub(began); d > 5*time.Second {
						t.Errorf("started after %v", d)
					}
				}
				dead, _, _ := q.ListDead(t.Context(), DeadQuery{})
				if len(dead) != 1 || dead[0].Reason != ReasonExpired || dead[0].Time.Sub(began) > 5100*time.Millisecond {
					t.Errorf("dead %+v", dead)
				}
				if o := j.outcomes(t); len(o) != 1 || !strings.HasPrefix(o[0], Expired) {
					t.Errorf("outcomes %q", o)
				}
			})
		})
	}
}

// Five hours are counted from the first refusal in a row, not from the event on.
func TestGivingUpCountsFromTheFirstRefusal(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		var until time.Time
		h := &handler{do: func(run.Call) (string, error) {
			if time.Now().Before(until) {
				return "", busy
			}
			return "", nil
		}}
		q := r.open(h, Options{})
		cause(t, q, "f/a", nil)
		time.Sleep(6 * time.Hour) // the server is off
		until = time.Now().Add(2 * time.Hour)
		q.Start(t.Context())
		defer q.Stop(t.Context())
		time.Sleep(3 * time.Hour)
		q.Stop(t.Context())
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("rows left: %q", left)
		}
		// The delays double, and stay at 512 s.
		if gaps := h.gaps(); !slices.IsSorted(gaps) || gaps[0] > 510 || gaps[len(gaps)-1] < 511_000 || gaps[len(gaps)-1] > 513_000 {
			t.Errorf("gaps %v", gaps)
		}
	})
}

func TestEndsOfDeliveries(t *testing.T) {
	tests := []struct {
		name string
		do   func() (string, error)
		want string
	}{
		{"success", func() (string, error) { return "", nil }, "Succeeded  1"},
		{"failure", func() (string, error) { return runner.ErrorHandled, nil }, "Failed RetriesExhausted 4"},
		{"gone", func() (string, error) { return "", fault.New(fault.NotFound, "FunctionNotFound", "gone") }, "Invalid FunctionNotFound 0"},
		{"unexpected", func() (string, error) { return "", errors.New("what?") }, "Failed InternalError 0"},
		{"loop", func() (string, error) { return "", fault.New(fault.Denied, run.Recursive, "deep") }, "Failed RecursiveInvocation 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRooms(t, "f")
			synctest.Test(t, func(t *testing.T) {
				j := journal{r.kv}
				q := r.open(&handler{do: func(run.Call) (string, error) { return tt.do() }}, Options{Journal: j})
				q.Start(t.Context())
				defer q.Stop(t.Context())
				cause(t, q, "f/a", &lineage.Lineage{Run: "last", Root: "e0", Depth: 16, Chain: []string{"first", "second"}})
				synctest.Wait()
				ended := len(rowsLeft(t, r.kv, tQueue)) == 0
				if o := j.outcomes(t); (len(o) == 1) != ended {
					t.Errorf("outcomes %q, ended: %v", o, ended)
				}
				time.Sleep(6 * time.Hour)
				q.Stop(t.Context())
				if o := j.outcomes(t); !slices.Equal(o, []string{tt.want}) {
					t.Errorf("outcomes %q, want %q", o, tt.want)
				}
				if tt.name != "loop" {
					return
				}
				dead, _, _ := q.ListDead(t.Context(), DeadQuery{})
				if l := dead[0].Lineage; l == nil || l.Depth != 17 || !slices.Equal(l.Chain, []string{"first", "second", "last"}) || l.Run != dead[0].Delivery.RequestID || l.Event == "" {
					t.Errorf("lineage %+v", l)
				}
			})
		})
	}
}
