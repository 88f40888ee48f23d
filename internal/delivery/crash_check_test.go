package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// later is how far the clock has gone when a disk is opened again: whatever waits is due,
// and nothing has expired.
const later = 2 * time.Hour

// check opens what a cut left, and holds it against the promise.
func (w *world) check(c *cut, codeDir string, n *tally) error {
	drain := &drained{ids: map[string]int{}, news: make(chan struct{}, 1)}
	h, err := openHouse(houseOptions{fs: c.disk, codeDir: codeDir, invoker: drain, now: func() time.Time { return time.Now().Add(later) }})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer h.close()
	events, err := h.events()
	if err != nil {
		return err
	}
	states, err := w.checkEvents(c, events, n)
	if err != nil {
		return err
	}
	objects := func() error {
		for i, wr := range w.writers {
			if err := wr.match(h, states[i]); err != nil {
				return fmt.Errorf("after the changes that have events: %w", err)
			}
		}
		return nil
	}
	if err := objects(); err != nil {
		return err
	}
	queued, err := w.checkDeliveries(c, h, events, n)
	if err != nil {
		return err
	}
	if err := drain.all(h, queued); err != nil {
		return err
	}
	// What is collected is what nobody needs, and all of it.
	if err := h.checkNamed(); err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := h.objects.CollectGarbage(ctx); err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	orphans, err := h.objects.Sweep(ctx)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	n.orphans += int64(orphans)
	if err := objects(); err != nil {
		return fmt.Errorf("after collecting: %w", err)
	}
	return h.checkClean()
}

// checkEvents finds out how many changes of each writer there are, by their events: all
// acknowledged ones, none that was not begun, and no gap. It returns what they come to.
func (w *world) checkEvents(c *cut, events []kept, n *tally) (states [3]*state, err error) {
	var commits [3][][]string
	last := ""
	for _, e := range events {
		if e.Record.Key == "" {
			continue // of the bucket
		}
		i := e.Record.Key[1] - '0'
		if e.seq == last {
			at := len(commits[i]) - 1
			commits[i][at] = append(commits[i][at], e.line)
			continue
		}
		last = e.seq
		commits[i] = append(commits[i], []string{e.line})
	}
	for i, wr := range w.writers {
		kept := len(commits[i])
		if kept < c.acked[i] {
			return states, fmt.Errorf("%s: %d changes were acknowledged, %d have events; lost is %v", wr.prefix, c.acked[i], kept, wr.changes[kept].events)
		}
		if kept > c.begun[i] {
			return states, fmt.Errorf("%s: %d changes were begun, and %d have events: %v", wr.prefix, c.begun[i], kept, commits[i][c.begun[i]:])
		}
		n.acked += int64(c.acked[i])
		n.more += int64(kept - c.acked[i])
		states[i] = newState()
		for k, got := range commits[i] {
			if want := wr.changes[k].events; !slices.Equal(got, want) {
				return states, fmt.Errorf("%s: change %d has the events %q, want %q", wr.prefix, k, got, want)
			}
			wr.changes[k].apply(states[i])
		}
	}
	return states, nil
}

// checkDeliveries compares what the events owe with what waits, what was given up and
// what had begun; it returns the request ids that wait.
func (w *world) checkDeliveries(c *cut, h *house, events []kept, n *tally) (waiting map[string]bool, err error) {
	begun, ended := map[string]int{}, map[string]bool{}
	for _, r := range c.runs {
		begun[r.requestID]++
		ended[r.requestID] = ended[r.requestID] || r.ok
	}
	owed := map[string]delivery.Owed{}
	for _, e := range events {
		var got []string
		for _, o := range e.Owed {
			got = append(got, o.Function)
			owed[o.RequestID] = o
		}
		slices.Sort(got)
		if want := owes(e.Record.Type, e.Record.Key); !slices.Equal(got, want) {
			return nil, fmt.Errorf("event %s owes runs of %q, want %q", e.line, got, want)
		}
	}
	queued, err := h.queued()
	if err != nil {
		return nil, err
	}
	waiting = map[string]bool{}
	for _, d := range queued {
		o, ok := owed[d.RequestID]
		if !ok || o.Function != d.Function {
			return nil, fmt.Errorf("a delivery of %s to %s waits, and no event owes it", d.Key, d.Function)
		}
		if waiting[d.RequestID] {
			return nil, fmt.Errorf("the delivery %s of %s to %s waits twice", d.RequestID, d.Key, d.Function)
		}
		if d.Attempt > begun[d.RequestID] {
			return nil, fmt.Errorf("the delivery of %s to %s is at attempt %d, and was begun %d times", d.Key, d.Function, d.Attempt, begun[d.RequestID])
		}
		waiting[d.RequestID] = true
	}
	dead, err := h.dead()
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, d := range dead {
		id := d.Delivery.RequestID
		if _, ok := owed[id]; !ok || waiting[id] || gone[id] || begun[id] == 0 || ended[id] {
			return nil, fmt.Errorf("the dead letter of %s to %s: owed %v, waits too %v, is there twice %v, was begun %d times, had succeeded %v",
				d.Delivery.Key, d.Delivery.Function, ok, waiting[id], gone[id], begun[id], ended[id])
		}
		gone[id] = true
	}
	for id, o := range owed {
		n.owed++
		switch {
		case waiting[id]:
			n.queued++
		case gone[id]:
		case ended[id]:
		default:
			return nil, fmt.Errorf("the delivery %s to %s is lost: it was begun %d times, never succeeded, and neither waits nor is a dead letter", id, o.Function, begun[id])
		}
	}
	// The history tells of the end of each delivery that is over, and of no other.
	over := map[string]string{}
	if err := scan(h.kv, "h/o/", func(id string, o *delivery.Outcome) { over[id] = o.State }); err != nil {
		return nil, err
	}
	for id, state := range over {
		if _, ok := owed[id]; !ok {
			return nil, fmt.Errorf("the history tells that %s is %s, and no event owes it", id, state)
		}
	}
	for id, o := range owed {
		want := delivery.Succeeded
		if waiting[id] {
			want = ""
		} else if gone[id] {
			want = delivery.Failed
		}
		if over[id] != want {
			return nil, fmt.Errorf("the history tells of the delivery %s to %s the end %q, want %q", id, o.Function, over[id], want)
		}
	}
	return waiting, nil
}

// drained is where functions would run after a cut; all succeed.
type drained struct {
	mu   sync.Mutex
	ids  map[string]int
	news chan struct{}
}

func (d *drained) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	d.mu.Lock()
	d.ids[c.RequestID]++
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
	return &runner.Result{}, &run.Record{}, nil
}

// all starts the dispatcher and waits until all that waits has run, and nothing else.
func (d *drained) all(h *house, waiting map[string]bool) error {
	ctx := context.Background()
	if err := h.queue.Start(ctx); err != nil {
		return err
	}
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		d.mu.Lock()
		n := len(d.ids)
		d.mu.Unlock()
		if n >= len(waiting) {
			break
		}
		select {
		case <-d.news:
		case <-limit.C:
			h.queue.Stop(ctx)
			return fmt.Errorf("20 s after the start, %d of %d waiting deliveries have run", n, len(waiting))
		}
	}
	h.queue.Stop(ctx)
	for id, n := range d.ids {
		if !waiting[id] || n != 1 {
			return fmt.Errorf("after the start, %s ran %d times; it waited: %v", id, n, waiting[id])
		}
	}
	left, err := h.queued()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d deliveries wait after all have run", len(left))
	}
	return err
}

// checkNamed says whether every blob that a row names is there.
func (h *house) checkNamed() error {
	ids, err := h.blobIDs()
	if err != nil {
		return err
	}
	named, err := h.names("o/f/")
	if err != nil {
		return err
	}
	for _, id := range named {
		if _, ok := slices.BinarySearch(ids, id); !ok {
			return fmt.Errorf("blob %s is named by a row, and is lost", id)
		}
	}
	return nil
}

// checkClean says whether, after collecting, there are just the blobs and chunks that
// objects and unfinished uploads are made of.
func (h *house) checkClean() error {
	var blobs, chunks []string
	add := func(c *object.Content) {
		for _, s := range c.Segments {
			if s.Blob != "" {
				blobs = append(blobs, s.Blob)
			} else {
				chunks = append(chunks, s.Chunk)
			}
		}
	}
	if err := scan(h.kv, "o/o/", func(_ string, i *object.Info) { add(&i.Content) }); err != nil {
		return err
	}
	if err := scan(h.kv, "o/p/", func(_ string, p *object.Part) { add(&p.Content) }); err != nil {
		return err
	}
	ids, err := h.blobIDs()
	if err != nil {
		return err
	}
	named, err := h.names("o/f/")
	if err != nil {
		return err
	}
	rows, err := h.names("o/c/")
	if err != nil {
		return err
	}
	for _, s := range []*[]string{&blobs, &chunks, &named, &rows} {
		slices.Sort(*s)
		*s = slices.Compact(*s)
	}
	switch {
	case !slices.Equal(blobs, named):
		return fmt.Errorf("objects are made of the blobs %q, rows name %q", blobs, named)
	case !slices.Equal(blobs, ids):
		return fmt.Errorf("objects are made of the blobs %q, and on the disk are %q", blobs, ids)
	case !slices.Equal(chunks, rows):
		return fmt.Errorf("objects are made of %d chunks, and there are %d", len(chunks), len(rows))
	}
	return nil
}
