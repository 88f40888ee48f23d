package gauge

import (
	"math/bits"
	"time"
)

// ring keeps the latest steps of time.
type ring struct {
	step  time.Duration
	slots []slot
	cells int   // of functions, in all slots
	most  int   // of them
	ins   int   // numbers of buckets, in all slots
	full  int   // the most of them
	from  int64 // the first tick of which the functions and buckets are known
}

// slot is one step of time. It belongs to a tick: steps since 1970.
type slot struct {
	tick    int64
	sampled bool // somebody looked how many deliveries wait
	all     cell
	of      map[string]*cell  // functions
	in      map[string]uint32 // events, by bucket
}

// cell is what was counted in one step of time.
type cell struct {
	events, runs, errors, throttles, cold uint32
	memory                                uint32 // MB, the most of a run
	waiting                               uint32 // deliveries not over, the most that was seen
	slowest                               time.Duration
	durations                             [classes]uint32
}

func newRing(step time.Duration, n, most, full int) ring {
	return ring{step: step, slots: make([]slot, n), most: most, full: full}
}

func (r *ring) tick(t time.Time) int64 { return t.UnixNano() / int64(r.step) }

func (r *ring) slot(tick int64) *slot {
	n := int64(len(r.slots))
	return &r.slots[(tick%n+n)%n]
}

// at is the slot of a moment, emptied if it was another's; nil if the moment is too long ago.
func (r *ring) at(t time.Time) *slot {
	tick := r.tick(t)
	s := r.slot(tick)
	switch {
	case s.tick > tick:
		return nil
	case s.tick < tick:
		r.empty(s, tick)
	}
	return s
}

// empty gives a slot to another tick.
func (r *ring) empty(s *slot, tick int64) {
	r.cells -= len(s.of)
	r.ins -= len(s.in)
	*s = slot{tick: tick}
}

// happen counts n events of a bucket; not if too many buckets had some there.
func (r *ring) happen(s *slot, bucket string, n uint32) {
	if _, ok := s.in[bucket]; !ok {
		if len(s.in) >= MaxBuckets {
			return
		}
		for r.ins >= r.full && r.drop(s) {
		}
		if s.in == nil {
			s.in = map[string]uint32{}
		}
		r.ins++
	}
	s.in[bucket] += n
}

// cell is a function's in a slot; nil if too many functions have one there.
func (r *ring) cell(s *slot, function string) *cell {
	if c := s.of[function]; c != nil {
		return c
	}
	if len(s.of) >= MaxFunctions {
		return nil
	}
	for r.cells >= r.most && r.drop(s) {
	}
	if s.of == nil {
		s.of = map[string]*cell{}
	}
	c := new(cell)
	s.of[function] = c
	r.cells++
	return c
}

// drop gives up what the earliest slot that has any knows of functions and buckets; keep is
// not touched. It returns false if there is none: unreachable while one slot has room for
// less than all.
func (r *ring) drop(keep *slot) bool {
	var oldest *slot
	for i := range r.slots {
		if s := &r.slots[i]; s != keep && len(s.of)+len(s.in) > 0 && (oldest == nil || s.tick < oldest.tick) {
			oldest = s
		}
	}
	if oldest == nil {
		return false
	}
	r.cells -= len(oldest.of)
	r.ins -= len(oldest.in)
	oldest.of, oldest.in = nil, nil
	r.from = max(r.from, oldest.tick+1)
	return true
}

func (c *cell) run(x *Run, reached bool) {
	c.runs++
	switch {
	case x.Error == Throttled && !reached:
		c.throttles++
	case x.Error != "":
		c.errors++
	}
	if !reached {
		return
	}
	if x.Cold {
		c.cold++
	}
	c.memory = max(c.memory, uint32(x.MemoryMB))
	d := time.Duration(x.Duration)
	c.slowest = max(c.slowest, d)
	c.durations[class(d)]++
}

func (c *cell) add(o *cell) {
	c.events += o.events
	c.runs += o.runs
	c.errors += o.errors
	c.throttles += o.throttles
	c.cold += o.cold
	c.memory = max(c.memory, o.memory)
	c.waiting += o.waiting
	c.slowest = max(c.slowest, o.slowest)
	for i, n := range o.durations {
		c.durations[i] += n
	}
}

// Durations are counted in classes: two to each power of two, from 16 µs to 18 minutes.
const (
	firstPower = 4
	classes    = 2 * 27
)

func class(d time.Duration) int {
	us := uint64(max(d/time.Microsecond, 0))
	if us < 1<<firstPower {
		return 0
	}
	power := bits.Len64(us) - 1
	half := int(us>>(power-1)) & 1
	return min(2*(power-firstPower)+half+1, classes-1)
}

// bounds are the durations from and to which a class reaches.
func bounds(i int) (from, to time.Duration) {
	if i == 0 {
		return 0, (1 << firstPower) * time.Microsecond
	}
	power := firstPower + (i-1)/2
	half := time.Duration(1<<(power-1)) * time.Microsecond
	from = 2 * half
	if (i-1)%2 == 1 {
		from += half
	}
	return from, from + half
}

// quantile estimates the duration that a part q of all does not exceed; at most a quarter
// off. ok is false if there is none.
func (c *cell) quantile(q float64) (d time.Duration, ok bool) {
	total := uint64(0)
	for _, n := range c.durations {
		total += uint64(n)
	}
	if total == 0 {
		return 0, false
	}
	if total == 1 {
		return c.slowest, true
	}
	rank := q * float64(total)
	before := 0.0
	for i, n := range c.durations {
		if n == 0 || before+float64(n) < rank {
			before += float64(n)
			continue
		}
		from, to := bounds(i)
		to = min(to, max(c.slowest, from))
		return from + time.Duration(float64(to-from)*(rank-before)/float64(n)), true
	}
	return c.slowest, true
}
