package console

import (
	"context"
	"fmt"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

func init() { moreReaches = append(moreReaches, underWayReaches) }

func underWayReaches() []reach {
	fn := func(name string) string { return "acs:fc:" + region + ":" + account + ":functions/" + name }
	return []reach{{"GET /api/functions/{function}/under-way", "/api/functions/f/under-way", "", "fc:GetFunction", fn("f"), fn("g"), 200}}
}

func TestRunsUnderWay(t *testing.T) {
	w := newWorld(t)
	s := scripted{make(chan func(*runner.Request))}
	inv := &run.Invoker{Functions: w.h.Functions, Runner: s}
	o := w.h.Options
	o.Runs = inv
	w.Handler = New(o)
	at := uint64(0)
	next := func() (u UnderWay) {
		t.Helper()
		w.root("GET", fmt.Sprintf("/api/functions/f/under-way?after=%d&wait=20", at), "").into(&u)
		at = u.Next
		return u
	}
	if u := next(); u.Total != 0 || u.Runs == nil || u.Next == 0 || u.Now.IsZero() {
		t.Fatalf("%+v", u)
	}
	done := make(chan error)
	go func() {
		_, _, err := inv.Invoke(context.Background(), run.Call{Function: "f", RequestID: "R8", Kind: run.Sync})
		done <- err
	}()
	if u := next(); u.Total != 1 || u.Runs[0].RequestID != "R8" || u.Runs[0].Version != "LATEST" || u.Runs[0].Running || u.Runs[0].Start == 0 {
		t.Fatalf("%+v", u)
	}
	s.step(func(q *runner.Request) { q.OnLog([]byte("a line\n")) })
	if u := next(); u.Runs[0].Log != "a line\n" || u.Runs[0].Cut || u.Runs[0].Same {
		t.Fatalf("%+v", u)
	}
	var of UnderWay
	w.root("GET", "/api/functions/g/under-way", "").into(&of)
	if of.Total != 0 {
		t.Errorf("%+v", of)
	}
	s.step(nil)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if u := next(); u.Total != 0 {
		t.Fatalf("%+v", u)
	}
	w.root("GET", "/api/functions/h/under-way", "").refused(404, "FunctionNotFound", "h")
	w.root("GET", "/api/functions/f/under-way?after=x", "").refused(400, "InvalidArgument", "after")
}
