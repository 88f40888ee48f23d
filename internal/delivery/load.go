package delivery

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// ahead bounds how many rows that are not due a load looks at for such as were refused.
const ahead = 20_000

// load begins to read rows that memory does not know, if there is need and room. The
// caller holds q.mu.
func (q *Queue) load(f *queue) {
	if !q.started || q.stopped || !f.more || f.loading || len(f.ready) > q.o.Window/2 {
		return
	}
	room := q.room(f)
	if room <= 0 || room < q.o.Window/4 && len(f.ready) > 0 {
		return // soon there is more, and a scan does not read three rows
	}
	l := &loadOf{from: f.low, room: room, recall: f.recall, bytes: max(min(q.o.HeldBytes-q.bytes, q.o.HeldBytes/4), 0)}
	// What comes while it reads lowers this again.
	f.loading, f.low, f.more, f.recall = true, f.end, false, false
	q.loads.Add(1)
	go func() {
		defer q.loads.Done()
		select {
		case q.loading <- struct{}{}:
			defer func() { <-q.loading }()
		case <-q.ctx.Done():
			return
		}
		for {
			err := q.read(f, l)
			if err == nil {
				q.loaded(f, l)
				return
			}
			if q.stopping(err) {
				return
			}
			q.o.Logger.Error("reading waiting deliveries failed; trying again", "queue", f.name, "error", err)
			select {
			case <-q.ctx.Done():
				return
			case <-time.After(firstDelay):
			}
		}
	}()
}

// loadOf is one reading of a queue's rows.
type loadOf struct {
	from   string
	room   int // rows
	bytes  int // of payloads; others are left on disk
	recall bool

	items []*item
	place string    // the first row that is there and was not taken
	full  bool      // it is due
	next  time.Time // when the first one that is not due will be
}

// read takes up to l.room rows that are due and unknown, and when l.recall is set also such
// as wait because they were refused.
func (q *Queue) read(f *queue, l *loadOf) error {
	prefix := len(queuePrefix(f.name))
	now := q.o.Now()
	return q.kv.View(q.ctx, func(r kv.Reader) error {
		l.items, l.place, l.full, l.next = l.items[:0], f.end, false, time.Time{}
		early, bytes := 0, 0
		return r.Scan(kv.Range{Start: []byte(l.from), End: []byte(f.end)}, func(k, v []byte) error {
			q.mu.Lock()
			_, known := f.known[string(k)]
			q.mu.Unlock()
			if known {
				return nil
			}
			due := dueOf(prefix, k)
			pass := func() {
				if l.next.IsZero() {
					l.next, l.place = due, min(l.place, string(k))
				}
			}
			late := !due.After(now)
			if !late && (!l.recall || early >= ahead || due.After(now.Add(maxDelay))) {
				pass()
				return kv.Stop
			}
			if len(l.items) == l.room {
				l.full, l.place = true, min(l.place, string(k))
				return kv.Stop
			}
			it := &item{key: string(k), queue: f.name}
			if err := row.Decode(v, &it.Delivery); err != nil {
				return err
			}
			if !late {
				early++
				if it.Delays == 0 {
					pass()
					return nil
				}
			}
			if bytes += len(it.Payload); bytes > l.bytes {
				it.slimDown()
			}
			l.items = append(l.items, it)
			return q.ctx.Err()
		})
	})
}

func (q *Queue) loaded(f *queue, l *loadOf) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f.loading = false
	for _, it := range l.items {
		if _, ok := f.known[it.key]; ok {
			continue
		}
		if q.room(f) <= 0 { // others came meanwhile
			f.leave(it.key)
			f.more, f.recall = true, f.recall || l.recall
			continue
		}
		q.keep(f, it)
	}
	for _, k := range f.stale {
		delete(f.known, k)
	}
	f.stale = nil
	f.leave(l.place)
	if l.full {
		f.more = true
		f.recall = f.recall || l.recall
	}
	if q.stopped {
		return
	}
	if !l.next.IsZero() {
		q.wakeAt(f, l.next)
	}
	q.offer(f)
	q.load(f)
	q.pump()
	q.tidy(f)
}

// wakeAt arranges for f's rows to be read at t, if nothing does so earlier. The caller
// holds q.mu.
func (q *Queue) wakeAt(f *queue, t time.Time) {
	if q.stopped || f.wake != nil && !f.at.After(t) {
		return
	}
	if f.wake != nil {
		f.wake.Stop()
	}
	f.at = t
	var w *time.Timer
	w = time.AfterFunc(t.Sub(q.o.Now())+time.Millisecond, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if f.wake == w {
			f.wake = nil
		}
		if q.stopped {
			return
		}
		f.more = f.more || f.low != f.end
		q.load(f)
		q.offer(f) // the first of an ordered queue, which is in memory
		q.pump()
		q.tidy(f)
	})
	f.wake = w
}
