package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// sink is told what the metrics pass on.
type sink struct{ events, outcomes, runs int }

func (s *sink) Event(kv.Txn, *event.Record, []byte, []delivery.Owed) { s.events++ }
func (s *sink) Owe(kv.Txn, string, delivery.Owed)                    {}
func (s *sink) Outcome(kv.Txn, *delivery.Outcome)                    { s.outcomes++ }
func (s *sink) Record(*run.Record)                                   { s.runs++ }

func text(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestCounts(t *testing.T) {
	var broken error
	m := New(Sources{
		Version: "1.2.3", Queue: func() ([]delivery.Stats, error) {
			return []delivery.Stats{{Function: "f", Waiting: 7, Running: 2}, {Function: "g", Dead: 5, Holds: make([]delivery.Hold, 1)}}, broken
		},
		Handed: func() (int64, int64) { return 11, 12 },
		Runner: func() runner.Stats { return runner.Stats{Busy: 3, Cold: 9} }, Paused: func() uint64 { return 1 },
		Dropped: func() uint64 { return 4 }, Storage: func() bool { return false },
	})
	s, store := &sink{}, memkv.New()
	j, r := m.Journal(s), m.Recorder(s)
	for i, failed := range []bool{false, true, false} {
		err := store.Update(context.Background(), func(tx kv.Txn) error {
			j.Event(tx, &event.Record{Type: event.PutObject}, nil, nil)
			j.Outcome(tx, &delivery.Outcome{Function: "f", State: delivery.Failed, Reason: run.Recursive})
			if failed {
				return errors.New("not committed, not counted")
			}
			return nil
		})
		if (err != nil) != failed {
			t.Fatal(err)
		}
		r.Record(&run.Record{Function: "f", Kind: run.Sync, Duration: time.Duration(i) * time.Second, Cold: i == 0})
	}
	r.Record(&run.Record{Function: "f", Kind: run.Trigger, ErrorType: "UnhandledInvocationError"})
	r.Record(&run.Record{Function: "f", Kind: run.Trigger, Fault: "ResourceExhausted"})
	if s.events != 3 || s.outcomes != 3 || s.runs != 5 {
		t.Errorf("passed on: %+v", s)
	}
	got := text(t, m)
	for _, want := range []string{
		`alcedo_events_total{type="ObjectCreated:PutObject"} 2`,
		`alcedo_deliveries_total{outcome="Failed"} 2`,
		`alcedo_loops_stopped_total{function="f"} 2`,
		`alcedo_runs_total{function="f",kind="sync",outcome="ok"} 3`,
		`alcedo_runs_total{function="f",kind="trigger",outcome="UnhandledInvocationError"} 1`,
		`alcedo_runs_total{function="f",kind="trigger",outcome="ResourceExhausted"} 1`,
		`alcedo_run_duration_seconds_count{start="cold"} 1`,
		`alcedo_run_duration_seconds_count{start="warm"} 3`,
		`alcedo_build_info{version="1.2.3"} 1`,
		`alcedo_deliveries_waiting{function="f"} 7`, `alcedo_deliveries_running{function="f"} 2`, `alcedo_dead_letters{function="g"} 5`, `alcedo_queues_held{function="g"} 1`,
		`alcedo_destinations_sent_total 11`, `alcedo_destination_errors_total 12`,
		`alcedo_instances{state="busy"} 3`, `alcedo_cold_starts_total 9`,
		`alcedo_triggers_paused_total 1`, `alcedo_history_dropped_total 4`, `alcedo_storage_writable 0`,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	// What cannot be read is left out, the rest is not.
	broken = errors.New("disk")
	if got := text(t, m); strings.Contains(got, "alcedo_deliveries_waiting{") || !strings.Contains(got, "alcedo_cold_starts_total 9") {
		t.Error("a source that fails takes the others with it")
	}
}

func TestFunctionsAreBounded(t *testing.T) {
	m := New(Sources{})
	r := m.Recorder(&sink{})
	for i := range 3 * MaxFunctions {
		r.Record(&run.Record{Function: fmt.Sprintf("f%d", i), Kind: run.Sync})
	}
	got := text(t, m)
	if n := strings.Count(got, "\nalcedo_runs_total{"); n != MaxFunctions+1 {
		t.Errorf("%d series", n)
	}
	if want := fmt.Sprintf("\nalcedo_runs_total{function=%q,kind=\"sync\",outcome=\"ok\"} %d\n", other, 2*MaxFunctions); !strings.Contains(got, want) {
		t.Errorf("no %s", want)
	}
}

func TestRequests(t *testing.T) {
	m := New(Sources{})
	file := t.TempDir() + "/x"
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(m.Requests("oss", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
		case "/missing":
			http.NotFound(w, r)
		case "/flush":
			w.WriteHeader(http.StatusEarlyHints) // not the answer yet
			w.WriteHeader(http.StatusAccepted)
			w.(http.Flusher).Flush()
		case "/file":
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if n, err := io.Copy(w, f); n != 100_000 || err != nil {
				t.Error(n, err)
			}
		case "/broken":
			panic(http.ErrAbortHandler)
		}
	})))
	defer srv.Close()
	for _, c := range []string{"GET /silent", "HEAD /silent", "GET /missing", "POST /flush", "GET /file", "BREW /silent"} {
		method, path, _ := strings.Cut(c, " ")
		r, err := http.NewRequest(method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	got := text(t, m)
	for _, want := range []string{
		`{method="GET",protocol="oss",status="2xx"} 2`, `{method="HEAD",protocol="oss",status="2xx"} 1`, `{method="GET",protocol="oss",status="4xx"} 1`,
		`{method="POST",protocol="oss",status="2xx"} 1`, `{method="(other)",protocol="oss",status="2xx"} 1`,
	} {
		if !strings.Contains(got, "\nalcedo_requests_total"+want) {
			t.Errorf("no %s", want)
		}
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// Counting a request costs some 30 ns and no allocation.
func BenchmarkRequests(b *testing.B) {
	h := New(Sources{}).Requests("oss", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	r := httptest.NewRequest("PUT", "/x", nil)
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
