package history

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// outcomeSize is what the end of a delivery takes, about. It is counted when the run is
// owed.
const outcomeSize = 160

// retention keeps account of what is stored, in bytes of keys and values as they are
// written; what the store below makes of them (it compresses, and removes late) is not
// known here. A transaction that had to be repeated is counted twice, which makes the
// history a little shorter, and is put right by nothing but trimming: the count is only
// read again, from the last checkpoint on, at start.
type retention struct {
	bytes  atomic.Int64  // what events and runs take, about; before the first trimming is done, of those since the start only
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
