// Package delivery is the durable queue between an event and the function run it owes.
//
// A delivery is a row, written in the transaction of the change that causes it: when the
// change is acknowledged, so is the delivery. The dispatcher keeps a bounded window of
// due rows in memory, one queue per function, and is told of new rows at commit; the rows
// are the truth and are read again at start. A row goes when its run has succeeded, or
// was given up; until then it is run again, after a crash too: at least once.
package delivery

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Tables of this room in kv.
const (
	tQueue   = "d/q/" // function 0 due (ms), commit sequence, number within the commit → Delivery
	tPayload = "d/p/" // request id 0 number → a piece of a payload too large for its row
	tDead    = "d/x/" // time (ms) and the key that the delivery had → Dead
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
	Kind      string           `cbor:"4,keyasint"` // run.Trigger or run.Async
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

// Dead is a delivery that was given up, and why.
type Dead struct {
	Delivery Delivery  `cbor:"1,keyasint"`
	Time     time.Time `cbor:"2,keyasint"`
	Reason   string    `cbor:"3,keyasint"` // RetriesExhausted, Expired, or a fault's reason
	Message  string    `cbor:"4,keyasint,omitempty"`
}

// Invoker runs a function once; *run.Invoker does.
type Invoker interface {
	Invoke(ctx context.Context, c run.Call) (*runner.Result, *run.Record, error)
}

// Settings tells how a function's asynchronous runs behave; *function.Store does.
type Settings interface {
	AsyncConfigFor(ctx context.Context, function, qualifier string) (*function.AsyncConfig, error)
}

// Journal keeps for people what this room does, within its transactions; *history.Store
// does.
type Journal interface {
	// Event takes an event and the runs that it owes, in the transaction of the change.
	Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []Owed)
	// Owe adds a run to an event of the past: a redrive, a replay, a backfill. eventID is
	// empty where an object had no event.
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

	Parallel    int // runs at once, of all functions; default 64
	PerFunction int // runs at once of one function; default 16
	Window      int // due rows of one function kept in memory; default 1000
	Held        int // due rows kept in memory in all; default 20,000 (at 1 KB each, some 20 MB)

	Now    func() time.Time
	Logger *slog.Logger
}

// Queue is the delivery room.
type Queue struct {
	kv   kv.Store
	o    Options
	seed maphash.Seed
	dispatcher
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
	def(&o.Window, 1000)
	def(&o.Held, 20000)
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
// transaction of the change.
func (q *Queue) Record(tx kv.Txn, rec *event.Record) error {
	ts, err := q.o.Triggers.Match(tx, rec)
	if err != nil {
		return err
	}
	// Tells the events of one transaction apart; they differ in their keys.
	var h [8]byte
	suffix := appendU64(h[:0], maphash.String(q.seed, rec.Key))
	var owed []Owed
	for i, t := range ts {
		d := &Delivery{
			RequestID: run.NewRequestID(rec.Time), Function: t.Function, Qualifier: t.Qualifier, Kind: run.Trigger, Trigger: t.Name,
			Payload: rec.AppendNative(make([]byte, 0, 1024), t.RuleID), Enqueued: rec.Time,
			Cause: rec.Origin.Lineage, Bucket: rec.Bucket, Key: rec.Key,
		}
		if err := q.enqueue(tx, d, append(suffix[:8:8], byte(i))); err != nil {
			return err
		}
		owed = append(owed, Owed{RequestID: d.RequestID, Function: d.Function, Trigger: d.Trigger, Qualifier: d.Qualifier})
	}
	if q.o.Journal != nil {
		q.o.Journal.Event(tx, rec, suffix, owed)
	}
	return nil
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

// enqueue writes a delivery's rows and arranges for the dispatcher to be told of it.
func (q *Queue) enqueue(tx kv.Txn, d *Delivery, suffix []byte) error {
	payload := d.Payload
	if len(payload) > inRow {
		d.Payload = nil
		for p := payload; len(p) > 0; d.Pieces++ {
			n := min(len(p), inRow)
			tx.Set(pieceKey(d.RequestID, d.Pieces), p[:n])
			p = p[n:]
		}
	}
	prefix := appendU64(append(row.Key(tQueue, d.Function), 0), uint64(d.Enqueued.UnixMilli()))
	tx.SetSequenced(prefix, suffix, row.Encode(d))
	d.Payload = payload
	tx.OnCommit(func(seq uint64) {
		q.add(&item{key: string(append(appendU64(prefix, seq), suffix...)), Delivery: *d})
	})
	return nil
}

func pieceKey(requestID string, n int) []byte {
	return row.Key(tPayload, requestID, string(rune('0'+n)))
}

// item is a delivery's row in memory.
type item struct {
	key string
	Delivery
}

// eventID names the event behind a delivery: the commit sequence that its change got.
func (it *item) eventID() string {
	at := len(tQueue) + len(it.Function) + 1 + 8
	return strconv.FormatUint(row.ParseU64([]byte(it.key[at:at+8])), 16)
}

// payload returns the event's bytes, from wherever they stand.
func (q *Queue) payload(ctx context.Context, it *item) ([]byte, error) {
	if it.Pieces == 0 || it.Payload != nil {
		return it.Payload, nil
	}
	var p []byte
	err := q.kv.View(ctx, func(r kv.Reader) error {
		for n := range it.Pieces {
			v, err := r.Get(pieceKey(it.RequestID, n))
			if err != nil {
				return err
			}
			p = append(p, v...)
		}
		return nil
	})
	return p, err
}

// FC's rules of retrying.
const (
	firstDelay = 500 * time.Millisecond // of a try that did not reach the function, doubling
	maxDelay   = 512 * time.Second
	giveUp     = 5 * time.Hour // after which such tries end
	firstRetry = time.Second   // of a run that the function failed, doubling (ours: FC names no figure)
	maxRetry   = time.Minute
)

func backoff(first, most time.Duration, n int) time.Duration {
	d := first
	for ; n > 0 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

// run makes one attempt and says what becomes of the row.
func (q *Queue) run(ctx context.Context, it *item) verdict {
	cfg, err := q.o.Settings.AsyncConfigFor(ctx, it.Function, it.Qualifier)
	if err != nil {
		return q.undelivered(it, err)
	}
	if age := q.o.Now().Sub(it.Enqueued); age > cfg.MaxAge() {
		return verdict{it: it, dead: &Dead{Reason: "Expired", Message: "The event waited " + age.Round(time.Second).String() + ", longer than maxAsyncEventAgeInSeconds allows."}}
	}
	payload, err := q.payload(ctx, it)
	if err != nil {
		return q.undelivered(it, err)
	}
	c := run.Call{
		Function: it.Function, Qualifier: it.Qualifier, Event: payload, RequestID: it.RequestID, Attempt: it.Attempt,
		Kind: it.Kind, Trigger: it.Trigger, Bucket: it.Bucket, Key: it.Key,
	}
	if it.Kind == run.Trigger {
		c.EventID = it.eventID()
		c.Lineage = lineage.Next(it.Cause, it.RequestID, it.Function, it.Trigger, c.EventID)
	} else {
		c.Lineage = run.Direct(it.Cause, it.RequestID, it.Function)
	}
	res, rec, err := q.o.Invoker.Invoke(ctx, c)
	switch {
	case err != nil:
		return q.undelivered(it, err)
	case res.ErrorType == "":
		return verdict{it: it, cfg: cfg, rec: rec}
	case it.Attempt >= cfg.MaxRetries():
		return verdict{it: it, cfg: cfg, rec: rec, dead: &Dead{Reason: "RetriesExhausted", Message: res.ErrorType + " in attempt " + strconv.Itoa(it.Attempt+1)}}
	}
	next := it.Delivery
	next.Attempt, next.Delays = it.Attempt+1, 0
	return verdict{it: it, cfg: cfg, rec: rec, again: &next, after: backoff(firstRetry, maxRetry, it.Attempt)}
}

// undelivered judges a try that did not reach the function.
func (q *Queue) undelivered(it *item, err error) verdict {
	if q.stopping(err) {
		return verdict{it: it, keep: true}
	}
	f := fault.As(err)
	switch f.Kind {
	case fault.Throttled, fault.Unavailable, fault.Internal, fault.Conflict, fault.TooLarge:
	case fault.Denied:
		if f.Reason == "RecursiveInvocation" {
			return verdict{it: it, dead: &Dead{Reason: string(f.Reason), Message: f.Message}}
		}
	default: // the function or its version is gone, or cannot be run as it is
		return verdict{it: it, dead: &Dead{Reason: string(f.Reason), Message: f.Message}}
	}
	if q.o.Now().Sub(it.Enqueued) > giveUp {
		return verdict{it: it, dead: &Dead{Reason: string(f.Reason), Message: "Given up after " + giveUp.String() + ": " + f.Message}}
	}
	next := it.Delivery
	next.Delays++
	after := backoff(firstDelay, maxDelay, it.Delays)
	q.o.Logger.Warn("delivery did not reach its function; it will be tried again", "function", it.Function, "request", it.RequestID, "reason", f.Reason, "after", after, "error", f.Err)
	return verdict{it: it, again: &next, after: after}
}

func (q *Queue) stopping(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, kv.ErrClosed)
}

// ListDead returns up to limit deliveries that were given up, the latest first.
func (q *Queue) ListDead(ctx context.Context, limit int) (dead []*Dead, err error) {
	rg := kv.Prefix([]byte(tDead))
	rg.Reverse = true
	err = q.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(rg, func(_, v []byte) error {
			if len(dead) == limit {
				return kv.Stop
			}
			d := new(Dead)
			dead = append(dead, d)
			return row.Decode(v, d)
		})
	})
	return dead, err
}

func appendU64(b []byte, v uint64) []byte { return append(b, row.U64(v)...) }
