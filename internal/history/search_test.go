package history

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func TestSearchInWhatRunsPrinted(t *testing.T) {
	j := newJournal(t, Options{})
	begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	recs := []*run.Record{
		{RequestID: "plain", Log: []byte("FC Invoke Start\n2026-01-02 03:04:05 plain [INFO] Made a Thumbnail\n")},
		{RequestID: "colour", Log: []byte("\x1b[31mNee\x1b[0mdle in red\n")},
		{RequestID: "warns", Log: []byte("WARNING: nearly full\n")},
		{RequestID: "stack", Log: []byte("it went on\n    at handler (/code/index.js:3:7)\n")},
		{RequestID: "thrown", ErrorType: "UnhandledInvocationError", Payload: []byte(`{"errorType":"TypeError","errorMessage":"no \"such\" thing é","stackTrace":["at x"]}`)},
		{RequestID: "full", Fault: "ResourceExhausted", Message: "There is no room."},
		{RequestID: "letters", Log: []byte("Größe: 12, 缩略图 done\n")},
		{RequestID: "quiet"},
	}
	for i, r := range recs {
		r.Function, r.Kind, r.Start = "f", run.Sync, begin.Add(time.Duration(i)*time.Minute)
	}
	recorded(t, j, recs...)
	for _, c := range []struct {
		text, level, want string
	}{
		{"thumbnail", "", "plain"},
		{"needle", "", "colour"},
		{"NEEDLE IN", "", "colour"},
		{"TypeError: no \"such\"", "", "thrown"},
		{"\"such\" thing", "", "thrown"},
		{"thing É", "", "thrown"},
		{"resourceexhausted: there", "", "full"},
		{"GRÖSSE", "", ""},
		{"GRÖßE", "", "letters"},
		{"缩略图", "", "letters"},
		{"errorMessage", "", ""}, // of the form that it is written in
		{"", "ERROR", "stack thrown full"},
		{"", "warn", "warns stack thrown full"},
		{"", "INFO", "plain warns stack thrown full"},
		{"no", "ERROR", "thrown full"},
	} {
		p, err := j.FindRuns(t.Context(), RunQuery{Function: "f", Text: c.text, Level: c.level})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range p.Runs {
			ids = append(ids, r.RequestID)
		}
		if got := strings.Join(ids, " "); got != c.want || p.More {
			t.Errorf("%q %s: %s, want %s", c.text, c.level, got, c.want)
		}
		if want := begin.Add(7 * time.Minute); !p.Back.Equal(want) {
			t.Errorf("%q: looked back to %s, want %s", c.text, p.Back, want)
		}
	}
	for _, q := range []RunQuery{{Level: "LOUD"}, {Text: strings.Repeat("x", MaxText+1)}} {
		q.Function = "f"
		if _, err := j.FindRuns(t.Context(), q); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// recorded waits until runs are written.
func recorded(t testing.TB, j *journal, recs ...*run.Record) {
	t.Helper()
	for _, r := range recs {
		changed := j.Changed()
		j.Record(r)
		<-changed
	}
}

// The page and this room must agree on what a level is: where the page sees one, a run must
// not be kept back.
func TestLevelsAreThePages(t *testing.T) {
	b, err := os.ReadFile("../../console/src/features/functions/logs/levels.json")
	if err != nil {
		t.Fatal(err)
	}
	var lines map[string]string
	if err := json.Unmarshal(b, &lines); err != nil || len(lines) < 30 {
		t.Fatal(len(lines), err)
	}
	for line, want := range lines {
		got := ""
		if n := levelOf(line); n >= 0 {
			got = Levels[n]
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func FuzzLevelOf(f *testing.F) {
	f.Add("2026-01-02T03:04:05Z id [warn] x")
	f.Add("\x1b[31mERROR")
	f.Fuzz(func(t *testing.T, s string) {
		if n := levelOf(plain(s)); n < -1 || n >= len(Levels) {
			t.Error(n)
		}
	})
}

// BenchmarkSearch is one call that finds nothing, over runs with three lines each.
func BenchmarkSearch(b *testing.B) {
	j := Open(memkv.New(), Options{})
	const n = 5000
	for i := range n {
		j.Record(&run.Record{RequestID: fmt.Sprint(i), Function: "f", Start: time.Now(), Log: []byte(strings.Repeat("2026-01-02 03:04:05 plain [INFO] made a thumbnail\n", 3))})
	}
	j.Close() // all are written
	for _, q := range []RunQuery{{Text: "nowhere"}, {Text: "nowhere: "}, {Level: "ERROR"}} {
		b.Run(q.Text+q.Level, func(b *testing.B) {
			q.Function = "f"
			for b.Loop() {
				if p, err := j.FindRuns(b.Context(), q); err != nil || len(p.Runs) != 0 {
					b.Fatal(p, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/run")
		})
	}
}
