package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

func listDead(t *testing.T, q *Queue, qy DeadQuery) (keys []string) {
	t.Helper()
	for {
		dead, next, err := q.ListDead(t.Context(), qy)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dead {
			if d.Delivery.Payload != nil {
				t.Error("a list has payloads")
			}
			keys = append(keys, d.Delivery.Key)
		}
		if next == "" {
			return keys
		}
		qy.After = next
	}
}

func TestDeadLetters(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		h := &handler{do: func(run.Call) (string, error) {
			if well.Load() {
				return "", nil
			}
			return "", fault.New(fault.NotFound, "VersionNotFound", "gone")
		}}
		j := journal{r.kv}
		q := r.open(h, Options{Journal: j, KeepDead: time.Hour})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		began := time.Now()
		for i := range 20 {
			cause(t, q, fmt.Sprintf("f/%02d", i), nil)
			cause(t, q, fmt.Sprintf("g/%02d", i), nil)
			time.Sleep(time.Second)
		}
		big := []byte(strings.Repeat("0123456789abcdef", MaxPayload/16))
		if err := q.Enqueue(t.Context(), "f", "", big, "async", "", event.Origin{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()

		for _, tt := range []struct {
			name string
			qy   DeadQuery
			n    int
		}{
			{"all", DeadQuery{}, 41},
			{"small pages", DeadQuery{Limit: 3}, 41},
			{"function", DeadQuery{Function: "g", Limit: 7}, 20},
			{"trigger", DeadQuery{Trigger: "t"}, 40},
			{"reason", DeadQuery{Reason: "VersionNotFound"}, 41},
			{"other reason", DeadQuery{Reason: ReasonExpired}, 0},
			{"bucket", DeadQuery{Bucket: "testbucket", Prefix: "f/1"}, 10},
			{"other bucket", DeadQuery{Bucket: "other"}, 0},
			{"time", DeadQuery{Since: began.Add(5 * time.Second), Until: began.Add(10 * time.Second)}, 10},
			{"no time", DeadQuery{Since: began.Add(5 * time.Second), Until: began.Add(5 * time.Second)}, 0},
		} {
			if got := listDead(t, q, tt.qy); len(got) != tt.n {
				t.Errorf("%s: %d, want %d: %q", tt.name, len(got), tt.n, got)
			}
		}
		if got := listDead(t, q, DeadQuery{Function: "f", Trigger: "t"}); got[0] != "f/19" || got[19] != "f/00" {
			t.Errorf("order %q", got)
		}
		for _, id := range []string{"", "xx", "00", strings.Repeat("0", 48)} {
			if _, err := q.GetDead(t.Context(), id); !fault.Is(err, "InvalidArgument") && !fault.Is(err, "DeadLetterNotFound") {
				t.Errorf("id %q: %v", id, err)
			}
		}
		if _, _, err := q.ListDead(t.Context(), DeadQuery{After: "zz"}); !fault.Is(err, "InvalidArgument") {
			t.Errorf("cursor: %v", err)
		}

		dead, _, _ := q.ListDead(t.Context(), DeadQuery{Limit: 1})
		async := dead[0]
		if async, err := q.GetDead(t.Context(), async.ID); err != nil || !bytes.Equal(async.Delivery.Payload, big) || async.Delivery.RequestID != "async" {
			t.Fatalf("%+v %v", async, err)
		}
		if s, _ := q.FunctionStats(t.Context(), "f"); s.Dead != 21 || s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}

		// Redriven: run again as they were, under the same event; one of them fails again.
		h.forget()
		if n, err := q.Redrive(t.Context(), async.ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait()
		if h.count() != 1 || !bytes.Equal(h.all()[0].Event, big) || h.all()[0].RequestID != "async" || h.all()[0].Mark != MarkRedrive || h.all()[0].Attempt != 0 {
			t.Fatalf("%d calls", h.count())
		}
		if got := listDead(t, q, DeadQuery{}); len(got) != 41 {
			t.Errorf("%d dead letters after one failed again", len(got))
		}
		well.Store(true)
		first := h.all()[0]
		h.forget()
		told := 0
		if n, err := q.RedriveAll(t.Context(), DeadQuery{Function: "f"}, func(n int) { told = n }); n != 21 || told != 21 || err != nil {
			t.Fatal(n, told, err)
		}
		if n, err := q.Redrive(t.Context(), async.ID); n != 0 || err != nil {
			t.Errorf("again: %d %v", n, err)
		}
		synctest.Wait()
		if h.count() != 21 {
			t.Errorf("%d runs", h.count())
		}
		for _, c := range h.all() {
			if c.Kind == run.Trigger && (c.EventID == "" || !slices.Contains(rowsLeft(t, r.kv, "j/"), "j/owe/"+c.EventID+"/"+c.RequestID)) {
				t.Errorf("%s has event %q, or is not journaled", c.Key, c.EventID)
			}
			if c.Kind == run.Async && (c.EventID != "" || c.RequestID != first.RequestID) {
				t.Errorf("call %+v", c)
			}
		}
		if rows := rowsLeft(t, r.kv, tPayload); len(rows) != 0 {
			t.Errorf("payloads left: %q", rows)
		}

		if n, err := q.DeleteAll(t.Context(), DeadQuery{Prefix: "g/0"}, nil); n != 10 || err != nil {
			t.Errorf("deleted %d, %v", n, err)
		}
		if s, _ := q.FunctionStats(t.Context(), "g"); s.Dead != 10 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(time.Hour - 5*time.Second)
		if n, err := q.TrimNow(t.Context()); n == 0 || n == 10 || err != nil {
			t.Errorf("trimmed %d, %v", n, err)
		}
		time.Sleep(time.Minute)
		if _, err := q.TrimNow(t.Context()); err != nil {
			t.Error(err)
		}
		if left := rowsLeft(t, r.kv, "d/"); len(left) != 0 {
			t.Errorf("rows left: %q", left)
		}
		if s, _ := q.Stats(t.Context()); len(s) != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// What an old delivery owes is redriven though it is older than it may be.
func TestRedriveOfAnExpiredDelivery(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		q := r.open(h, Options{})
		cause(t, q, "f/a", nil)
		time.Sleep(25 * time.Hour)
		q.Start(t.Context())
		defer q.Stop(t.Context())
		synctest.Wait()
		if n, err := q.RedriveAll(t.Context(), DeadQuery{Reason: ReasonExpired}, nil); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		synctest.Wait()
		if h.count() != 1 || !strings.Contains(string(h.all()[0].Event), `"f/a"`) {
			t.Errorf("%d runs", h.count())
		}
	})
}

// A list looks at a bounded number of rows, and goes on from there.
func TestListOfManyDeadLettersIsBounded(t *testing.T) {
	r := newRooms(t, "f")
	q := r.open(&handler{}, Options{})
	const n = deadScan + 500
	for i := 0; i < n; i += 500 {
		err := r.kv.Update(t.Context(), func(tx kv.Txn) error {
			for k := range 500 {
				d := Dead{Delivery: Delivery{RequestID: "r", Function: "f", Kind: run.Async}, Time: time.UnixMilli(int64(i + k))}
				if i+k == 0 {
					d.Delivery.Function = "rare"
				}
				tx.SetSequenced(appendU64(appendU64([]byte(tDead), uint64(i+k)), 0), appendU64(nil, uint64(k)), row.Encode(&d))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	dead, next, err := q.ListDead(t.Context(), DeadQuery{Function: "rare"})
	if err != nil || len(dead) != 0 || next == "" {
		t.Fatalf("%d, %q, %v", len(dead), next, err)
	}
	dead, next, err = q.ListDead(t.Context(), DeadQuery{Function: "rare", After: next})
	if err != nil || len(dead) != 1 || next != "" {
		t.Fatalf("%d, %q, %v", len(dead), next, err)
	}
	if m, err := q.DeleteAll(t.Context(), DeadQuery{}, nil); m != n || err != nil {
		t.Errorf("deleted %d, %v", m, err)
	}
}

// What a transaction that is not committed owes is not owed.
func TestOweIsPartOfItsTransaction(t *testing.T) {
	r := newRooms(t, "f")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{}
		q := r.open(h, Options{Journal: journal{r.kv}})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		no := errors.New("no")
		for _, fail := range []error{no, nil} {
			err := q.kv.Update(t.Context(), func(tx kv.Txn) error {
				for i := range 3 {
					if err := q.Owe(tx, &Delivery{Function: "f", Trigger: "t", EventID: "e7", Mark: MarkReplay, Job: "job", Payload: []byte("{}")}, []byte{byte(i)}); err != nil {
						return err
					}
				}
				return fail
			})
			if !errors.Is(err, fail) {
				t.Fatal(err)
			}
			synctest.Wait()
			if want := map[error]int{no: 0, nil: 3}[fail]; h.count() != want || len(rowsLeft(t, r.kv, "j/owe/e7/")) != want {
				t.Errorf("%d runs, want %d", h.count(), want)
			}
		}
		if c := h.all()[0]; c.EventID != "e7" || c.Mark != MarkReplay || c.Kind != run.Trigger || c.Qualifier != "LATEST" || c.RequestID == h.all()[1].RequestID {
			t.Errorf("call %+v", c)
		}
		if err := q.kv.Update(t.Context(), func(tx kv.Txn) error {
			return q.Owe(tx, &Delivery{Function: "f", Payload: make([]byte, MaxPayload+1)}, nil)
		}); !fault.Is(err, "EntityTooLarge") {
			t.Errorf("too large: %v", err)
		}
	})
}

// Counts are right after a start, though changes go on, and while everything moves.
func TestStatsAreExact(t *testing.T) {
	r := newRooms(t, "f", "g")
	synctest.Test(t, func(t *testing.T) {
		h := &handler{do: func(c run.Call) (string, error) {
			time.Sleep(time.Second)
			if strings.HasSuffix(c.Key, "bad") {
				return runner.ErrorHandled, nil
			}
			return "", nil
		}}
		q := r.open(h, Options{Window: 20})
		for range 300 {
			cause(t, q, "f/good", nil)
			cause(t, q, "g/bad", nil)
		}
		began := time.Now()
		time.Sleep(time.Minute)
		q = r.open(h, Options{Window: 20})
		q.Start(t.Context())
		defer q.Stop(t.Context())
		cause(t, q, "f/good", nil)
		time.Sleep(500 * time.Millisecond)
		s, err := q.Stats(t.Context())
		if err != nil || len(s) != 2 || s[0].Function != "f" || s[0].Waiting != 285 || s[0].Running != 16 || s[1].Waiting != 284 || s[0].Partial || !s[0].Oldest.Equal(began) {
			t.Errorf("%+v %v", s, err)
		}
		time.Sleep(time.Second)
		if s, _ := q.FunctionStats(t.Context(), "f"); s.Waiting != 285-16 || s.Running != 16 {
			t.Errorf("a second later %+v", s)
		}
		for range 20 {
			time.Sleep(time.Second)
			for _, name := range []string{"f", "g"} {
				s, _ := q.FunctionStats(t.Context(), name)
				rows := 0
				for _, k := range rowsLeft(t, r.kv, tQueue+name+"\x00") {
					_ = k
					rows++
				}
				if s.Waiting+s.Running != rows {
					t.Errorf("%+v, and %d rows", s, rows)
				}
			}
		}
		time.Sleep(10 * time.Minute)
		s, _ = q.Stats(t.Context())
		if len(s) != 1 || s[0].Function != "g" || s[0].Dead != 300 || s[0].Waiting != 0 {
			t.Errorf("in the end %+v", s)
		}
		q.Stop(t.Context())
		q = r.open(h, Options{})
		q.Start(context.Background())
		defer q.Stop(t.Context())
		synctest.Wait()
		if s, _ := q.Stats(t.Context()); len(s) != 1 || s[0].Dead != 300 {
			t.Errorf("after a restart %+v", s)
		}
	})
}
