package delivery

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
)

// dispatcher decides which delivery runs next. Queues take turns, so that a long one does
// not hold up another's delivery.
type dispatcher struct {
	mu      sync.Mutex
	queues  map[string]*queue
	turns   []*queue // those with ready items and leave to run one, in order of their turn
	running int
	held    int // items in memory
	bytes   int // sum of their weights
	counts  map[string]*count
	counted bool // counts are whole: what was there at the start is in them
	started bool
	stopped bool

	ctx     context.Context // of runs
	cancel  context.CancelFunc
	runs    sync.WaitGroup
	loads   sync.WaitGroup
	loading chan struct{} // bounds loads under way
	acks    chan verdict
	acked   chan struct{} // closed when the last ack is written
}

// queue is the deliveries of one function, but for those that have a queue of their own.
type queue struct {
	name     string
	function string
	ordered  bool
	ready    []*item
	known    map[string]*item // by key: what memory has of it, in any state
	running  int              // of an ordered queue until the verdict is written
	judged   int              // run, and the verdict is not written yet
	turn     bool             // in dispatcher.turns

	// Rows that memory does not know stand at low or behind it; low is end if there are
	// none. Some of them may be due (more). Since it is never before a row that is there,
	// a scan does not pass what was deleted.
	low, end      string
	more, loading bool
	recall        bool     // rows that were refused are read though they are not due
	stale         []string // known keys to be forgotten once the load under way, which may have seen their rows, has ended

	wake *time.Timer // for the earliest row that is not due yet
	at   time.Time

	hold *hold // nil: it runs
	cap  int   // the most runs at once that the function was seen to take; 0: PerFunction
	done int   // runs since cap was set or raised
}

func (d *dispatcher) init() {
	d.queues = map[string]*queue{}
	d.counts = map[string]*count{}
	d.loading = make(chan struct{}, 4)
	d.acks = make(chan verdict, 1024)
	d.acked = make(chan struct{})
	d.ctx, d.cancel = context.WithCancel(context.Background())
}

// Start reads which queues have rows waiting, and begins to run them. The time it takes
// grows with the number of such queues, not of rows. It is to be called before changes are
// made that others make concurrently; [Queue.Stats] could be wrong by those otherwise.
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
			start = kv.PrefixEnd(queuePrefix(name))
		}
	})
	if err != nil {
		return err
	}
	q.countRows()
	go q.acknowledge()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.started = true
	for _, name := range names {
		f := q.queue(name)
		// Whatever refused them may be over.
		f.low, f.more, f.recall = string(queuePrefix(name)), true, true
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
		f.rest()
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

// rest stops a queue's timers.
func (f *queue) rest() {
	if f.wake != nil {
		f.wake.Stop()
		f.wake = nil
	}
	if f.hold != nil && f.hold.timer != nil {
		f.hold.timer.Stop()
	}
}

// queue returns the queue of a name. The caller holds d.mu.
func (d *dispatcher) queue(name string) *queue {
	f := d.queues[name]
	if f == nil {
		end := string(kv.PrefixEnd(queuePrefix(name)))
		f = &queue{name: name, function: functionOf(name), ordered: ordered(name), known: map[string]*item{}, low: end, end: end}
		d.queues[name] = f
	}
	return f
}

// tidy forgets a queue of which nothing is to be remembered. The caller holds q.mu.
func (q *Queue) tidy(f *queue) {
	if len(f.known) == 0 && f.running == 0 && !f.more && !f.loading && f.low == f.end && !f.turn && q.queues[f.name] == f {
		f.rest()
		delete(q.queues, f.name)
	}
}

// add is told of a row that was just committed. It does not block.
func (q *Queue) add(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count(it.Function).waiting++
	if q.stopped {
		return
	}
	f := q.queue(it.queue)
	if _, ok := f.known[it.key]; ok {
		return // a load saw the row before its commit was told of
	}
	// Later rows wait for earlier ones on disk. Those of an ordered queue are all read
	// from there, for commits are not told of in order.
	if f.ordered || f.more || f.loading || len(f.ready) >= q.o.Window || q.room(f) <= 0 {
		f.leave(it.key)
		f.more = true
		q.load(f)
		return
	}
	q.keep(f, it)
	q.offer(f)
	q.pump()
}

// leave notes that a row stands on disk which memory does not know.
func (f *queue) leave(key string) { f.low = min(f.low, key) }

// room tells how many more rows of f memory may hold. The caller holds q.mu.
func (q *Queue) room(f *queue) int {
	own := q.o.Window - len(f.known)
	if free := q.o.Held - q.held; free < own {
		return max(free, min(own, q.o.PerFunction-len(f.known)))
	}
	return own
}

// keep takes a row into memory. The caller holds q.mu.
func (q *Queue) keep(f *queue, it *item) {
	if w := len(it.Payload); q.bytes+w > q.o.HeldBytes {
		it.slimDown()
	} else {
		it.weight = w
		q.bytes += w
	}
	f.known[it.key] = it
	f.ready = append(f.ready, it)
	q.held++
}

// forget drops an item from memory, but for its key while a load is under way that may
// have seen its row. The caller holds q.mu.
func (q *Queue) forget(f *queue, it *item) {
	q.held--
	q.bytes -= it.weight
	it.weight = 0
	if f.loading {
		f.known[it.key] = nil
		f.stale = append(f.stale, it.key)
		return
	}
	delete(f.known, it.key)
}

// limit is the most runs of f at once, now.
func (q *Queue) limit(f *queue) int {
	switch {
	case f.ordered:
		if len(f.ready) > 0 && f.ready[0].NotBefore.After(q.o.Now()) {
			return 0
		}
		return 1
	case f.hold != nil:
		if f.hold.may {
			return 1
		}
		return 0
	case f.cap > 0:
		return f.cap
	}
	return q.o.PerFunction
}

// offer gives f a turn if it can use one. The caller holds q.mu.
func (q *Queue) offer(f *queue) {
	if !f.turn && len(f.ready) > 0 && f.running < q.limit(f) {
		f.turn = true
		q.turns = append(q.turns, f)
	}
	if f.ordered && len(f.ready) > 0 && f.running == 0 && !f.turn {
		q.wakeAt(f, f.ready[0].NotBefore)
	}
}

// pump starts what may start. The caller holds q.mu.
func (q *Queue) pump() {
	spare := max(1, q.o.Parallel/4)
	for q.started && !q.stopped && q.running < q.o.Parallel+spare && len(q.turns) > 0 {
		i := 0
		if q.running >= q.o.Parallel || q.bytes > 2*q.o.HeldBytes {
			// The last places, and the last bytes, are for those that run nothing.
			if i = slices.IndexFunc(q.turns, func(f *queue) bool { return f.running == 0 }); i < 0 {
				return
			}
		}
		f := q.turns[i]
		if i == 0 {
			q.turns = q.turns[1:]
		} else {
			q.turns = slices.Delete(q.turns, i, i+1)
		}
		f.turn = false
		if len(f.ready) == 0 || f.running >= q.limit(f) {
			continue
		}
		it := f.ready[0]
		f.ready[0] = nil
		f.ready = f.ready[1:]
		it.state = running
		f.running++
		q.running++
		var started func()
		if f.hold != nil && !f.ordered {
			f.hold.may = false
			started = func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				q.release(f)
			}
		}
		var ctx context.Context
		ctx, it.cancel = context.WithCancel(q.ctx)
		q.offer(f)
		q.runs.Add(1)
		go q.attempt(ctx, f, it, started)
	}
}

func (q *Queue) attempt(ctx context.Context, f *queue, it *item, started func()) {
	defer q.runs.Done()
	v := q.run(ctx, it, started)
	it.cancel()
	q.mu.Lock()
	f.running--
	q.running--
	if done := v.reached && v.dead == nil && v.again == nil; it.stop && !done {
		v.keep, v.dead, v.again, v.refused, v.stopped = false, nil, nil, nil, true
	}
	back := q.judge(f, &v)
	switch {
	case v.keep: // until the next start
	case back:
		it.state = ready
		f.ready = slices.Insert(f.ready, 0, it)
	default:
		it.state = judged
		f.judged++
		if f.ordered {
			f.running++ // until the verdict is written
		}
		q.weigh(&v)
	}
	q.offer(f)
	q.load(f)
	q.pump()
	q.mu.Unlock()
	if !v.keep && !back {
		q.acks <- v
	}
}

// weigh lets go of what of a run's record is not needed to write its verdict, and counts
// the rest. The caller holds q.mu.
func (q *Queue) weigh(v *verdict) {
	if v.rec == nil {
		return
	}
	r := *v.rec // the recorder's
	r.Log = nil
	if c := v.cfg; v.it.TaskID == "" && (c == nil || c.OnSuccess == "" && c.OnFailure == "") && (v.it.Retry == nil || v.it.Retry.DeadLetter == "") {
		r.Payload = nil
	}
	v.rec = &r
	v.it.weight += len(r.Payload)
	q.bytes += len(r.Payload)
}
