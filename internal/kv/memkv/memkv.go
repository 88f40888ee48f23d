// Package memkv is a kv driver that keeps everything in memory. It is real: it passes
// the whole suite, but nothing in it outlives the process.
//
// Transactions run one after another on a copy-on-write tree, so they are serial by
// construction and never run twice.
package memkv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/tidwall/btree"
)

type pair struct{ key, value []byte }

func less(a, b pair) bool { return bytes.Compare(a.key, b.key) < 0 }

type tree = btree.BTreeG[pair]

// Store is the driver. The zero value is not ready; use New.
type Store struct {
	write  sync.Mutex // one Update at a time
	open   sync.RWMutex
	closed bool
	seq    uint64 // guarded by write
	commit uint64 // number of commits; guarded by write
	tree   atomic.Pointer[tree]
}

// New returns an empty store.
func New() *Store {
	s := &Store{}
	s.tree.Store(btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}))
	return s
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
	return fn(reader{s.tree.Load()})
}

func (s *Store) Update(ctx context.Context, fn func(kv.Txn) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.open.RUnlock()
	tx, err := s.run(fn)
	if err != nil {
		return err
	}
	for _, f := range tx.after {
		f(tx.seq)
	}
	return nil
}

func (s *Store) run(fn func(kv.Txn) error) (*txn, error) {
	s.write.Lock()
	defer s.write.Unlock()
	// The published tree is never changed again, only copies of it are, so readers
	// need no lock. Copy marks both sides copy-on-write.
	tx := &txn{reader: reader{s.tree.Load().Copy()}, mark: s.commit + 1, wrote: map[string]bool{}}
	if err := fn(tx); err != nil {
		return nil, err
	}
	if tx.size > kv.MaxTxnSize {
		tx.err = kv.ErrTooLarge
	}
	if tx.err != nil {
		return nil, tx.err
	}
	if len(tx.sequenced) > 0 {
		s.seq++
		tx.seq = s.seq
		for _, q := range tx.sequenced {
			binary.BigEndian.PutUint64(q.key[q.at:], tx.seq)
			tx.tree.Set(q.pair)
		}
	}
	s.tree.Store(tx.tree)
	s.commit++
	return tx, nil
}

func (s *Store) Close() error {
	s.open.Lock()
	defer s.open.Unlock()
	s.closed = true
	return nil
}

type reader struct{ tree *tree }

func (r reader) Get(key []byte) ([]byte, error) {
	p, ok := r.tree.Get(pair{key: key})
	if !ok {
		return nil, kv.ErrNotFound
	}
	return p.value, nil
}

func (r reader) Scan(rg kv.Range, fn func(key, value []byte) error) error {
	var err error
	visit := func(p pair) bool {
		if rg.Reverse && bytes.Compare(p.key, rg.Start) < 0 {
			return false
		}
		if len(rg.End) > 0 && bytes.Compare(p.key, rg.End) >= 0 {
			return rg.Reverse // the first one of a descent may be End itself
		}
		err = fn(p.key, p.value)
		return err == nil
	}
	switch {
	case !rg.Reverse:
		r.tree.Ascend(pair{key: rg.Start}, visit)
	case len(rg.End) > 0:
		r.tree.Descend(pair{key: rg.End}, visit)
	default:
		r.tree.Reverse(visit)
	}
	if errors.Is(err, kv.Stop) {
		return nil
	}
	return err
}

type sequenced struct {
	pair
	at int
}

type txn struct {
	reader
	mark      uint64
	wrote     map[string]bool
	size      int
	err       error
	sequenced []sequenced
	seq       uint64
	after     []func(uint64)
}

func (t *txn) check(key, value int) {
	if key > kv.MaxKeySize || value > kv.MaxValueSize {
		t.err = kv.ErrTooLarge
	}
	t.size += key + value
}

func (t *txn) Set(key, value []byte) {
	t.check(len(key), len(value))
	t.wrote[string(key)] = true
	t.tree.Set(pair{bytes.Clone(key), bytes.Clone(value)})
}

func (t *txn) Delete(key []byte) {
	t.check(len(key), 0)
	t.wrote[string(key)] = true
	t.tree.Delete(pair{key: key})
}

func (t *txn) SetSequenced(prefix, suffix, value []byte) {
	t.check(len(prefix)+8+len(suffix), len(value))
	k := make([]byte, 0, len(prefix)+8+len(suffix))
	k = append(append(append(k, prefix...), make([]byte, 8)...), suffix...)
	t.sequenced = append(t.sequenced, sequenced{pair{k, bytes.Clone(value)}, len(prefix)})
}

// Mark changes with every commit: marks are equal only between neighbours.
func (t *txn) Mark(key []byte) uint64 {
	if t.wrote[string(key)] {
		return 0
	}
	return t.mark
}

func (t *txn) OnCommit(fn func(seq uint64)) { t.after = append(t.after, fn) }
