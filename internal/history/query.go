package history

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Bounds of the work of one call, so that none holds a snapshot, or its caller, for long.
const (
	maxRows = 200_000
	maxTime = 50 * time.Millisecond

	maxUnwell = 10_000 // ends of deliveries that a query holds in memory
)

// slack is how much later than its own time a row may have been committed. Clocks that
// are set back by more make a search by time miss some.
const slack = 2 * time.Second

// work counts what a scan does.
type work struct {
	ctx   context.Context
	rows  int
	since time.Time
}

func newWork(ctx context.Context) *work { return &work{ctx: ctx, since: time.Now()} }

// over reports whether a call has done enough. It always gets somewhere: the first rows
// are free.
func (w *work) over() (bool, error) {
	w.rows++
	if w.rows%64 != 0 {
		return false, nil
	}
	return w.rows >= maxRows || time.Since(w.since) > maxTime, w.ctx.Err()
}

func stopOr(err error) error {
	if err != nil {
		return err
	}
	return kv.Stop
}

func within(t, since, until time.Time) bool {
	return !t.Before(since) && (until.IsZero() || t.Before(until))
}

// timed narrows the rows under prefix, which stand in the order of their sequences and
// nearly in that of their times, to those of a span of time: by binary search, so in a few
// dozen reads whatever their number. They begin at from.
func timed(r kv.Reader, prefix, from []byte, since, until time.Time, timeOf func(v []byte) (time.Time, error)) (kv.Range, error) {
	rg := kv.Range{Start: from, End: kv.PrefixEnd(prefix)}
	if since.IsZero() && until.IsZero() {
		return rg, nil
	}
	first, last := uint64(0), uint64(0)
	ends := func(reverse bool, to *uint64) error {
		return r.Scan(kv.Range{Start: rg.Start, End: rg.End, Reverse: reverse}, func(k, _ []byte) error {
			*to = row.ParseU64(k[len(prefix):])
			return kv.Stop
		})
	}
	if err := ends(false, &first); err != nil {
		return rg, err
	}
	if err := ends(true, &last); err != nil || last == 0 {
		return rg, err
	}
	at := func(seq uint64) []byte { return append(bytes.Clone(prefix), row.U64(seq)...) }
	// search returns the first sequence whose row is not older than t.
	search := func(t time.Time) (uint64, error) {
		lo, hi := first, last+1
		for lo < hi {
			mid := lo + (hi-lo)/2
			seq, old := hi, false
			err := r.Scan(kv.Range{Start: at(mid), End: at(hi)}, func(k, v []byte) error {
				seq = row.ParseU64(k[len(prefix):])
				is, err := timeOf(v)
				old = is.Before(t)
				return stopOr(err)
			})
			if err != nil {
				return 0, err
			}
			if old {
				lo = seq + 1
			} else {
				hi = mid
			}
		}
		return lo, nil
	}
	if !since.IsZero() {
		seq, err := search(since.Add(-slack))
		if err != nil {
			return rg, err
		}
		if k := at(seq); bytes.Compare(k, rg.Start) > 0 {
			rg.Start = k
		}
	}
	if !until.IsZero() {
		seq, err := search(until.Add(slack))
		if err != nil {
			return rg, err
		}
		rg.End = at(seq)
	}
	return rg, nil
}

// continued is a range without what a cursor, the key of a row, has passed.
func continued(rg kv.Range, after []byte, reverse bool) kv.Range {
	rg.Reverse = reverse
	switch {
	case len(after) == 0:
	case reverse:
		if len(rg.End) == 0 || bytes.Compare(after, rg.End) < 0 {
			rg.End = after
		}
	default:
		if next := append(bytes.Clone(after), 0); bytes.Compare(next, rg.Start) > 0 {
			rg.Start = next
		}
	}
	return rg
}

// StateNone, in an EventQuery, asks for events that owe no run: no trigger matched them.
const StateNone = "None"

// EventQuery asks for events. Zero fields ask for nothing in particular.
type EventQuery struct {
	Bucket       string
	Prefix       string    // of the key
	Key          string    // exactly; with Bucket, it is found by an index
	Type         string    // "ObjectCreated:PutObject", or a group: "ObjectCreated:*", "ObjectCreated"; "oss:" before it is fine
	State        string    // a run that it owes is in this state (delivery.Enqueued …), or StateNone; in any case
	Function     string    // it owes a run to this function
	Trigger      string    // or a run by this trigger
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
		if q.Bucket != "" && q.Prefix != "" && q.Key == "" {
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

// fewRows is up to how many index rows a search by prefix reads to find its events at once.
// Past it they are not rare, and soon found in the order of the events.
const fewRows = 5000

// underPrefix returns the rows of rg, which is of the table of events, whose keys begin with
// prefix, in rg's order; few is false if there may be more than fewRows.
func underPrefix(r kv.Reader, bucket, prefix string, rg kv.Range) (rows [][]byte, few bool, err error) {
	base := len(row.Key(tKey, bucket, ""))
	few = true
	n := 0
	err = r.Scan(kv.Prefix(row.Key(tKey, bucket, prefix)), func(k, _ []byte) error {
		if n++; n > fewRows {
			few = false
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
	slices.SortFunc(rows, bytes.Compare)
	if rg.Reverse {
		slices.Reverse(rows)
	}
	return rows, few, err
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
		for _, n := range []string{StateNone, delivery.Enqueued, delivery.Running, delivery.Retrying, delivery.Succeeded, delivery.Failed, delivery.Expired, delivery.Stopped, delivery.Invalid} {
			if strings.EqualFold(n, q.State) {
				state = n
			}
		}
		if state == "" {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "%q is not a state.", q.State).
				WithHint("States are None (no trigger matched), Enqueued, Running, Retrying, Succeeded, Failed, Expired, Stopped and Invalid.")
		}
		q.State = state
	}
	for _, p := range []string{q.Bucket, q.Prefix, q.Key} {
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
	case delivery.Failed, delivery.Expired, delivery.Stopped, delivery.Invalid:
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
		if m.unwell != nil {
			if m.unwell[o.RequestID] == q.State {
				return true, nil
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

// Lookup returns an event with what became of the runs that it owes, or EventNotFound.
func (s *Store) Lookup(ctx context.Context, id string) (e *Event, runs []*Owed, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		if e, err = find(r, id, ""); err != nil {
			return err
		}
		if e == nil {
			return eventNotFound(id)
		}
		runs, err = s.owedStates(r, e, maxShown)
		return err
	})
	return e, runs, err
}

// maxShown bounds the runs of one event, and the events of one run, that are told of at
// once.
const maxShown = 1000

func eventNotFound(id string) error {
	return fault.New(fault.NotFound, "EventNotFound", "No event with id '%s' is known.", id).
		WithHint("Events are kept for a time and up to a size: see `alcedo serve --help`.")
}

// States tells what became of the runs that events owe.
func (s *Store) States(ctx context.Context, events []*Event) (all [][]*Owed, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		for _, e := range events {
			runs, err := s.owedStates(r, e, maxShown)
			if err != nil {
				return err
			}
			all = append(all, runs)
		}
		return nil
	})
	return all, err
}

func (s *Store) owedStates(r kv.Reader, e *Event, limit int) (runs []*Owed, err error) {
	list, err := owed(r, e)
	if err != nil {
		return nil, err
	}
	for _, o := range list[:min(len(list), limit)] {
		x, err := s.state(r, o)
		if err != nil {
			return nil, err
		}
		runs = append(runs, x)
	}
	return runs, nil
}

// Caused returns up to limit events that the writes of a run caused, the earliest first.
func (s *Store) Caused(ctx context.Context, requestID string, limit int) (events []*Event, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		function, err := functionOf(r, requestID)
		if err != nil || function == "" {
			return err
		}
		events, _, err = caused(r, function, requestID, limit)
		return err
	})
	return events, err
}

// functionOf finds the function of a run, "" if nothing is known of the run.
func functionOf(r kv.Reader, requestID string) (name string, err error) {
	err = r.Scan(kv.Prefix(append(row.Key(tRequest, requestID), 0)), func(_, v []byte) error {
		name = string(v)
		return kv.Stop
	})
	if err != nil || name != "" {
		return name, err
	}
	o, err := outcome(r, requestID)
	if o == nil {
		return "", err
	}
	return o.Function, nil
}

// caused reads the events of a run's writes; others tells how many there are beyond limit,
// up to maxShown.
func caused(r kv.Reader, function, requestID string, limit int) (events []*Event, others int, err error) {
	prefix := causedBy(function, requestID)
	err = r.Scan(kv.Prefix(prefix), func(k, _ []byte) error {
		if len(events) == limit {
			if others++; others == maxShown {
				return kv.Stop
			}
			return nil
		}
		e, err := get(r, k[len(prefix):])
		if e != nil {
			events = append(events, e)
		}
		return err
	})
	return events, others, err
}

// Writes returns up to limit events that runs of a function caused, those of the latest
// runs first.
func (s *Store) Writes(ctx context.Context, function string, limit int) (recs []event.Record, err error) {
	prefix := append(row.Key(tCause, function), 0)
	rg := kv.Prefix(prefix)
	rg.Reverse = true // request ids begin with their time
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(rg, func(k, _ []byte) error {
			if len(recs) >= limit {
				return kv.Stop
			}
			at := k[len(prefix):]
			at = at[bytes.IndexByte(at, 0)+1:]
			e, err := get(r, at)
			if e != nil {
				recs = append(recs, e.Record)
			}
			return err
		})
	})
	return recs, err
}
