package history

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// maxUnwell is how many ends of deliveries a query holds in memory.
const maxUnwell = 10_000

// StateNone, in an EventQuery, asks for events that owe no run: no trigger matched them.
const StateNone = "None"

// StateLooped asks for events of which a run was refused, because the chain of runs behind
// it was too long. Such a run is delivery.Failed too.
const StateLooped = "LoopStopped"

// EventQuery asks for events. Zero fields ask for nothing in particular.
type EventQuery struct {
	Bucket       string
	Prefix       string    // of the key; found by an index where it is rare
	Key          string    // exactly; with Bucket, it is found by an index
	Type         string    // "ObjectCreated:PutObject", or a group: "ObjectCreated:*", "ObjectCreated"; "oss:" before it is fine
	State        string    // a run that it owes is in this state (delivery.Enqueued …), or StateNone, or StateLooped; in any case
	Function     string    // it owes a run to this function
	Trigger      string    // or a run by this trigger
	RequestID    string    // of the request to OSS that caused it
	Since, Until time.Time // from, and before
	After        string    // go on behind this cursor: the id of an event
	Reverse      bool      // the latest first
	Limit        int       // default 100

	// May says whether the caller may see the events of a bucket; nil: of all.
	May func(bucket string) bool
}

// EventPage is a part of an answer. If More is set, After: Next continues; there may be
// more to find even where Events is empty, since the work of a call is bounded. Without
// Reverse, Next is where later events will stand, too.
type EventPage struct {
	Events []*Event
	Next   string
	More   bool
	Head   string // the latest event of all, "" if there is none: where following begins
}

// Events returns a page of events in commit order. Rows that were no events (see Event)
// are not among them.
func (s *Store) Events(ctx context.Context, q EventQuery) (*EventPage, error) {
	m, err := newMatcher(&q)
	if err != nil {
		return nil, err
	}
	p := &EventPage{Next: q.After}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		rg, err := timed(r, eventTable, s.from(), q.Since, q.Until, timeOfEvent)
		if err != nil {
			return err
		}
		err = r.Scan(kv.Range{Start: s.from(), End: kv.PrefixEnd(eventTable), Reverse: true}, func(k, _ []byte) error {
			p.Head = idOf(k[len(tEvent):])
			return kv.Stop
		})
		if err != nil {
			return err
		}
		if err := m.prepare(r); err != nil {
			return err
		}
		table := tEvent
		if q.Bucket != "" && q.Key != "" {
			table = string(ofKey(q.Bucket, q.Key))
			rg.Start = append([]byte(table), rg.Start[len(tEvent):]...)
			if bytes.HasPrefix(rg.End, eventTable) {
				rg.End = append([]byte(table), rg.End[len(tEvent):]...)
			} else {
				rg.End = kv.PrefixEnd([]byte(table))
			}
		}
		if m.after != nil {
			rg = continued(rg, append([]byte(table), m.after...), q.Reverse)
		}
		rg.Reverse = q.Reverse
		w := newWork(ctx)
		visit := func(k, v []byte) error {
			if len(p.Events) == q.Limit {
				p.More = true
				return kv.Stop
			}
			if over, err := w.over(); over || err != nil {
				p.More = true
				return stopOr(err)
			}
			at := k[len(table):]
			p.Next = idOf(at)
			var e *Event
			var err error
			if table == tEvent && v != nil {
				if !m.mayMatch(v) {
					return nil
				}
				e, err = decodeEvent(at, v)
			} else {
				e, err = get(r, at)
			}
			if err != nil || e == nil {
				return err
			}
			ok, err := m.match(s, r, e)
			if ok {
				p.Events = append(p.Events, e)
			}
			return err
		}
		if q.Prefix != "" && q.Key == "" {
			rows, few, err := underPrefix(r, q.Bucket, q.Prefix, rg)
			if err != nil {
				return err
			}
			if few {
				for _, k := range rows {
					if err := visit(k, nil); err != nil {
						if errors.Is(err, kv.Stop) {
							err = nil
						}
						return err
					}
				}
				return nil
			}
		}
		return r.Scan(rg, visit)
	})
	return p, err
}

// fewRows is up to how many index rows a search by prefix reads to find its events at once,
// and fewBuckets of how many buckets. Past them they are not rare, and soon found in the
// order of the events.
const fewRows, fewBuckets = 5000, 100

// fewEvents is how many events are gone through sooner than the index is read: so few are
// there for who follows what comes, at each of which it looks again.
const fewEvents = 250

// underPrefix returns the rows of rg, which is of the table of events, whose keys begin with
// prefix, in rg's order, of a bucket or of all ("" for bucket); few is false if there may be
// more than fewRows, or rg holds no more than fewEvents.
func underPrefix(r kv.Reader, bucket, prefix string, rg kv.Range) (rows [][]byte, few bool, err error) {
	all := 0
	err = r.Scan(rg, func(_, _ []byte) error {
		if all++; all > fewEvents {
			return kv.Stop
		}
		return nil
	})
	if err != nil || all <= fewEvents {
		return nil, false, err
	}
	buckets := []string{bucket}
	if bucket == "" {
		if buckets, err = indexed(r); err != nil || len(buckets) > fewBuckets {
			return nil, false, err
		}
	}
	n := 0
	for _, b := range buckets {
		base := len(row.Key(tKey, b, ""))
		err = r.Scan(kv.Prefix(row.Key(tKey, b, prefix)), func(k, _ []byte) error {
			if n++; n > fewRows {
				return kv.Stop
			}
			end := bytes.IndexByte(k[base:], 0) // keys hold no zero byte
			if end < 0 {
				return nil
			}
			at := append([]byte(tEvent), k[base+end+1:]...)
			if bytes.Compare(at, rg.Start) >= 0 && (len(rg.End) == 0 || bytes.Compare(at, rg.End) < 0) {
				rows = append(rows, at)
			}
			return nil
		})
		if err != nil || n > fewRows {
			return nil, false, err
		}
	}
	slices.SortFunc(rows, bytes.Compare)
	if rg.Reverse {
		slices.Reverse(rows)
	}
	return rows, true, nil
}

// indexed returns the buckets that have events, one more than fewBuckets at most: it steps
// from each to the next.
func indexed(r kv.Reader) (buckets []string, err error) {
	for rg := kv.Prefix([]byte(tKey)); len(buckets) <= fewBuckets; {
		found := false
		err := r.Scan(rg, func(k, _ []byte) error {
			k = k[len(tKey):]
			if end := bytes.IndexByte(k, 0); end >= 0 {
				buckets, found = append(buckets, string(k[:end])), true
			}
			return kv.Stop
		})
		if err != nil || !found {
			return buckets, err
		}
		rg.Start = kv.PrefixEnd(row.Key(tKey, buckets[len(buckets)-1], ""))
	}
	return buckets, nil
}

// timeOfEvent reads when an event was.
func timeOfEvent(v []byte) (time.Time, error) {
	var e struct {
		Record struct {
			Time time.Time `cbor:"2,keyasint"`
		} `cbor:"1,keyasint"`
	}
	err := row.Decode(v, &e)
	return e.Record.Time, err
}

// matcher judges events by a query.
type matcher struct {
	q      *EventQuery
	after  []byte
	group  string            // of q.Type, with its colon
	parts  [][]byte          // that stand in the row of every event that matches
	later  bool              // runs were owed to events after them
	unwell map[string]string // request id → state, of all that ended otherwise than well; nil: they are too many, or not asked for
	listed map[string]bool
}

func newMatcher(q *EventQuery) (*matcher, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	m := &matcher{q: q, listed: map[string]bool{}}
	if q.After != "" {
		var err error
		if m.after, err = parseID(q.After); err != nil {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "%q is not a cursor.", q.After).WithHint("Give the next of an earlier answer, as it was.")
		}
	}
	q.Type = strings.TrimPrefix(q.Type, "oss:")
	if head, tail, ok := strings.Cut(q.Type, ":"); q.Type != "" && (!ok || tail == "*") {
		m.group = head + ":"
	}
	if q.State != "" {
		state := ""
		for _, n := range []string{StateNone, delivery.Enqueued, delivery.Running, delivery.Retrying, delivery.Succeeded, delivery.Failed, delivery.Expired, delivery.Stopped, delivery.Invalid, StateLooped} {
			if strings.EqualFold(n, q.State) {
				state = n
			}
		}
		if state == "" {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "%q is not a state.", q.State).
				WithHint("States are None (no trigger matched), Enqueued, Running, Retrying, Succeeded, Failed, Expired, Stopped, Invalid and LoopStopped.")
		}
		q.State = state
	}
	for _, p := range []string{q.Bucket, q.Prefix, q.Key, q.RequestID} {
		m.part(p)
	}
	if m.group != "" {
		m.part(m.group)
	} else {
		m.part(q.Type)
	}
	return m, nil
}

// part notes a text that a row must hold: CBOR keeps texts as they are, so a row without
// it need not be decoded.
func (m *matcher) part(text string) {
	if text != "" {
		m.parts = append(m.parts, []byte(text))
	}
}

// prepare looks whether the runs that an event owes all stand in its row.
func (m *matcher) prepare(r kv.Reader) error {
	err := r.Scan(kv.Prefix([]byte(tOwed)), func(_, _ []byte) error {
		m.later = true
		return kv.Stop
	})
	if !m.later {
		m.part(m.q.Function)
		m.part(m.q.Trigger)
	}
	if err != nil {
		return err
	}
	switch m.q.State {
	case delivery.Failed, delivery.Expired, delivery.Stopped, delivery.Invalid, StateLooped:
	default:
		return nil
	}
	m.unwell = map[string]string{}
	return r.Scan(kv.Prefix([]byte(tUnwell)), func(k, v []byte) error {
		if len(m.unwell) == maxUnwell {
			m.unwell = nil // then they are not rare, and soon found
			return kv.Stop
		}
		m.unwell[string(k[len(tUnwell):])] = string(v)
		return nil
	})
}

func (m *matcher) mayMatch(v []byte) bool {
	for _, p := range m.parts {
		if !bytes.Contains(v, p) {
			return false
		}
	}
	return true
}

func (m *matcher) match(s *Store, r kv.Reader, e *Event) (bool, error) {
	q, rec := m.q, &e.Record
	switch {
	case e.Mark != "",
		q.Bucket != "" && rec.Bucket != q.Bucket,
		q.Key != "" && rec.Key != q.Key,
		!strings.HasPrefix(rec.Key, q.Prefix),
		q.RequestID != "" && rec.Origin.RequestID != q.RequestID,
		m.group != "" && !strings.HasPrefix(string(rec.Type), m.group),
		m.group == "" && q.Type != "" && string(rec.Type) != q.Type,
		!within(rec.Time, q.Since, q.Until),
		!m.may(rec.Bucket):
		return false, nil
	}
	if q.State == "" && q.Function == "" && q.Trigger == "" {
		return true, nil
	}
	list := e.Owed
	if m.later {
		var err error
		if list, err = owed(r, e); err != nil {
			return false, err
		}
	}
	if q.State == StateNone {
		return len(list) == 0, nil
	}
	for _, o := range list {
		if q.Function != "" && o.Function != q.Function || q.Trigger != "" && o.Trigger != q.Trigger {
			continue
		}
		if q.State == "" {
			return true, nil
		}
		if m.unwell != nil && q.State != StateLooped {
			if m.unwell[o.RequestID] == q.State {
				return true, nil
			}
			continue
		}
		if q.State == StateLooped {
			if m.unwell != nil && m.unwell[o.RequestID] != delivery.Failed {
				continue
			}
			end, err := outcome(r, o.RequestID)
			if err != nil || end != nil && end.State == delivery.Failed && end.Reason == run.Recursive {
				return err == nil, err
			}
			continue
		}
		state, err := s.stateName(r, o)
		if err != nil || state == q.State {
			return err == nil, err
		}
	}
	return false, nil
}

func (m *matcher) may(bucket string) bool {
	if m.q.May == nil {
		return true
	}
	may, known := m.listed[bucket]
	if !known {
		may = m.q.May(bucket)
		m.listed[bucket] = may
	}
	return may
}
