package function

import (
	"context"
	"errors"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// How deep a chain of runs that cause each other may be when it reaches a function. FC
// has no such setting: it is Alcedo's own, and all versions of a function share it.
const (
	LoopDefault  = 0  // as the server has it
	LoopOff      = -1 // no limit; only a person's explicit choice
	MaxLoopLimit = 1000
)

// loopLimit is a function's row under tableLoop; there is none for LoopDefault.
type loopLimit struct {
	Limit int `cbor:"1,keyasint"`
}

// SetLoopLimit sets how deep a chain may be that reaches the function: 1 to MaxLoopLimit
// runs, LoopOff or LoopDefault. Runs that are resolved after it returns are judged by it.
// Reasons FunctionNotFound, InvalidArgument.
func (s *Store) SetLoopLimit(ctx context.Context, name string, limit int) error {
	if limit < LoopOff || limit > MaxLoopLimit {
		return fault.New(fault.Invalid, "InvalidArgument", "The loop limit %d is out of range: it must be 1 to %d.", limit, MaxLoopLimit).
			WithHint("Say \"off\" for no limit, or \"default\" for the server's.")
	}
	return s.update(ctx, name, func(t kv.Txn) error {
		if _, err := getFunction(t, name); err != nil {
			return err
		}
		key := row.Key(tableLoop, name)
		if limit == LoopDefault {
			t.Delete(key)
			return nil
		}
		return put(t, key, &loopLimit{limit})
	})
}

// LoopLimit returns what SetLoopLimit set, or LoopDefault. Reason FunctionNotFound.
func (s *Store) LoopLimit(ctx context.Context, name string) (limit int, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		if _, err := getFunction(r, name); err != nil {
			return err
		}
		limit, err = loopLimitIn(r, name)
		return err
	})
	return limit, err
}

func loopLimitIn(r kv.Reader, name string) (int, error) {
	l, err := get[loopLimit](r, row.Key(tableLoop, name))
	if errors.Is(err, kv.ErrNotFound) {
		return LoopDefault, nil
	}
	if err != nil {
		return 0, err
	}
	return l.Limit, nil
}
