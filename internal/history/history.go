// Package history keeps what happened, for people: events, what became of the runs that
// they owed, runs and their output, and who caused what. Events and outcomes are written
// with the change they tell of; runs are written shortly after they end, off the path of
// whoever waits for them, many in one transaction. So it is never ahead of the truth.
//
// Everything stands in commit order, and is found by binary search over sequences (a
// moment), by an index (a key or its beginning, a run) or by a scan whose work per call is
// bounded.
package history

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// Tables of this room in kv. A place is a commit sequence (8 bytes, big endian) and what
// tells the rows of one transaction apart.
const (
	tEvent   = "h/e/" // place → Event
	tKey     = "h/k/" // bucket 0 key 0 place of an event → nothing
	tCause   = "h/c/" // function 0 request id of a run 0 place of an event that it caused → nothing
	tOwed    = "h/d/" // sequence of an event, length of its suffix, suffix, request id → delivery.Owed
	tFor     = "h/f/" // request id 0 place of the row that stands for the event it has not → nothing
	tOutcome = "h/o/" // request id → delivery.Outcome
	tUnwell  = "h/n/" // request id → state, of outcomes other than Succeeded: they are few, and looked for
	tRun     = "h/r/" // function 0 place → Run
	tRequest = "h/i/" // request id 0 place of a run → function
	tCalled  = "h/p/" // request id of a run 0 place of a run that it called → function 0 request id
	tKept    = "h/z/" // → checkpoint
)

const (
	maxLog     = 32 << 10 // bytes of a run's output that are kept, from its end
	maxPayload = 4 << 10  // bytes of a run's result that are kept
	queued     = 8192     // runs waiting to be written
	batch      = 512      // runs in one transaction

	// gather is how long a run waits for others to be written with: a sync for a few
	// runs each took a third of the server's time at 4,000 runs a second.
	gather = 100 * time.Millisecond
)

// Options of Open. Zero values get the defaults named.
type Options struct {
	Keep      time.Duration // how long events and runs are kept; default 7 days
	KeepBytes int64         // how much is kept of them, in bytes of keys and values; default 2 GiB

	// Active reports whether a run is under way, by its request id; nil: nobody knows.
	Active func(requestID string) bool
	Now    func() time.Time
	Logger *slog.Logger
}

// Store is the history room. All methods may be called concurrently.
type Store struct {
	kv   kv.Store
	o    Options
	runs chan *run.Record
	done chan struct{}

	dropped, untold atomic.Uint64 // runs left out: in all, and since it was last logged

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced when runs were written

	// Who waits for events sets wanted; only then does a commit do more than look at it.
	wanted    atomic.Bool
	eventsMu  sync.Mutex
	events    chan struct{} // closed and replaced when an event was committed
	committed func(seq uint64)

	retention
}

// Open returns the room over kvs and begins to write what Record is given.
func Open(kvs kv.Store, o Options) *Store {
	if o.Keep == 0 {
		o.Keep = 7 * 24 * time.Hour
	}
	if o.KeepBytes == 0 {
		o.KeepBytes = 2 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Active == nil {
		o.Active = func(string) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		kv: kvs, o: o, runs: make(chan *run.Record, queued), done: make(chan struct{}),
		changed: make(chan struct{}), events: make(chan struct{}),
	}
	s.retention.init()
	s.committed = s.eventCommitted
	go s.write()
	return s
}

// Record takes a run that is over. It does not block: if writing cannot keep up with
// thousands of runs, some are left out, which is logged and counted (Dropped). What a run
// owes to anybody is not kept here.
func (s *Store) Record(r *run.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.runs <- r:
	default:
		s.drop(1)
	}
}

func (s *Store) drop(n int) {
	s.dropped.Add(uint64(n))
	s.untold.Add(uint64(n))
}

// Dropped tells how many runs were left out since Open.
func (s *Store) Dropped() uint64 { return s.dropped.Load() }

// Close writes what is waiting and ends the writing.
func (s *Store) Close() {
	s.mu.Lock()
	first := !s.closed
	if first {
		s.closed = true
		close(s.runs)
	}
	s.mu.Unlock()
	<-s.done
	if first {
		s.saveKept()
	}
}

func (s *Store) write() {
	defer close(s.done)
	for r := range s.runs {
		rs := []*run.Record{r}
		wait := time.NewTimer(gather)
	more:
		for len(rs) < batch {
			select {
			case r, ok := <-s.runs:
				if !ok {
					break more
				}
				rs = append(rs, r)
			case <-wait.C:
				break more
			}
		}
		wait.Stop()
		for len(rs) > 0 {
			n, err := s.store(rs)
			if err != nil {
				s.dropped.Add(uint64(len(rs)))
				if fault.KindOf(err) == fault.Unavailable {
					s.untold.Add(uint64(len(rs))) // the disk is full: told once, when it has room again
				} else if !errors.Is(err, kv.ErrClosed) {
					s.o.Logger.Error("writing the history of runs failed", "runs", len(rs), "error", err)
				}
				break
			}
			rs = rs[n:]
		}
		if len(rs) == 0 {
			if n := s.untold.Swap(0); n > 0 {
				s.o.Logger.Warn("runs were left out of the history: it could not keep up, or the disk was full", "runs", n)
			}
		}
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// store writes as many runs as fit a transaction and returns how many that are.
func (s *Store) store(rs []*run.Record) (n int, err error) {
	kept := int64(0)
	err = s.kv.Update(context.Background(), func(tx kv.Txn) error {
		size := 0
		n, kept = 0, 0
		for _, rec := range rs {
			r := fromRecord(rec)
			v := row.Encode(r)
			if size += len(v) + 512; size > kv.MaxTxnSize && n > 0 {
				break
			}
			// In the order of writing: who follows the runs misses none that began
			// early and ended late.
			number := []byte{byte(n >> 8), byte(n)}
			tx.SetSequenced(runsOf(r.Function), number, v)
			tx.SetSequenced(append(row.Key(tRequest, r.RequestID), 0), number, []byte(r.Function))
			if by := r.caller(); by != "" {
				tx.SetSequenced(append(row.Key(tCalled, by), 0), number, row.Key("", r.Function, r.RequestID))
			}
			kept += r.size(len(v))
			n++
		}
		tx.OnCommit(s.seen)
		return nil
	})
	if err == nil {
		s.keep(kept)
	}
	return n, err
}

// Changed returns a channel that is closed when runs have been written after the call.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// ChangedEvents returns a channel that is closed when an event has been committed after
// the call. Ask for it before looking, so that none is missed.
func (s *Store) ChangedEvents() <-chan struct{} {
	s.eventsMu.Lock()
	defer s.eventsMu.Unlock()
	s.wanted.Store(true)
	return s.events
}

// eventCommitted is on the path of every write.
func (s *Store) eventCommitted(seq uint64) {
	s.seen(seq)
	if !s.wanted.Load() {
		return
	}
	s.eventsMu.Lock()
	defer s.eventsMu.Unlock()
	if s.wanted.Swap(false) {
		close(s.events)
		s.events = make(chan struct{})
	}
}
