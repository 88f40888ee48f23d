package delivery

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// TaskQuery chooses tasks of one function. Zero fields choose all.
type TaskQuery struct {
	Function   string
	Qualifier  string
	Prefix     string // of the task's id
	State      string
	Begin, End time.Time // accepted in [Begin, End]
	Ascending  bool      // the earliest accepted first, instead of the latest
	Limit      int       // 1–100; 0: 20
	Token      string    // from the list before, of the same query
	Payload    bool      // with what the function was given
}

// taskScan is how many tasks one list looks at, whatever it chooses of them.
const taskScan = 5000

// ListTasks returns tasks in the order of their acceptance, and the token that continues
// the list; an empty one means there are no more. A list may be shorter than its limit
// and still continue. Reasons FunctionNotFound, InvalidArgument.
func (q *Queue) ListTasks(ctx context.Context, in TaskQuery) (tasks []*Task, next string, err error) {
	if in.Limit <= 0 || in.Limit > 100 {
		in.Limit = 20
	}
	prefix := append(row.Key(tTaskTime, in.Function), 0)
	rg := kv.Prefix(prefix)
	if !in.Begin.IsZero() {
		rg.Start = appendU64(append([]byte(nil), prefix...), uint64(max(0, in.Begin.UnixMilli())))
	}
	if !in.End.IsZero() {
		rg.End = appendU64(append([]byte(nil), prefix...), uint64(max(0, in.End.UnixMilli()+1)))
	}
	rg.Reverse = !in.Ascending
	if in.Token != "" {
		at, err := base64.RawURLEncoding.DecodeString(in.Token)
		if err != nil || len(at) < 8 || len(at) > 8+128 {
			return nil, "", fault.New(fault.Invalid, "InvalidArgument", "nextToken is not one that a list of tasks gave.")
		}
		if key := append(append([]byte(nil), prefix...), at...); in.Ascending {
			rg.Start = append(key, 0)
		} else {
			rg.End = key
		}
	}
	if string(rg.Start) >= string(rg.End) {
		return nil, "", nil
	}
	err = q.kv.View(ctx, func(r kv.Reader) error {
		tasks, next = nil, ""
		if err := function.Exists(r, in.Function, function.Latest); err != nil {
			return err
		}
		seen := 0
		var last []byte
		return r.Scan(rg, func(k, _ []byte) error {
			if len(tasks) == in.Limit || seen == taskScan {
				next = base64.RawURLEncoding.EncodeToString(last)
				return kv.Stop
			}
			seen++
			last = append(last[:0], k[len(prefix):]...)
			id := string(k[len(prefix)+8:])
			if !strings.HasPrefix(id, in.Prefix) {
				return nil
			}
			t, err := taskIn(r, in.Function, id)
			if err != nil {
				return err
			}
			q.showRunning(t)
			if in.Qualifier != "" && in.Qualifier != t.Qualifier || in.State != "" && in.State != t.State {
				return nil
			}
			tasks = append(tasks, t)
			if in.Payload {
				return t.load(r)
			}
			return nil
		})
	})
	return tasks, next, err
}

// GetTask returns a task with what its function was given. An empty qualifier is any.
// Reasons FunctionNotFound, AsyncTaskNotFound.
func (q *Queue) GetTask(ctx context.Context, functionName, qualifier, id string) (t *Task, err error) {
	err = q.kv.View(ctx, func(r kv.Reader) error {
		if t, err = q.taskOf(r, functionName, qualifier, id); err != nil {
			return err
		}
		return t.load(r)
	})
	if err != nil {
		return nil, err
	}
	q.showRunning(t)
	return t, nil
}

func (q *Queue) taskOf(r kv.Reader, functionName, qualifier, id string) (*Task, error) {
	if err := function.Exists(r, functionName, function.Latest); err != nil {
		return nil, err
	}
	t, err := taskIn(r, functionName, id)
	if err != nil {
		return nil, err
	}
	if qualifier != "" && qualifier != t.Qualifier {
		return nil, noTask(functionName, id).(*fault.Error).WithHint("There is one at qualifier '%s'.", t.Qualifier)
	}
	return t, nil
}

// load reads what the function was given.
func (t *Task) load(r kv.Reader) error {
	for n := range t.Pieces {
		v, err := r.Get(taskPieceKey(t, n))
		if err != nil {
			return err
		}
		t.Payload = append(t.Payload, v...)
	}
	return nil
}

// showRunning says of a task whose row cannot know that it runs now. The row is not written
// when a run begins, so that a task costs no more than its acceptance and its end.
func (q *Queue) showRunning(t *Task) {
	if TaskOver(t.State) || t.State == Stopping {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, f := range q.queues {
		if f.function != t.Function || f.running == 0 {
			continue
		}
		for _, it := range f.known {
			if it != nil && it.state == running && it.RequestID == t.RequestID && it.queue == name && !it.onItsWay() {
				t.State = Running
				return
			}
		}
	}
}
