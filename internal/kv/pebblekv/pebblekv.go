// Package pebblekv is the default kv driver: Pebble, an LSM tree, with its log synced
// before every Update returns.
//
// # How transactions commit
//
// Transactions are optimistic. An Update notes which keys it read (as positions in a
// fixed table of versions) and which ranges it scanned, and buffers its writes. To
// commit, it goes through one goroutine, the committer (commit.go): that checks that
// nothing it read was written since it began, applies its batch to the log's buffer and
// the memtable, and marks what it wrote. The log is waited for elsewhere, so that many
// transactions share one sync (group commit). A transaction that loses the check runs
// again; after a few losses it runs alone, while the committer waits for it, so that it
// always gets through.
//
// The version table has no locks and never grows: two keys that fall on one position
// only cause a needless retry.
//
// The order of the committer is the commit order: it is the order in the log, and the
// order of sequences.
//
// A disk that fails does not end the store; see disk.
package pebblekv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/medium"
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
	FS     vfs.FS         // default: the operating system's
	Medium *medium.Medium // what refuses writes when the disk does; default: one without a reserve
	Cache  int64          // bytes of block cache and memtables together; default 256 MiB, filled as needed
	Logger *slog.Logger

	pause time.Duration // of disk, for tests
}

// Store is the driver.
type Store struct {
	db   *pebble.DB
	seed maphash.Seed

	open   sync.RWMutex
	closed bool

	disk   *disk
	medium *medium.Medium

	queue    chan *txn     // to the committer
	unsynced chan applied  // from the committer to who waits for the log
	ended    chan struct{} // closed when both goroutines have ended
	seq      uint64        // last sequence given; the committer's
	version  atomic.Uint64 // commits so far; written by the committer
	pending  atomic.Int64  // commits applied but not yet synced
	written  [slots]atomic.Uint64
	recent   [history][][]byte // keys of the last commits, by version modulo history; the committer's
	pool     sync.Pool         // *txn
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
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Medium == nil {
		o.Medium = medium.New(medium.Options{Dir: dir, Logger: o.Logger})
	}
	d := &disk{FS: markers{o.FS}, medium: o.Medium, dir: dir, pause: cmp.Or(o.pause, firstPause)}
	d.opening.Store(true)
	opts := &pebble.Options{
		FS:                          d,
		Cache:                       cache,
		MemTableSize:                32 << 20, // grows to this as needed; its size is taken from the cache's
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{o.Logger},
	}
	// One line in a while tells enough of work in the background that fails and is begun
	// anew. Data that cannot be read is an error to its reader, not the end of all.
	background := &seldom{log: o.Logger}
	opts.EventListener = &pebble.EventListener{
		BackgroundError: background.error,
		DataCorruption:  func(i pebble.DataCorruptionInfo) { background.error(errors.New(i.String())) },
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
	db, err := open(dir, opts, d)
	if err != nil {
		return nil, fmt.Errorf("open key-value store in %s: %w", dir, err)
	}
	s := &Store{
		db: db, seed: maphash.MakeSeed(), disk: d, medium: o.Medium,
		queue: make(chan *txn, 64), unsynced: make(chan applied, 1<<10), ended: make(chan struct{}),
	}
	var at view
	v, err := get(db, seqKey, &at.closers)
	if err == nil {
		s.seq = parseU64(v)
	}
	at.release()
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, errors.Join(fmt.Errorf("read commit sequence: %w", err), s.shut())
	}
	d.opening.Store(false)
	if d.faulted.Load() {
		// What failed may be in the background, which has no way to say so.
		return nil, errors.Join(fmt.Errorf("open key-value store in %s: the disk does not take writes", dir), s.shut())
	}
	s.pool.New = func() any { return &txn{store: s, done: make(chan outcome, 1)} }
	go s.committer()
	go s.syncer()
	return s, nil
}

// open is pebble.Open, which panics for some of the operations that can fail.
func open(dir string, opts *pebble.Options, d *disk) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			if !d.faulted.Load() {
				panic(p)
			}
			err = errors.Join(fmt.Errorf("the disk does not take writes: %v", p), d.end())
		}
	}()
	return pebble.Open(dir, opts)
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

func (s *Store) slot(key []byte) *atomic.Uint64 {
	return &s.written[maphash.Bytes(s.seed, key)&(slots-1)]
}

// Close waits for calls under way, then closes the database. If the disk does not take
// writes, the store is given up as a crash would, and Close tells so: what was
// acknowledged is on the disk.
func (s *Store) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.queue)
	select {
	case <-s.ended:
		return s.shut()
	case <-s.medium.State().Failed():
		return s.giveUp()
	}
}

// shut closes the database, unless that needs writes that the disk does not take.
func (s *Store) shut() error {
	done := make(chan error, 1)
	go func() { done <- s.db.Close() }()
	select {
	case err := <-done:
		return err
	case <-s.medium.State().Failed():
		return s.giveUp()
	}
}

func (s *Store) giveUp() error {
	err := s.medium.State().Err()
	return errors.Join(errors.New("the key-value store was left as it is; the next start reads its log"), err, s.disk.end())
}

// seldom logs the first of many errors, and then one every so often.
type seldom struct {
	log   *slog.Logger
	mu    sync.Mutex
	next  time.Time
	since int
}

func (s *seldom) error(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since++
	if now := time.Now(); now.After(s.next) {
		s.log.Error("storage: work in the background failed; it is tried again", "error", err, "times", s.since)
		s.next, s.since = now.Add(10*time.Second), 0
	}
}

type logger struct{ l *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.l.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.l.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when Pebble cannot go on without risking what it promised; the process
// must not go on either. Failed writes do not come here; see disk.
func (l logger) Fatalf(format string, args ...any) {
	l.l.Error("storage failed: " + fmt.Sprintf(format, args...))
	panic("storage failed: " + fmt.Sprintf(format, args...))
}
