package gauge

import "time"

// MaxPoints is how many points a series has at most.
const MaxPoints = coarseSlots

// Query asks for a series.
type Query struct {
	Function string                     // of this one; empty: of all that May is true of
	May      func(function string) bool // nil: the whole server, with what belongs to no function
	MayEvent func(bucket string) bool   // with May, events are those of these buckets; nil: of none
	From, To time.Time                  // zero To: now; zero From: an hour before To
	Step     time.Duration              // rounded up to ten seconds, a minute, or minutes; 0: what suits the span
}

// Series is what was counted from From on, in steps. Points without anything in them are
// there, too; those before Since are not, for nothing is known of that time.
type Series struct {
	From   int64   `json:"from"` // Unix time in seconds, as To; both at ends of steps
	To     int64   `json:"to"`
	Step   int64   `json:"step"` // seconds
	Since  int64   `json:"since"`
	Points []Point `json:"points"`
	Total  Point   `json:"total"`
}

// Point is one step of a series, or all of them. P50 and P99 are estimated from classes
// (at most a quarter off), and missing without a run.
type Point struct {
	Time      int64  `json:"t"` // its begin
	Events    uint32 `json:"events,omitempty"`
	Runs      uint32 `json:"runs,omitempty"`
	Errors    uint32 `json:"errors,omitempty"` // failed, or could not be run
	Throttles uint32 `json:"throttles,omitempty"`
	Cold      uint32 `json:"cold,omitempty"`
	P50       *int64 `json:"p50Nanos,omitempty"`
	P99       *int64 `json:"p99Nanos,omitempty"`
	MemoryMB  uint32 `json:"memoryMB,omitempty"` // the most of a run
	Waiting   *int   `json:"waiting,omitempty"`  // deliveries not over, the most that was seen; missing if nobody looked
}

// Series answers a query. Steps below a minute are known for a quarter of an hour, others
// for a day; a From before that is moved.
func (g *Gauge) Series(q Query) Series {
	now := g.now()
	if q.To.IsZero() || q.To.After(now) {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	span := q.To.Sub(q.From)
	if q.Step <= 0 {
		q.Step = coarseStep
		if span <= fineSlots*fineStep {
			q.Step = fineStep
		}
	}
	q.Step = (q.Step + fineStep - 1) / fineStep * fineStep
	r := &g.coarse
	if q.Step < coarseStep {
		r = &g.fine
	} else {
		q.Step = (q.Step + coarseStep - 1) / coarseStep * coarseStep
	}
	per := int64(q.Step / r.step)
	g.mu.Lock()
	since := r.tick(g.since)
	if q.Function != "" || q.May != nil {
		since = max(since, r.from)
	}
	begun := g.since.Unix()
	g.mu.Unlock()
	oldest := r.tick(now) - int64(len(r.slots)) + 1
	first := max(r.tick(q.From), oldest)
	end := r.tick(q.To) + 1
	// Steps stand at whole multiples of themselves, so that a chart that is read again does
	// not wobble.
	first = (first + per - 1) / per * per
	if first >= end {
		first = (end - 1) / per * per
	}
	end = (end + per - 1) / per * per
	seconds := int64(r.step / time.Second)
	out := Series{From: first * seconds, To: end * seconds, Step: per * seconds, Since: max(begun, since*seconds), Points: []Point{}}
	var total cell
	most, looked := uint32(0), false
	for at := first; at < end; at += per {
		if at+per <= since {
			continue
		}
		sum, sampled := g.sum(r, at, at+per, &q)
		out.Points = append(out.Points, sum.point(at*seconds, sampled))
		total.add(&sum)
		most, looked = max(most, sum.waiting), looked || sampled
	}
	total.waiting = most
	out.Total = total.point(out.From, looked)
	return out
}

// sum adds the ticks of a point up. The room is held no longer: whoever counts does not
// wait for a whole series.
func (g *Gauge) sum(r *ring, from, end int64, q *Query) (sum cell, sampled bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := uint32(0)
	for tick := from; tick < end; tick++ {
		s := r.slot(tick)
		if s.tick != tick {
			continue
		}
		sum.waiting = 0
		switch {
		case q.Function != "":
			if c := s.of[q.Function]; c != nil {
				sum.add(c)
			}
		case q.May == nil:
			sum.add(&s.all)
		default:
			for name, c := range s.of {
				if q.May(name) {
					events := sum.events
					sum.add(c)
					sum.events = events
				}
			}
			for bucket, n := range s.in {
				if q.MayEvent != nil && q.MayEvent(bucket) {
					sum.events += n
				}
			}
		}
		sampled = sampled || s.sampled
		most = max(most, sum.waiting)
	}
	sum.waiting = most
	return sum, sampled
}

func (c *cell) point(at int64, sampled bool) Point {
	p := Point{Time: at, Events: c.events, Runs: c.runs, Errors: c.errors, Throttles: c.throttles, Cold: c.cold, MemoryMB: c.memory}
	if d, ok := c.quantile(.5); ok {
		n := int64(d)
		p.P50 = &n
	}
	if d, ok := c.quantile(.99); ok {
		n := int64(d)
		p.P99 = &n
	}
	if sampled {
		n := int(c.waiting)
		p.Waiting = &n
	}
	return p
}
