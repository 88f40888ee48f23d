package history

import (
	"bytes"
	"container/heap"
	"context"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

const (
	trimEvery = 10 * time.Minute // how often what is too old is looked for
	trimPage  = 256              // events or runs that one transaction removes, at most
	trimBytes = 1 << 20          // of keys that one transaction removes, about
)

// from is where events begin. What was removed before it would only slow a scan down.
func (s *Store) from() []byte {
	if seq := s.oldest.Load(); seq > 0 {
		return append([]byte(tEvent), row.U64(seq)...)
	}
	return eventTable
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
