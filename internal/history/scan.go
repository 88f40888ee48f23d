package history

import (
	"bytes"
	"context"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Bounds of the work of one call, so that none holds a snapshot, or its caller, for long.
const (
	maxRows = 200_000
	maxTime = 50 * time.Millisecond
)

// slack is how much later than its own time a row may have been committed. Clocks that
// are set back by more make a search by time miss some.
const slack = 2 * time.Second

// work counts what a scan does.
type work struct {
	ctx   context.Context
	rows  int
	since time.Time
}

func newWork(ctx context.Context) *work { return &work{ctx: ctx, since: time.Now()} }

// over reports whether a call has done enough. It always gets somewhere: the first rows
// are free.
func (w *work) over() (bool, error) {
	w.rows++
	if w.rows%64 != 0 {
		return false, nil
	}
	return w.rows >= maxRows || time.Since(w.since) > maxTime, w.ctx.Err()
}

func stopOr(err error) error {
	if err != nil {
		return err
	}
	return kv.Stop
}

func within(t, since, until time.Time) bool {
	return !t.Before(since) && (until.IsZero() || t.Before(until))
}

// timed narrows the rows under prefix, which stand in the order of their sequences and
// nearly in that of their times, to those of a span of time: by binary search, so in a few
// dozen reads whatever their number. They begin at from.
func timed(r kv.Reader, prefix, from []byte, since, until time.Time, timeOf func(v []byte) (time.Time, error)) (kv.Range, error) {
	rg := kv.Range{Start: from, End: kv.PrefixEnd(prefix)}
	if since.IsZero() && until.IsZero() {
		return rg, nil
	}
	first, last := uint64(0), uint64(0)
	ends := func(reverse bool, to *uint64) error {
		return r.Scan(kv.Range{Start: rg.Start, End: rg.End, Reverse: reverse}, func(k, _ []byte) error {
			*to = row.ParseU64(k[len(prefix):])
			return kv.Stop
		})
	}
	if err := ends(false, &first); err != nil {
		return rg, err
	}
	if err := ends(true, &last); err != nil || last == 0 {
		return rg, err
	}
	at := func(seq uint64) []byte { return append(bytes.Clone(prefix), row.U64(seq)...) }
	// search returns the first sequence whose row is not older than t.
	search := func(t time.Time) (uint64, error) {
		lo, hi := first, last+1
		for lo < hi {
			mid := lo + (hi-lo)/2
			seq, old := hi, false
			err := r.Scan(kv.Range{Start: at(mid), End: at(hi)}, func(k, v []byte) error {
				seq = row.ParseU64(k[len(prefix):])
				is, err := timeOf(v)
				old = is.Before(t)
				return stopOr(err)
			})
			if err != nil {
				return 0, err
			}
			if old {
				lo = seq + 1
			} else {
				hi = mid
			}
		}
		return lo, nil
	}
	if !since.IsZero() {
		seq, err := search(since.Add(-slack))
		if err != nil {
			return rg, err
		}
		if k := at(seq); bytes.Compare(k, rg.Start) > 0 {
			rg.Start = k
		}
	}
	if !until.IsZero() {
		seq, err := search(until.Add(slack))
		if err != nil {
			return rg, err
		}
		rg.End = at(seq)
	}
	return rg, nil
}

// continued is a range without what a cursor, the key of a row, has passed.
func continued(rg kv.Range, after []byte, reverse bool) kv.Range {
	rg.Reverse = reverse
	switch {
	case len(after) == 0:
	case reverse:
		if len(rg.End) == 0 || bytes.Compare(after, rg.End) < 0 {
			rg.End = after
		}
	default:
		if next := append(bytes.Clone(after), 0); bytes.Compare(next, rg.Start) > 0 {
			rg.Start = next
		}
	}
	return rg
}
