package run

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// held is a runner whose runs go on until they are let go.
type held struct {
	*world
	requests chan *runner.Request
	over     chan struct{}
}

func (h held) Invoke(_ context.Context, r *runner.Request) (*runner.Result, error) {
	h.requests <- r
	<-h.over
	return &runner.Result{}, nil
}

func TestLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := held{newWorld(), make(chan *runner.Request), make(chan struct{})}
		i := h.invoker()
		i.Runner = h
		h.resolved.Config = &function.Config{}
		run := func(id string) *runner.Request {
			go func() {
				if _, _, err := i.Invoke(t.Context(), Call{Function: "f", RequestID: id, Kind: Trigger, Trigger: "t", Attempt: 1}); err != nil {
					t.Error(err)
				}
			}()
			return <-h.requests
		}
		changed := func(c <-chan struct{}) bool {
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		first := run("r1")
		first.OnLog([]byte("before anybody looks\n"))
		v, c := i.Look("f", 0)
		if len(v.Runs) != 1 || v.Total != 1 || v.Runs[0].RequestID != "r1" || v.Runs[0].Attempt != 1 || v.Runs[0].Trigger != "t" || v.Runs[0].Version != "2" || v.Runs[0].Running || len(v.Runs[0].Log) != 0 || !v.Runs[0].Cut {
			t.Fatalf("%+v", v)
		}
		if v, _ := i.Look("g", 0); v.Total != 0 {
			t.Errorf("another function: %+v", v)
		}
		chunk := []byte("one\n")
		first.OnStart(runner.Start{Cold: true})
		first.OnLog(chunk)
		copy(chunk, "!!!!")
		if !changed(c) {
			t.Error("nobody is told of output")
		}
		at := v.Next
		v, c = i.Look("f", at)
		if r := v.Runs[0]; string(r.Log) != "one\n" || !r.Running || !r.Cold || r.Same || v.Next <= at {
			t.Errorf("%+v", v)
		}
		time.Sleep(time.Second)
		second := run("r2")
		if !changed(c) {
			t.Error("nobody is told of a run that begins")
		}
		at = v.Next
		v, c = i.Look("f", at)
		if v.Total != 2 || v.Runs[0].RequestID != "r2" || v.Runs[0].Cut || v.Runs[0].Same || !v.Runs[1].Same || v.Runs[1].Log != nil {
			t.Errorf("%+v", v)
		}
		// Much output keeps its end; who has nothing yet gets all that is kept.
		for n := range 5000 {
			second.OnLog(fmt.Appendf(nil, "line %d\n", n))
		}
		second.OnLog(bytes.Repeat([]byte("x"), 3*maxPrinted))
		second.OnLog([]byte("\nend\n"))
		v, _ = i.Look("f", 0)
		if r := v.Runs[0]; len(r.Log) != maxPrinted || !strings.HasSuffix(string(r.Log), "x\nend\n") || !r.Cut || string(v.Runs[1].Log) != "one\n" {
			t.Errorf("%d bytes, %+v", len(r.Log), v.Runs[1])
		}
		h.over <- struct{}{}
		synctest.Wait()
		if !changed(c) {
			t.Error("nobody is told of the end")
		}
		if v, _ = i.Look("f", v.Next); v.Total != 1 {
			t.Errorf("%+v", v)
		}
		// Nobody looks any more: nothing is kept, and who comes back gets no piece with a hole.
		left := first
		if v.Runs[0].RequestID == "r2" {
			left = second
		}
		time.Sleep(lookFor + time.Second)
		left.OnLog([]byte("unseen\n"))
		if i.live.kept != 0 || i.live.any.Load() {
			t.Errorf("%d runs are kept", i.live.kept)
		}
		_, _ = i.Look("f", v.Next)
		left.OnLog([]byte("seen\n"))
		if v, _ = i.Look("f", v.Next); string(v.Runs[0].Log) != "seen\n" || !v.Runs[0].Cut {
			t.Errorf("%+v", v.Runs)
		}
		h.over <- struct{}{}
		synctest.Wait()
		left.OnLog([]byte("late\n")) // a chunk that comes when the run is over
		if v, _ = i.Look("f", v.Next); v.Total != 0 || i.live.kept != 0 || i.Running("r1") {
			t.Errorf("%+v, %d kept", v, i.live.kept)
		}
	})
}

// What is kept is bounded however many run.
func TestLookIsBounded(t *testing.T) {
	i := newWorld().invoker()
	i.Look("f", 0)
	for n := range maxKept + 10 {
		f := i.begin(&Record{RequestID: fmt.Sprint(n), Function: "f", Start: time.Now()})
		f.printed([]byte("x"))
	}
	v, _ := i.Look("f", 0)
	if len(v.Runs) != maxSeen || v.Total != maxKept+10 || i.live.kept != maxKept || !v.Runs[0].Cut {
		t.Errorf("%d of %d, %d kept", len(v.Runs), v.Total, i.live.kept)
	}
	for n := range maxLooks + 10 {
		i.Look(fmt.Sprint(n), 0)
	}
	if len(i.live.looks) != maxLooks || i.live.looks[fmt.Sprint(maxLooks+9)] == nil {
		t.Errorf("%d functions are looked at", len(i.live.looks))
	}
}

// A run that begins while somebody looks is seen, or told of.
func TestLookMissesNoBegin(t *testing.T) {
	i := newWorld().invoker()
	i.Look("f", 0)
	for n := range 2000 {
		begun := make(chan *flight)
		go func() {
			begun <- i.begin(&Record{RequestID: fmt.Sprint(n), Function: "f", Start: time.Now()})
		}()
		v, changed := i.Look("f", 0)
		f := <-begun
		select {
		case <-changed:
		default:
			if v.Total == 0 {
				t.Fatalf("run %d is neither seen nor told of", n)
			}
		}
		i.end(f)
	}
}
