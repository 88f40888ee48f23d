package runner

import (
	"testing"
	"time"
)

func TestGrow(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	for name, c := range map[string]struct {
		load
		want int
	}{
		"nobody waits":              {load{queued: 0, slots: 1, cpus: 2}, 0},
		"first request":             {load{queued: 1, slots: 1, cpus: 2}, 1},
		"burst on a new function":   {load{queued: 16, slots: 1, cpus: 2}, 1},
		"first is on its way":       {load{queued: 16, starting: 1, slots: 1, head: 50 * ms, cpus: 2}, 0},
		"first takes its time":      {load{queued: 16, starting: 1, slots: 1, head: 600 * ms, cpus: 2}, 15},
		"16 callers, 60 µs handler": {load{queued: 15, instances: 1, slots: 1, run: 60 * us, head: 900 * us, full: 10 * ms, cpus: 2}, 0},
		"the same for long":         {load{queued: 15, instances: 1, slots: 1, run: 60 * us, head: 900 * us, full: 60 * ms, cpus: 2}, 1},
		"for long, cpus used":       {load{queued: 14, instances: 2, slots: 1, run: 60 * us, head: 500 * us, full: time.Second, cpus: 2}, 0},
		"16 callers, slow handler":  {load{queued: 15, instances: 1, slots: 1, run: 100 * ms, cpus: 2}, 15},
		"16 callers, 1 ms handler":  {load{queued: 15, instances: 1, slots: 1, run: 1 * ms, cpus: 2}, 2},
		"slow, some are starting":   {load{queued: 15, instances: 1, starting: 10, slots: 1, run: 100 * ms, cpus: 2}, 5},
		"first run lasts":           {load{queued: 3, instances: 1, slots: 1, head: 25 * ms, cpus: 2}, 3},
		"starting slows short runs": {load{queued: 15, instances: 1, starting: 1, slots: 1, run: 3 * ms, head: 40 * ms, cpus: 2}, 0},
		"short, but one hangs":      {load{queued: 3, instances: 2, stuck: 2, slots: 1, run: 60 * us, head: 12 * ms, cpus: 2}, 1},
		"one of two hangs":          {load{queued: 3, instances: 2, stuck: 1, slots: 1, run: 60 * us, head: 12 * ms, cpus: 2}, 0},
		"the same, one is coming":   {load{queued: 3, instances: 1, starting: 1, slots: 1, run: 60 * us, head: 40 * ms, cpus: 2}, 0},
		"all hang":                  {load{queued: 3, instances: 1, starting: 1, slots: 1, run: 60 * us, head: 110 * ms, cpus: 2}, 2},
		"room in one instance":      {load{queued: 10, instances: 1, slots: 10, head: 25 * ms, cpus: 2}, 1},
	} {
		if got := c.load.grow(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
