package history

import (
	"bytes"
	"context"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

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

// Find returns an event alone, that of a run if its id names a transaction only; or
// EventNotFound.
func (s *Store) Find(ctx context.Context, id, requestID string) (e *Event, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		if e, err = find(r, id, requestID); err == nil && e == nil {
			err = eventNotFound(id)
		}
		return err
	})
	return e, err
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
