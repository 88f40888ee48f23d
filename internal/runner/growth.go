package runner

import "time"

const (
	// growWait is the expected wait above which another instance is worth its start
	// (some 50 ms of processor time for Node.js).
	growWait = 5 * time.Millisecond
	// growHead is how long the first in the queue may wait for a busy instance before
	// another is started, whatever was expected.
	growHead = 10 * time.Millisecond
	// growBlind is the same while nothing is known of how long a run takes.
	growBlind = 25 * time.Millisecond
	// growLate is how long it may wait when short runs were expected.
	growLate = 100 * time.Millisecond
	// growFull is how long a queue may be without a break before the pool may use
	// another processor.
	growFull = 50 * time.Millisecond
	// growFirst is how long a pool's very first instance may take before more are started.
	growFirst = 500 * time.Millisecond
	// growKnown is how many runs are needed to tell how long one takes: the first ones,
	// before code is compiled, are many times slower.
	growKnown = 8
)

// load is what the growth rule looks at.
type load struct {
	queued    int           // requests waiting
	instances int           // that serve
	stuck     int           // of these, whose newest call began more than growHead ago
	starting  int           // on their way
	slots     int           // requests at once per instance
	run       time.Duration // moving average of a run; 0: too few have ended to tell
	head      time.Duration // how long the first in the queue waits, counted from when an instance last came up
	full      time.Duration // how long the queue has not been empty
	cpus      int
}

// grow says how many more instances to start now.
//
// The rule has to tell sixteen callers of a 60 µs handler, whom one instance serves
// without anybody waiting for a millisecond, from sixteen callers of a slow one, who
// need sixteen instances at once. So it asks how long the queue will take, not how long
// it is.
func (l load) grow() int {
	missing := (l.queued+l.slots-1)/l.slots - l.starting
	switch {
	case missing <= 0:
		return 0
	case l.instances+l.starting == 0:
		return 1 // nothing is known yet; the rest may well be served by this one
	case l.instances == 0 && l.head < growFirst:
		return 0 // the first is on its way
	case l.instances == 0:
		return missing // it takes long to start, so wait for several at a time
	case l.run == 0 && l.head >= growBlind, l.head >= growLate:
		return missing
	case l.starting > 0 && l.run < growWait:
		// Starting takes the processor that short runs need: they look longer while it
		// lasts. To start more because of that would never end.
		return 0
	case l.wait() > growWait:
		// As many as bring the wait below the threshold, not one for each request.
		need := int((l.run*time.Duration(l.queued) + growWait - 1) / (growWait * time.Duration(l.slots)))
		return min(missing, max(need-l.instances-l.starting, 0))
	case l.run > 0 && l.head >= growHead && l.stuck >= l.instances:
		return 1 // calls that last longer than most hold all there is
	case l.full >= growFull && l.instances+l.starting < l.cpus:
		return 1
	}
	return 0
}

// wait is how long the last in the queue is expected to wait.
func (l load) wait() time.Duration {
	return l.run * time.Duration(l.queued) / time.Duration(max(l.instances*l.slots, 1))
}
