package delivery

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// Neither a function's nor a trigger's name has a byte below a space.
const (
	ofTrigger    = "\x01"  // stands between function and trigger in the name of an ordered queue
	destinations = "\x01@" // behind the function in the name of the queue of its results
)

// queue names the queue that a delivery waits in.
func (d *Delivery) queue() string {
	switch {
	case d.Kind == run.Destination && !isFunction(d.Target):
		return d.Function + destinations
	case d.Retry != nil && d.Retry.Block && d.Trigger != "":
		return d.Function + ofTrigger + d.Trigger
	}
	return d.Function
}

// isFunction reports whether the target of a delivery is run, not sent to.
func isFunction(target string) bool { return target == "" || strings.HasPrefix(target, "acs:fc:") }

// ordered reports whether a queue's deliveries are run one at a time in commit order. The
// due time in its keys is 0, so that they stand in that order.
func ordered(queue string) bool {
	return strings.Contains(queue, ofTrigger) && !strings.HasSuffix(queue, destinations)
}

func functionOf(queue string) string {
	name, _, _ := strings.Cut(queue, ofTrigger)
	return name
}

// queuePrefix is what the keys of a queue's rows begin with.
func queuePrefix(queue string) []byte { return append(row.Key(tQueue, queue), 0) }

func pieceKey(requestID string, n int) []byte {
	return row.Key(tPayload, requestID, string(rune('0'+n)))
}

func appendU64(b []byte, v uint64) []byte { return append(b, row.U64(v)...) }

// enqueue writes a delivery's rows and its task's, and arranges for the dispatcher to be
// told of it. suffix, of any length, tells the rows of one transaction apart. d is not kept,
// its payload is.
func (q *Queue) enqueue(tx kv.Txn, d *Delivery, suffix []byte) error {
	if err := q.taskBegun(tx, d); err != nil {
		return err
	}
	name := d.queue()
	due := uint64(d.Enqueued.UnixMilli())
	if ordered(name) {
		due = 0
	}
	payload := d.Payload
	q.split(tx, d)
	prefix := appendU64(queuePrefix(name), due)
	tx.SetSequenced(prefix, suffix, row.Encode(d))
	d.Payload = payload
	tx.OnCommit(func(seq uint64) {
		q.add(&item{key: string(append(appendU64(prefix, seq), suffix...)), queue: name, Delivery: *d})
	})
	return nil
}

// split moves a payload that is too large for a delivery's row to rows of its own.
func (q *Queue) split(tx kv.Txn, d *Delivery) {
	if len(d.Payload) <= inRow {
		return
	}
	d.Pieces = 0
	for p := d.Payload; len(p) > 0; d.Pieces++ {
		n := min(len(p), inRow)
		tx.Set(pieceKey(d.RequestID, d.Pieces), p[:n])
		p = p[n:]
	}
	d.Payload = nil
}

// item is a delivery's row in memory.
type item struct {
	key   string
	queue string
	Delivery

	// Guarded by dispatcher.mu.
	weight int  // bytes of payload and result that count against Options.HeldBytes
	slim   bool // the payload stands on disk only
	state  int8
	stop   bool // StopDelivery wants it to end
	cancel context.CancelFunc
	over   chan struct{} // closed when the verdict is written; made by who waits for that
}

// States of an item.
const (
	ready   int8 = iota
	running      // its run is under way
	judged       // its verdict is being written
)

// slimDown forgets the payload of an item that is not running.
func (it *item) slimDown() {
	if len(it.Payload) > 0 {
		it.Payload, it.slim = nil, true
	}
	it.weight = 0
}

// event returns the id of the event behind a delivery, as the history has it: the commit
// sequence that its change got and, where that had several events, "-" and the suffix of
// this one; "" for none. rest is its key from the due time on.
func (d *Delivery) event(rest string) string {
	if d.EventID != "" || d.Mark != "" || d.Kind != run.Trigger || len(rest) < 16 {
		return d.EventID
	}
	id := strconv.FormatUint(row.ParseU64([]byte(rest[8:16])), 16)
	if len(rest) > 17 { // the last byte numbers the deliveries of one event
		id += "-" + hex.EncodeToString([]byte(rest[16:len(rest)-1]))
	}
	return id
}

func (it *item) rest() string { return it.key[len(tQueue)+len(it.queue)+1:] }

func (it *item) eventID() string { return it.event(it.rest()) }

// payload returns the bytes that a run gets, from wherever they stand.
func (q *Queue) payload(ctx context.Context, it *item) (p []byte, err error) {
	if !it.slim && (it.Pieces == 0 || it.Payload != nil) {
		return it.Payload, nil
	}
	err = q.kv.View(ctx, func(r kv.Reader) error {
		p, err = payloadIn(r, it)
		return err
	})
	return p, err
}

// payloadIn is payload within a transaction.
func payloadIn(r kv.Reader, it *item) ([]byte, error) {
	switch {
	case it.Pieces > 0 && it.Payload == nil:
		return pieces(r, &it.Delivery)
	case it.slim:
		v, err := r.Get([]byte(it.key))
		if err != nil {
			return nil, err
		}
		var d Delivery
		err = row.Decode(v, &d)
		return d.Payload, err
	}
	return it.Payload, nil
}

func pieces(r kv.Reader, d *Delivery) (p []byte, err error) {
	for n := range d.Pieces {
		v, err := r.Get(pieceKey(d.RequestID, n))
		if err != nil {
			return nil, err
		}
		p = append(p, v...)
	}
	return p, nil
}

// dueOf returns the due time in a key.
func dueOf(prefix int, key []byte) time.Time {
	return time.UnixMilli(int64(row.ParseU64(key[prefix:])))
}

func notFound(err error) bool { return errors.Is(err, kv.ErrNotFound) }
