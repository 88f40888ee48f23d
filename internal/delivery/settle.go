package delivery

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

const (
	ackBatch = 128     // verdicts in one transaction
	ackBytes = 2 << 20 // of payloads and results that it may write: kv.MaxTxnSize leaves room for the rest
)

// acknowledge writes verdicts, many in one transaction. It may lag behind the runs: a
// crash in between makes them run again.
func (q *Queue) acknowledge() {
	defer close(q.acked)
	var next []verdict // taken from the channel, did not fit
	for {
		batch := next
		next = nil
		if len(batch) == 0 {
			v, ok := <-q.acks
			if !ok {
				return
			}
			batch = append(batch, v)
		}
		size := batch[0].size()
	more:
		for len(batch) < ackBatch {
			select {
			case v, ok := <-q.acks:
				if !ok {
					break more
				}
				if size += v.size(); size > ackBytes {
					next = []verdict{v}
					break more
				}
				batch = append(batch, v)
			default:
				break more
			}
		}
		q.settle(batch)
	}
}

// size is about what a verdict writes, in bytes.
func (v *verdict) size() int {
	n := 4 << 10
	if v.dead != nil || v.again != nil {
		if n += len(v.it.Payload); v.it.slim {
			n += inRow
		}
	}
	if v.rec != nil && v.rec.Payload != nil { // it goes on to a destination, with what was asked
		n += 2*len(v.rec.Payload) + 2*MaxPayload
	}
	return n
}

func (q *Queue) settle(batch []verdict) {
	// One time for all tries: after one of which it is not known whether it was made, the
	// next writes the same rows.
	now := q.o.Now()
	for delay := firstDelay; ; delay = min(2*delay, time.Minute) {
		// Not under q.ctx: what is done is acknowledged even while the server stops.
		err := q.commit(context.Background(), batch, now)
		if err == nil {
			q.settled(batch, now)
			return
		}
		if errors.Is(err, kv.ErrTooLarge) && len(batch) > 1 {
			q.settle(batch[:len(batch)/2])
			q.settle(batch[len(batch)/2:])
			return
		}
		if errors.Is(err, kv.ErrClosed) {
			return
		}
		q.o.Logger.Error("acknowledging deliveries failed; trying again", "deliveries", len(batch), "error", err)
		select {
		case <-time.After(delay):
		case <-q.ctx.Done():
			return // the rows stay: the runs will be repeated
		}
	}
}

// commit writes verdicts in one transaction, on a full disk too: what was done is to be
// forgotten, not done again.
func (q *Queue) commit(ctx context.Context, batch []verdict, now time.Time) error {
	return q.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		for i := range batch {
			if err := q.write(tx, &batch[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

// settled draws the conclusions of verdicts that are written.
func (q *Queue) settled(batch []verdict, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range batch {
		v := &batch[i]
		it := v.it
		f := q.queue(it.queue)
		if it.over != nil {
			close(it.over)
			it.over = nil
		}
		f.judged--
		if f.ordered && !v.waiting {
			f.running--
		}
		switch {
		case v.gone:
			q.forget(f, it)
		case v.again != nil && f.ordered:
			// It stays in memory, where the others wait for it.
			it.Delivery = withPayload(v.again, it)
			it.NotBefore = now.Add(v.after)
			it.state = ready
			if it.weight > len(it.Payload) { // what is left of the result
				q.bytes -= it.weight - len(it.Payload)
				it.weight = len(it.Payload)
			}
			f.ready = slices.Insert(f.ready, 0, it)
		case v.again != nil:
			q.forget(f, it)
			f.leave(v.moved)
			q.wakeAt(f, now.Add(v.after))
		default:
			q.forget(f, it)
			c := q.count(it.Function)
			c.waiting--
			if v.dead != nil {
				c.dead++
			}
			q.uncount(it.Function)
		}
		q.offer(f)
		q.load(f)
		q.tidy(f)
	}
	q.pump()
}

// withPayload returns d with what memory holds of its payload.
func withPayload(d *Delivery, it *item) Delivery {
	c := *d
	c.Payload = it.Payload
	return c
}

// write makes a verdict's rows. A delivery that is to run again moves to its new due
// time, keeping the rest of its key.
func (q *Queue) write(tx kv.Txn, v *verdict, now time.Time) error {
	it := v.it
	old, err := tx.Get([]byte(it.key))
	if v.gone = notFound(err); v.gone {
		return nil // run twice, and the other one was first; or stopped
	}
	if err != nil {
		return err
	}
	if err := q.taskChanged(tx, v, now); err != nil {
		return err
	}
	payload := it.Payload
	if it.slim && (v.again != nil || v.dead != nil) {
		var d Delivery
		if err := row.Decode(old, &d); err != nil {
			return err
		}
		payload = d.Payload
	}
	if it.Pieces > 0 {
		payload = nil // its pieces stay where they are
	}
	if v.again != nil {
		next := *v.again
		next.Payload = payload
		v.moved = it.key
		if ordered(it.queue) {
			next.NotBefore = now.Add(v.after)
		} else {
			tx.Delete([]byte(it.key))
			at := len(it.key) - len(it.rest())
			v.moved = it.key[:at] + string(row.U64(uint64(now.Add(v.after).UnixMilli()))) + it.key[at+8:]
		}
		tx.Set([]byte(v.moved), row.Encode(&next))
		return nil
	}
	if err := q.handOn(tx, v, now); err != nil {
		return err
	}
	tx.Delete([]byte(it.key))
	o := Outcome{RequestID: it.RequestID, Function: it.Function, State: v.state(), Attempts: v.attempts(), Time: now.UTC()}
	if v.dead != nil {
		dead := *v.dead
		dead.Delivery, dead.Time = it.Delivery, now
		dead.Delivery.Payload = payload
		tx.Set(append(append([]byte(tDead), row.U64(uint64(now.UnixMilli()))...), it.rest()...), row.Encode(&dead))
		o.Reason = dead.Reason
		q.o.Logger.Warn("delivery given up", "function", it.Function, "request", it.RequestID, "trigger", it.Trigger, "reason", dead.Reason)
	} else {
		for n := range it.Pieces {
			tx.Delete(pieceKey(it.RequestID, n))
		}
	}
	if q.o.Journal != nil {
		q.o.Journal.Outcome(tx, &o)
	}
	return nil
}

// Waiting tells how many deliveries are in memory, and how many of them run. There may be
// more on disk.
func (q *Queue) Waiting() (held, running int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held, q.running
}
