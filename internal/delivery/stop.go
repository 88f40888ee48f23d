package delivery

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// findMost bounds how many rows StopDelivery looks at.
const findMost = 20_000

// StopDelivery ends a delivery. One that waits is over when it returns nil, and never run
// after. One that runs is canceled: it is over, and Stopped, when its run has ended, which
// does not take long.
// Reason DeliveryNotFound if it is over already, or stands so far behind its time in a
// long queue that it was not found (more than 20,000 rows).
func (q *Queue) StopDelivery(ctx context.Context, function, requestID string) error {
	for {
		q.mu.Lock()
		it, f := q.find(function, requestID)
		if it == nil {
			q.mu.Unlock()
			row, err := q.findRow(ctx, function, requestID)
			if err != nil {
				return err
			}
			q.mu.Lock()
			f = q.queue(row.queue)
			if _, ok := f.known[row.key]; ok {
				q.mu.Unlock() // it came into memory, or was there a moment ago
				if err := ctx.Err(); err != nil {
					return err
				}
				continue
			}
			row.slimDown()
			f.known[row.key] = row // so that no load takes it
			q.held++
			it = row
		} else if it.state == judged {
			over := q.whenOver(it)
			q.mu.Unlock()
			select {
			case <-over:
				continue
			case <-ctx.Done():
				return ctx.Err()
			case <-q.ctx.Done():
				return fault.New(fault.Unavailable, "ServerDraining", "The server is shutting down.")
			}
		} else if it.state == running {
			it.stop = true
			it.cancel()
			q.mu.Unlock()
			return nil
		}
		at := slices.Index(f.ready, it)
		if at >= 0 {
			f.ready = slices.Delete(f.ready, at, at+1)
		}
		it.state = judged
		f.judged++
		q.mu.Unlock()

		batch := []verdict{{it: it, stopped: true, waiting: true}}
		now := q.o.Now()
		err := q.commit(ctx, batch, now)
		if err == nil {
			q.settled(batch, now)
			if batch[0].gone {
				return noDelivery(function, requestID)
			}
			return nil
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		f.judged--
		if at >= 0 {
			it.state = ready
			f.ready = slices.Insert(f.ready, min(at, len(f.ready)), it)
		} else {
			q.forget(f, it)
			f.leave(it.key)
			f.more = true
			q.load(f)
		}
		if it.over != nil {
			close(it.over)
			it.over = nil
		}
		q.offer(f)
		q.pump()
		return err
	}
}

func noDelivery(function, requestID string) error {
	return fault.New(fault.NotFound, "DeliveryNotFound", "No delivery '%s' of function '%s' waits or runs.", requestID, function)
}

// find looks for a delivery in memory. The caller holds q.mu.
func (q *Queue) find(function, requestID string) (*item, *queue) {
	for _, f := range q.queues {
		if f.function != function {
			continue
		}
		for _, it := range f.known {
			if it != nil && it.RequestID == requestID {
				return it, f
			}
		}
	}
	return nil, nil
}

// whenOver returns a channel that is closed when the verdict on it is written. The caller
// holds q.mu.
func (q *Queue) whenOver(it *item) chan struct{} {
	if it.over == nil {
		it.over = make(chan struct{})
	}
	return it.over
}

// findRow looks for a delivery among the rows that memory does not know: from the second
// on in which its request id was made, and from the start.
func (q *Queue) findRow(ctx context.Context, function, requestID string) (it *item, err error) {
	type place struct{ name, low, end string }
	var places []place
	q.mu.Lock()
	for _, f := range q.queues {
		if f.function != function || f.low == f.end && !f.loading {
			continue
		}
		low := f.low
		if f.loading { // low is on its way
			low = string(queuePrefix(f.name))
		}
		if ms := madeAt(requestID); ms > 0 && !f.ordered {
			near := string(appendU64(queuePrefix(f.name), ms))
			places = append(places, place{f.name, max(low, near), f.end})
			if near <= low {
				continue
			}
		}
		places = append(places, place{f.name, low, f.end})
	}
	q.mu.Unlock()
	err = q.kv.View(ctx, func(r kv.Reader) error {
		for _, p := range places {
			n := 0
			err := r.Scan(kv.Range{Start: []byte(p.low), End: []byte(p.end)}, func(k, v []byte) error {
				if n++; n > findMost {
					return kv.Stop
				}
				var head struct {
					RequestID string `cbor:"1,keyasint"`
				}
				if err := row.Decode(v, &head); err != nil {
					return err
				}
				if head.RequestID != requestID {
					return nil
				}
				it = &item{key: string(k), queue: p.name}
				if err := row.Decode(v, &it.Delivery); err != nil {
					return err
				}
				return kv.Stop
			})
			if err != nil || it != nil {
				return err
			}
		}
		return noDelivery(function, requestID)
	})
	return it, err
}

// madeAt returns the unix time in milliseconds that a request id tells; 0 if it is of
// another form than run.NewRequestID's.
func madeAt(requestID string) uint64 {
	rest, ok := strings.CutPrefix(requestID, "1-")
	if !ok {
		return 0
	}
	sec, _, _ := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(sec, 16, 40)
	if err != nil {
		return 0
	}
	return n * 1000
}
