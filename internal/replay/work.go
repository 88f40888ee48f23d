package replay

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// maxBacklog is how many deliveries a function may have waiting while a job gives it more.
const maxBacklog = 1000

// Objects lists what a backfill is about; *object.Store does.
type Objects interface {
	GetBucket(ctx context.Context, name string) (*object.Bucket, error)
	ListBuckets(ctx context.Context, prefix, marker string, max int) (buckets []*object.Bucket, next string, err error)
	List(ctx context.Context, bucket string, in object.ListInput) (*object.Listing, error)
}

// Events tells of the past; *history.Store does.
type Events interface {
	Events(ctx context.Context, q history.EventQuery) (*history.EventPage, error)
}

// Queue takes deliveries; *delivery.Queue does.
type Queue interface {
	// Owe enqueues a delivery in the caller's transaction.
	Owe(tx kv.Txn, d *delivery.Delivery, suffix []byte) error
	// FunctionStats tells how much a function has before it.
	FunctionStats(ctx context.Context, function string) (delivery.Stats, error)
}

// Triggers finds triggers; *trigger.Store does.
type Triggers interface {
	Get(ctx context.Context, function, name string) (trigger.Trigger, error)
}

// Options of Open.
type Options struct {
	Triggers Triggers
	Objects  Objects
	Events   Events
	Queue    Queue
	Now      func() time.Time
	Rand     io.Reader
	Logger   *slog.Logger
}

// Store is the replay room. Its methods may be called concurrently.
type Store struct {
	kv kv.Store
	o  Options

	mu      sync.Mutex
	ctx     context.Context // of Work; nil: it does not run
	workers sync.WaitGroup
	at      map[string]*worker
}

// worker is the goroutine of a job.
type worker struct {
	cancel context.CancelFunc
	again  bool // begin was called since it was interrupted
	done   chan struct{}

	// What the job shows, guarded by Store.mu.
	phase, trouble string
	waits          *reason.Why
	counted        int64
	speed          float64
}

// Open returns the room over kvs. Jobs rest until Work.
func Open(kvs kv.Store, o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{kv: kvs, o: o, at: map[string]*worker{}}
}

func (s *Store) read(b []byte) {
	if _, err := io.ReadFull(s.o.Rand, b); err != nil {
		panic("replay: no randomness: " + err.Error()) // crypto/rand never fails
	}
}

// Work does the jobs there are, and those that are begun meanwhile, until ctx ends. It is
// called once.
func (s *Store) Work(ctx context.Context) {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		jobs, err := s.List(ctx, "")
		if err == nil {
			for _, j := range jobs {
				if j.State == Running {
					s.begin(j.ID)
				}
			}
			break
		}
		if ctx.Err() != nil {
			return
		}
		s.o.Logger.Error("reading the replays and backfills failed; it will be tried again", "error", err)
		sleep(ctx, wait)
	}
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.workers.Wait()
}

// begin has a job worked on, if Work runs.
func (s *Store) begin(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return
	}
	if w := s.at[id]; w != nil {
		w.again = true // it may be about to end
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	w := &worker{cancel: cancel, done: make(chan struct{})}
	s.at[id] = w
	s.workers.Add(1)
	go func() {
		defer s.workers.Done()
		s.work(ctx, id, w)
		cancel()
		s.mu.Lock()
		delete(s.at, id)
		again := w.again
		s.mu.Unlock()
		close(w.done)
		if again {
			s.begin(id)
		}
	}()
}

// interrupt ends a job's goroutine soon; its row says why.
func (s *Store) interrupt(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.at[id]; w != nil {
		w.again = false
		w.cancel()
	}
}

// live adds what is known of the moment.
func (s *Store) live(j *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.at[j.ID]
	if w == nil || j.State != Running {
		return
	}
	j.Phase, j.Waits, j.Why, j.Error, j.Speed, j.Counts = w.phase, w.waits.String(), w.waits, w.trouble, w.speed, w.counted
	if left := j.Total - j.Enqueued; j.Counted && left > 0 && w.speed > 0 {
		j.Left = time.Duration(float64(left) / w.speed * float64(time.Second))
	}
}

func (s *Store) show(w *worker, change func(*worker)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(w)
}

// sleep waits; false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errOver ends the work on a job whose row says that it is not running.
var errOver = errors.New("the job does not run")

// work does a job until it is over, somebody stops it, or ctx ends.
func (s *Store) work(ctx context.Context, id string, w *worker) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := s.steps(ctx, id, w)
		if err == nil || errors.Is(err, errOver) || ctx.Err() != nil || errors.Is(err, kv.ErrClosed) {
			return
		}
		f := fault.As(err)
		switch f.Kind {
		case fault.NotFound: // its trigger, function or bucket
			s.stop(ctx, id, Failed, f)
			return
		case fault.Invalid:
			s.stop(ctx, id, Failed, f)
			return
		case fault.Conflict: // the trigger is paused or disabled
			s.stop(ctx, id, Paused, f)
			return
		}
		s.o.Logger.Error("a replay or backfill does not get on; it will be tried again", "job", id, "after", wait, "error", err)
		s.show(w, func(w *worker) { w.trouble = f.Message })
		if !sleep(ctx, wait) {
			return
		}
	}
}

// stop ends or pauses a job for a reason of its own.
func (s *Store) stop(ctx context.Context, id, state string, why *fault.Error) {
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		j, err := jobIn(tx, id)
		if err != nil || j.State != Running {
			return err
		}
		j.State, j.Reason, j.Message = state, string(why.Reason), strings.TrimSpace(why.Message+" "+why.Hint)
		if !j.Active() {
			j.Ended = s.o.Now().UTC()
		}
		tx.Set(jobKey(id), row.Encode(j))
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.o.Logger.Error("a replay or backfill could not be stopped", "job", id, "error", err)
	}
	s.o.Logger.Warn("a replay or backfill is stopped", "job", id, "state", state, "reason", why.Message)
}

// steps counts, and then goes from page to page.
func (s *Store) steps(ctx context.Context, id string, w *worker) error {
	j, err := s.running(ctx, id)
	if err != nil {
		return err
	}
	if !j.Counted {
		if err := s.count(ctx, j, w); err != nil {
			return err
		}
	}
	s.show(w, func(w *worker) { w.phase, w.trouble = "enqueuing", "" })
	speed := meter{now: s.o.Now}
	next := s.o.Now()
	for !j.DryRun {
		if err := s.backlog(ctx, j.Function, w); err != nil {
			return err
		}
		n, over, err := s.page(ctx, id)
		if err != nil {
			return err
		}
		rate := speed.add(n)
		s.show(w, func(w *worker) { w.speed, w.trouble = rate, "" })
		if over {
			return nil
		}
		// A page takes the time that its deliveries may; time lost to waiting is not made
		// up for.
		now := s.o.Now()
		if next.Before(now) {
			next = now
		}
		next = next.Add(time.Duration(float64(n) / j.Rate * float64(time.Second)))
		if d := next.Sub(now); d > 0 && !sleep(ctx, d) {
			return ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) running(ctx context.Context, id string) (j *Job, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		j, err = jobIn(r, id)
		return err
	})
	if fault.Is(err, "JobNotFound") || err == nil && j.State != Running {
		return nil, errOver
	}
	return j, err
}

// backlog waits until the function has room.
func (s *Store) backlog(ctx context.Context, function string, w *worker) error {
	for {
		stats, err := s.o.Queue.FunctionStats(ctx, function)
		if err != nil {
			return err
		}
		if stats.Waiting < maxBacklog {
			s.show(w, func(w *worker) { w.waits = nil })
			return nil
		}
		s.show(w, func(w *worker) {
			w.waits = reason.New(reason.FunctionBusy, reason.Args{"n": maxBacklog}, "the function has %d deliveries or more before it", maxBacklog)
		})
		if !sleep(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// count goes through everything once, and keeps how much matches, and the first of it.
func (s *Store) count(ctx context.Context, j *Job, w *worker) error {
	s.show(w, func(w *worker) { w.phase, w.trouble = "counting", "" })
	m, err := s.matcher(ctx, j.Function, j.Trigger)
	if err != nil {
		return err
	}
	var total, looked int64
	var examples []string
	at := ""
	for over := false; !over; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var p *page
		if p, err = s.look(ctx, j, m, at, pageLooked); err != nil {
			return err
		}
		at, over = p.cursor, p.over
		total, looked = total+int64(len(p.items)), looked+int64(p.looked)
		for _, it := range p.items {
			if len(examples) < maxExamples {
				examples = append(examples, string(it.rec.Type)+" "+it.rec.Bucket+"/"+it.rec.Key)
			}
		}
		s.show(w, func(w *worker) { w.counted = total })
	}
	return s.kv.Update(ctx, func(tx kv.Txn) error {
		row1, err := jobIn(tx, j.ID)
		if err != nil {
			return err
		}
		if row1.State != Running {
			return errOver
		}
		row1.Counted, row1.Total, row1.Examples = true, total+row1.Enqueued, examples
		if row1.DryRun {
			row1.State, row1.Ended, row1.Looked = Done, s.o.Now().UTC(), looked
		}
		j.Counted, j.Total = true, row1.Total
		tx.Set(jobKey(j.ID), row.Encode(row1))
		return nil
	})
}

// page enqueues one page and moves the cursor, in one transaction.
func (s *Store) page(ctx context.Context, id string) (n int, over bool, err error) {
	j, err := s.running(ctx, id)
	if err != nil {
		return 0, false, err
	}
	m, err := s.matcher(ctx, j.Function, j.Trigger)
	if err != nil {
		return 0, false, err
	}
	if err := m.ready(); err != nil {
		return 0, false, err
	}
	most := min(max(int(j.Rate), 1), pageRuns)
	p, err := s.look(ctx, j, m, j.Cursor, most)
	if err != nil {
		return 0, false, err
	}
	now := s.o.Now().UTC()
	err = s.kv.Update(ctx, func(tx kv.Txn) error {
		cur, err := jobIn(tx, id)
		if err != nil {
			return err
		}
		if cur.State != Running || cur.Cursor != j.Cursor {
			return errOver
		}
		for i, it := range p.items {
			suffix := []byte{byte(i >> 8), byte(i), 'j'}
			if err := s.o.Queue.Owe(tx, m.delivery(j, it.rec, it.event, now), suffix); err != nil {
				return err
			}
		}
		cur.Cursor = p.cursor
		cur.Enqueued += int64(len(p.items))
		cur.Looked += int64(p.looked)
		if p.over {
			cur.State, cur.Ended = Done, now
		}
		tx.Set(jobKey(id), row.Encode(cur))
		return nil
	})
	if err == nil && p.over {
		s.o.Logger.Info("a replay or backfill is done", "job", id, "kind", j.Kind, "function", j.Function, "trigger", j.Trigger, "deliveries", j.Enqueued+int64(len(p.items)))
	}
	return len(p.items), p.over, err
}
