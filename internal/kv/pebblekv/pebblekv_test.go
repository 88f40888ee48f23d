package pebblekv

import (
	"context"
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/kvtest"
	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestSuite(t *testing.T) {
	kvtest.Test(t, func(t *testing.T) kv.Store {
		s, err := Open("", Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestSequencesGoOnAfterReopening(t *testing.T) {
	fs := vfs.NewMem()
	var last uint64
	for round := range 3 {
		s, err := Open("db", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		var seq uint64
		err = s.Update(context.Background(), func(tx kv.Txn) error {
			tx.SetSequenced([]byte("e"), nil, nil)
			tx.OnCommit(func(n uint64) { seq = n })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seq <= last {
			t.Errorf("round %d: sequence %d after %d", round, seq, last)
		}
		last = seq
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("second Open: %v, want an error that names the directory", err)
	}
}

// After a power cut, every acknowledged transaction is whole, and of no other one is
// only a part there.
func TestPowerCut(t *testing.T) {
	seed := mrand.Uint64()
	t.Logf("seed %d", seed)
	rng := mrand.New(mrand.NewPCG(seed, 0))
	for round := range 30 {
		fs := vfs.NewCrashableMem()
		s, err := Open("db", Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		stop := rng.IntN(40)
		var acked atomic.Int64
		cut := make(chan *vfs.MemFS, 1)
		for i := range 50 {
			if i == stop {
				// In the middle of the next commit, or about there.
				go func() {
					cut <- fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				}()
			}
			err := s.Update(context.Background(), func(tx kv.Txn) error {
				for j := range 3 {
					tx.Set(fmt.Appendf(nil, "%d/%d", i, j), []byte("x"))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if i < stop {
				acked.Store(int64(i + 1))
			}
		}
		after := <-cut
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, err = Open("db", Options{FS: after})
		if err != nil {
			t.Fatalf("seed %d round %d: %v", seed, round, err)
		}
		err = s.View(context.Background(), func(r kv.Reader) error {
			for i := range 50 {
				n := 0
				for j := range 3 {
					if _, err := r.Get(fmt.Appendf(nil, "%d/%d", i, j)); err == nil {
						n++
					}
				}
				if n != 0 && n != 3 {
					t.Errorf("seed %d round %d: transaction %d is torn: %d of 3 rows", seed, round, i, n)
				}
				if int64(i) < acked.Load() && n != 3 {
					t.Errorf("seed %d round %d: acknowledged transaction %d is lost", seed, round, i)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkPut is the storage part of a 4 KiB PUT: two reads, an object, its data and a
// sequenced event, synced.
func BenchmarkPut(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			data := make([]byte, 4<<10)
			rand.Read(data)
			event := make([]byte, 400)
			var n atomic.Uint64
			b.SetBytes(int64(len(data)))
			b.SetParallelism((clients + 1) / 2)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					key := fmt.Appendf(nil, "o/bucket/%016x", n.Add(1)*0x9e3779b97f4a7c15)
					err := s.Update(context.Background(), func(tx kv.Txn) error {
						if _, err := tx.Get([]byte("o/bucket")); err != kv.ErrNotFound {
							return err
						}
						if _, err := tx.Get(key); err != kv.ErrNotFound {
							return err
						}
						tx.Set(key, event[:200])
						tx.Set(append(key, 'd'), data)
						tx.SetSequenced([]byte("e/"), nil, event)
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
