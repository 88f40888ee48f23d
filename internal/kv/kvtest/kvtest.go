// Package kvtest is the suite that every kv driver passes.
package kvtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/kv"
)

var ctx = context.Background()

// Test runs the suite; open returns a new, empty store.
func Test(t *testing.T, open func(t *testing.T) kv.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, kv.Store)
	}{
		{"SetGetDelete", testSetGetDelete},
		{"ErrorAborts", testErrorAborts},
		{"ScanOrder", testScanOrder},
		{"ScanSeesOwnWrites", testScanOwnWrites},
		{"ViewIsASnapshot", testViewSnapshot},
		{"Limits", testLimits},
		{"Sequences", testSequences},
		{"OnCommit", testOnCommit},
		{"Marks", testMarks},
		{"MarksAreReads", testMarksAreReads},
		{"CountersUnderContention", testCounters},
		{"WriteSkewIsRefused", testWriteSkew},
		{"PhantomsAreRefused", testPhantom},
		{"CanceledContext", testCanceled},
		{"Close", testClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			tt.run(t, s)
		})
	}
}

func update(t *testing.T, s kv.Store, fn func(tx kv.Txn) error) {
	t.Helper()
	if err := s.Update(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, s kv.Store, pairs ...string) {
	t.Helper()
	update(t, s, func(tx kv.Txn) error {
		for i := 0; i < len(pairs); i += 2 {
			tx.Set([]byte(pairs[i]), []byte(pairs[i+1]))
		}
		return nil
	})
}

func get(t *testing.T, s kv.Store, key string) (value string, found bool) {
	t.Helper()
	err := s.View(ctx, func(r kv.Reader) error {
		v, err := r.Get([]byte(key))
		value = string(v)
		return err
	})
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		t.Fatal(err)
	}
	return value, err == nil
}

func scan(r kv.Reader, rg kv.Range) ([]string, error) {
	var got []string
	err := r.Scan(rg, func(k, v []byte) error {
		got = append(got, string(k)+"="+string(v))
		return nil
	})
	return got, err
}

func testSetGetDelete(t *testing.T, s kv.Store) {
	if _, ok := get(t, s, "a"); ok {
		t.Error("an empty store has a key")
	}
	set(t, s, "a", "1", "b", "", "\x00\xff", "binary")
	for k, want := range map[string]string{"a": "1", "b": "", "\x00\xff": "binary"} {
		if v, ok := get(t, s, k); !ok || v != want {
			t.Errorf("%q = %q, %v; want %q", k, v, ok, want)
		}
	}
	update(t, s, func(tx kv.Txn) error {
		tx.Delete([]byte("a"))
		tx.Delete([]byte("never was"))
		if _, err := tx.Get([]byte("a")); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("Get after Delete in one transaction: %v", err)
		}
		tx.Set([]byte("b"), []byte("2"))
		if v, err := tx.Get([]byte("b")); err != nil || string(v) != "2" {
			t.Errorf("Get after Set in one transaction: %q, %v", v, err)
		}
		return nil
	})
	if _, ok := get(t, s, "a"); ok {
		t.Error("a deleted key is there")
	}
	// The store copies what it is given.
	k, v := []byte("mine"), []byte("mine")
	update(t, s, func(tx kv.Txn) error {
		tx.Set(k, v)
		k[0], v[0] = 'x', 'x'
		return nil
	})
	if v, ok := get(t, s, "mine"); !ok || v != "mine" {
		t.Errorf("the store kept the caller's slice: %q, %v", v, ok)
	}
}

func testErrorAborts(t *testing.T, s kv.Store) {
	set(t, s, "a", "1")
	boom := errors.New("boom")
	err := s.Update(ctx, func(tx kv.Txn) error {
		tx.Set([]byte("a"), []byte("2"))
		tx.SetSequenced([]byte("s"), nil, nil)
		tx.OnCommit(func(uint64) { t.Error("OnCommit ran for an aborted transaction") })
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want fn's own error", err)
	}
	if v, _ := get(t, s, "a"); v != "1" {
		t.Errorf("an aborted transaction wrote %q", v)
	}
	if err := s.View(ctx, func(kv.Reader) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("View: got %v, want fn's own error", err)
	}
}

func testScanOrder(t *testing.T, s kv.Store) {
	set(t, s, "b", "2", "a", "1", "a\x00", "1.5", "c", "3", "\xff", "last")
	tests := []struct {
		name string
		r    kv.Range
		want []string
	}{
		{"all", kv.Range{}, []string{"a=1", "a\x00=1.5", "b=2", "c=3", "\xff=last"}},
		{"half open", kv.Range{Start: []byte("a"), End: []byte("c")}, []string{"a=1", "a\x00=1.5", "b=2"}},
		{"reverse", kv.Range{Start: []byte("a\x00"), End: []byte("c"), Reverse: true}, []string{"b=2", "a\x00=1.5"}},
		{"reverse all", kv.Range{Reverse: true}, []string{"\xff=last", "c=3", "b=2", "a\x00=1.5", "a=1"}},
		{"prefix", kv.Prefix([]byte("a")), []string{"a=1", "a\x00=1.5"}},
		{"prefix ff", kv.Prefix([]byte("\xff")), []string{"\xff=last"}},
		{"empty", kv.Range{Start: []byte("x"), End: []byte("y")}, nil},
		{"upside down", kv.Range{Start: []byte("c"), End: []byte("a")}, nil},
	}
	for _, tt := range tests {
		for _, in := range []string{"view", "update"} {
			var got []string
			var err error
			if in == "view" {
				err = s.View(ctx, func(r kv.Reader) (err error) { got, err = scan(r, tt.r); return })
			} else {
				err = s.Update(ctx, func(tx kv.Txn) (err error) { got, err = scan(tx, tt.r); return })
			}
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s in %s: %q, %v; want %q", tt.name, in, got, err, tt.want)
			}
		}
	}
	n := 0
	err := s.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Range{}, func(_, _ []byte) error {
			n++
			if n == 2 {
				return kv.Stop
			}
			return nil
		})
	})
	if err != nil || n != 2 {
		t.Errorf("Stop after two: %d pairs, %v", n, err)
	}
}

func testScanOwnWrites(t *testing.T, s kv.Store) {
	set(t, s, "a", "1", "c", "3", "e", "5")
	update(t, s, func(tx kv.Txn) error {
		tx.Set([]byte("b"), []byte("2"))
		tx.Set([]byte("c"), []byte("new"))
		tx.Delete([]byte("e"))
		tx.Set([]byte("f"), []byte("6"))
		tx.Delete([]byte("f"))
		tx.Set([]byte("z"), []byte("26"))
		for _, tt := range []struct {
			r    kv.Range
			want []string
		}{
			{kv.Range{}, []string{"a=1", "b=2", "c=new", "z=26"}},
			{kv.Range{Reverse: true}, []string{"z=26", "c=new", "b=2", "a=1"}},
			{kv.Range{Start: []byte("b"), End: []byte("c")}, []string{"b=2"}},
		} {
			if got, err := scan(tx, tt.r); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%+v: %q, %v; want %q", tt.r, got, err, tt.want)
			}
		}
		return nil
	})
}

func testViewSnapshot(t *testing.T, s kv.Store) {
	set(t, s, "a", "1", "b", "1")
	err := s.View(ctx, func(r kv.Reader) error {
		if v, err := r.Get([]byte("a")); err != nil || string(v) != "1" {
			t.Errorf("a = %q, %v", v, err)
		}
		done := make(chan error)
		go func() {
			done <- s.Update(ctx, func(tx kv.Txn) error {
				tx.Set([]byte("a"), []byte("2"))
				tx.Set([]byte("b"), []byte("2"))
				tx.Set([]byte("c"), []byte("2"))
				return nil
			})
		}()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if v, err := r.Get([]byte("b")); err != nil || string(v) != "1" {
			t.Errorf("a View sees a later commit: b = %q, %v", v, err)
		}
		got, err := scan(r, kv.Range{})
		if want := []string{"a=1", "b=1"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("a View's scan sees a later commit: %q, %v", got, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testLimits(t *testing.T, s kv.Store) {
	big := bytes.Repeat([]byte("k"), kv.MaxKeySize)
	update(t, s, func(tx kv.Txn) error { tx.Set(big, make([]byte, kv.MaxValueSize)); return nil })
	tests := map[string]func(tx kv.Txn){
		"key":           func(tx kv.Txn) { tx.Set(append(big, 'k'), nil) },
		"value":         func(tx kv.Txn) { tx.Set([]byte("v"), make([]byte, kv.MaxValueSize+1)) },
		"sequenced key": func(tx kv.Txn) { tx.SetSequenced(big, nil, nil) },
		"transaction": func(tx kv.Txn) {
			for i := range kv.MaxTxnSize/kv.MaxValueSize + 1 {
				tx.Set(fmt.Appendf(nil, "t%d", i), make([]byte, kv.MaxValueSize))
			}
		},
	}
	for name, write := range tests {
		err := s.Update(ctx, func(tx kv.Txn) error {
			tx.Set([]byte("beside"), []byte("1"))
			write(tx)
			return nil
		})
		if !errors.Is(err, kv.ErrTooLarge) {
			t.Errorf("too large a %s: %v, want ErrTooLarge", name, err)
		}
	}
	if _, ok := get(t, s, "beside"); ok {
		t.Error("a refused transaction wrote")
	}
}

func testSequences(t *testing.T, s kv.Store) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				err := s.Update(ctx, func(tx kv.Txn) error {
					tx.SetSequenced([]byte("e/"), []byte{0}, fmt.Appendf(nil, "%d.%d", w, i))
					tx.SetSequenced([]byte("d/"), []byte("/x"), fmt.Appendf(nil, "%d.%d", w, i))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	err := s.View(ctx, func(r kv.Reader) error {
		next := make([]int, writers)
		last, n := uint64(0), 0
		err := r.Scan(kv.Prefix([]byte("e/")), func(k, v []byte) error {
			seq := binary.BigEndian.Uint64(k[2:10])
			if seq <= last {
				t.Errorf("sequence %d after %d", seq, last)
			}
			if len(k) != 11 || k[10] != 0 {
				t.Errorf("key %q", k)
			}
			last = seq
			n++
			var w, i int
			if _, err := fmt.Sscanf(string(v), "%d.%d", &w, &i); err != nil {
				return err
			}
			if i != next[w] {
				t.Errorf("writer %d: commit %d stands where %d should", w, i, next[w])
			}
			next[w]++
			twin := append(append([]byte("d/"), k[2:10]...), "/x"...)
			if tv, err := r.Get(twin); err != nil || !bytes.Equal(tv, v) {
				t.Errorf("rows of one transaction have different sequences: %q, %v", tv, err)
			}
			return nil
		})
		if n != writers*each {
			t.Errorf("%d rows, want %d", n, writers*each)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testOnCommit(t *testing.T, s kv.Store) {
	var calls []string
	var seq uint64
	update(t, s, func(tx kv.Txn) error {
		calls = nil // fn may run again
		tx.SetSequenced([]byte("s"), nil, nil)
		tx.OnCommit(func(n uint64) { seq = n; calls = append(calls, "first") })
		tx.OnCommit(func(uint64) { calls = append(calls, "second") })
		return nil
	})
	if !slices.Equal(calls, []string{"first", "second"}) {
		t.Errorf("calls: %q", calls)
	}
	var key [9]byte
	key[0] = 's'
	binary.BigEndian.PutUint64(key[1:], seq)
	if _, ok := get(t, s, string(key[:])); !ok {
		t.Errorf("no row under the sequence %d that OnCommit was given", seq)
	}
}

func testMarks(t *testing.T, s kv.Store) {
	mark := func() (m uint64) {
		update(t, s, func(tx kv.Txn) error { m = tx.Mark([]byte("a")); return nil })
		return m
	}
	seen := map[uint64]bool{}
	for i := range 5 {
		m := mark()
		if m == 0 {
			t.Skip("this store cannot tell") // allowed by the contract
		}
		if seen[m] {
			t.Errorf("write %d did not change the mark %d", i, m)
		}
		seen[m] = true
		update(t, s, func(tx kv.Txn) error {
			tx.Set([]byte("a"), []byte{byte(i)})
			if m := tx.Mark([]byte("a")); m != 0 {
				t.Errorf("mark %d of a key that the transaction wrote", m)
			}
			return nil
		})
	}
	m := mark()
	update(t, s, func(tx kv.Txn) error { tx.Delete([]byte("a")); return nil })
	if mark() == m {
		t.Error("a delete did not change the mark")
	}
}

// A cached row, trusted by its mark, must not let a transaction commit that would not
// have, had it read the row.
func testMarksAreReads(t *testing.T, s kv.Store) {
	type cached struct {
		mark  uint64
		value string
	}
	var mu sync.Mutex
	cache := map[string]cached{}
	read := func(tx kv.Txn, key string) (string, error) {
		m := tx.Mark([]byte(key))
		mu.Lock()
		c, ok := cache[key]
		mu.Unlock()
		if ok && m != 0 && c.mark == m {
			return c.value, nil
		}
		v, err := tx.Get([]byte(key))
		if err != nil {
			return "", err
		}
		mu.Lock()
		cache[key] = cached{m, string(v)}
		mu.Unlock()
		return string(v), nil
	}
	for round := range 50 {
		set(t, s, "x", "1", "y", "1")
		var wg sync.WaitGroup
		for _, mine := range []string{"x", "y"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				err := s.Update(ctx, func(tx kv.Txn) error {
					for _, k := range []string{"x", "y"} {
						v, err := read(tx, k)
						if err != nil || v == "0" {
							return err
						}
					}
					tx.Set([]byte(mine), []byte("0"))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		x, _ := get(t, s, "x")
		y, _ := get(t, s, "y")
		if x == "0" && y == "0" {
			t.Fatalf("round %d: both were cleared on the word of a stale cache", round)
		}
	}
}

func testCounters(t *testing.T, s kv.Store) {
	const writers, each = 8, 50
	var wg sync.WaitGroup
	for range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range each {
				err := s.Update(ctx, func(tx kv.Txn) error {
					n := byte(0)
					v, err := tx.Get([]byte("n"))
					if err == nil {
						n = v[0]
					} else if !errors.Is(err, kv.ErrNotFound) {
						return err
					}
					// Two bytes, so that 400 fits.
					m := uint16(n)
					if len(v) == 2 {
						m = binary.BigEndian.Uint16(v)
					}
					tx.Set([]byte("n"), binary.BigEndian.AppendUint16(nil, m+1))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	v, _ := get(t, s, "n")
	if got := binary.BigEndian.Uint16([]byte(v)); got != writers*each {
		t.Errorf("counter is %d after %d increments", got, writers*each)
	}
}

// Two transactions each read both keys and clear one; run serially, the second would see
// the first's write and stop.
func testWriteSkew(t *testing.T, s kv.Store) {
	for round := range 50 {
		set(t, s, "x", "1", "y", "1")
		var wg sync.WaitGroup
		for _, mine := range []string{"x", "y"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				err := s.Update(ctx, func(tx kv.Txn) error {
					for _, k := range []string{"x", "y"} {
						v, err := tx.Get([]byte(k))
						if err != nil {
							return err
						}
						if string(v) == "0" {
							return nil
						}
					}
					tx.Set([]byte(mine), []byte("0"))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		x, _ := get(t, s, "x")
		y, _ := get(t, s, "y")
		if x == "0" && y == "0" {
			t.Fatalf("round %d: write skew: both were cleared", round)
		}
	}
}

// A transaction that found a range empty must not commit after another put a key there.
func testPhantom(t *testing.T, s kv.Store) {
	for round := range 50 {
		update(t, s, func(tx kv.Txn) error {
			tx.Delete([]byte("room/a"))
			tx.Delete([]byte("room/b"))
			return nil
		})
		var wg sync.WaitGroup
		for _, mine := range []string{"room/a", "room/b"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				err := s.Update(ctx, func(tx kv.Txn) error {
					got, err := scan(tx, kv.Prefix([]byte("room/")))
					if err == nil && len(got) == 0 {
						tx.Set([]byte(mine), nil)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		err := s.View(ctx, func(r kv.Reader) error {
			got, err := scan(r, kv.Prefix([]byte("room/")))
			if len(got) != 1 {
				t.Fatalf("round %d: %q in a room for one", round, got)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testCanceled(t *testing.T, s kv.Store) {
	c, cancel := context.WithCancel(ctx)
	cancel()
	err := s.Update(c, func(tx kv.Txn) error { tx.Set([]byte("a"), nil); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update under a canceled context: %v", err)
	}
	if err := s.View(c, func(kv.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View under a canceled context: %v", err)
	}
	if _, ok := get(t, s, "a"); ok {
		t.Error("a canceled transaction wrote")
	}
}

func testClose(t *testing.T, s kv.Store) {
	set(t, s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.View(ctx, func(kv.Reader) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	if err := s.Update(ctx, func(kv.Txn) error { return nil }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
	if err := s.Close(); err != nil && !errors.Is(err, kv.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}
