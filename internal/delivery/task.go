package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// A task is an asynchronous invocation that can be looked at and stopped. There is one
// for every invocation, whoever made it, of a function whose settings say so (asyncTask)
// when it is accepted. Its row changes in the transactions of its delivery, so what it
// says is as true as the queue is.
const (
	tTask        = "d/t/"  // function 0 task id → Task
	tTaskTime    = "d/ti/" // function 0 accepted (ms) task id → nothing
	tTaskEnd     = "d/te/" // ended (ms) function 0 task id → nothing
	tTaskPayload = "d/tp/" // function 0 task id 0 number → a piece of what the function was given
)

// Stopping is the state of a task that is to stop and still runs.
const Stopping = "Stopping"

// Bounds of tasks.
const (
	TaskRetention = 7 * 24 * time.Hour // after its end, a task is forgotten
	maxTaskReturn = 16 << 10           // bytes kept of what the function returned
	maxTaskError  = 1 << 10
	maxTaskEvents = 40 // the first ones give way
)

// Task is what a task's caller is shown. Times are UTC.
type Task struct {
	ID          string        `cbor:"1,keyasint"`
	RequestID   string        `cbor:"2,keyasint"`
	Function    string        `cbor:"3,keyasint"`
	Qualifier   string        `cbor:"4,keyasint"`
	State       string        `cbor:"5,keyasint"`
	Started     time.Time     `cbor:"6,keyasint"`            // when it was accepted
	Ended       time.Time     `cbor:"7,keyasint,omitempty"`  // zero: it has not
	Duration    time.Duration `cbor:"8,keyasint,omitempty"`  // of the last run
	Retried     int           `cbor:"9,keyasint,omitempty"`  // times, after function errors
	InstanceID  string        `cbor:"10,keyasint,omitempty"` // of the last run
	Error       string        `cbor:"11,keyasint,omitempty"`
	Return      []byte        `cbor:"12,keyasint,omitempty"` // the first 16 KiB of what the last run returned
	Destination string        `cbor:"13,keyasint,omitempty"` // Succeeded or Failed, once the result was handed on
	Events      []TaskEvent   `cbor:"14,keyasint,omitempty"`
	EventCount  int64         `cbor:"15,keyasint,omitempty"` // events ever
	Pieces      int           `cbor:"16,keyasint,omitempty"` // rows under tTaskPayload

	Payload []byte `cbor:"-"` // what the function was given, where it was asked for
}

// TaskEvent is a step of a task.
type TaskEvent struct {
	ID     int64     `cbor:"1,keyasint"` // from 1
	State  string    `cbor:"2,keyasint"`
	Time   time.Time `cbor:"3,keyasint"`
	Detail string    `cbor:"4,keyasint,omitempty"`
}

func (t *Task) event(state string, at time.Time, detail string) {
	t.EventCount++
	t.Events = append(t.Events, TaskEvent{t.EventCount, state, at.UTC(), detail})
	if over := len(t.Events) - maxTaskEvents; over > 0 {
		t.Events = t.Events[over:]
	}
}

// TaskOver reports whether a state is a last one.
func TaskOver(state string) bool {
	switch state {
	case Succeeded, Failed, Expired, Stopped, Invalid:
		return true
	}
	return false
}

func taskKey(functionName, id string) []byte { return row.Key(tTask, functionName, id) }

func taskTimeKey(t *Task) []byte {
	return append(appendU64(append(row.Key(tTaskTime, t.Function), 0), uint64(t.Started.UnixMilli())), t.ID...)
}

func taskEndKey(t *Task) []byte {
	return append(appendU64([]byte(tTaskEnd), uint64(t.Ended.UnixMilli())), row.Key("", t.Function, t.ID)...)
}

func taskPieceKey(t *Task, n int) []byte {
	return row.Key(tTaskPayload, t.Function, t.ID, string(rune('0'+n)))
}

func taskIn(r kv.Reader, functionName, id string) (*Task, error) {
	if len(id) > 128 {
		return nil, noTask(functionName, id[:128]+"…")
	}
	v, err := r.Get(taskKey(functionName, id))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, noTask(functionName, id)
	}
	if err != nil {
		return nil, err
	}
	t := new(Task)
	return t, row.Decode(v, t)
}

func noTask(functionName, id string) error {
	return fault.New(fault.NotFound, "AsyncTaskNotFound", "function '%s' has no asynchronous task '%s'.", functionName, strings.ToValidUTF8(id, "?")).
		WithHint("There are tasks of functions whose async invoke config has asyncTask true, until %d days after their end.", TaskRetention/(24*time.Hour))
}

// taskBegun keeps the task of an accepted delivery, in the transaction that accepts it,
// and before the delivery's row is written: it decides the delivery's TaskID, which is
// empty from here on if it is no task. Reason AsyncTaskAlreadyExists: the function has
// another task of this id.
func (q *Queue) taskBegun(tx kv.Txn, d *Delivery) error {
	if d.onItsWay() {
		return nil // TaskID is the source's
	}
	cfg, err := q.o.Settings.AsyncConfigIn(tx, d.Function, d.Qualifier)
	if err != nil {
		return err
	}
	if !cfg.Task {
		d.TaskID = ""
		return nil
	}
	if d.TaskID == "" {
		d.TaskID = d.RequestID
	}
	t, err := taskIn(tx, d.Function, d.TaskID)
	switch {
	case err == nil && d.Mark == MarkRedrive && TaskOver(t.State):
		tx.Delete(taskEndKey(t))
		t.RequestID, t.State, t.Ended, t.Error, t.Return, t.Destination = d.RequestID, Enqueued, time.Time{}, "", nil, ""
		t.event(Enqueued, d.Enqueued, "a dead letter, tried again")
		tx.Set(taskKey(t.Function, t.ID), row.Encode(t))
		return nil
	case err == nil && d.Mark == MarkRedrive:
		d.TaskID = "" // it goes on already
		return nil
	case err == nil:
		return fault.New(fault.Exists, "AsyncTaskAlreadyExists", "function '%s' already has an asynchronous task '%s'.", d.Function, d.TaskID).
			WithHint("It is %s. Choose another x-fc-async-task-id, or leave it out.", t.State)
	case !fault.Is(err, "AsyncTaskNotFound"):
		return err
	}
	t = &Task{ID: d.TaskID, RequestID: d.RequestID, Function: d.Function, Qualifier: d.Qualifier, State: Enqueued, Started: d.Enqueued.UTC()}
	t.event(Enqueued, d.Enqueued, "")
	for p := d.Payload; len(p) > 0; t.Pieces++ {
		n := min(len(p), inRow)
		tx.Set(taskPieceKey(t, t.Pieces), p[:n])
		p = p[n:]
	}
	tx.Set(taskKey(t.Function, t.ID), row.Encode(t))
	tx.Set(taskTimeKey(t), nil)
	return nil
}

// taskChanged keeps what an attempt did to its task, in the transaction of the verdict.
func (q *Queue) taskChanged(tx kv.Txn, v *verdict, now time.Time) error {
	d := &v.it.Delivery
	if d.TaskID == "" || v.keep {
		return nil
	}
	t, err := taskIn(tx, d.Function, d.TaskID)
	if fault.Is(err, "AsyncTaskNotFound") {
		return nil
	}
	if err != nil {
		return err
	}
	if d.onItsWay() {
		switch {
		case v.again != nil:
			return nil
		case v.dead != nil:
			t.Destination = Failed
		default:
			t.Destination = Succeeded
		}
		tx.Set(taskKey(t.Function, t.ID), row.Encode(t))
		return nil
	}
	if t.RequestID != d.RequestID || TaskOver(t.State) {
		return nil
	}
	if rec := v.rec; rec != nil && (v.reached || v.stopped) {
		t.Duration, t.InstanceID = rec.Duration, rec.InstanceID
		t.Return = clone(rec.Payload, maxTaskReturn)
		t.Error = ""
		if !rec.Succeeded() {
			t.Error = errorText(rec)
		}
		t.event(Running, rec.Start, rec.InstanceID)
	} else if v.again != nil && (d.Retry == nil || t.State == Stopping) {
		return nil // it waits as before
	}
	if v.again != nil {
		t.Retried = v.again.Attempt
		if t.State != Stopping {
			t.State = Retrying
		}
		t.event(Retrying, now, t.Error)
	} else {
		state, why := v.state(), ""
		if v.dead != nil && !v.reached {
			t.Error = cut(v.dead.Message, maxTaskError)
			why = t.Error
		}
		t.end(tx, state, now, why)
	}
	tx.Set(taskKey(t.Function, t.ID), row.Encode(t))
	return nil
}

// end brings a task to its last state; the caller writes its row.
func (t *Task) end(tx kv.Txn, state string, now time.Time, why string) {
	t.State, t.Ended = state, now.UTC()
	t.event(state, now, why)
	tx.Set(taskEndKey(t), nil)
}

func clone(b []byte, most int) []byte { return append([]byte(nil), b[:min(len(b), most)]...) }

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// errorText is what a failed run says of itself.
func errorText(rec *run.Record) string {
	var e struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(rec.Payload, &e) == nil && e.Message != "" {
		return cut(e.Message, maxTaskError)
	}
	if rec.ErrorType != "" {
		return rec.ErrorType
	}
	return cut(rec.Message, maxTaskError)
}

// forgetBatch is how many tasks are forgotten in one transaction.
const forgetBatch = 100

// ForgetTasks removes tasks whose retention has passed, and returns how many.
func (q *Queue) ForgetTasks(ctx context.Context) (n int, err error) {
	until := appendU64([]byte(tTaskEnd), uint64(q.o.Now().Add(-TaskRetention).UnixMilli()))
	for {
		batch := 0
		err := q.kv.Update(ctx, func(tx kv.Txn) error {
			var keys [][]byte
			err := tx.Scan(kv.Range{Start: []byte(tTaskEnd), End: until}, func(k, _ []byte) error {
				keys = append(keys, append([]byte(nil), k...))
				if len(keys) == forgetBatch {
					return kv.Stop
				}
				return nil
			})
			if err != nil {
				return err
			}
			batch = len(keys)
			for _, k := range keys {
				tx.Delete(k)
				name, id, _ := strings.Cut(string(k[len(tTaskEnd)+8:]), "\x00")
				t, err := taskIn(tx, name, id)
				if fault.Is(err, "AsyncTaskNotFound") {
					continue
				}
				if err != nil {
					return err
				}
				for n := range t.Pieces {
					tx.Delete(taskPieceKey(t, n))
				}
				tx.Delete(taskTimeKey(t))
				tx.Delete(taskKey(name, id))
			}
			return nil
		})
		n += batch
		if err != nil || batch < forgetBatch {
			return n, err
		}
	}
}

// TrimTasks calls ForgetTasks every ten minutes until ctx ends.
func (q *Queue) TrimTasks(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := q.ForgetTasks(ctx); err != nil && ctx.Err() == nil {
				q.o.Logger.Error("forgetting old asynchronous tasks failed; it will be tried again", "error", err)
			}
		}
	}
}

// taskStopped reports whether a delivery's task is to stop: the order may be older than
// this start of the server.
func (q *Queue) taskStopped(ctx context.Context, it *item) (stop bool, err error) {
	if it.TaskID == "" || it.onItsWay() {
		return false, nil
	}
	err = q.kv.View(ctx, func(r kv.Reader) error {
		t, err := taskIn(r, it.Function, it.TaskID)
		if fault.Is(err, "AsyncTaskNotFound") {
			return nil
		}
		stop = err == nil && t.State == Stopping
		return err
	})
	return stop, err
}

// StopTask ends a task: one that waits is Stopped when it returns nil, one that runs is
// Stopping, and Stopped as soon as its run has been ended. The order is durable: a crash
// does not let the task run on. One that is Stopping or Stopped already is no error. An
// empty qualifier is any. Reasons FunctionNotFound, AsyncTaskNotFound,
// AsyncInvocationStopped (it has ended in another way).
func (q *Queue) StopTask(ctx context.Context, functionName, qualifier, id string) error {
	var t *Task
	err := q.kv.Update(ctx, func(tx kv.Txn) (err error) {
		if t, err = q.taskOf(tx, functionName, qualifier, id); err != nil {
			return err
		}
		if TaskOver(t.State) || t.State == Stopping {
			return nil
		}
		t.State = Stopping
		t.event(Stopping, q.o.Now(), "")
		tx.Set(taskKey(t.Function, t.ID), row.Encode(t))
		return nil
	})
	if err != nil {
		return err
	}
	if !TaskOver(t.State) {
		err := q.StopDelivery(ctx, functionName, t.RequestID)
		if !fault.Is(err, "DeliveryNotFound") {
			return err
		}
		// It has just ended, or is so far behind in its queue that it was not found: then
		// it ends when its turn comes.
		err = q.kv.View(ctx, func(r kv.Reader) (err error) {
			t, err = q.taskOf(r, functionName, qualifier, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	if TaskOver(t.State) && t.State != Stopped {
		return fault.New(fault.Precondition, "AsyncInvocationStopped", "asynchronous task '%s' of function '%s' has ended already: it is %s.", id, functionName, t.State)
	}
	return nil
}
