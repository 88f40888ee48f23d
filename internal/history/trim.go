package history

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

const (
	trimEvery = 10 * time.Minute // how often what is too old is looked for
	trimPage  = 256              // events or runs that one transaction removes, at most
	trimBytes = 1 << 20          // of keys that one transaction removes, about

	// outcomeSize is what the end of a delivery takes, about. It is counted when the run
	// is owed.
	outcomeSize = 160
)

// retention keeps account of what is stored, in bytes of keys and values as they are
// written; what the store below makes of them (it compresses, and removes late) is not
// known here. A transaction that had to be repeated is counted twice, which makes the
// history a little shorter, and is put right by nothing but trimming: the count is only
// read again, from the last checkpoint on, at start.
type retention struct {
	bytes  atomic.Int64
	last   atomic.Uint64 // latest commit sequence seen
	oldest atomic.Uint64 // no event stands before this sequence
	full   chan struct{} // has an element when bytes passed the bound
	isFull atomic.Bool

	trimming sync.Mutex
	measured bool   // guarded by trimming
	saved    uint64 // Seq of the last checkpoint; guarded by trimming
}

// checkpoint is what was counted up to a sequence.
type checkpoint struct {
	Bytes int64  `cbor:"1,keyasint"`
	Seq   uint64 `cbor:"2,keyasint"`
}

func (t *retention) init() { t.full = make(chan struct{}, 1) }

// seen is an OnCommit function.
func (t *retention) seen(seq uint64) { t.last.Store(seq) }

// keep counts what is written.
func (s *Store) keep(n int64) {
	if s.bytes.Add(n) > s.o.KeepBytes && !s.isFull.Load() && !s.isFull.Swap(true) {
		select {
		case s.full <- struct{}{}:
		default:
		}
	}
}

// Kept tells how many bytes events and runs take, about. Until the first trimming is done,
// it is only what was added since the start.
func (s *Store) Kept() int64 { return s.bytes.Load() }

// from is where events begin. What was removed before it would only slow a scan down.
func (s *Store) from() []byte {
	if seq := s.oldest.Load(); seq > 0 {
		return append([]byte(tEvent), row.U64(seq)...)
	}
	return eventTable
}

// eventSize is what an event takes with its index rows and the ends of its deliveries.
func eventSize(rec *event.Record, value, suffix, owed int) int64 {
	n := len(tEvent) + 8 + suffix + value + len(tKey) + len(rec.Bucket) + len(rec.Key) + 2 + 8 + suffix + owed*outcomeSize
	if l := rec.Origin.Lineage; l != nil {
		n += len(tCause) + len(l.Function) + len(l.Run) + 2 + 8 + suffix
	}
	return int64(n)
}

// size is what a run takes with its index rows.
func (r *Run) size(value int) int64 {
	n := len(tRun) + len(r.Function) + 11 + value + len(tRequest) + len(r.RequestID) + 11 + len(r.Function)
	if by := r.caller(); by != "" {
		n += len(tCalled) + len(by) + 11 + len(r.Function) + len(r.RequestID) + 1
	}
	if r.Kind != run.Sync && r.EventID == "" {
		n += outcomeSize
	}
	return int64(n)
}

// Trim removes what is too old or too much, until ctx ends. The server runs it once.
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
		case <-s.full:
		}
	}
}

// TrimNow removes events and runs older than Options.Keep, and then, if more than
// Options.KeepBytes are left, the oldest ones until 95 % of that are: in small
// transactions, which conflict with none. It reads what it removes, and one row more per
// function: not what it keeps.
func (s *Store) TrimNow(ctx context.Context) error {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	if err := s.measure(ctx); err != nil {
		return err
	}
	limit := s.o.Now().Add(-s.o.Keep)
	list, err := s.shelves(ctx)
	if err != nil {
		return err
	}
	for _, sh := range list {
		for more := true; more; {
			if more, err = s.cut(ctx, sh, limit, 0); err != nil {
				return err
			}
		}
	}
	if err := s.trimOutcomes(ctx, limit); err != nil {
		return err
	}
	if err := s.trimSize(ctx); err != nil {
		return err
	}
	return s.checkpoint(ctx)
}

func (s *Store) trimSize(ctx context.Context) error {
	s.isFull.Store(false)
	if s.bytes.Load() <= s.o.KeepBytes {
		return nil
	}
	list, err := s.shelves(ctx)
	if err != nil {
		return err
	}
	h := (*byAge)(&list)
	heap.Init(h)
	target := s.o.KeepBytes - s.o.KeepBytes/20
	for h.Len() > 0 {
		n := s.bytes.Load()
		if n <= target {
			return nil
		}
		// The oldest shelf gives a page; so the order in which things go is exact to a
		// page of each function.
		if _, err := s.cut(ctx, (*h)[0], time.Time{}, n-target); err != nil {
			return err
		}
		if (*h)[0].empty {
			heap.Pop(h)
		} else {
			heap.Fix(h, 0)
		}
	}
	return nil
}

// shelf is a list of rows in commit order: the events, or the runs of one function.
type shelf struct {
	prefix []byte
	runs   bool
	from   []byte // its first row, and that one's sequence
	seq    uint64
	empty  bool
}

// byAge orders shelves by their oldest row.
type byAge []*shelf

func (h byAge) Len() int           { return len(h) }
func (h byAge) Less(i, j int) bool { return h[i].seq < h[j].seq }
func (h byAge) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byAge) Push(x any)        { *h = append(*h, x.(*shelf)) }
func (h *byAge) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// shelves returns those that have rows.
func (s *Store) shelves(ctx context.Context) (list []*shelf, err error) {
	add := func(sh *shelf) error {
		err := s.first(ctx, sh)
		if !sh.empty {
			list = append(list, sh)
		}
		return err
	}
	if err := add(&shelf{prefix: eventTable, from: s.from()}); err != nil {
		return nil, err
	}
	for name := ""; ; {
		if name, err = s.functionAfter(ctx, name); err != nil || name == "" {
			return list, err
		}
		p := runsOf(name)
		if err := add(&shelf{prefix: p, from: p, runs: true}); err != nil {
			return nil, err
		}
	}
}

// first finds the first row of a shelf.
func (s *Store) first(ctx context.Context, sh *shelf) error {
	sh.empty = true
	return s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Range{Start: sh.from, End: kv.PrefixEnd(sh.prefix)}, func(k, _ []byte) error {
			sh.from, sh.seq, sh.empty = bytes.Clone(k), row.ParseU64(k[len(sh.prefix):]), false
			return kv.Stop
		})
	})
}

// functionAfter returns the first function after a name that has runs, or "".
func (s *Store) functionAfter(ctx context.Context, name string) (next string, err error) {
	rg := kv.Prefix([]byte(tRun))
	if name != "" {
		rg.Start = kv.PrefixEnd(runsOf(name))
	}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(rg, func(k, _ []byte) error {
			next, _, _ = strings.Cut(string(k[len(tRun):]), "\x00")
			return kv.Stop
		})
	})
	return next, err
}

// cut removes the first rows of a shelf, with all that goes with them: up to a page of
// those older than limit, or with enough > 0 of about so many bytes. more tells whether
// it stopped at the page's end.
func (s *Store) cut(ctx context.Context, sh *shelf, limit time.Time, enough int64) (more bool, err error) {
	var gone [][]byte
	var size int64
	keys := 0
	drop := func(k []byte) {
		gone = append(gone, k)
		keys += len(k)
	}
	end := func(requestID string) {
		drop(outcomeKey(requestID))
		drop(unwellKey(requestID))
	}
	rows := 0
	upTo := sh.seq
	err = s.kv.View(ctx, func(r kv.Reader) error {
		err := r.Scan(kv.Range{Start: sh.from, End: kv.PrefixEnd(sh.prefix)}, func(k, v []byte) error {
			if rows == trimPage || keys > trimBytes {
				more = true
				return kv.Stop
			}
			at := bytes.Clone(k[len(sh.prefix):])
			n := int64(0)
			if sh.runs {
				var x Run
				if err := row.Decode(v, &x); err != nil {
					return err
				}
				if enough == 0 && x.Start >= limit.UnixMicro() {
					return kv.Stop
				}
				drop(append(append(row.Key(tRequest, x.RequestID), 0), at...))
				if by := x.caller(); by != "" {
					drop(append(append(row.Key(tCalled, by), 0), at...))
				}
				if x.Kind != run.Sync && x.EventID == "" {
					end(x.RequestID)
				}
				n = x.size(len(v))
			} else {
				var e Event
				if err := row.Decode(v, &e); err != nil {
					return err
				}
				if enough == 0 && !e.Record.Time.Before(limit) {
					return kv.Stop
				}
				drop(append(ofKey(e.Record.Bucket, e.Record.Key), at...))
				if l := e.Record.Origin.Lineage; l != nil {
					drop(append(causedBy(l.Function, l.Run), at...))
				}
				for i := range e.Owed {
					end(e.Owed[i].RequestID)
					if e.Mark != "" {
						drop(append(standsFor(e.Owed[i].RequestID), at...))
					}
				}
				n = eventSize(&e.Record, len(v), len(at)-8, len(e.Owed))
			}
			drop(bytes.Clone(k))
			size += n
			upTo = row.ParseU64(at)
			rows++
			if enough > 0 && size >= enough {
				return kv.Stop
			}
			return nil
		})
		if err != nil || sh.runs || rows == 0 {
			return err
		}
		// Runs owed to events that went, now or before.
		return r.Scan(kv.Range{Start: []byte(tOwed), End: append([]byte(tOwed), row.U64(upTo)...)}, func(k, v []byte) error {
			if keys > 2*trimBytes {
				return kv.Stop // the rest goes next time
			}
			drop(bytes.Clone(k))
			size += int64(len(k)+len(v)) + outcomeSize
			if at := len(tOwed) + 9 + int(k[len(tOwed)+8]); at < len(k) {
				end(string(k[at:]))
			}
			return nil
		})
	})
	if err != nil || rows == 0 {
		return false, err
	}
	// Nothing else deletes these rows, and no row is written twice: what a View found old
	// is old. It frees more than the checkpoint takes, so a full disk need not refuse it.
	err = s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		for _, k := range gone {
			tx.Delete(k)
		}
		c := s.counted(size)
		tx.Set([]byte(tKept), row.Encode(&c))
		return nil
	})
	if err != nil {
		return false, err
	}
	s.bytes.Add(-size)
	if err := s.first(ctx, sh); err != nil {
		return false, err
	}
	if !sh.runs {
		// Rows of a transaction that is not yet committed have later sequences still.
		s.oldest.Store(max(s.oldest.Load(), upTo))
	}
	return more, nil
}

// trimOutcomes removes the ends of deliveries that have outlived what they belong to: of
// runs that never began, or that ended after their event was removed. Request ids begin
// with their time, so only as many rows are read as there are old ones.
func (s *Store) trimOutcomes(ctx context.Context, limit time.Time) error {
	rg := kv.Range{Start: []byte(tOutcome), End: outcomeKey(run.NewRequestID(limit))}
	for {
		var gone [][]byte
		more := false
		err := s.kv.View(ctx, func(r kv.Reader) error {
			return r.Scan(rg, func(k, v []byte) error {
				if more = len(gone) == 4*trimPage; more {
					return kv.Stop
				}
				var o struct {
					Time time.Time `cbor:"6,keyasint"`
				}
				if err := row.Decode(v, &o); err != nil {
					return err
				}
				if o.Time.Before(limit) {
					gone = append(gone, bytes.Clone(k))
				}
				return nil
			})
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		err = s.kv.Update(ctx, func(tx kv.Txn) error {
			for _, k := range gone {
				tx.Delete(k)
				tx.Delete(unwellKey(string(k[len(tOutcome):])))
			}
			return nil
		})
		if err != nil || !more {
			return err
		}
		rg.Start = gone[len(gone)-1]
	}
}

// measure counts, once, what was there at the start: what the last checkpoint says, and
// the rows after it. The caller holds s.trimming.
func (s *Store) measure(ctx context.Context) error {
	if s.measured {
		return nil
	}
	var c checkpoint
	upTo := uint64(0)
	err := s.kv.View(ctx, func(r kv.Reader) error {
		err := r.Scan(kv.Prefix([]byte(tKept)), func(_, v []byte) error { return row.Decode(v, &c) })
		if err != nil {
			return err
		}
		rg := kv.Prefix(eventTable)
		rg.Reverse = true
		return r.Scan(rg, func(k, _ []byte) error {
			upTo = row.ParseU64(k[len(tEvent):])
			return kv.Stop
		})
	})
	if err != nil {
		return err
	}
	own := s.bytes.Load() // counted since the start, and read again below
	total := c.Bytes
	list, err := s.shelves(ctx)
	if err != nil {
		return err
	}
	for _, sh := range list {
		if !sh.runs {
			s.oldest.Store(sh.seq)
		}
		n, err := s.count(ctx, sh, c.Seq)
		if err != nil {
			return err
		}
		total += n
	}
	n, err := s.count(ctx, &shelf{prefix: []byte(tOwed)}, c.Seq)
	if err != nil {
		return err
	}
	total += n
	s.last.CompareAndSwap(0, max(c.Seq, upTo))
	s.measured = true
	s.keep(total - own)
	return nil
}

// count adds up the rows of a shelf after a sequence, a page per snapshot.
func (s *Store) count(ctx context.Context, sh *shelf, after uint64) (total int64, err error) {
	at := append(bytes.Clone(sh.prefix), row.U64(after+1)...)
	for {
		rows := 0
		err := s.kv.View(ctx, func(r kv.Reader) error {
			return r.Scan(kv.Range{Start: at, End: kv.PrefixEnd(sh.prefix)}, func(k, v []byte) error {
				if rows == 1000 {
					at = bytes.Clone(k)
					return kv.Stop
				}
				rows++
				at = nil
				if string(sh.prefix) == tOwed {
					total += int64(len(k)+len(v)) + outcomeSize
					return nil
				}
				if sh.runs {
					var x Run
					err := row.Decode(v, &x)
					total += x.size(len(v))
					return err
				}
				var e Event
				err := row.Decode(v, &e)
				total += eventSize(&e.Record, len(v), len(k)-len(tEvent)-8, len(e.Owed))
				return err
			})
		})
		if err != nil || rows < 1000 || at == nil {
			return total, err
		}
	}
}

// saveKept writes a checkpoint, so that the next start need not count.
func (s *Store) saveKept() {
	s.trimming.Lock()
	defer s.trimming.Unlock()
	if err := s.checkpoint(context.Background()); err != nil && !errors.Is(err, kv.ErrClosed) {
		s.o.Logger.Warn("the size of the history was not kept; the next start counts it again", "error", err)
	}
}

// checkpoint writes what is counted, if the count is whole and anything came since the
// last time. The caller holds s.trimming.
func (s *Store) checkpoint(ctx context.Context) error {
	c := s.counted(0)
	if !s.measured || c.Seq == s.saved {
		return nil
	}
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		tx.Set([]byte(tKept), row.Encode(&c))
		return nil
	})
	if err == nil {
		s.saved = c.Seq
	}
	return err
}

// counted is the checkpoint for now, when so many bytes are removed.
func (s *Store) counted(removed int64) checkpoint {
	return checkpoint{Bytes: max(0, s.bytes.Load()-removed), Seq: s.last.Load()}
}
