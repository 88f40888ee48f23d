package dirblob

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/blob/blobtest"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestSuite(t *testing.T) {
	for _, fs := range []struct {
		name string
		fs   vfs.FS
	}{{"os", nil}, {"mem", vfs.NewMem()}} {
		t.Run(fs.name, func(t *testing.T) {
			n := 0
			blobtest.Test(t, func(t *testing.T) blob.Store {
				n++
				s, err := Open(filepath.Join(t.TempDir(), fmt.Sprint(n)), Options{FS: fs.fs})
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

func TestLeftoversAreRemovedAtOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	// The process dies here: neither Commit nor Abort.
	if _, err := Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, tmpDir))
	if err != nil || len(left) != 0 {
		t.Errorf("left in tmp: %v, %v", left, err)
	}
}

// A committed blob is whole after a power cut, whatever part of the unsynced data the
// disk happened to keep.
func TestPowerCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 50 {
		fs := vfs.NewCrashableMem()
		if err := fs.MkdirAll("/data", 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := fs.OpenDir("/")
		if err != nil {
			t.Fatal(err)
		}
		if err := root.Sync(); err != nil {
			t.Fatal(err)
		}
		s, err := Open("/data/blob", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for i := range 5 {
			w, err := s.Create(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			n := rng.IntN(10000)
			if _, err := w.Write(make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if i == 4 {
				break // cut while writing
			}
			id, err := w.Commit()
			if err != nil {
				t.Fatal(err)
			}
			want[id] = n
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		s, err = Open("/data/blob", Options{FS: after})
		if err != nil {
			t.Fatalf("seed %d round %d: open after the cut: %v", seed, round, err)
		}
		for id, n := range want {
			f, err := s.Open(context.Background(), id)
			if err != nil {
				t.Fatalf("seed %d round %d: committed blob is lost: %v", seed, round, err)
			}
			if f.Size() != int64(n) {
				t.Fatalf("seed %d round %d: blob has %d bytes, want %d", seed, round, f.Size(), n)
			}
			f.Close()
		}
	}
}
