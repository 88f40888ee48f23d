// Package delivery is the durable queue between an event and the function runs it owes.
//
// A delivery is a row, written in the transaction of the change that causes it: when the
// change is acknowledged, so is the delivery. The dispatcher keeps a bounded window of
// due rows in memory, one queue per function, and is told of new rows at commit; the rows
// are the truth and are read again at start. A row goes when its run has succeeded, or
// was given up; until then it is run again, after a crash too: at least once. In the
// transaction that removes a row the journal gets its outcome.
//
// # Queues
//
// Every function has a queue of its own, and queues take turns, so that a long one does
// not hold up another's delivery. Two kinds of delivery stand apart from their function's
// queue: those of an EventBridge trigger that tolerates no errors, which are run one at a
// time, in commit order; and results on their way to a destination that is no function.
//
// # When a function cannot take more
//
// A queue whose function refuses while other runs of it are under way starts no more than
// those, until some finish: the refused delivery stays in memory, first in line. One whose
// function refuses everything is held: nothing of it is started but a probe, after half a
// second and then every second, until a run begins. So a stopped function with a million
// waiting deliveries costs one refused run, and one row, a second.
//
// # Memory
//
// What waits in memory is bounded: 1,000 rows of one queue, 20,000 rows in all and 64 MiB
// of payloads (see [Options]). A queue may hold a few rows beyond the bound of all, so that
// none starves. A payload for which there is no room is read again when it is run.
package delivery

import (
	"context"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Tables of this room in kv.
const (
	tQueue   = "d/q/" // queue 0 due (ms), commit sequence, number within the commit → Delivery
	tPayload = "d/p/" // request id 0 number → a piece of a payload too large for its row
	tDead    = "d/x/" // time (ms) and what followed the queue in the delivery's key → Dead
)

const (
	// inRow is the most of a payload that stands in the delivery's own row.
	inRow = 40 << 10
	// MaxPayload is the largest payload of an asynchronous invocation, in bytes (FC).
	MaxPayload = 128 << 10
)

// Delivery is one run owed.
type Delivery struct {
	RequestID string           `cbor:"1,keyasint"` // of the run; the same in every attempt
	Function  string           `cbor:"2,keyasint"`
	Qualifier string           `cbor:"3,keyasint"`
	Kind      string           `cbor:"4,keyasint"` // run.Trigger, run.Async or run.Destination
	Trigger   string           `cbor:"5,keyasint,omitempty"`
	Payload   []byte           `cbor:"6,keyasint,omitempty"`
	Pieces    int              `cbor:"7,keyasint,omitempty"` // rows under tPayload, instead of Payload
	Enqueued  time.Time        `cbor:"8,keyasint"`
	Attempt   int              `cbor:"9,keyasint,omitempty"`  // runs that the function failed
	Delays    int              `cbor:"10,keyasint,omitempty"` // tries in a row that did not reach the function
	Cause     *lineage.Lineage `cbor:"11,keyasint,omitempty"` // the run that caused the event or made the call; nil: none
	Bucket    string           `cbor:"12,keyasint,omitempty"`
	Key       string           `cbor:"13,keyasint,omitempty"`
	TaskID    string           `cbor:"14,keyasint,omitempty"`
	Refused   time.Time        `cbor:"15,keyasint,omitempty"` // since when tries do not reach the function; zero: the last one did
	EventID   string           `cbor:"16,keyasint,omitempty"` // the event behind it, where it was not committed with it
	Mark      string           `cbor:"17,keyasint,omitempty"` // empty, or MarkRedrive, MarkReplay, MarkBackfill
	Job       string           `cbor:"18,keyasint,omitempty"` // id of the replay or backfill
	Retry     *trigger.Retry   `cbor:"19,keyasint,omitempty"` // EventBridge's rules; nil: those of asynchronous invocation
	Target    string           `cbor:"20,keyasint,omitempty"` // of Kind Destination: where the result goes, an ARN
	NotBefore time.Time        `cbor:"21,keyasint,omitempty"` // of an ordered queue, whose keys have no due time: when it is due
}

// Marks tell in the history why a delivery was made, where no event just now was the
// reason. Functions do not see them.
const (
	MarkRedrive  = "redrive"  // a dead letter, tried again
	MarkReplay   = "replay"   // an event of the past, run again
	MarkBackfill = "backfill" // an object that was there before its trigger
)

// Owed is a run that an event owes, as the history keeps it with the event.
type Owed struct {
	RequestID string `cbor:"1,keyasint" json:"requestId"`
	Function  string `cbor:"2,keyasint" json:"function"`
	Trigger   string `cbor:"3,keyasint,omitempty" json:"trigger,omitempty"`
	Qualifier string `cbor:"4,keyasint,omitempty" json:"qualifier,omitempty"`
	Mark      string `cbor:"5,keyasint,omitempty" json:"mark,omitempty"`
	Job       string `cbor:"6,keyasint,omitempty" json:"job,omitempty"`

	// Bucket and Key tell Journal.Owe which object a run is for that had no event.
	Bucket string `cbor:"-" json:"-"`
	Key    string `cbor:"-" json:"-"`
}

// States of a delivery, named as FC names those of asynchronous tasks.
const (
	Enqueued  = "Enqueued"
	Running   = "Running"
	Retrying  = "Retrying" // it failed, and waits for its next attempt
	Succeeded = "Succeeded"
	Failed    = "Failed"  // given up: a dead letter
	Expired   = "Expired" // too old before it could run: a dead letter
	Stopped   = "Stopped" // by StopAsyncTask
	Invalid   = "Invalid" // its function or version is gone: a dead letter
)

// Outcome tells how a delivery ended. It is written in the transaction that removes the
// delivery's row, so it is there exactly when the delivery is over.
type Outcome struct {
	RequestID string    `cbor:"1,keyasint" json:"requestId"`
	Function  string    `cbor:"2,keyasint" json:"function"`
	State     string    `cbor:"3,keyasint" json:"state"`
	Reason    string    `cbor:"4,keyasint,omitempty" json:"reason,omitempty"` // as Dead.Reason
	Attempts  int       `cbor:"5,keyasint,omitempty" json:"attempts"`         // runs begun
	Time      time.Time `cbor:"6,keyasint" json:"time"`
}

// Invoker runs a function once; *run.Invoker does. One that has run.Invoker's Check too is
// asked with it whether a stopped function is back while all its deliveries wait between
// attempts.
type Invoker interface {
	Invoke(ctx context.Context, c run.Call) (*runner.Result, *run.Record, error)
}

// Settings tells how a function's asynchronous runs behave; *function.Store does.
type Settings interface {
	AsyncConfigFor(ctx context.Context, function, qualifier string) (*function.AsyncConfig, error)

	// AsyncConfigIn is the same within a transaction, cheaply: every delivery asks. It does
	// not look whether there is such a function.
	AsyncConfigIn(tx kv.Txn, function, qualifier string) (*function.AsyncConfig, error)
}

// Journal keeps for people what this room does, within its transactions; *history.Store
// does.
type Journal interface {
	// Event takes an event and the runs that it owes, in the transaction of the change.
	Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []Owed)
	// Owe adds a run to an event of the past: a redrive, a replay, a backfill. eventID is
	// empty where an object had no event; owed then says which object that is.
	Owe(tx kv.Txn, eventID string, owed Owed)
	// Outcome takes the end of a delivery.
	Outcome(tx kv.Txn, o *Outcome)
}

// Options of Open. Zero values get the defaults named.
type Options struct {
	Triggers *trigger.Store
	Invoker  Invoker
	Settings Settings
	Journal  Journal // may be nil

	Destinations *destination.Sender // nil: results are not handed on

	Parallel    int // runs at once, of all queues; a queue that runs nothing may have one beyond it, a quarter more in all; default 64
	PerFunction int // runs at once of one queue; default 16

	// The bounds of what waits in memory. In all that is HeldBytes and some 1 KB for each
	// of the Held rows; a row of which memory holds nothing costs nothing.
	Window    int // due rows of one queue; default DefaultWindow
	Held      int // due rows of all queues; each queue may have PerFunction of them whatever others hold; default DefaultHeld
	HeldBytes int // bytes of payloads of waiting rows, and of results not yet acknowledged; default DefaultHeldBytes

	KeepDead time.Duration // how long dead letters are kept; default 30 days

	Now    func() time.Time
	Logger *slog.Logger
}

// Defaults of Options.
const (
	DefaultWindow    = 1000
	DefaultHeld      = 20_000
	DefaultHeldBytes = 64 << 20
	DefaultKeepDead  = 30 * 24 * time.Hour
)

// Queue is the delivery room.
type Queue struct {
	kv   kv.Store
	o    Options
	seed maphash.Seed
	dispatcher

	handed handed
}

// Open returns the room over kvs. Nothing is run before Start.
func Open(kvs kv.Store, o Options) *Queue {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Parallel, 64)
	def(&o.PerFunction, 16)
	def(&o.Window, DefaultWindow)
	def(&o.Held, DefaultHeld)
	def(&o.HeldBytes, DefaultHeldBytes)
	if o.KeepDead == 0 {
		o.KeepDead = DefaultKeepDead
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	q := &Queue{kv: kvs, o: o, seed: maphash.MakeSeed()}
	q.dispatcher.init()
	return q
}

// Record is an object.Sink: it journals the event and enqueues what it owes, in the
// transaction of the change. Of a paused trigger a dead letter is what it owes.
func (q *Queue) Record(tx kv.Txn, rec *event.Record) error {
	ts, err := q.o.Triggers.Match(tx, rec)
	if err != nil {
		return err
	}
	// Tells the events of one transaction apart: only a delete of many objects has several,
	// and they differ in their keys.
	var h [8]byte
	suffix := h[:0]
	if rec.Type == event.DeleteObjects {
		suffix = appendU64(suffix, maphash.String(q.seed, rec.Key))
	}
	var owed []Owed
	for i, t := range ts {
		d := For(t, rec)
		d.RequestID, d.Enqueued = run.NewRequestID(rec.Time), rec.Time
		if t.Paused != nil {
			q.refuse(tx, d, append(suffix[:len(suffix):len(suffix)], byte(i)), t.Paused)
		} else if err := q.enqueue(tx, d, append(suffix[:len(suffix):len(suffix)], byte(i))); err != nil {
			return err
		}
		owed = append(owed, d.owed())
	}
	if q.o.Journal != nil {
		q.o.Journal.Event(tx, rec, suffix, owed)
	}
	return nil
}

// For returns the run that a trigger owes for an event that it matches, without a request
// id and a time.
func For(t *trigger.Trigger, rec *event.Record) *Delivery {
	d := &Delivery{
		Function: t.Function, Qualifier: t.Qualifier, Kind: run.Trigger, Trigger: t.Name,
		Cause: rec.Origin.Lineage, Bucket: rec.Bucket, Key: rec.Key,
	}
	if t.Rule == nil {
		d.Payload = rec.AppendNative(make([]byte, 0, 1024), t.RuleID)
		return d
	}
	d.Payload = rec.AppendCloud(make([]byte, 0, 1536), rec.Time)
	if r := t.Rule.Retry; r != nil && !t.Rule.Async {
		c := *r
		d.Retry = &c
	}
	return d
}

func (d *Delivery) owed() Owed {
	return Owed{RequestID: d.RequestID, Function: d.Function, Trigger: d.Trigger, Qualifier: d.Qualifier, Mark: d.Mark, Job: d.Job, Bucket: d.Bucket, Key: d.Key}
}

// Enqueue accepts an asynchronous invocation: durable when it returns nil, and run at
// least once from then on. requestID names the run, taskID the task.
func (q *Queue) Enqueue(ctx context.Context, functionName, qualifier string, payload []byte, requestID, taskID string, o event.Origin) error {
	if len(payload) > MaxPayload {
		return fault.New(fault.TooLarge, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes).", MaxPayload)
	}
	if qualifier == "" {
		qualifier = function.Latest
	}
	return q.kv.Update(ctx, func(tx kv.Txn) error {
		if err := function.Exists(tx, functionName, qualifier); err != nil {
			return err
		}
		return q.enqueue(tx, &Delivery{
			RequestID: requestID, TaskID: taskID, Function: functionName, Qualifier: qualifier, Kind: run.Async,
			Payload: payload, Enqueued: q.o.Now().UTC(), Cause: o.Lineage,
		}, make([]byte, 9))
	})
}

// Owe enqueues a run for an event of the past, in the caller's transaction, and journals
// it with the event that d.EventID names, if any: a replay or a backfill. Mark says which,
// Job whose. An empty RequestID and a zero Enqueued are filled in; a payload has at most
// MaxPayload bytes. suffix tells the deliveries of one transaction apart.
func (q *Queue) Owe(tx kv.Txn, d *Delivery, suffix []byte) error {
	if len(d.Payload) > MaxPayload {
		return fault.New(fault.TooLarge, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes).", MaxPayload)
	}
	if d.Enqueued.IsZero() {
		d.Enqueued = q.o.Now().UTC()
	}
	if d.RequestID == "" {
		d.RequestID = run.NewRequestID(d.Enqueued)
	}
	if d.Kind == "" {
		d.Kind = run.Trigger
	}
	if d.Qualifier == "" {
		d.Qualifier = function.Latest
	}
	if err := q.enqueue(tx, d, suffix); err != nil {
		return err
	}
	if q.o.Journal != nil {
		q.o.Journal.Owe(tx, d.EventID, d.owed())
	}
	return nil
}
