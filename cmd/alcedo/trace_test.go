package main

import (
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/history"
)

func TestDrawTrace(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	ev := func(id, key string) *history.Info {
		return &history.Info{ID: id, Type: event.PutObject, Time: at, Bucket: "b", Key: key, Size: 122_539, RequestID: "65A0", PrincipalID: "1000", SourceIP: "::1"}
	}
	tr := &history.Trace{
		Root: "event:1", Focus: "event:2", Cut: []history.Cut{{Message: "Only the first 7 nodes are told of."}},
		Nodes: []*history.Node{
			{ID: "event:1", Kind: "event", Level: -2, Event: ev("1", "in/a")},
			{ID: "run:r1", Kind: "run", Parent: "event:1", Level: -1, Run: &history.Owed{
				Owed: delivery.Owed{RequestID: "r1", Function: "f", Trigger: "t", Mark: delivery.MarkReplay}, State: delivery.Succeeded, Attempts: 2,
				Last: &history.Run{Cold: true, Init: 210_456 * time.Microsecond, Duration: 83_123 * time.Microsecond, Start: at.UnixMicro()},
			}},
			{ID: "event:2", Kind: "event", Parent: "run:r1", Event: ev("2", "out/\x1b[2J")},
			{ID: "more:event:run:r1", Kind: "more", Parent: "run:r1", Count: 1, Of: "event"},
			{ID: "run:r2", Kind: "run", Parent: "event:2", Level: 1, Run: &history.Owed{Owed: delivery.Owed{RequestID: "r2", Function: "g", Trigger: "u"}, State: delivery.Failed, Reason: "RetriesExhausted"}},
			{ID: "run:r3", Kind: "run", Parent: "event:2", Level: 1, Hidden: true},
			{ID: "more:run:event:2", Kind: "more", Parent: "event:2", Level: 1, Count: 1000, Of: "run"},
		},
		Edges: []history.Edge{{From: "event:1", To: "run:r1", Kind: "owes"}, {From: "run:r1", To: "event:2", Kind: "wrote"}},
	}
	want := `
● PutObject b/in/a  122.5 KB  2026-01-31 12:00:00.000
│ event 1, request 65A0 by 1000 from ::1
└─ ▶ f  Succeeded  2 attempts  cold, started in 210.5ms  ran 83.1ms  replay
   │ run r1, trigger t, 2026-01-31 12:00:00.000
   ├─ ● PutObject "b/out/\x1b[2J"  122.5 KB  2026-01-31 12:00:00.000  ◀
   │  │ event 2, request 65A0 by 1000 from ::1
   │  ├─ ▶ g  Failed  RetriesExhausted
   │  │    run r2, trigger u
   │  ├─ (run that you may not see)
   │  └─ … at least 1000 more runs
   └─ … 1 more event
Only the first 7 nodes are told of.
`
	got := drawTrace(tr, false)
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("\n%s", got)
	}
	coloured := drawTrace(tr, true)
	for _, sgr := range []string{bold, dim, red, green, yellow} {
		if !strings.Contains(coloured, "\x1b["+sgr+"m") {
			t.Errorf("no colour %s", sgr)
		}
	}
	if strings.Contains(coloured, "\x1b[2J") {
		t.Error("a key reaches the terminal as it is")
	}
	if colours(new(strings.Builder)) {
		t.Error("what is no terminal has colours")
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]string{
		"90s": "2026-01-31T11:58:30Z", "1h": "2026-01-31T11:00:00Z", "7d": "2026-01-24T12:00:00Z", "1d12h": "2026-01-30T00:00:00Z", "0s": "2026-01-31T12:00:00Z",
		"2026-01-30T10:00:00Z": "2026-01-30T10:00:00Z", "2026-01-30T10:00:00.5+02:00": "2026-01-30T08:00:00.5Z", "2026-01-30": "2026-01-30T00:00:00Z", "2026-01-30 10:11": "2026-01-30T10:11:00Z",
	} {
		got, err := moment(v, now)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %v", v, got, err)
		}
	}
	for _, bad := range []string{"", "yesterday", "-1h", "1x", "d", "-1d", "99999999d", "2026-13-01"} {
		if got, err := moment(bad, now); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}
