package dirblob

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Every operation of the store fails, one after the other, alone or with all that follow.
// A blob that has an id is whole, after a power cut too; of one that has none, nothing is
// left once the store is opened again but, at worst, a whole blob for the collector.
func TestFaults(t *testing.T) {
	for _, kind := range []errorfs.OpReadWrite{errorfs.OpIsWrite, errorfs.OpIsRead} {
		for _, forever := range []bool{false, true} {
			for k := int64(0); ; k++ {
				if !faulty(t, kind, k, forever) {
					if k < 5 {
						t.Errorf("only %d operations of kind %v", k, kind)
					}
					break
				}
				if t.Failed() {
					t.Fatalf("operation %d of kind %v, forever: %v", k, kind, forever)
				}
			}
		}
	}
}

func faulty(t *testing.T, kind errorfs.OpReadWrite, k int64, forever bool) (failed bool) {
	ctx := context.Background()
	mem := vfs.NewCrashableMem()
	if err := mem.MkdirAll("/data", 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := mem.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("/data/blob", Options{FS: mem}); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	var well atomic.Bool
	well.Store(true) // while it opens
	s, err := Open("/data/blob", Options{FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != kind || well.Load() {
			return nil
		}
		if i := n.Add(1) - 1; i == k || forever && i > k {
			failed = true
			return syscall.EIO
		}
		return nil
	}))})
	if err != nil {
		t.Fatal(err)
	}
	well.Store(false)
	content := func(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("blob %d,", i)), 2000) }
	ids := map[string]int{}
	for i := range 4 {
		id, err := func() (string, error) {
			w, err := s.Create(ctx)
			if err != nil {
				return "", err
			}
			defer w.Abort()
			for p := content(i); len(p) > 0; p = p[min(5000, len(p)):] {
				if _, err := w.Write(bytes.Clone(p[:min(5000, len(p))])); err != nil {
					return "", err
				}
			}
			return w.Commit()
		}()
		if err != nil {
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("blob %d: %v, want a fault of the kind unavailable", i, err)
			}
			continue
		}
		ids[id] = i
	}
	check := func(when string, s *Store) {
		for id, i := range ids {
			got, err := readAll(ctx, s, id)
			if err != nil && !well.Load() && fault.Is(err, medium.ReadFailed) {
				continue // said so
			}
			if err != nil || !bytes.Equal(got, content(i)) {
				t.Errorf("%s: blob %d: %d bytes, %v", when, i, len(got), err)
			}
		}
	}
	check("while the disk fails", s)
	for id, i := range ids {
		if i == 0 {
			if err := s.Delete(ctx, id); err == nil {
				delete(ids, id)
			}
		}
	}
	well.Store(true)
	check("after the disk was mended", s)
	cut := mem.CrashClone(vfs.CrashCloneCfg{})
	for fs, when := range map[vfs.FS]string{mem: "after reopening", cut: "after a power cut"} {
		s, err := Open("/data/blob", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		check(when, s)
		err = s.List(ctx, func(e blob.Entry) error {
			if got, err := readAll(ctx, s, e.ID); err != nil || !bytes.HasPrefix(got, []byte("blob ")) || len(got) != len(content(0)) {
				t.Errorf("%s: a blob without an id is half there: %d bytes, %v", when, len(got), err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if left, err := fs.List("/data/blob/tmp"); err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v, %v", when, left, err)
		}
	}
	return failed
}

func readAll(ctx context.Context, s *Store, id string) ([]byte, error) {
	f, err := s.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
}

// A blob is refused before the disk is full, and while it is written.
func TestReserve(t *testing.T) {
	free := uint64(1 << 30)
	m := medium.New(medium.Options{MinFree: 1<<30 - 100<<10, Usage: func() (uint64, uint64, error) { return free, 1 << 40, nil }})
	s, err := Open("/data/blob", Options{FS: vfs.NewMem(), Medium: m})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 60<<10)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 60<<10)); !fault.Is(err, medium.InsufficientStorage) {
		t.Errorf("a write into the reserve: %v", err)
	}
	w.Abort()
	if left, err := s.fs.List("/data/blob/tmp"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
