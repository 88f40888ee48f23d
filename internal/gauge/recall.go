package gauge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/history"
)

const (
	recalled     = time.Hour
	recallTime   = 3 * time.Second // of work
	recallEvents = 50_000
	recallRuns   = 20_000
)

// Past is what a gauge reads back; *history.Store is one.
type Past interface {
	Events(context.Context, history.EventQuery) (*history.EventPage, error)
	FindRuns(context.Context, history.RunQuery) (*history.RunPage, error)
}

var errTooMuch = errors.New("more happened than is read back")

// Recall reads back the hour before the gauge was made, once, as if it had counted then.
// functions returns the names of a page of functions, and where the next begins. If the
// hour holds too much for a few seconds of work, nothing is taken over: a part would look
// like the whole.
func (g *Gauge) Recall(ctx context.Context, past Past, functions func(ctx context.Context, after string) (names []string, next string, err error)) error {
	g.mu.Lock()
	until := g.since
	g.mu.Unlock()
	from := until.Add(-recalled).Truncate(coarseStep)
	old := New(func() time.Time { return until })
	var last []timed
	limit, cancel := context.WithTimeout(ctx, recallTime)
	defer cancel()
	err := old.recallEvents(limit, past, from, until)
	left := recallRuns
	for after := ""; err == nil; {
		var names []string
		if names, after, err = functions(limit, after); err != nil {
			break
		}
		for _, name := range names {
			if last, err = old.recallRuns(limit, past, name, from, until, &left, last); err != nil {
				break
			}
		}
		if after == "" {
			break
		}
	}
	switch {
	case errors.Is(err, errTooMuch) || ctx.Err() == nil && limit.Err() != nil:
		return nil
	case err != nil:
		return err
	}
	g.take(old, from, last)
	return nil
}

func (g *Gauge) recallEvents(ctx context.Context, past Past, from, until time.Time) error {
	n := 0
	for q := (history.EventQuery{Since: from, Until: until, Limit: 1000}); ; {
		p, err := past.Events(ctx, q)
		if err != nil {
			return err
		}
		if n += len(p.Events); n > recallEvents {
			return errTooMuch
		}
		for _, e := range p.Events {
			owed := make([]delivery.Owed, len(e.Owed))
			for i, o := range e.Owed {
				owed[i].Function = o.Function
			}
			g.event(e.Record.Time, e.Record.Bucket, owed)
		}
		if !p.More {
			return nil
		}
		q.After = p.Next
	}
}

// timed is a run with its end.
type timed struct {
	Run
	end time.Time
}

// recallRuns counts a function's runs and adds the latest of them to last.
func (g *Gauge) recallRuns(ctx context.Context, past Past, function string, from, until time.Time, left *int, last []timed) ([]timed, error) {
	kept := 0
	for q := (history.RunQuery{Function: function, Since: from, Until: until, Reverse: true, Limit: 200}); ; {
		p, err := past.FindRuns(ctx, q)
		if err != nil {
			return last, err
		}
		if *left -= len(p.Runs); *left < 0 {
			return last, errTooMuch
		}
		for _, r := range p.Runs {
			x := Run{
				RequestID: r.RequestID, Function: r.Function, Version: r.Version, Kind: r.Kind, Trigger: r.Trigger, EventID: r.EventID, Attempt: r.Attempt, Mark: r.Mark,
				Start: r.Start, Queued: int64(r.Queued), Init: int64(r.Init), Duration: int64(r.Duration), Cold: r.Cold, MemoryMB: r.MemoryMB, Error: r.ErrorType,
			}
			if r.Fault != "" {
				x.Error = r.Fault
			}
			g.count(r.End(), &x, r.Fault == "")
			if kept < keptRuns {
				last, kept = append(last, timed{x, r.End()}), kept+1
			}
		}
		if !p.More {
			break
		}
		q.After = p.Next
	}
	if len(last) > 8*keptRuns {
		last = latest(last)
	}
	return last, nil
}

// latest leaves the last ones to end, the earliest first.
func latest(runs []timed) []timed {
	slices.SortFunc(runs, func(a, b timed) int { return a.end.Compare(b.end) })
	return runs[max(0, len(runs)-keptRuns):]
}

// take adds what another gauge counted before this one was made.
func (g *Gauge) take(old *Gauge, since time.Time, runs []timed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.since = since
	g.version++
	for i, r := range [...]*ring{&g.fine, &g.coarse} {
		theirs := &old.fine
		if i == 1 {
			theirs = &old.coarse
		}
		for k := range theirs.slots {
			o := &theirs.slots[k]
			s := r.slot(o.tick)
			if o.tick == 0 || s.tick > o.tick || o.tick <= r.tick(g.now())-int64(len(r.slots)) {
				continue
			}
			if s.tick < o.tick {
				r.empty(s, o.tick)
			}
			s.all.add(&o.all)
			for name, c := range o.of {
				if mine := r.cell(s, name); mine != nil {
					mine.add(c)
				}
			}
			for bucket, n := range o.in {
				r.happen(s, bucket, n)
			}
		}
	}
	// Those that ended since the start stay behind them.
	var own []Run
	for i := uint64(0); i < min(g.ended, keptRuns); i++ {
		own = append(own, g.runs[(g.ended-min(g.ended, keptRuns)+i)%keptRuns])
	}
	runs = latest(runs)
	all := make([]Run, 0, len(runs)+len(own))
	for _, r := range runs {
		all = append(all, r.Run)
	}
	all = append(all, own...)
	all = all[max(0, len(all)-keptRuns):]
	copy(g.runs[:], all)
	g.ended = uint64(len(all))
}
