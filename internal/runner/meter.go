package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// meterTick is how often the memory of working instances is looked at. What a
	// function can take beyond its limit in between is bounded by its control group.
	meterTick = 50 * time.Millisecond
	// meterAge is how old the last look may be when a call ends.
	meterAge = int64(100 * time.Millisecond)
)

// meter watches the memory of instances that work. While none does, it sleeps.
type meter struct {
	r      *Runner
	began  time.Time
	asleep atomic.Bool
	rouse  chan struct{}
	quit   chan struct{}
}

func (m *meter) init(r *Runner) {
	m.r, m.began = r, time.Now()
	m.rouse, m.quit = make(chan struct{}, 1), make(chan struct{})
	m.asleep.Store(true)
}

// now is a monotonic time in nanoseconds.
func (m *meter) now() int64 { return int64(time.Since(m.began)) }

// wake starts the watch if it sleeps; it costs an atomic load otherwise.
func (m *meter) wake() {
	if m.asleep.Load() && m.asleep.CompareAndSwap(true, false) {
		select {
		case m.rouse <- struct{}{}:
		default:
		}
	}
}

func (m *meter) close() { close(m.quit) }

func (m *meter) run() {
	tick := time.NewTicker(meterTick)
	defer tick.Stop()
	for {
		m.r.mu.Lock()
		var working []*instance
		for in := range m.r.every {
			if in.active > 0 || in.loading {
				working = append(working, in)
			}
		}
		m.r.mu.Unlock()
		if len(working) == 0 {
			m.asleep.Store(true)
			tick.Stop()
			select {
			case <-m.rouse:
				tick.Reset(meterTick)
			case <-m.quit:
				return
			}
			// The instance may be busy any moment now.
		}
		for _, in := range working {
			used := in.sample()
			in.mu.Lock()
			over := in.fn != nil && used > int64(memory(in.fn.Config))<<20
			in.mu.Unlock()
			if over {
				go in.kill(overMemory)
			}
		}
		select {
		case <-tick.C:
		case <-m.quit:
			return
		}
	}
}

// sample looks at the memory an instance uses now, in bytes: what was allocated, which
// is what counts against the limit.
func (in *instance) sample() int64 {
	var used int64
	if in.group != nil {
		used, _ = in.group.Anon()
	} else {
		used = treeMemory(in.pid)
	}
	in.glance(true)
	in.raise(used)
	return used
}

// glance updates the peak that is reported: at least the runtime's own greatest resident
// size, which the kernel keeps, so that no short peak is missed. Unless asked for always,
// it does nothing if the last look is not old.
func (in *instance) glance(always bool) {
	now := in.r.meter.now()
	if !always && now-in.sampled.Load() < meterAge {
		return
	}
	in.sampled.Store(now)
	in.raise(highWater(in.pid))
}

func (in *instance) raise(n int64) {
	for {
		old := in.peak.Load()
		if n <= old || in.peak.CompareAndSwap(old, n) {
			return
		}
	}
}

// highWater is the greatest resident size that a process ever had, in bytes.
func highWater(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(b, []byte("\nVmHWM:"))
	f := bytes.Fields(after)
	if len(f) == 0 {
		return 0
	}
	kb, _ := strconv.ParseInt(string(f[0]), 10, 64)
	return kb << 10
}

// treeMemory is the private memory of a process and all its descendants, in bytes, from
// /proc. It is what there is without a control group.
func treeMemory(root int) int64 {
	if root <= 0 {
		return 0
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent := make(map[int]int, len(dirs))
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		// The name in parentheses may hold anything; what follows the last one may not.
		i := bytes.LastIndexByte(b, ')')
		if i < 0 {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
		f := bytes.Fields(b[i+1:])
		if err != nil || len(f) < 2 {
			continue
		}
		parent[pid], _ = strconv.Atoi(string(f[1]))
	}
	var sum int64
	for pid := range parent {
		for p, hops := pid, 0; p > 1 && hops < 64; p, hops = parent[p], hops+1 {
			if p != root {
				continue
			}
			b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
			if f := bytes.Fields(b); err == nil && len(f) > 2 {
				rss, _ := strconv.ParseInt(string(f[1]), 10, 64)
				shared, _ := strconv.ParseInt(string(f[2]), 10, 64)
				sum += (rss - shared) * int64(os.Getpagesize())
			}
			break
		}
	}
	return sum
}
