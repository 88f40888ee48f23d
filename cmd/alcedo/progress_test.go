package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/replay"
)

func TestJobLine(t *testing.T) {
	for want, j := range map[string]replay.Job{
		"counting: 7 found": {Counts: 7},
		"[###############...............]  50 %  50 of 100  20/s  3s left": {Counted: true, Total: 100, Enqueued: 50, Speed: 20, Left: 2900 * time.Millisecond},
		"[##############################] 100 %  0 of 0":                   {Counted: true},
		"[##############################] 100 %  12 of 10":                 {Counted: true, Total: 10, Enqueued: 12}, // objects came meanwhile
		"[..............................]   0 %  0 of 5  (waits: x)":       {Counted: true, Total: 5, Waits: "x"},
	} {
		if got := jobLine(&j); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Scripts get a line for each change, people who are not at a terminal one now and then.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "json", "enqueued")
	j := replay.Job{State: replay.Running, Counted: true, Total: 10}
	for _, n := range []int64{0, 0, 5, 5} {
		j.Enqueued = n
		p.job(&j)
	}
	j.State = replay.Done
	p.job(&j)
	if n := strings.Count(out.String(), "\n"); n != 3 || strings.Contains(out.String(), "\r") {
		t.Errorf("%d lines: %s", n, &out)
	}
	out.Reset()
	p = newProgress(&out, "text", "redriven")
	p.count(500)
	p.count(1000)
	p.end()
	if got := out.String(); got != "redriven 500 …\n" {
		t.Errorf("%q", got)
	}
}
