package trigger

import (
	"context"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Paused returns up to limit paused triggers of all functions, by function and name. It
// reads every trigger: ask rarely.
func (s *Store) Paused(ctx context.Context, limit int) (ts []Trigger, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(tTrigger)), func(_, v []byte) error {
			var t Trigger
			if err := row.Decode(v, &t); err != nil {
				return err
			}
			if t.Paused != nil {
				ts = append(ts, t)
			}
			if len(ts) >= limit {
				return kv.Stop
			}
			return ctx.Err()
		})
	})
	return ts, err
}
