package delivery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// verdict is what becomes of a delivery's row after an attempt: by default it goes.
type verdict struct {
	it    *item
	keep  bool      // leave it: the server stops
	dead  *Dead     // give it up
	again *Delivery // run it again
	after time.Duration

	cfg *function.AsyncConfig // that the attempt was made under; nil if there was none to find
	rec *run.Record           // of the attempt; nil if it did not reach the function
}

// dispatcher decides which delivery runs next. Functions take turns, so that one with a
// long queue does not hold up another's.
type dispatcher struct {
	mu      sync.Mutex
	queues  map[string]*queue
	turns   []*queue // those with ready items and room to run, in order of their turn
	running int
	held    int // items in memory
	started bool
	stopped bool

	ctx    context.Context // of runs
	cancel context.CancelFunc
	runs   sync.WaitGroup
	loads  sync.WaitGroup
	acks   chan verdict
	acked  chan struct{} // closed when the last ack is written
}

// queue is one function's.
type queue struct {
	name    string
	ready   []*item
	known   map[string]bool // keys in memory: ready, running, or done and not yet acked
	running int
	turn    bool // in dispatcher.turns

	// Rows that memory does not know: there may be some (more), from a place on (from).
	// A full scan that finds none clears more, unless rows came meanwhile (dirty).
	more, loading, dirty bool
	from                 []byte

	wake *time.Timer // for the earliest row that is not due yet
	at   time.Time
}

func (d *dispatcher) init() {
	d.queues = map[string]*queue{}
	d.acks = make(chan verdict, 1024)
	d.acked = make(chan struct{})
	d.ctx, d.cancel = context.WithCancel(context.Background())
}

// Start reads which functions have rows waiting, and begins to run them. The time it
// takes grows with the number of such functions, not of rows.
func (q *Queue) Start(ctx context.Context) error {
	var names []string
	start := []byte(tQueue)
	end := kv.PrefixEnd(start)
	err := q.kv.View(ctx, func(r kv.Reader) error {
		for {
			name := ""
			err := r.Scan(kv.Range{Start: start, End: end}, func(k, _ []byte) error {
				name, _, _ = strings.Cut(string(k[len(tQueue):]), "\x00")
				return kv.Stop
			})
			if err != nil || name == "" {
				return err
			}
			names = append(names, name)
			start = kv.PrefixEnd(append(row.Key(tQueue, name), 0))
		}
	})
	if err != nil {
		return err
	}
	go q.acknowledge()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.started = true
	for _, name := range names {
		f := q.queue(name)
		f.more = true
		q.load(f)
	}
	for _, f := range q.queues { // told of before Start
		q.offer(f)
	}
	q.pump()
	return nil
}

// Stop ends the dispatching: no run is begun any more, runs under way get until ctx ends,
// then they are canceled; their rows stay and are run again after the next start. What is
// done is acknowledged before Stop returns.
func (q *Queue) Stop(ctx context.Context) {
	q.mu.Lock()
	if q.stopped || !q.started {
		q.stopped = true
		q.mu.Unlock()
		return
	}
	q.stopped = true
	for _, f := range q.queues {
		if f.wake != nil {
			f.wake.Stop()
		}
	}
	q.mu.Unlock()
	done := make(chan struct{})
	go func() { q.runs.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		q.cancel()
		<-done
	}
	q.cancel()
	q.loads.Wait()
	close(q.acks)
	<-q.acked
}

// queue returns a function's queue. The caller holds d.mu.
func (d *dispatcher) queue(name string) *queue {
	f := d.queues[name]
	if f == nil {
		f = &queue{name: name, known: map[string]bool{}}
		d.queues[name] = f
	}
	return f
}

// add is told of a row that was just committed. It does not block.
func (q *Queue) add(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return
	}
	f := q.queue(it.Function)
	if f.known[it.key] {
		return // a load saw the row before its commit was told of
	}
	if f.more || len(f.ready) >= q.o.Window || q.held >= q.o.Held {
		// Later rows wait for earlier ones on disk.
		f.more, f.dirty = true, true
		q.load(f)
		return
	}
	q.hold(f, it)
	q.offer(f)
	q.pump()
}

func (q *Queue) hold(f *queue, it *item) {
	f.known[it.key] = true
	f.ready = append(f.ready, it)
	q.held++
}

// offer gives f a turn if it can use one. The caller holds q.mu.
func (q *Queue) offer(f *queue) {
	if !f.turn && len(f.ready) > 0 && f.running < q.o.PerFunction {
		f.turn = true
		q.turns = append(q.turns, f)
	}
}

// pump starts what may start. The caller holds q.mu.
func (q *Queue) pump() {
	for q.started && !q.stopped && q.running < q.o.Parallel && len(q.turns) > 0 {
		f := q.turns[0]
		q.turns = q.turns[1:]
		f.turn = false
		if len(f.ready) == 0 || f.running >= q.o.PerFunction {
			continue
		}
		it := f.ready[0]
		f.ready[0] = nil
		f.ready = f.ready[1:]
		f.running++
		q.running++
		q.offer(f)
		q.runs.Add(1)
		go q.attempt(f, it)
	}
}

func (q *Queue) attempt(f *queue, it *item) {
	defer q.runs.Done()
	v := q.run(q.ctx, it)
	q.mu.Lock()
	f.running--
	q.running--
	q.offer(f)
	q.load(f)
	q.pump()
	q.mu.Unlock()
	if !v.keep {
		q.acks <- v
	}
}

// load begins to read rows that memory does not know, if there is need and room. The
// caller holds q.mu.
func (q *Queue) load(f *queue) {
	if !q.started || q.stopped || !f.more || f.loading || len(f.ready) > q.o.Window/2 || q.held >= q.o.Held {
		return
	}
	f.loading, f.dirty = true, false
	from, room := f.from, min(q.o.Window-len(f.ready), q.o.Held-q.held)
	q.loads.Add(1)
	go func() {
		defer q.loads.Done()
		for {
			items, last, next, err := q.read(f, from, room)
			if err == nil {
				q.loaded(f, items, from, last, next)
				return
			}
			if q.stopping(err) {
				return
			}
			q.o.Logger.Error("reading waiting deliveries failed; trying again", "function", f.name, "error", err)
			select {
			case <-q.ctx.Done():
				return
			case <-time.After(firstDelay):
			}
		}
	}()
}

// read returns up to room rows that are due and unknown; last is the last key read if
// there may be more, nil at the end; next is when the first row that is not due will be.
func (q *Queue) read(f *queue, from []byte, room int) (items []*item, last []byte, next time.Time, err error) {
	prefix := append(row.Key(tQueue, f.name), 0)
	rg := kv.Prefix(prefix)
	if from != nil {
		rg.Start = from
	}
	now := q.o.Now()
	err = q.kv.View(q.ctx, func(r kv.Reader) error {
		items, last = items[:0], nil
		return r.Scan(rg, func(k, v []byte) error {
			due := time.UnixMilli(int64(row.ParseU64(k[len(prefix):])))
			if due.After(now) {
				next = due
				return kv.Stop
			}
			q.mu.Lock()
			known := f.known[string(k)]
			q.mu.Unlock()
			if known {
				return nil
			}
			if len(items) == room {
				last = append([]byte(nil), k...)
				return kv.Stop
			}
			it := &item{key: string(k)}
			if err := row.Decode(v, &it.Delivery); err != nil {
				return err
			}
			items = append(items, it)
			return nil
		})
	})
	return items, last, next, err
}

func (q *Queue) loaded(f *queue, items []*item, from, last []byte, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f.loading = false
	if q.stopped {
		return
	}
	for _, it := range items {
		if !f.known[it.key] {
			q.hold(f, it)
		}
	}
	switch {
	case last != nil:
		f.from = last
	case from != nil || f.dirty:
		// The end, but not from the start: rows may have been committed behind the
		// place where the scan went on. Once more, from the start.
		f.from = nil
	default:
		f.from, f.more = nil, false
		if !next.IsZero() {
			q.wakeAt(f, next)
		}
	}
	q.offer(f)
	q.load(f)
	q.pump()
}

// wakeAt arranges for f's rows to be read at t, if nothing does so earlier. The caller
// holds q.mu.
func (q *Queue) wakeAt(f *queue, t time.Time) {
	if q.stopped || f.wake != nil && !f.at.After(t) {
		return
	}
	if f.wake != nil {
		f.wake.Stop()
	}
	f.at = t
	var w *time.Timer
	w = time.AfterFunc(t.Sub(q.o.Now())+time.Millisecond, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if f.wake == w {
			f.wake = nil
		}
		f.more, f.dirty = true, true
		q.load(f)
	})
	f.wake = w
}

const ackBatch = 128

// acknowledge writes verdicts, many in one transaction. It may lag behind the runs: a
// crash in between makes them run again.
func (q *Queue) acknowledge() {
	defer close(q.acked)
	for v := range q.acks {
		batch := []verdict{v}
	more:
		for len(batch) < ackBatch {
			select {
			case v, ok := <-q.acks:
				if !ok {
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

func (q *Queue) settle(batch []verdict) {
	now := q.o.Now()
	for delay := firstDelay; ; delay = min(2*delay, time.Minute) {
		// Not under q.ctx: what is done is acknowledged even while the server stops.
		err := q.kv.Update(context.Background(), func(tx kv.Txn) error {
			for i := range batch {
				q.write(tx, &batch[i], now)
			}
			return nil
		})
		if err == nil {
			break
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
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, v := range batch {
		f := q.queue(v.it.Function)
		delete(f.known, v.it.key)
		q.held--
		if v.again != nil {
			q.wakeAt(f, now.Add(v.after))
		}
		q.load(f)
		if f.idle() {
			delete(q.queues, f.name)
		}
	}
}

// idle reports whether nothing is to be remembered of f.
func (f *queue) idle() bool {
	return len(f.known) == 0 && f.running == 0 && !f.more && !f.loading && f.wake == nil && !f.turn
}

// write makes a verdict's rows. A delivery that is to run again moves to its new due
// time, keeping the rest of its key.
func (q *Queue) write(tx kv.Txn, v *verdict, now time.Time) {
	tx.Delete([]byte(v.it.key))
	at := len(tQueue) + len(v.it.Function) + 1
	if v.again != nil {
		next := *v.again
		if next.Pieces > 0 {
			next.Payload = nil
		}
		key := append([]byte(v.it.key[:at]), row.U64(uint64(now.Add(v.after).UnixMilli()))...)
		tx.Set(append(key, v.it.key[at+8:]...), row.Encode(&next))
		return
	}
	if v.dead != nil {
		dead := *v.dead
		dead.Delivery, dead.Time = v.it.Delivery, now
		if dead.Delivery.Pieces > 0 {
			dead.Delivery.Payload = nil // its pieces stay
		}
		tx.Set(append(row.Key(tDead, string(row.U64(uint64(now.UnixMilli())))), v.it.key[at:]...), row.Encode(&dead))
		q.o.Logger.Warn("delivery given up", "function", v.it.Function, "request", v.it.RequestID, "trigger", v.it.Trigger, "reason", dead.Reason)
		return
	}
	for n := range v.it.Pieces {
		tx.Delete(pieceKey(v.it.RequestID, n))
	}
}

// Waiting tells how many deliveries are in memory, and how many of them run. There may be
// more on disk.
func (q *Queue) Waiting() (held, running int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held, q.running
}
