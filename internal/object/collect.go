package object

import (
	"context"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

const (
	// grace is how long given-up content stays: longer than it takes a reader to get
	// from the object's row to its pin.
	grace = time.Minute
	// collectEvery is how often due garbage is looked for.
	collectEvery = 15 * time.Second
	// sweepEvery is how often blobs that nothing names are looked for. They come only
	// from crashes between a blob's commit and the transaction that would name it.
	sweepEvery = 24 * time.Hour
)

// Collect removes given-up data until ctx ends. The server runs it once.
func (s *Store) Collect(ctx context.Context) {
	garbage := time.NewTicker(collectEvery)
	defer garbage.Stop()
	sweep := time.NewTimer(collectEvery)
	defer sweep.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-garbage.C:
			_, err = s.CollectGarbage(ctx)
		case <-sweep.C:
			_, err = s.Sweep(ctx)
			sweep.Reset(sweepEvery)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("collecting given-up data failed; it will be tried again", "error", err)
		}
	}
}

// CollectGarbage deletes the content of overwritten and deleted objects whose grace is
// over and that nobody reads, and returns how many contents that were. It is idempotent:
// after a crash in the middle the rest is found again, by it or by Sweep.
func (s *Store) CollectGarbage(ctx context.Context) (int, error) {
	type entry struct {
		key []byte
		c   Content
	}
	done := 0
	start := []byte(tGarbage)
	end := row.Key(tGarbage, string(row.U64(uint64(s.now().UnixMilli()+1))))
	for {
		var page []entry
		err := s.kv.View(ctx, func(r kv.Reader) error {
			return r.Scan(kv.Range{Start: start, End: end}, func(k, v []byte) error {
				e := entry{key: append([]byte(nil), k...)}
				if err := row.Decode(v, &e.c); err != nil {
					return err
				}
				page = append(page, e)
				if len(page) == 100 {
					return kv.Stop
				}
				return nil
			})
		})
		if err != nil || len(page) == 0 {
			return done, err
		}
		for _, e := range page {
			start = append(e.key, 0)
			if s.isPinned(e.c.ID) {
				continue // being read: next time
			}
			var blobs []string
			err := s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
				if _, err := tx.Get(e.key); err != nil {
					return err
				}
				list, err := segments(tx, &e.c)
				if err != nil {
					return err
				}
				if blobs, err = drop(tx, list); err != nil {
					return err
				}
				for i := range e.c.Spilled {
					tx.Delete(manifestKey(e.c.ID, i))
				}
				tx.Delete(e.key)
				return nil
			})
			if err != nil {
				return done, err
			}
			for _, id := range blobs {
				if err := s.blobs.Delete(ctx, id); err != nil {
					return done, err
				}
			}
			done++
		}
	}
}

// Sweep deletes blobs that no row names, and returns how many. It never takes one that a
// request under way is about to name: such a request holds the gate from before the blob
// exists until its transaction is decided, and Sweep passes the gate after it has listed
// the blobs and before it looks for their rows.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	var ids []string
	err := s.blobs.List(ctx, func(e blob.Entry) error {
		ids = append(ids, e.ID)
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.gate.Lock()
	//lint:ignore SA2001 to pass through is the point
	s.gate.Unlock()
	n := 0
	for _, id := range ids {
		named := false
		look := func(r kv.Reader) (err error) {
			named, err = exists(r, row.Key(tBlob, id))
			return err
		}
		err := s.kv.View(ctx, look)
		if err == nil && !named {
			// A request whose transaction was undecided does not hold the gate any more.
			// This one is ordered after it, or fails as long as it is undecided.
			err = s.kv.Update(ctx, func(tx kv.Txn) error { return look(tx) })
		}
		if err != nil {
			return n, err
		}
		if named {
			continue
		}
		if err := s.blobs.Delete(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (s *Store) pin(id string) {
	s.pinsMu.Lock()
	s.pins[id]++
	s.pinsMu.Unlock()
}

func (s *Store) unpin(id string) {
	s.pinsMu.Lock()
	if s.pins[id]--; s.pins[id] == 0 {
		delete(s.pins, id)
	}
	s.pinsMu.Unlock()
}

func (s *Store) isPinned(id string) bool {
	s.pinsMu.Lock()
	defer s.pinsMu.Unlock()
	return s.pins[id] > 0
}
