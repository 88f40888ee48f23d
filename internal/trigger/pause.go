package trigger

import (
	"context"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// Reasons of a Pause.
const (
	Manual        = "Manual"        // a person's order
	LoopSuspected = "LoopSuspected" // the guard against loops
)

// Pause has a trigger start no more runs, from the next acknowledged write on, until it is
// resumed; changing the trigger does not resume it. What it matches meanwhile are dead
// letters, and can be redriven. A trigger that is paused stays as it is, with the first
// reason and time. Errors: TriggerNotFound, FunctionNotFound.
func (s *Store) Pause(ctx context.Context, functionName, name, reason, detail string) error {
	return s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		_, err := s.PauseIn(tx, functionName, name, reason, detail)
		return err
	})
}

// Suspect is Pause by the guard against loops.
func (s *Store) Suspect(ctx context.Context, functionName, name string, why *reason.Why) error {
	return s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		_, err := s.setPause(tx, functionName, name, &Pause{Reason: LoopSuspected, Detail: why.String(), Why: why, Since: s.o.Now().UTC().Truncate(time.Second)})
		return err
	})
}

// PauseIn is Pause within a transaction; it reports whether the trigger was not paused
// before.
func (s *Store) PauseIn(tx kv.Txn, functionName, name, reason, detail string) (bool, error) {
	return s.setPause(tx, functionName, name, &Pause{Reason: reason, Detail: detail, Since: s.o.Now().UTC().Truncate(time.Second)})
}

// Resume ends a pause; a trigger that is not paused stays as it is. Events of the pause
// are not delivered by it: they are dead letters. Errors: as Pause.
func (s *Store) Resume(ctx context.Context, functionName, name string) error {
	return s.kv.Update(ctx, func(tx kv.Txn) error {
		_, err := s.setPause(tx, functionName, name, nil)
		return err
	})
}

func (s *Store) setPause(tx kv.Txn, functionName, name string, p *Pause) (bool, error) {
	if err := function.Exists(tx, functionName, function.Latest); err != nil {
		return false, err
	}
	t, err := get(tx, functionName, name)
	if err != nil || (t.Paused != nil) == (p != nil) {
		return false, err
	}
	// Modified stays: it tells of the configuration, which tools compare.
	t.Paused = p
	s.put(tx, t)
	return true, nil
}
