package pebblekv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// faultyDisk fails the k-th operation of a kind, alone or with all that follow, until it
// is mended.
type faultyDisk struct {
	kind    errorfs.OpReadWrite
	from    int64 // -1: none
	forever bool
	err     error
	n       atomic.Int64
	failed  atomic.Int64
	mended  atomic.Bool
}

func (f *faultyDisk) String() string { return "faulty disk" }

func (f *faultyDisk) MaybeError(op errorfs.Op) error {
	// Advice that nobody hears the answer of.
	if op.Kind.ReadOrWrite() != f.kind || op.Kind == errorfs.OpFilePreallocate || f.mended.Load() {
		return nil
	}
	if n := f.n.Add(1) - 1; f.from >= 0 && (n == f.from || f.forever && n > f.from) {
		f.failed.Add(1)
		return f.err
	}
	return nil
}

// The errors of a full, a broken and a read-only disk.
var diskErrors = []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}

// stride tells which operations fail in this run: all of them with ALCEDO_FAULTS=all.
func stride(short int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv("ALCEDO_FAULTS"), 10, 64); err == nil {
		return max(1, n)
	}
	if os.Getenv("ALCEDO_FAULTS") == "all" {
		return 1
	}
	return short
}

// transfer is one transaction of the workload: rows that are there together or not at
// all, large enough that logs, memtables and tables change now and then.
type transfer struct {
	id       string
	told     atomic.Int64 // calls of OnCommit
	err      error
	finished bool
}

func (t *transfer) do(s *Store) {
	big := bytes.Repeat([]byte(t.id), (25<<10)/len(t.id))
	t.err = s.Update(context.Background(), func(tx kv.Txn) error {
		for i := range 3 {
			tx.Set(fmt.Appendf(nil, "t/%s/%d", t.id, i), big)
		}
		tx.SetSequenced([]byte("s/"), []byte(t.id), nil)
		tx.OnCommit(func(uint64) { t.told.Add(1) })
		return nil
	})
	t.finished = true
}

func (t *transfer) rows(s *Store) (n int, err error) {
	err = s.View(context.Background(), func(r kv.Reader) error {
		n = 0
		return r.Scan(kv.Prefix([]byte("t/"+t.id+"/")), func(_, v []byte) error {
			if len(v) < 24<<10 || !bytes.HasPrefix(v, []byte(t.id)) {
				return errors.New("a row holds what was not written to it")
			}
			n++
			return nil
		})
	})
	return n, err
}

// verify checks that what a transfer answered is true. undecided tells that those that do
// not know must be decided by now, and told of.
func verify(t *testing.T, when string, s *Store, ts []*transfer, told bool) {
	t.Helper()
	for _, tr := range ts {
		n, err := tr.rows(s)
		switch {
		case err != nil:
			t.Errorf("%s: reading %s: %v", when, tr.id, err)
		case n != 0 && n != 3:
			t.Errorf("%s: %s is torn: %d of 3 rows", when, tr.id, n)
		case tr.err == nil && n == 0:
			t.Errorf("%s: %s was acknowledged and is not there", when, tr.id)
		case tr.err != nil && !errors.Is(tr.err, kv.ErrUndecided) && n != 0:
			t.Errorf("%s: %s was refused and is there (%v)", when, tr.id, tr.err)
		case told && tr.told.Load() != int64(n/3):
			t.Errorf("%s: %s has %d rows and OnCommit was called %d times", when, tr.id, n, tr.told.Load())
		}
		if tr.err != nil && fault.KindOf(tr.err) != fault.Unavailable {
			t.Errorf("%s: %s was refused with %v, want a fault of the kind unavailable", when, tr.id, tr.err)
		}
	}
}

// settled waits until writes go on and what was left behind is decided.
func settled(t *testing.T, s *Store) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := s.Update(context.Background(), func(tx kv.Txn) error { tx.Set([]byte("well"), nil); return nil })
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("writes do not go on: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Every write operation of the store fails, one after the other: alone, with all that
// follow until the disk is mended, and with all that follow until the store is closed.
// Every answer is an error or true.
func TestWriteFaults(t *testing.T) {
	total := int64(0)
	t.Run("none", func(t *testing.T) {
		total = writeFault(t, &faultyDisk{kind: errorfs.OpIsWrite, from: -1}, false)
	})
	if total < 40 {
		t.Fatalf("the workload makes %d write operations; it is to flush tables", total)
	}
	step := stride(17)
	for from := int64(0); from < total; from += step {
		for mode, name := range []string{"once", "until mended", "until closed"} {
			t.Run(fmt.Sprintf("%d %s", from, name), func(t *testing.T) {
				t.Parallel()
				d := &faultyDisk{kind: errorfs.OpIsWrite, from: from, forever: mode > 0, err: diskErrors[int(from)%len(diskErrors)]}
				writeFault(t, d, mode == 2)
			})
		}
	}
}

func writeFault(t *testing.T, d *faultyDisk, crash bool) (operations int64) {
	mem := vfs.NewMem()
	fs := errorfs.Wrap(mem, d)
	s, err := Open("db", Options{FS: fs, Cache: 4 << 20, pause: time.Millisecond})
	if err != nil {
		if d.failed.Load() == 0 {
			t.Fatal(err)
		}
		d.mended.Store(true)
		// Open failed, and left nothing in the way of the next.
		if s, err = Open("db", Options{FS: fs, Cache: 4 << 20, pause: time.Millisecond}); err != nil {
			t.Fatalf("open after an open that failed: %v", err)
		}
	}
	var ts []*transfer
	var wg sync.WaitGroup
	for w := range 3 {
		mine := make([]*transfer, 5)
		for i := range mine {
			mine[i] = &transfer{id: fmt.Sprintf("%d-%d", w, i)}
		}
		ts = append(ts, mine...)
		wg.Go(func() {
			for _, tr := range mine {
				tr.do(s)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("an Update does not return while the disk fails")
	}
	verify(t, "while the disk fails", s, ts, false)
	if crash {
		// Closed while the disk fails; the disk is mended when nobody looks any more.
		_ = s.Close()
		d.mended.Store(true)
		if s, err = Open("db", Options{FS: fs, pause: time.Millisecond}); err != nil {
			t.Fatalf("reopen: %v", err)
		}
		verify(t, "after reopening", s, ts, false)
	} else {
		d.mended.Store(true)
		settled(t, s)
		verify(t, "after the disk was mended", s, ts, true)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = Open("db", Options{FS: fs, pause: time.Millisecond}); err != nil {
			t.Fatalf("reopen: %v", err)
		}
		verify(t, "after reopening", s, ts, true)
	}
	settled(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return d.n.Load()
}

// A read that fails is an error; what is answered is true. Nothing is changed by it.
func TestReadFaults(t *testing.T) {
	mem := vfs.NewMem()
	s, err := Open("db", Options{FS: mem})
	if err != nil {
		t.Fatal(err)
	}
	var ts []*transfer
	for i := range 12 {
		tr := &transfer{id: fmt.Sprint(i)}
		tr.do(s)
		ts = append(ts, tr)
	}
	if err := s.db.Flush(); err != nil { // into tables, which are read
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	faults := 0
	for from := int64(0); ; from += stride(5) {
		d := &faultyDisk{kind: errorfs.OpIsRead, from: from, forever: from%2 == 1, err: syscall.EIO}
		d.mended.Store(true)
		s, err := Open("db", Options{FS: errorfs.Wrap(mem, d)})
		if err != nil {
			t.Fatal(err)
		}
		d.mended.Store(false)
		for _, tr := range ts {
			n, err := tr.rows(s)
			if err != nil {
				faults++
				if !fault.Is(err, medium.ReadFailed) {
					t.Fatalf("read %d: %v, want a fault that says that it could not be read", from, err)
				}
			} else if n != 3 {
				t.Fatalf("read %d: %s has %d of 3 rows, and no error", from, tr.id, n)
			}
			err = s.View(context.Background(), func(r kv.Reader) error {
				v, err := r.Get([]byte("t/" + tr.id + "/1"))
				if err == nil && len(v) < 24<<10 {
					t.Fatalf("read %d: Get returns %d bytes, and no error", from, len(v))
				}
				return err
			})
			if err != nil && !fault.Is(err, medium.ReadFailed) {
				t.Fatalf("read %d: %v, want a fault that says that it could not be read", from, err)
			}
		}
		failed := d.failed.Load()
		d.mended.Store(true)
		for _, tr := range ts {
			if n, err := tr.rows(s); n != 3 || err != nil {
				t.Fatalf("read %d: after the disk was mended: %d rows, %v", from, n, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if failed == 0 {
			break
		}
	}
	if faults == 0 {
		t.Error("no read failed")
	}
}

// A full disk is told before it is full: what grows is refused, deletes are not.
func TestReserve(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 30)
	m := medium.New(medium.Options{MinFree: 100 << 20, Usage: func() (uint64, uint64, error) { return free.Load(), 1 << 40, nil }})
	s, err := Open("db", Options{FS: vfs.NewMem(), Medium: m})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	set := func(ctx context.Context) error {
		return s.Update(ctx, func(tx kv.Txn) error { tx.Set([]byte("a"), make([]byte, 1000)); return nil })
	}
	if err := set(ctx); err != nil {
		t.Fatal(err)
	}
	free.Store(99 << 20)
	time.Sleep(300 * time.Millisecond) // what is known may be this old
	err = set(ctx)
	if !fault.Is(err, medium.InsufficientStorage) || fault.KindOf(err) != fault.Unavailable || errors.Is(err, kv.ErrUndecided) {
		t.Errorf("a write on a full disk: %v", err)
	}
	if err := m.Trouble(); !fault.Is(err, medium.InsufficientStorage) {
		t.Errorf("the trouble is %v", err)
	}
	if err := set(kv.Reserve(ctx)); err != nil {
		t.Errorf("a write that may use the reserve: %v", err)
	}
	if err := s.Update(ctx, func(tx kv.Txn) error { tx.Delete([]byte("a")); return nil }); err != nil {
		t.Errorf("a delete: %v", err)
	}
	if err := s.Update(ctx, func(tx kv.Txn) error { _, err := tx.Get([]byte("a")); return err }); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("a read within an update: %v", err)
	}
	free.Store(1 << 30)
	time.Sleep(300 * time.Millisecond)
	if err := set(ctx); err != nil {
		t.Errorf("a write after there was room again: %v", err)
	}
}
