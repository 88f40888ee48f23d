package pebblekv

import (
	"context"
	"errors"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2"
)

// Two goroutines do what can take as long as the disk likes: the committer applies (which
// now and then needs a new log, or room in the memtables), the syncer waits for the log.
// An Update waits for them, and gives up when the medium fails. What it leaves behind is
// theirs: a transaction that the committer has not taken is dropped, one that it has is
// finished when the disk allows, and its OnCommit functions are called by the syncer.

// Phases of a transaction on its way. Who changes the phase has the say.
const (
	queued   int32 = iota // dropped by the Update: it never happens
	taken                 // by the committer; dropped by the Update: not known yet
	finished              // the outcome is in done
	dropped
)

// outcome of a transaction that went through the committer.
type outcome struct {
	conflict bool // it must run again
	err      error
}

// applied is what the syncer waits for; without a batch, for all before it.
type applied struct {
	tx    *txn
	batch *pebble.Batch
}

// solo is a transaction that runs while the committer waits for it.
type solo struct {
	turn chan struct{} // closed by the committer
	ran  chan bool     // whether there is something to commit
}

func (s *Store) Update(ctx context.Context, fn func(kv.Txn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.open.RUnlock()
	state := s.medium.State()
	if err := state.Err(); err != nil {
		return err
	}
	tx := s.pool.Get().(*txn)
	defer func() {
		if !tx.orphan {
			tx.reset()
			s.pool.Put(tx)
		}
	}()
	for range tries {
		again, err := s.try(ctx, tx, state, fn)
		if !again {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return s.alone(ctx, tx, state, fn)
}

// run runs fn on what is there now.
func (s *Store) run(ctx context.Context, tx *txn, fn func(kv.Txn) error) error {
	// Read before any data is: a commit that lands in between is then taken for a
	// conflict, never overlooked.
	tx.start = s.version.Load()
	err := fn(tx)
	tx.release()
	if err == nil {
		err = tx.fits()
	}
	if err == nil && tx.grows && !kv.MayUseReserve(ctx) {
		err = s.medium.Grow(tx.size)
	}
	return err
}

// try runs fn once. again is true if it must run again.
func (s *Store) try(ctx context.Context, tx *txn, state *medium.State, fn func(kv.Txn) error) (again bool, err error) {
	tx.reset()
	err = s.run(ctx, tx, fn)
	if err != nil {
		if len(tx.reads) == 0 && len(tx.ranges) == 0 {
			return false, err
		}
		// fn may have failed because it saw two states; only a consistent one counts.
		tx.check = true
	}
	if o := s.send(tx, state); o.conflict || o.err != nil {
		return o.conflict, o.err
	}
	if err == nil {
		tx.committed()
	}
	return false, err
}

// alone runs fn while nothing can change under it.
func (s *Store) alone(ctx context.Context, tx *txn, state *medium.State, fn func(kv.Txn) error) error {
	tx.reset()
	turn := &solo{turn: make(chan struct{}), ran: make(chan bool, 1)}
	tx.solo = turn
	if err := s.enqueue(tx, state); err != nil {
		return err
	}
	select {
	case <-turn.turn:
	case <-state.Failed():
		if tx.phase.CompareAndSwap(queued, dropped) {
			tx.orphan = true
			return state.Err()
		}
		<-turn.turn
	}
	ran := false
	defer func() {
		if !ran { // fn failed, or panicked
			turn.ran <- false
		}
	}()
	if err := s.run(ctx, tx, fn); err != nil {
		return err
	}
	ran = true
	turn.ran <- true
	o := s.await(tx, state)
	if o.err == nil {
		tx.committed()
	}
	return o.err
}

// send takes tx through the committer and the syncer.
func (s *Store) send(tx *txn, state *medium.State) outcome {
	if err := s.enqueue(tx, state); err != nil {
		return outcome{err: err}
	}
	return s.await(tx, state)
}

func (s *Store) enqueue(tx *txn, state *medium.State) error {
	tx.phase.Store(queued)
	select {
	case s.queue <- tx:
		return nil
	case <-state.Failed():
		return state.Err()
	}
}

// await returns what became of tx, or an error when the medium fails before that is
// known. tx then belongs to the committer and the syncer.
func (s *Store) await(tx *txn, state *medium.State) outcome {
	select {
	case o := <-tx.done:
		return o
	case <-state.Failed():
	}
	writes := !tx.empty() && !tx.check
	switch {
	case tx.phase.CompareAndSwap(queued, dropped):
		tx.orphan = true
		return outcome{err: state.Err()}
	case tx.phase.CompareAndSwap(taken, dropped):
		tx.orphan = true
		if writes {
			return outcome{err: undecided(state.Err())}
		}
		return outcome{err: state.Err()}
	}
	return <-tx.done
}

// undecided is the medium's fault for an Update that may yet turn out to be made.
func undecided(err error) error {
	f := *fault.As(err)
	f.Hint = "It is not known whether this was stored; when writes go on, look or repeat the request. Reads go on meanwhile."
	f.Err = errors.Join(kv.ErrUndecided, f.Err)
	return &f
}

// finish tells the outcome to who waits for it, or acts on it where nobody does.
func (s *Store) finish(tx *txn, o outcome) {
	if tx.phase.CompareAndSwap(taken, finished) {
		tx.done <- o
		return
	}
	if !o.conflict && o.err == nil && !tx.check {
		tx.committed()
	}
}

// committer commits one transaction after the other.
func (s *Store) committer() {
	defer close(s.unsynced)
	for tx := range s.queue {
		if !tx.phase.CompareAndSwap(queued, taken) {
			continue
		}
		if turn := tx.solo; turn != nil {
			close(turn.turn)
			if !<-turn.ran {
				continue
			}
		} else if !tx.valid() {
			s.finish(tx, outcome{conflict: true})
			continue
		}
		switch {
		case tx.check:
			s.finish(tx, outcome{})
		case !tx.empty():
			batch, err := s.apply(tx)
			if err != nil {
				s.finish(tx, outcome{err: err})
				continue
			}
			s.unsynced <- applied{tx, batch}
		case s.pending.Load() > 0:
			// What it read may not be synced yet, and its caller may answer from it.
			s.unsynced <- applied{tx: tx}
		default:
			s.finish(tx, outcome{})
		}
	}
}

// syncer waits for the log, in commit order.
func (s *Store) syncer() {
	defer close(s.ended)
	for a := range s.unsynced {
		var err error
		if a.batch != nil {
			err = a.batch.SyncWait()
			s.pending.Add(-1)
			err = errors.Join(err, a.batch.Close())
		}
		s.finish(a.tx, outcome{err: err})
	}
}

// apply makes tx's writes visible. Only the committer calls it.
func (s *Store) apply(tx *txn) (*pebble.Batch, error) {
	batch := s.db.NewBatchWithSize(tx.size + 32*(len(tx.ops)+len(tx.sequenced)) + 64)
	keys := make([][]byte, 0, len(tx.ops)+len(tx.sequenced))
	for i := range tx.ops {
		op := &tx.ops[i]
		var err error
		if op.del {
			err = batch.Delete(op.key, nil)
		} else {
			err = batch.Set(op.key, op.value, nil)
		}
		if err != nil {
			return nil, errors.Join(err, batch.Close())
		}
		keys = append(keys, op.key)
	}
	if len(tx.sequenced) > 0 {
		tx.seq = s.seq + 1
		var seq [8]byte
		putU64(seq[:], tx.seq)
		for _, q := range tx.sequenced {
			copy(q.key[q.at:], seq[:])
			if err := batch.Set(q.key, q.value, nil); err != nil {
				return nil, errors.Join(err, batch.Close())
			}
			keys = append(keys, q.key)
		}
		if err := batch.Set(seqKey, seq[:], nil); err != nil {
			return nil, errors.Join(err, batch.Close())
		}
	}
	s.pending.Add(1)
	if err := s.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		s.pending.Add(-1)
		return nil, errors.Join(err, batch.Close())
	}
	if tx.seq != 0 {
		s.seq = tx.seq
	}
	version := s.version.Load() + 1
	for _, k := range keys {
		s.slot(k).Store(version)
	}
	s.recent[version%history] = keys
	s.version.Store(version)
	return batch, nil
}
