// Package history keeps what happened, for people: events, runs and their output. Events
// are written with the change they tell of; runs are written shortly after they end, off
// the path of whoever waits for them, many in one transaction.
package history

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// Tables of this room in kv.
const (
	tEvent   = "h/e/" // commit sequence, suffix → Event
	tRun     = "h/r/" // function 0 commit sequence, number within the commit → Run
	tRequest = "h/i/" // request id 0 the same two → function
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

// Event is a stored event and the runs that it owed.
type Event struct {
	ID     string          `cbor:"-"`
	Record event.Record    `cbor:"1,keyasint"`
	Owed   []delivery.Owed `cbor:"3,keyasint,omitempty"`
}

// Run tells of one attempt to run a function.
type Run struct {
	Cursor     string           `cbor:"-" json:"-"`
	RequestID  string           `cbor:"1,keyasint" json:"requestId"`
	Function   string           `cbor:"2,keyasint" json:"function"`
	Version    string           `cbor:"3,keyasint" json:"version"`
	Qualifier  string           `cbor:"4,keyasint" json:"qualifier"`
	Kind       string           `cbor:"5,keyasint" json:"kind"`
	Trigger    string           `cbor:"6,keyasint,omitempty" json:"trigger,omitempty"`
	EventID    string           `cbor:"7,keyasint,omitempty" json:"eventId,omitempty"`
	Attempt    int              `cbor:"8,keyasint,omitempty" json:"attempt"`
	Start      int64            `cbor:"9,keyasint" json:"startedAtUnixMicro"` // when the run was asked for
	Queued     time.Duration    `cbor:"10,keyasint,omitempty" json:"queuedNanos"`
	Init       time.Duration    `cbor:"11,keyasint,omitempty" json:"initNanos"`
	Duration   time.Duration    `cbor:"12,keyasint,omitempty" json:"durationNanos"`
	Cold       bool             `cbor:"13,keyasint,omitempty" json:"cold"`
	MemoryMB   int              `cbor:"14,keyasint,omitempty" json:"memoryMB"`
	InstanceID string           `cbor:"15,keyasint,omitempty" json:"instanceId,omitempty"`
	ErrorType  string           `cbor:"16,keyasint,omitempty" json:"errorType,omitempty"`
	Fault      string           `cbor:"17,keyasint,omitempty" json:"fault,omitempty"`
	Message    string           `cbor:"18,keyasint,omitempty" json:"message,omitempty"`
	Lineage    *lineage.Lineage `cbor:"19,keyasint,omitempty" json:"lineage,omitempty"`
	Log        []byte           `cbor:"20,keyasint,omitempty" json:"-"`
	LogCut     bool             `cbor:"21,keyasint,omitempty" json:"logCut,omitempty"`
	Payload    []byte           `cbor:"22,keyasint,omitempty" json:"-"`
	Checksum   string           `cbor:"23,keyasint,omitempty" json:"codeChecksum,omitempty"`
}

// Options of Open. Zero values get the defaults named.
type Options struct {
	Keep   time.Duration // how long events and runs are kept; default 7 days
	Now    func() time.Time
	Logger *slog.Logger
}

// Store is the history room.
type Store struct {
	kv      kv.Store
	o       Options
	runs    chan *run.Record
	done    chan struct{}
	dropped atomic.Uint64
	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced when runs were written
}

// Open returns the room over kvs and begins to write what Record is given.
func Open(kvs kv.Store, o Options) *Store {
	if o.Keep == 0 {
		o.Keep = 7 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{kv: kvs, o: o, runs: make(chan *run.Record, queued), done: make(chan struct{}), changed: make(chan struct{})}
	go s.write()
	return s
}

// Event stores an event in the transaction of its change. suffix tells the events of one
// transaction apart.
func (s *Store) Event(tx kv.Txn, rec *event.Record, suffix []byte, owed []delivery.Owed) {
	tx.SetSequenced([]byte(tEvent), suffix, row.Encode(&Event{Record: *rec, Owed: owed}))
}

// Owe is delivery.Journal's.
func (s *Store) Owe(tx kv.Txn, eventID string, owed delivery.Owed) {}

// Outcome is delivery.Journal's.
func (s *Store) Outcome(tx kv.Txn, o *delivery.Outcome) {}

// Record takes a run that is over. It does not block: if writing cannot keep up with
// thousands of runs, some are left out, and that is logged. (What a run owes to anybody
// is not kept here.)
func (s *Store) Record(r *run.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.runs <- r:
	default:
		s.dropped.Add(1)
	}
}

// Close writes what is waiting and ends the writing.
func (s *Store) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.runs)
	}
	s.mu.Unlock()
	<-s.done
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
		if n := s.dropped.Swap(0); n > 0 {
			s.o.Logger.Warn("runs were left out of the history: it could not keep up", "runs", n)
		}
		for len(rs) > 0 {
			n, err := s.store(rs)
			if err != nil {
				if !errors.Is(err, kv.ErrClosed) {
					s.o.Logger.Error("writing the history of runs failed", "runs", len(rs), "error", err)
				}
				break
			}
			rs = rs[n:]
		}
		s.mu.Lock()
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// store writes as many runs as fit a transaction and returns how many that are.
func (s *Store) store(rs []*run.Record) (n int, err error) {
	err = s.kv.Update(context.Background(), func(tx kv.Txn) error {
		size := 0
		n = 0
		for _, r := range rs {
			v := row.Encode(fromRecord(r))
			if size += len(v) + 256; size > kv.MaxTxnSize && n > 0 {
				break
			}
			// In the order of writing: who follows the runs misses none that began
			// early and ended late.
			number := []byte{byte(n >> 8), byte(n)}
			tx.SetSequenced(append(row.Key(tRun, r.Function), 0), number, v)
			tx.SetSequenced(append(row.Key(tRequest, r.RequestID), 0), number, []byte(r.Function))
			n++
		}
		return nil
	})
	return n, err
}

// place is the end of a row's key, the same in tRun and tRequest.
func place(key []byte) []byte { return key[len(key)-10:] }

func fromRecord(r *run.Record) *Run {
	tail := func(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
	return &Run{
		RequestID: r.RequestID, Function: r.Function, Version: r.Version, Qualifier: r.Qualifier, Kind: r.Kind,
		Trigger: r.Trigger, EventID: r.EventID, Attempt: r.Attempt, Start: r.Start.UnixMicro(),
		Queued: r.Queued, Init: r.Init, Duration: r.Duration, Cold: r.Cold, MemoryMB: r.MemoryMB, InstanceID: r.InstanceID,
		ErrorType: r.ErrorType, Fault: r.Fault, Message: r.Message, Lineage: r.Lineage,
		Log: tail(r.Log, maxLog), LogCut: r.LogCut || len(r.Log) > maxLog,
		Payload: r.Payload[:min(len(r.Payload), maxPayload)], Checksum: r.Checksum,
	}
}

// Runs returns up to limit runs of a function, in the order in which they ended. With
// after empty they are the latest ones, the latest first; otherwise they are those after
// that Cursor, the earliest first.
func (s *Store) Runs(ctx context.Context, function, after string, limit int) (runs []*Run, err error) {
	prefix := append(row.Key(tRun, function), 0)
	rg := kv.Prefix(prefix)
	if after == "" {
		rg.Reverse = true
	} else {
		if !strings.HasPrefix(after, string(prefix)) {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "The cursor does not belong to function '%s'.", function)
		}
		rg.Start = append([]byte(after), 0)
	}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(rg, func(k, v []byte) error {
			if len(runs) == limit {
				return kv.Stop
			}
			x := &Run{Cursor: string(k)}
			runs = append(runs, x)
			return row.Decode(v, x)
		})
	})
	return runs, err
}

// Attempts returns the runs of a request, the earliest first: several, if it was retried.
func (s *Store) Attempts(ctx context.Context, requestID string) (runs []*Run, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Prefix(append(row.Key(tRequest, requestID), 0)), func(k, name []byte) error {
			key := append(append(row.Key(tRun, string(name)), 0), place(k)...)
			v, err := r.Get(key)
			if errors.Is(err, kv.ErrNotFound) {
				return nil // trimmed
			}
			if err != nil {
				return err
			}
			x := &Run{Cursor: string(key)}
			runs = append(runs, x)
			return row.Decode(v, x)
		})
	})
	return runs, err
}

// Changed returns a channel that is closed when runs have been written after the call.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// trimEvery is how often what is older than Options.Keep is removed.
const trimEvery = 10 * time.Minute

// Trim removes what is too old, until ctx ends. The server runs it once.
func (s *Store) Trim(ctx context.Context) {
	t := time.NewTicker(trimEvery)
	defer t.Stop()
	for {
		if err := s.TrimNow(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("trimming the history failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// TrimNow removes events and runs older than Options.Keep, in small transactions. It reads
// what it removes, and one row more per function: not what it keeps.
func (s *Store) TrimNow(ctx context.Context) error {
	limit := s.o.Now().Add(-s.o.Keep)
	// Events stand in commit order, so the first one that is young ends the search.
	err := s.trim(ctx, kv.Prefix([]byte(tEvent)), func(_, v []byte) (bool, []byte, error) {
		var e Event
		err := row.Decode(v, &e)
		return e.Record.Time.Before(limit), nil, err
	})
	if err != nil {
		return err
	}
	old := limit.UnixMicro()
	for name := ""; ; {
		if name, err = s.functionAfter(ctx, name); err != nil || name == "" {
			return err
		}
		err := s.trim(ctx, kv.Prefix(append(row.Key(tRun, name), 0)), func(k, v []byte) (bool, []byte, error) {
			var r Run
			err := row.Decode(v, &r)
			return r.Start < old, append(append(row.Key(tRequest, r.RequestID), 0), place(k)...), err
		})
		if err != nil {
			return err
		}
	}
}

// functionAfter returns the first function after a name that has runs, or "".
func (s *Store) functionAfter(ctx context.Context, name string) (next string, err error) {
	rg := kv.Prefix([]byte(tRun))
	if name != "" {
		rg.Start = kv.PrefixEnd(append(row.Key(tRun, name), 0))
	}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(rg, func(k, _ []byte) error {
			next, _, _ = strings.Cut(string(k[len(tRun):]), "\x00")
			return kv.Stop
		})
	})
	return next, err
}

// trim deletes the rows of a range, from its start to the first that is not old; old may
// name a row of another table that goes with one.
func (s *Store) trim(ctx context.Context, rg kv.Range, old func(k, v []byte) (is bool, with []byte, err error)) error {
	const page = 1000
	for {
		var gone [][]byte
		full := false
		err := s.kv.View(ctx, func(r kv.Reader) error {
			return r.Scan(rg, func(k, v []byte) error {
				is, with, err := old(k, v)
				if err != nil {
					return err
				}
				if full = len(gone) >= page; !is || full {
					return kv.Stop
				}
				gone = append(gone, bytes.Clone(k))
				if with != nil {
					gone = append(gone, with)
				}
				return nil
			})
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		// Nothing else deletes these rows, and no row is written twice: what a View found
		// old is old.
		err = s.kv.Update(ctx, func(tx kv.Txn) error {
			for _, k := range gone {
				tx.Delete(k)
			}
			return nil
		})
		if err != nil || !full {
			return err
		}
	}
}
