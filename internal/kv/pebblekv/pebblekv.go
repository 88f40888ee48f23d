// Package pebblekv is the default kv driver: Pebble, an LSM tree, with its log synced
// before every Update returns.
//
// # How transactions commit
//
// Transactions are optimistic. An Update notes which keys it read (as positions in a
// fixed table of versions) and which ranges it scanned, and buffers its writes. To
// commit, it takes one short critical section: check that nothing it read was written
// since it began, apply its batch to the log's buffer and the memtable, and mark what it
// wrote. It then waits for the log outside the section, so that many transactions share
// one sync (group commit). A transaction that loses the check runs again; after a few
// losses it runs alone, inside the section, so that it always gets through.
//
// The version table has no locks and never grows: two keys that fall on one position
// only cause a needless retry.
//
// The order of the critical section is the commit order: it is the order in the log,
// and the order of sequences.
package pebblekv

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	slots   = 1 << 18 // of the version table: 2 MiB
	history = 1 << 10 // commits that scans can be checked against
	tries   = 6       // optimistic ones, before a transaction runs alone
)

// seqKey holds the last commit sequence; see kv.Reader for the one key that is a driver's.
var seqKey = []byte{0}

// first is where rooms' keys begin.
var first = []byte{0, 0}

// Options of Open; the zero value is fine.
type Options struct {
	FS     vfs.FS // default: the operating system's
	Cache  int64  // bytes of block cache and memtables together; default 256 MiB, filled as needed
	Logger *slog.Logger
}

// Store is the driver.
type Store struct {
	db   *pebble.DB
	seed maphash.Seed

	open   sync.RWMutex
	closed bool

	commit  sync.Mutex    // the critical section
	seq     uint64        // last sequence given; guarded by commit
	version atomic.Uint64 // commits so far; written under commit
	pending atomic.Int64  // commits applied but not yet synced
	written [slots]atomic.Uint64
	recent  [history][][]byte // keys of the last commits, by version modulo history; guarded by commit
	pool    sync.Pool         // *txn
}

// Open opens the store in dir, making it if needed. It fails if another process has it.
func Open(dir string, o Options) (*Store, error) {
	if o.Cache == 0 {
		o.Cache = 256 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	cache := pebble.NewCache(o.Cache)
	defer cache.Unref()
	opts := &pebble.Options{
		FS:                          o.FS,
		Cache:                       cache,
		MemTableSize:                32 << 20, // grows to this as needed; its size is taken from the cache's
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{o.Logger},
	}
	// Values from 1 KiB on are written once, into files of their own, instead of again in
	// every compaction: a PUT of 4 KiB costs 0.72 of the processor time that it costs
	// without (86 against 119 µs, 64 writers, one run).
	opts.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled: true, MinimumSize: 1 << 10, MaxBlobReferenceDepth: 10,
			RewriteMinimumAge: 5 * time.Minute, TargetGarbageRatio: 0.3,
		}
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // most point reads of a PUT find nothing
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open key-value store in %s: %w", dir, err)
	}
	s := &Store{db: db, seed: maphash.MakeSeed()}
	v, closer, err := db.Get(seqKey)
	if err == nil {
		s.seq = parseU64(v)
		err = closer.Close()
	}
	if err != nil && !errors.Is(err, pebble.ErrNotFound) {
		return nil, errors.Join(fmt.Errorf("read commit sequence: %w", err), db.Close())
	}
	s.pool.New = func() any { return &txn{store: s} }
	return s, nil
}

func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.open.RLock()
	if s.closed {
		s.open.RUnlock()
		return kv.ErrClosed
	}
	return nil
}

func (s *Store) View(ctx context.Context, fn func(kv.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.open.RUnlock()
	snap := s.db.NewSnapshot()
	v := view{snap: snap}
	defer func() {
		v.release()
		snap.Close()
	}()
	return fn(&v)
}

func (s *Store) Update(ctx context.Context, fn func(kv.Txn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.open.RUnlock()
	tx := s.pool.Get().(*txn)
	defer func() {
		tx.reset()
		s.pool.Put(tx)
	}()
	for range tries {
		done, err := s.try(tx, fn)
		if done {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return s.alone(tx, fn)
}

// try runs fn once. done is false if it must run again.
func (s *Store) try(tx *txn, fn func(kv.Txn) error) (done bool, err error) {
	tx.reset()
	// Read before any data is: a commit that lands in between is then taken for a
	// conflict, never overlooked.
	tx.start = s.version.Load()
	err = fn(tx)
	tx.release()
	if err == nil {
		err = tx.check()
	}
	if err != nil {
		// fn may have failed because it saw two states; only a consistent one counts.
		if tx.torn() {
			return false, nil
		}
		return true, err
	}
	if tx.empty() {
		if tx.torn() {
			return false, nil
		}
		return true, s.settle(tx)
	}
	s.commit.Lock()
	if !tx.valid() {
		s.commit.Unlock()
		return false, nil
	}
	batch, err := s.apply(tx)
	s.commit.Unlock()
	if err != nil {
		return true, err
	}
	return true, s.finish(tx, batch)
}

// alone runs fn inside the critical section, where nothing can change under it.
func (s *Store) alone(tx *txn, fn func(kv.Txn) error) error {
	batch, err := func() (*pebble.Batch, error) {
		s.commit.Lock()
		defer s.commit.Unlock()
		tx.reset()
		tx.start = s.version.Load()
		err := fn(tx)
		tx.release()
		if err == nil {
			err = tx.check()
		}
		if err != nil || tx.empty() {
			return nil, err
		}
		return s.apply(tx)
	}()
	if err != nil {
		return err
	}
	if batch == nil {
		return s.settle(tx)
	}
	return s.finish(tx, batch)
}

// settle ends a transaction that wrote nothing. What it read may not be synced yet, and
// its caller may answer from it, so the log is synced if need be.
func (s *Store) settle(tx *txn) error {
	if s.pending.Load() > 0 {
		if err := s.db.LogData(nil, pebble.Sync); err != nil {
			return err
		}
	}
	tx.committed()
	return nil
}

// apply makes tx's writes visible, in commit order. The caller holds s.commit.
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

// finish waits until tx's batch is on disk.
func (s *Store) finish(tx *txn, batch *pebble.Batch) error {
	err := batch.SyncWait()
	s.pending.Add(-1)
	err = errors.Join(err, batch.Close())
	if err == nil {
		tx.committed()
	}
	return err
}

func (s *Store) slot(key []byte) *atomic.Uint64 {
	return &s.written[maphash.Bytes(s.seed, key)&(slots-1)]
}

// Close waits for calls under way, then closes the database.
func (s *Store) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.db.Close()
}

type logger struct{ l *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.l.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.l.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when the medium failed in a way after which Pebble cannot go on
// without risking what it promised; the process must not go on either.
func (l logger) Fatalf(format string, args ...any) {
	l.l.Error("storage failed: " + fmt.Sprintf(format, args...))
	panic("storage failed: " + fmt.Sprintf(format, args...))
}
