package runner

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
)

// paper is a pool whose instances have no process: the clock of synctest stands still
// for real ones. Everything with a process is tested elsewhere.
type paper struct {
	*Runner
	started, ended int
}

func newPaper(opt Options, boot time.Duration) *paper {
	p := &paper{Runner: newRunner(opt)}
	p.launch = func(req *Request) (*instance, *outcome, error) {
		time.Sleep(boot)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.started++
		return &instance{r: p.Runner, id: fmt.Sprint(p.started), fn: req.Function, slots: 1, keep: p.opt.IdleTimeout, uncounted: true}, nil, nil
	}
	p.end = func(in *instance) {
		p.mu.Lock()
		defer p.mu.Unlock()
		in.lost = true
		p.forget(in)
		p.ended++
	}
	return p
}

func paperRequest(id string) *Request {
	return &Request{Function: &function.Resolved{Name: id, ID: id, Config: &function.Config{Timeout: 60}}, PoolKey: function.Key{ID: id}, RequestID: id}
}

// use holds an instance for d and returns its id.
func (p *paper) use(t *testing.T, id string, d time.Duration) string {
	a, err := p.acquire(t.Context(), paperRequest(id))
	if err != nil {
		t.Error(err)
		return ""
	}
	time.Sleep(d)
	p.release(a.in, d)
	return a.in.id
}

func TestPoolReapsWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(Options{IdleTimeout: time.Minute}, 50*time.Millisecond)
		for range 3 { // three at once: as many instances
			go p.use(t, "f", time.Second)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Instances != 3 || s.Idle != 3 {
			t.Fatalf("%+v", s)
		}
		// The one used last is used again; the others get old.
		last := p.use(t, "f", time.Second)
		for range 4 {
			time.Sleep(15 * time.Second)
			if got := p.use(t, "f", time.Second); got != last {
				t.Errorf("used %s, not the warmest %s", got, last)
			}
		}
		synctest.Wait()
		if s := p.Stats(); s.Instances != 1 || p.ended != 2 {
			t.Errorf("after a minute: %+v, %d ended", s, p.ended)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Instances != 1 {
			t.Errorf("reaped early: %+v", s)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Instances != 0 || len(p.pools) != 0 || len(p.perFunc) != 0 || p.total != 0 {
			t.Errorf("left: %+v, %d pools, %v", s, len(p.pools), p.perFunc)
		}
	})
}

func TestPoolGrowsForSlowRunsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(Options{}, 50*time.Millisecond)
		done := make(chan bool, 16)
		for range 16 { // sixteen callers of a 60 µs handler, a thousand calls each
			go func() {
				for range 1000 {
					p.use(t, "fast", 60*time.Microsecond)
				}
				done <- true
			}()
		}
		for range 16 {
			<-done
		}
		if p.started > max(cpus, 1) {
			t.Errorf("%d instances for a fast handler on %d processors", p.started, cpus)
		}
		before := p.started
		for range 16 {
			go func() { p.use(t, "slow", 10*time.Second); done <- true }()
		}
		at := time.Now()
		for range 16 {
			<-done
		}
		if n := p.started - before; n != 16 || time.Since(at) > 12*time.Second {
			t.Errorf("%d instances for 16 slow runs, %v", n, time.Since(at))
		}
	})
}

func TestPoolWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPaper(Options{MaxInstances: 1}, 50*time.Millisecond)
		go p.use(t, "f", time.Hour)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		at := time.Now()
		if _, err := p.acquire(ctx, paperRequest("g")); !fault.Is(err, "ResourceExhausted") || time.Since(at) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
		if _, err := p.acquire(t.Context(), paperRequest("f")); !fault.Is(err, "ResourceExhausted") || time.Since(at) != 65*time.Second {
			t.Errorf("%v after %v", err, time.Since(at))
		}
		if s := p.Stats(); s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Hour) // and then the place is free for the other one
		if p.use(t, "g", time.Second) == "" || p.started != 2 {
			t.Errorf("%d started", p.started)
		}
		p.Evict("g")
		synctest.Wait()
		if s := p.Stats(); s.Instances != 0 {
			t.Errorf("%+v", s)
		}
	})
}
