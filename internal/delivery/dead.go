package delivery

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Reasons of dead letters that are not a fault's: those are told with the fault's own.
const (
	ReasonRetries = "RetriesExhausted" // the function failed every attempt
	ReasonExpired = "Expired"          // too old
	ReasonPaused  = "TriggerPaused"    // the trigger was paused when the event came
)

// Dead is a delivery that was given up, and why.
type Dead struct {
	ID       string           `cbor:"-"` // stable, and in the order of Time
	Delivery Delivery         `cbor:"1,keyasint"`
	Time     time.Time        `cbor:"2,keyasint"`
	Reason   string           `cbor:"3,keyasint"` // Reason…, or a fault's reason
	Message  string           `cbor:"4,keyasint,omitempty"`
	Why      *reason.Why      `cbor:"6,keyasint,omitempty"` // what Message says; nil if that is another's message
	Lineage  *lineage.Lineage `cbor:"5,keyasint,omitempty"` // of RecursiveInvocation: that of the run that was not made, with the whole chain
}

// given is a dead letter to be, with its reason.
func given(name string, why *reason.Why) *Dead {
	return &Dead{Reason: name, Message: why.String(), Why: why}
}

// deadHead is what is needed to choose among dead letters.
type deadHead struct {
	Delivery struct {
		Function string `cbor:"2,keyasint"`
		Trigger  string `cbor:"5,keyasint,omitempty"`
		Bucket   string `cbor:"12,keyasint,omitempty"`
		Key      string `cbor:"13,keyasint,omitempty"`
	} `cbor:"1,keyasint"`
	Reason string `cbor:"3,keyasint"`
}

// EventID names the event behind a dead letter; "" if there is none.
func (d *Dead) EventID() string {
	k, err := hex.DecodeString(d.ID)
	if err != nil || len(k) < 8 {
		return d.Delivery.EventID
	}
	return d.Delivery.event(string(k[8:]))
}

// DeadQuery chooses dead letters; empty fields choose all.
type DeadQuery struct {
	Function, Trigger, Reason string
	Bucket, Prefix            string    // of the object; Prefix of its key
	Since, Until              time.Time // of Dead.Time, to the millisecond: from Since on, before Until
	After                     string    // what ListDead returned as next: the page behind it
	Limit                     int       // of one page; default 100, at most MaxDeadPage
}

const (
	// MaxDeadPage is the most that one call of ListDead returns.
	MaxDeadPage = 1000
	// deadScan bounds how many rows one call of ListDead looks at.
	deadScan = 20_000
	// deadBatch and deadBytes bound a transaction that moves or removes dead letters.
	deadBatch = 100
	deadBytes = 2 << 20
)

func (qy *DeadQuery) wants(h *deadHead) bool {
	d := &h.Delivery
	return (qy.Function == "" || d.Function == qy.Function) && (qy.Trigger == "" || d.Trigger == qy.Trigger) &&
		(qy.Reason == "" || h.Reason == qy.Reason) && (qy.Bucket == "" || d.Bucket == qy.Bucket) && strings.HasPrefix(d.Key, qy.Prefix)
}

// deadKey returns the key that a dead letter's id stands for.
func deadKey(id string) ([]byte, error) {
	k, err := hex.DecodeString(id)
	if err != nil || len(k) < 24 || len(k) > 1024 {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "%.80q is not the id of a dead letter.", id).
			WithHint("Ids are what the list of dead letters shows.")
	}
	return append([]byte(tDead), k...), nil
}

// refuse makes a delivery a dead letter in the transaction that would have enqueued it.
func (q *Queue) refuse(tx kv.Txn, d *Delivery, suffix []byte, why *trigger.Pause) {
	detail := why.Detail
	if detail != "" {
		detail = " " + detail
	}
	dead := *given(ReasonPaused, reason.New(reason.CameWhenPaused, why.Args(), "The trigger has been paused since %s (%s).%s", why.Since.UTC().Format(time.RFC3339), why.Reason, detail))
	dead.Time, dead.Why.Hint = q.o.Now(), why.Why
	q.split(tx, d)
	dead.Delivery = *d
	prefix := appendU64([]byte(tDead), uint64(dead.Time.UnixMilli()))
	tx.SetSequenced(appendU64(prefix, uint64(d.Enqueued.UnixMilli())), suffix, row.Encode(&dead))
	if q.o.Journal != nil {
		q.o.Journal.Outcome(tx, &Outcome{RequestID: d.RequestID, Function: d.Function, State: Failed, Reason: ReasonPaused, Time: dead.Time.UTC()})
	}
	function := d.Function
	tx.OnCommit(func(uint64) {
		q.mu.Lock()
		q.count(function).dead++
		q.mu.Unlock()
	})
}

// ListDead returns a page of dead letters, the latest first, without their payloads, and
// where the next page begins ("" at the end). It looks at some 20,000 rows at most: a page
// may be short, and even empty, though there are more.
func (q *Queue) ListDead(ctx context.Context, qy DeadQuery) (dead []*Dead, next string, err error) {
	if qy.Limit <= 0 {
		qy.Limit = 100
	}
	qy.Limit = min(qy.Limit, MaxDeadPage)
	rg := kv.Prefix([]byte(tDead))
	rg.Reverse = true
	if !qy.Since.IsZero() {
		rg.Start = appendU64([]byte(tDead), uint64(max(qy.Since.UnixMilli(), 0)))
	}
	if !qy.Until.IsZero() {
		rg.End = appendU64([]byte(tDead), uint64(max(qy.Until.UnixMilli(), 0)))
	}
	if qy.After != "" {
		k, err := deadKey(qy.After)
		if err != nil {
			return nil, "", err
		}
		if bytes.Compare(k, rg.End) < 0 {
			rg.End = k
		}
	}
	if bytes.Compare(rg.Start, rg.End) >= 0 {
		return nil, "", nil
	}
	err = q.kv.View(ctx, func(r kv.Reader) error {
		n, last := 0, ""
		return r.Scan(rg, func(k, v []byte) error {
			if len(dead) == qy.Limit || n == deadScan {
				next = last
				return kv.Stop
			}
			n++
			last = hex.EncodeToString(k[len(tDead):])
			var h deadHead
			if err := row.Decode(v, &h); err != nil {
				return err
			}
			if !qy.wants(&h) {
				return nil
			}
			d := &Dead{ID: last}
			dead = append(dead, d)
			err := row.Decode(v, d)
			d.Delivery.Payload = nil
			return err
		})
	})
	return dead, next, err
}

func noDead(id string) error {
	return fault.New(fault.NotFound, "DeadLetterNotFound", "There is no dead letter '%s'.", id).
		WithHint("It was redriven, deleted, or is older than dead letters are kept.")
}

// GetDead returns a dead letter with its whole payload. Reason DeadLetterNotFound.
func (q *Queue) GetDead(ctx context.Context, id string) (*Dead, error) {
	k, err := deadKey(id)
	if err != nil {
		return nil, err
	}
	d := &Dead{ID: id}
	err = q.kv.View(ctx, func(r kv.Reader) error {
		v, err := r.Get(k)
		if err != nil {
			return err
		}
		if err := row.Decode(v, d); err != nil || d.Delivery.Pieces == 0 {
			return err
		}
		d.Delivery.Payload, err = pieces(r, &d.Delivery)
		return err
	})
	if notFound(err) {
		return nil, noDead(id)
	}
	return d, err
}

// Redrive moves dead letters back into their queues, as new: with no attempts behind them,
// due now, marked MarkRedrive; their request ids and events stay. It returns how many it
// moved; ids of which there is no dead letter (any more) are left out. Each batch of 100
// is one transaction: after an error, n tells how many were moved before it.
func (q *Queue) Redrive(ctx context.Context, ids ...string) (n int, err error) {
	return q.eachDead(ctx, ids, func(tx kv.Txn, key []byte, d *Dead, number uint64) error {
		e := d.Delivery
		e.EventID = d.EventID()
		e.Mark, e.Attempt, e.Delays, e.Refused, e.NotBefore = MarkRedrive, 0, 0, time.Time{}, time.Time{}
		e.Enqueued = q.o.Now().UTC()
		if err := q.enqueue(tx, &e, append(row.U64(number), 0)); err != nil {
			return err
		}
		if q.o.Journal != nil {
			q.o.Journal.Owe(tx, e.EventID, e.owed())
		}
		return nil
	})
}

// DeleteDead removes dead letters for good, as Redrive moves them.
func (q *Queue) DeleteDead(ctx context.Context, ids ...string) (n int, err error) {
	return q.eachDead(ctx, ids, func(tx kv.Txn, _ []byte, d *Dead, _ uint64) error {
		for i := range d.Delivery.Pieces {
			tx.Delete(pieceKey(d.Delivery.RequestID, i))
		}
		return nil
	})
}

// eachDead takes dead letters away, many in one transaction, in which do says what becomes
// of each.
func (q *Queue) eachDead(ctx context.Context, ids []string, do func(tx kv.Txn, key []byte, d *Dead, number uint64) error) (n int, err error) {
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		if keys[i], err = deadKey(id); err != nil {
			return 0, err
		}
	}
	for len(keys) > 0 {
		took := 0
		var of []string // functions
		err := q.kv.Update(ctx, func(tx kv.Txn) error {
			took, of = 0, nil
			size := 0
			for i, k := range keys {
				if i == deadBatch || size > deadBytes {
					break
				}
				took++
				v, err := tx.Get(k)
				if notFound(err) {
					continue
				}
				if err != nil {
					return err
				}
				d := &Dead{ID: hex.EncodeToString(k[len(tDead):])}
				if err := row.Decode(v, d); err != nil {
					return err
				}
				size += 2*len(v) + 1024
				tx.Delete(k)
				if err := do(tx, k, d, uint64(i)); err != nil {
					return err
				}
				of = append(of, d.Delivery.Function)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(of)
		keys = keys[took:]
		q.mu.Lock()
		for _, f := range of {
			q.count(f).dead--
			q.uncount(f)
		}
		q.mu.Unlock()
	}
	return n, nil
}

// RedriveAll redrives what a query chooses among the dead letters that are there when it is
// called, in batches; its Limit does not count. progress, which may be nil, is told how many
// are moved so far. After an error, or when ctx ends, it can be called again.
func (q *Queue) RedriveAll(ctx context.Context, qy DeadQuery, progress func(n int)) (n int, err error) {
	return q.allDead(ctx, qy, progress, q.Redrive)
}

// DeleteAll is RedriveAll for DeleteDead.
func (q *Queue) DeleteAll(ctx context.Context, qy DeadQuery, progress func(n int)) (n int, err error) {
	return q.allDead(ctx, qy, progress, q.DeleteDead)
}

func (q *Queue) allDead(ctx context.Context, qy DeadQuery, progress func(int), do func(context.Context, ...string) (int, error)) (n int, err error) {
	// The latest first: what dies again meanwhile is later than where it began.
	qy.Limit = deadBatch
	if begun := q.o.Now().Add(time.Millisecond); qy.Until.IsZero() || qy.Until.After(begun) {
		qy.Until = begun
	}
	for {
		dead, next, err := q.ListDead(ctx, qy)
		if err != nil {
			return n, err
		}
		ids := make([]string, len(dead))
		for i, d := range dead {
			ids[i] = d.ID
		}
		did, err := do(ctx, ids...)
		n += did
		if err != nil {
			return n, err
		}
		if progress != nil && did > 0 {
			progress(n)
		}
		if next == "" {
			return n, nil
		}
		qy.After = next
	}
}

// trimEvery is how often dead letters that are too old are removed.
const trimEvery = time.Hour

// Trim removes dead letters older than Options.KeepDead, until ctx ends. The server runs it
// once.
func (q *Queue) Trim(ctx context.Context) {
	t := time.NewTicker(trimEvery)
	defer t.Stop()
	for {
		if n, err := q.TrimNow(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, kv.ErrClosed) {
			q.o.Logger.Error("removing old dead letters failed; it will be tried again", "error", err)
		} else if n > 0 {
			q.o.Logger.Info("dead letters were removed, for they are too old", "dead letters", n, "kept for", q.o.KeepDead)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// TrimNow removes dead letters older than Options.KeepDead, and returns how many.
func (q *Queue) TrimNow(ctx context.Context) (n int, err error) {
	end := appendU64([]byte(tDead), uint64(max(q.o.Now().Add(-q.o.KeepDead).UnixMilli(), 0)))
	start := []byte(tDead)
	for {
		var ids []string
		var last []byte
		err := q.kv.View(ctx, func(r kv.Reader) error {
			ids = ids[:0]
			return r.Scan(kv.Range{Start: start, End: end}, func(k, _ []byte) error {
				ids = append(ids, hex.EncodeToString(k[len(tDead):]))
				last = append(last[:0], k...)
				if len(ids) == deadBatch {
					return kv.Stop
				}
				return nil
			})
		})
		if err != nil || len(ids) == 0 {
			return n, err
		}
		did, err := q.DeleteDead(ctx, ids...)
		n += did
		if err != nil || len(ids) < deadBatch {
			return n, err
		}
		start = last // not over what was just deleted again
	}
}
