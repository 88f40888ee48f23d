package history

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/run"
)

func rowsIn(t *testing.T, s kv.Store, table string) (n int) {
	t.Helper()
	err := s.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func record(fn string, i int) *run.Record {
	return &run.Record{RequestID: fmt.Sprintf("1-%08x-%s-%d", time.Now().Unix(), fn, i), Function: fn, Start: time.Now(), Log: []byte("line"), Kind: run.Sync}
}

func TestRunsAndCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Open(memkv.New(), Options{})
		changed := s.Changed()
		for i := range 5 {
			s.Record(record("f", i))
			s.Record(record("ff", i)) // another function, with a name that begins alike
			time.Sleep(time.Millisecond)
		}
		<-changed // written within gather
		runs, err := s.Runs(t.Context(), "f", "", 3)
		if err != nil || len(runs) != 3 || runs[0].Start <= runs[1].Start || string(runs[0].Log) != "line" {
			t.Fatalf("latest: %v, %v", runs, err)
		}
		later, err := s.Runs(t.Context(), "f", runs[2].Cursor, 10)
		if err != nil || len(later) != 2 || later[1].Cursor != runs[0].Cursor {
			t.Errorf("after the cursor: %d runs, %v", len(later), err)
		}
		if _, err := s.Runs(t.Context(), "f", "h/r/ff\x00", 10); !fault.Is(err, "InvalidArgument") {
			t.Errorf("another function's cursor: %v", err)
		}
		again, err := s.Attempts(t.Context(), runs[0].RequestID)
		if err != nil || len(again) != 1 || again[0].Start != runs[0].Start {
			t.Errorf("attempts: %v, %v", again, err)
		}
		s.Close()
		s.Record(record("f", 9)) // after Close: dropped, no panic
	})
}

func TestTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memkv.New()
		s := Open(store, Options{Keep: time.Hour})
		add := func(n int) {
			for i := range n {
				s.Record(record(fmt.Sprintf("f%d", i%3), i))
				err := store.Update(t.Context(), func(tx kv.Txn) error {
					s.Event(tx, &event.Record{Type: event.PutObject, Time: time.Now(), Key: "k"}, nil, nil)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		add(2500)
		time.Sleep(2 * time.Hour)
		add(30)
		if err := s.TrimNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{tEvent, tRun, tRequest} {
			if n := rowsIn(t, store, table); n != 30 {
				t.Errorf("%s has %d rows, want the 30 young ones", table, n)
			}
		}
		s.Close()
	})
}
