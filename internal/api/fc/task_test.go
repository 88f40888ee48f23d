package fc

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
)

// tasks holds one task, and what it was asked.
type tasks struct {
	asked string
	task  delivery.Task
	err   error
}

func (s *tasks) ListTasks(_ context.Context, q delivery.TaskQuery) ([]*delivery.Task, string, error) {
	s.asked = fmt.Sprintf("%s %q %q %q %d-%d %v %d %q %v", q.Function, q.Qualifier, q.Prefix, q.State, unixMilli(q.Begin), unixMilli(q.End), q.Ascending, q.Limit, q.Token, q.Payload)
	t := s.task
	if !q.Payload {
		t.Payload = nil
	}
	return []*delivery.Task{&t}, "next", s.err
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

func (s *tasks) GetTask(_ context.Context, function, qualifier, id string) (*delivery.Task, error) {
	s.asked = fmt.Sprintf("get %s %q %s", function, qualifier, id)
	return &s.task, s.err
}

func (s *tasks) StopTask(_ context.Context, function, qualifier, id string) error {
	s.asked = fmt.Sprintf("stop %s %q %s", function, qualifier, id)
	return s.err
}

var _ Tasks = (*delivery.Queue)(nil)

func TestTasks(t *testing.T) {
	w := newWorld(t)
	w.wantError(w.do("GET", "functions/f/async-tasks", nil), 501, "NotImplemented", "Asynchronous")
	w.wantError(w.do("GET", "functions/f/async-tasks/x", nil), 501, "NotImplemented", "Asynchronous")
	w.wantError(w.do("PUT", "functions/f/async-tasks/x/stop", nil), 501, "NotImplemented", "Asynchronous")

	at := time.UnixMilli(1700000000123).UTC()
	s := &tasks{task: delivery.Task{
		ID: "job", RequestID: "1-2-3", Function: "f", Qualifier: "prod", State: delivery.Failed, Started: at, Ended: at.Add(3 * time.Second), Duration: 1500 * time.Microsecond,
		Retried: 2, InstanceID: "c-1", Error: "oops", Return: []byte("r\xff"), Destination: "Succeeded", Payload: []byte(`{"a":1}`),
		Events: []delivery.TaskEvent{{ID: 7, State: delivery.Running, Time: at, Detail: "c-1"}},
	}}
	w.h.Tasks = s
	const arn = "acs:fc:" + testRegion + ":" + testAccount + ":functions/f/prod"
	const whole = `{"taskId":"job","requestId":"1-2-3","functionArn":"` + arn + `","qualifier":"prod","status":"Failed","startedTime":1700000000123,"endTime":1700000003123,"durationMs":2,` +
		`"alreadyRetriedTimes":2,"destinationStatus":"Succeeded","instanceId":"c-1",%s"taskErrorMessage":"oops","returnPayload":"r\ufffd","events":[{"eventId":7,"eventDetail":"c-1","status":"Running","timestamp":1700000000123}]}`
	const payload = `"taskPayload":"{\"a\":1}",`
	if a := w.must("GET", "functions/f/async-tasks/job?qualifier=prod", nil); a.text != fmt.Sprintf(whole, payload) || s.asked != `get f "prod" job` {
		t.Errorf("%s\n%s", s.asked, a.text)
	}
	if a := w.must("GET", "functions/f/async-tasks", nil); a.text != `{"tasks":[`+fmt.Sprintf(whole, "")+`],"nextToken":"next"}` || s.asked != `f "" "" "" -1--1 false 0 "" false` {
		t.Errorf("%s\n%s", s.asked, a.text)
	}
	q := url.Values{"qualifier": {"prod"}, "prefix": {"jo"}, "status": {"Retrying"}, "startedTimeBegin": {"0"}, "startedTimeEnd": {"1700000000123"}, "sortOrderByTime": {"asc"}, "limit": {"7"}, "nextToken": {"abc"}, "includePayload": {"true"}}
	if a := w.must("GET", "functions/f/async-tasks?"+q.Encode(), nil); !strings.Contains(a.text, payload) || s.asked != `f "prod" "jo" "Retrying" 0-1700000000123 true 7 "abc" true` {
		t.Errorf("%s\n%s", s.asked, a.text)
	}
	if a := w.must("PUT", "functions/f/async-tasks/job/stop", nil); a.status != 204 || a.text != "" || s.asked != `stop f "" job` {
		t.Errorf("%s: %d %s", s.asked, a.status, a.text)
	}
	s.task = delivery.Task{ID: "job", Function: "f", Qualifier: "LATEST", State: delivery.Enqueued, Started: at}
	const short = `{"taskId":"job","requestId":"","functionArn":"acs:fc:` + testRegion + ":" + testAccount + `:functions/f","qualifier":"LATEST","status":"Enqueued","startedTime":1700000000123,"durationMs":0,"alreadyRetriedTimes":0,"events":[]}`
	if a := w.must("GET", "functions/f/async-tasks/job", nil); a.text != short {
		t.Error(a.text)
	}

	for _, bad := range []string{"limit=0", "limit=101", "sortOrderByTime=up", "status=Sleeping", "startedTimeBegin=now", "startedTimeEnd=-1", "includePayload=maybe"} {
		name, _, _ := strings.Cut(bad, "=")
		w.wantError(w.do("GET", "functions/f/async-tasks?"+bad, nil), 400, "InvalidArgument", name)
	}
	s.err = fault.New(fault.NotFound, "AsyncTaskNotFound", "no such task")
	w.wantError(w.do("GET", "functions/f/async-tasks/x", nil), 404, "AsyncTaskNotFound", "no such task")
	s.err = fault.New(fault.Precondition, "AsyncInvocationStopped", "over")
	w.wantError(w.do("PUT", "functions/f/async-tasks/x/stop", nil), 412, "AsyncInvocationStopped", "over")
}

func TestDestinations(t *testing.T) {
	w := newWorld(t)
	w.must("POST", "functions", w.input("f"))
	w.must("POST", "functions", w.input("g"))
	config := func(onSuccess, onFailure string) map[string]any {
		d := map[string]any{}
		for field, to := range map[string]string{"onSuccess": onSuccess, "onFailure": onFailure} {
			if to != "" {
				d[field] = map[string]any{"destination": to}
			}
		}
		return map[string]any{"destinationConfig": d}
	}
	const toG = "acs:fc:" + testRegion + ":" + testAccount + ":functions/g"
	const toF = "acs:fc:" + testRegion + ":" + testAccount + ":functions/f"
	const hook = "https://example.com/hook?a=1&b=2"
	for _, c := range []struct{ success, failure, shown string }{
		{toG, hook, `"destinationConfig":{"onSuccess":{"destination":"` + toG + `"},"onFailure":{"destination":"https://example.com/hook?a=1\u0026b=2"}}`},
		{"", toG + "/LATEST", `"destinationConfig":{"onFailure":{"destination":"` + toG + `/LATEST"}}`},
		{"", "", `"destinationConfig":{}`},
	} {
		for _, a := range []answer{
			w.must("PUT", "functions/f/async-invoke-config", config(c.success, c.failure)),
			w.must("GET", "functions/f/async-invoke-config", nil),
			w.must("GET", "async-invoke-configs", nil),
		} {
			if !strings.Contains(a.text, c.shown) {
				t.Errorf("%s, want %s", a.text, c.shown)
			}
		}
	}
	put := func(to string) answer {
		return w.do("PUT", "functions/f/async-invoke-config", config("", to))
	}
	w.wantError(put("acs:mns:"+testRegion+":"+testAccount+":/queues/q/messages"), 501, "NotImplemented", "destinationConfig.onFailure: Results cannot be sent to a queue or topic of MNS")
	w.wantError(put("nowhere"), 400, "InvalidArgument", "destinationConfig.onFailure: 'nowhere' is no destination")
	w.wantError(put(toF), 400, "InvalidArgument", "its own results")
	w.wantError(put(toF+"/LATEST"), 400, "InvalidArgument", "its own results")
	w.wantError(put(toF+"/prod"), 400, "InvalidArgument", "destinationConfig.onFailure: ")
	w.wantError(put(toF+"x"), 400, "InvalidArgument", "function 'fx' does not exist. Create it first.")
	w.wantError(put("acs:oss:"+testRegion+":"+testAccount+":nobucket/x"), 400, "InvalidArgument", "bucket 'nobucket' does not exist")
	w.wantError(w.do("PUT", "functions/nope/async-invoke-config", config(toG, "")), 404, "FunctionNotFound", "nope")
	if a := w.must("GET", "functions/f/async-invoke-config", nil); !strings.Contains(a.text, `"destinationConfig":{}`) {
		t.Errorf("a refused one was kept: %s", a.text)
	}

	// Another version or alias of the function may have its results.
	w.must("POST", "functions/f/versions", map[string]any{})
	w.must("PUT", "functions/f/async-invoke-config", config(toF+"/1", ""))
	w.must("PUT", "functions/f/async-invoke-config?qualifier=1", config("", toF))
	w.wantError(w.do("PUT", "functions/f/async-invoke-config?qualifier=1", config(toF+"/1", "")), 400, "InvalidArgument", "its own results")
}
