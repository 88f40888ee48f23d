package delivery

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Stats tells how a function's deliveries stand.
type Stats struct {
	Function string    `json:"function"`
	Waiting  int       `json:"waiting"`           // accepted and not over, without those that run
	Running  int       `json:"running"`           // runs under way
	Dead     int       `json:"dead"`              // dead letters
	Oldest   time.Time `json:"oldest,omitzero"`   // since when the first in line has waited; zero: nobody waits
	Holds    []Hold    `json:"holds,omitempty"`   // queues that stand still
	Partial  bool      `json:"partial,omitempty"` // what was there at the start of the server is still being counted
}

// Hold tells why deliveries of a function are not run now, though some wait.
type Hold struct {
	Trigger string    `json:"trigger,omitempty"` // only this trigger's, whose events are run in order; empty: all others
	Since   time.Time `json:"since"`
	Reason  string    `json:"reason"` // a fault's reason, or the type of the function's error
	Message string    `json:"message,omitempty"`
}

// count is how many deliveries a function has: rows under tQueue, and under tDead.
type count struct{ waiting, dead int }

// count returns a function's counts. The caller holds d.mu.
func (d *dispatcher) count(function string) *count {
	c := d.counts[function]
	if c == nil {
		c = new(count)
		d.counts[function] = c
	}
	return c
}

// uncount forgets counts that are zero. The caller holds d.mu.
func (d *dispatcher) uncount(function string) {
	if c := d.counts[function]; c != nil && *c == (count{}) && d.counted {
		delete(d.counts, function)
	}
}

// countRows takes a snapshot and counts what is in it in the background. What changes from
// then on is counted as it happens.
func (q *Queue) countRows() {
	taken := make(chan struct{})
	q.loads.Add(1)
	go func() {
		defer q.loads.Done()
		counts := map[string]*count{}
		err := q.kv.View(q.ctx, func(r kv.Reader) error {
			q.mu.Lock()
			q.counts = map[string]*count{}
			q.mu.Unlock()
			close(taken)
			return countIn(q.ctx, r, counts)
		})
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			select {
			case <-taken:
			default:
				close(taken)
			}
			if !q.stopping(err) {
				q.o.Logger.Error("counting the waiting deliveries failed; statistics count only what came since", "error", err)
			}
			return
		}
		for name, n := range counts {
			c := q.count(name)
			c.waiting += n.waiting
			c.dead += n.dead
		}
		q.counted = true
		for name := range q.counts {
			q.uncount(name)
		}
	}()
	<-taken
}

func countIn(ctx context.Context, r kv.Reader, counts map[string]*count) error {
	n := 0
	of := func(function string) *count {
		c := counts[function]
		if c == nil {
			c = new(count)
			counts[function] = c
		}
		return c
	}
	stop := func() error {
		if n++; n%1024 == 0 {
			return ctx.Err()
		}
		return nil
	}
	var prefix []byte // of the queue that the scan is in
	var c *count
	err := r.Scan(kv.Prefix([]byte(tQueue)), func(k, _ []byte) error {
		if len(prefix) == 0 || len(k) < len(prefix) || string(k[:len(prefix)]) != string(prefix) {
			name, _, _ := strings.Cut(string(k[len(tQueue):]), "\x00")
			prefix, c = queuePrefix(name), of(functionOf(name))
		}
		c.waiting++
		return stop()
	})
	if err != nil {
		return err
	}
	return r.Scan(kv.Prefix([]byte(tDead)), func(_, v []byte) error {
		var d deadHead
		if err := row.Decode(v, &d); err != nil {
			return err
		}
		of(d.Delivery.Function).dead++
		return stop()
	})
}

// Stats tells of every function that has deliveries, by name. It is cheap: it reads one row
// per queue. Counts are exact, but for Partial ones.
func (q *Queue) Stats(ctx context.Context) ([]Stats, error) { return q.stats(ctx, "") }

// FunctionStats is Stats of one function; one that is unknown has none of anything.
func (q *Queue) FunctionStats(ctx context.Context, function string) (Stats, error) {
	s, err := q.stats(ctx, function)
	if err != nil || len(s) == 0 {
		return Stats{Function: function}, err
	}
	return s[0], nil
}

func (q *Queue) stats(ctx context.Context, function string) (out []Stats, err error) {
	type place struct{ function, low, end string }
	var places []place
	q.mu.Lock()
	by := map[string]*Stats{}
	of := func(name string) *Stats {
		s := by[name]
		if s == nil {
			s = &Stats{Function: name, Partial: q.started && !q.counted}
			by[name] = s
		}
		return s
	}
	for name, c := range q.counts {
		if function == "" || name == function {
			s := of(name)
			s.Waiting, s.Dead = c.waiting, c.dead
		}
	}
	for _, f := range q.queues {
		if function != "" && f.function != function {
			continue
		}
		s := of(f.function)
		for _, it := range f.known {
			switch {
			case it == nil:
			case it.state == ready:
				s.older(it.Enqueued)
			case it.state == running:
				s.Running++
				s.Waiting--
			default: // it is over, or will wait again in a moment
				s.Waiting--
			}
		}
		if h := f.hold; h != nil {
			hold := Hold{Since: h.since, Reason: h.reason, Message: h.message}
			if f.ordered {
				hold.Trigger = strings.TrimPrefix(f.name, f.function+ofTrigger)
			}
			s.Holds = append(s.Holds, hold)
		}
		if f.low != f.end {
			places = append(places, place{f.function, f.low, f.end})
		}
	}
	q.mu.Unlock()
	err = q.kv.View(ctx, func(r kv.Reader) error {
		for _, p := range places {
			err := r.Scan(kv.Range{Start: []byte(p.low), End: []byte(p.end)}, func(_, v []byte) error {
				var d struct {
					Enqueued time.Time `cbor:"8,keyasint"`
				}
				if err := row.Decode(v, &d); err != nil {
					return err
				}
				by[p.function].older(d.Enqueued)
				return kv.Stop
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, s := range by {
		s.Waiting = max(s.Waiting, 0)
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Stats) int { return strings.Compare(a.Function, b.Function) })
	return out, err
}

func (s *Stats) older(t time.Time) {
	if s.Oldest.IsZero() || t.Before(s.Oldest) {
		s.Oldest = t
	}
}
