package pebblekv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"sync/atomic"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2"
)

func putU64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }
func parseU64(b []byte) uint64  { return binary.BigEndian.Uint64(b) }

// view reads one snapshot.
type view struct {
	snap    *pebble.Snapshot
	closers []io.Closer // what Get returned stays valid until release
}

func (v *view) Get(key []byte) ([]byte, error) { return get(v.snap, key, &v.closers) }

func (v *view) Scan(r kv.Range, fn func(key, value []byte) error) error {
	return scan(v.snap, r, nil, fn)
}

func (v *view) release() {
	for _, c := range v.closers {
		_ = c.Close() // releases memory only
	}
	v.closers = v.closers[:0]
}

func get(r pebble.Reader, key []byte, closers *[]io.Closer) ([]byte, error) {
	val, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, kv.ErrNotFound
	}
	if err != nil {
		return nil, medium.ReadFault(err)
	}
	// Get forgets the error of reading a value that stands in a file of its own (Pebble
	// 2.1.7, DB.getInternal); the iterator behind it does not.
	if it, ok := closer.(interface{ Error() error }); ok {
		if err := it.Error(); err != nil {
			return nil, medium.ReadFault(errors.Join(err, closer.Close()))
		}
	}
	*closers = append(*closers, closer)
	return val, nil
}

// scan visits the range in r, with the sorted writes laid over it.
func scan(r pebble.Reader, rg kv.Range, writes []op, fn func(key, value []byte) error) (err error) {
	lower, upper := rg.Start, rg.End
	if bytes.Compare(lower, first) < 0 {
		lower = first
	}
	if len(upper) == 0 {
		upper = nil
	}
	if upper != nil && bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return medium.ReadFault(err)
	}
	defer func() {
		if e := it.Close(); err == nil {
			err = medium.ReadFault(e)
		}
		if errors.Is(err, kv.Stop) {
			err = nil
		}
	}()
	valid, step, order := it.First, it.Next, 1
	if rg.Reverse {
		valid, step, order = it.Last, it.Prev, -1
		slices.Reverse(writes)
	}
	ok := valid()
	for ok || len(writes) > 0 {
		c := -1 // which is next: <0 the store's pair, >0 the write, 0 both: the write hides the pair
		switch {
		case !ok:
			c = 1
		case len(writes) > 0:
			c = order * bytes.Compare(it.Key(), writes[0].key)
		}
		if c < 0 {
			v, err := it.ValueAndErr()
			if err != nil {
				return medium.ReadFault(err)
			}
			if err := fn(it.Key(), v); err != nil {
				return err
			}
			ok = step()
			continue
		}
		w := writes[0]
		writes = writes[1:]
		if !w.del {
			if err := fn(w.key, w.value); err != nil {
				return err
			}
		}
		if c == 0 {
			ok = step()
		}
	}
	return medium.ReadFault(it.Error())
}

type op struct {
	key, value []byte
	del        bool
}

type sequencedOp struct {
	key, value []byte
	at         int
}

// txn is one try of an Update. It is reused. buf holds the values it writes; the keys are
// on their own, since the store keeps them for a while (see Store.recent).
type txn struct {
	store     *Store
	start     uint64 // commits before this try
	reads     []uint64
	ranges    []kv.Range
	ops       []op
	index     map[string]int // of ops, once there are many
	sequenced []sequencedOp
	size      int // bytes of keys and values
	tooLarge  bool
	after     []func(seq uint64)
	seq       uint64
	buf       []byte
	closers   []io.Closer
	grows     bool // it writes values

	// On its way through the committer; see commit.go.
	phase  atomic.Int32
	done   chan outcome // of one
	check  bool         // its function failed: only whether what it saw was consistent counts
	solo   *solo        // it runs alone
	orphan bool         // nobody waits any more: not to be reused
}

// few is how many writes are searched one by one.
const few = 16

func (t *txn) reset() {
	t.release()
	clear(t.ops)
	clear(t.sequenced)
	clear(t.after)
	clear(t.ranges)
	t.reads, t.ranges, t.ops, t.sequenced, t.after = t.reads[:0], t.ranges[:0], t.ops[:0], t.sequenced[:0], t.after[:0]
	t.index = nil
	t.size, t.tooLarge, t.seq, t.grows, t.check, t.solo = 0, false, 0, false, false, nil
	if cap(t.buf) > 256<<10 {
		t.buf = nil
	}
	t.buf = t.buf[:0]
}

func (t *txn) release() {
	for _, c := range t.closers {
		_ = c.Close() // releases memory only
	}
	t.closers = t.closers[:0]
}

func (t *txn) empty() bool { return len(t.ops) == 0 && len(t.sequenced) == 0 }

func (t *txn) fits() error {
	if t.tooLarge || t.size > kv.MaxTxnSize {
		return kv.ErrTooLarge
	}
	return nil
}

func (t *txn) committed() {
	for _, fn := range t.after {
		fn(t.seq)
	}
}

// valid reports whether nothing that t read was written since it began. The committer asks.
func (t *txn) valid() bool {
	for _, slot := range t.reads {
		if t.store.written[slot].Load() > t.start {
			return false
		}
	}
	if len(t.ranges) == 0 {
		return true
	}
	now := t.store.version.Load()
	if now-t.start > history {
		return false
	}
	for v := t.start + 1; v <= now; v++ {
		for _, key := range t.store.recent[v%history] {
			for _, r := range t.ranges {
				if bytes.Compare(key, r.Start) >= 0 && (len(r.End) == 0 || bytes.Compare(key, r.End) < 0) {
					return false
				}
			}
		}
	}
	return true
}

func (t *txn) Get(key []byte) ([]byte, error) {
	if i := t.find(key); i >= 0 {
		if t.ops[i].del {
			return nil, kv.ErrNotFound
		}
		return t.ops[i].value, nil
	}
	t.reads = append(t.reads, maphash.Bytes(t.store.seed, key)&(slots-1))
	return get(t.store.db, key, &t.closers)
}

// Mark is the version of the key's place in the table: it changes with every write to the
// key (and, rarely, with one to another key).
func (t *txn) Mark(key []byte) uint64 {
	if t.find(key) >= 0 {
		return 0
	}
	slot := maphash.Bytes(t.store.seed, key) & (slots - 1)
	t.reads = append(t.reads, slot)
	return t.store.written[slot].Load() + 1
}

func (t *txn) Scan(r kv.Range, fn func(key, value []byte) error) error {
	t.ranges = append(t.ranges, kv.Range{Start: bytes.Clone(r.Start), End: bytes.Clone(r.End)})
	var writes []op
	for _, o := range t.ops {
		if bytes.Compare(o.key, r.Start) >= 0 && (len(r.End) == 0 || bytes.Compare(o.key, r.End) < 0) {
			writes = append(writes, o)
		}
	}
	slices.SortFunc(writes, func(a, b op) int { return bytes.Compare(a.key, b.key) })
	return scan(t.store.db, r, writes, fn)
}

func (t *txn) find(key []byte) int {
	if t.index != nil {
		if i, ok := t.index[string(key)]; ok {
			return i
		}
		return -1
	}
	for i := range t.ops {
		if bytes.Equal(t.ops[i].key, key) {
			return i
		}
	}
	return -1
}

func (t *txn) put(o op) {
	if i := t.find(o.key); i >= 0 {
		t.ops[i] = o
		return
	}
	t.ops = append(t.ops, o)
	switch {
	case t.index != nil:
		t.index[string(o.key)] = len(t.ops) - 1
	case len(t.ops) > few:
		t.index = make(map[string]int, 4*few)
		for i := range t.ops {
			t.index[string(t.ops[i].key)] = i
		}
	}
}

// copy keeps b in buf. When buf is full a new one takes its place; what the old one holds
// stays where it is.
func (t *txn) copy(b []byte) []byte {
	if len(b) > cap(t.buf)-len(t.buf) {
		t.buf = make([]byte, 0, max(4<<10, len(b), min(2*cap(t.buf), 256<<10)))
	}
	n := len(t.buf)
	t.buf = append(t.buf, b...)
	return t.buf[n:len(t.buf):len(t.buf)]
}

func (t *txn) measure(key, value int) {
	t.size += key + value
	if key > kv.MaxKeySize || value > kv.MaxValueSize {
		t.tooLarge = true
	}
}

func (t *txn) Set(key, value []byte) {
	t.measure(len(key), len(value))
	t.grows = true
	if t.tooLarge || t.size > kv.MaxTxnSize {
		return // it will be refused; don't fill the memory
	}
	t.put(op{key: bytes.Clone(key), value: t.copy(value)})
}

func (t *txn) Delete(key []byte) {
	t.measure(len(key), 0)
	if t.tooLarge || t.size > kv.MaxTxnSize {
		return
	}
	t.put(op{key: bytes.Clone(key), del: true})
}

func (t *txn) SetSequenced(prefix, suffix, value []byte) {
	t.measure(len(prefix)+8+len(suffix), len(value))
	t.grows = true
	if t.tooLarge || t.size > kv.MaxTxnSize {
		return
	}
	k := make([]byte, len(prefix)+8+len(suffix))
	copy(k, prefix)
	copy(k[len(prefix)+8:], suffix)
	t.sequenced = append(t.sequenced, sequencedOp{k, t.copy(value), len(prefix)})
}

func (t *txn) OnCommit(fn func(seq uint64)) { t.after = append(t.after, fn) }
