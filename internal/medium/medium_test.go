package medium

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, looks := uint64(1000), 0
		m := New(Options{MinFree: 160, Usage: func() (uint64, uint64, error) { looks++; return free, 5000, nil }})
		for i := range 8 {
			if err := m.Grow(100); err != nil {
				t.Fatalf("write %d of 100 bytes into 840: %v", i, err)
			}
		}
		if err := m.Grow(100); !fault.Is(err, InsufficientStorage) {
			t.Errorf("the ninth, before the disk was looked at again: %v", err)
		}
		if err := m.Grow(30); err != nil {
			t.Errorf("what still fits: %v", err)
		}
		if looks > 2 { // one for what is known, one for the refusal's words
			t.Errorf("the disk was looked at %d times", looks)
		}
		free = 160
		time.Sleep(lookEvery)
		if err := m.Grow(1); !fault.Is(err, InsufficientStorage) || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("at the reserve: %v", err)
		}
		if m.Trouble() == nil {
			t.Error("no trouble is told at the reserve")
		}
		free = 170 // not enough to go on: the next write would end it
		time.Sleep(lookEvery)
		if m.Grow(1) == nil {
			t.Error("a little more than the reserve switches it")
		}
		free = 200
		time.Sleep(lookEvery)
		if err := m.Grow(1); err != nil {
			t.Errorf("with room again: %v", err)
		}
		if err := m.Trouble(); err != nil {
			t.Errorf("trouble with room again: %v", err)
		}
	})
}

func TestDefaultReserve(t *testing.T) {
	for total, want := range map[uint64]int64{100 << 20: 5 << 20, 1 << 40: 256 << 20} {
		m := New(Options{MinFree: -1, Usage: func() (uint64, uint64, error) { return total, total, nil }})
		if m.minFree != want {
			t.Errorf("a disk of %d keeps %d, want %d", total, m.minFree, want)
		}
	}
	// What cannot be asked is not refused.
	m := New(Options{MinFree: 1 << 20, Usage: func() (uint64, uint64, error) { return 0, 0, errors.New("no such call") }})
	for range 2 {
		if err := m.Grow(1); err != nil {
			t.Errorf("on a disk that does not tell: %v", err)
		}
	}
}

func TestHold(t *testing.T) {
	m := New(Options{})
	before := m.State()
	if before.Err() != nil || m.Grow(1<<40) != nil {
		t.Error("a new medium refuses")
	}
	first := m.Hold("write a", fmt.Errorf("write a: %w", syscall.ENOSPC))
	second := m.Hold("write b", syscall.EIO)
	<-before.Failed()
	for _, err := range []error{before.Err(), m.State().Err(), m.Grow(0), m.Trouble()} {
		if !fault.Is(err, InsufficientStorage) || errors.Is(err, syscall.ENOSPC) {
			t.Errorf("while held: %v, want the first cause's reason, and the cause in the log only", err)
		}
	}
	first()
	if m.State().Err() == nil {
		t.Error("one of two held operations is enough")
	}
	second()
	if err := m.State().Err(); err != nil {
		t.Errorf("after all succeeded: %v", err)
	}
	if before.Err() == nil {
		t.Error("who began before forgets")
	}
}

func TestFaults(t *testing.T) {
	for err, want := range map[error]fault.Reason{
		syscall.ENOSPC: InsufficientStorage, syscall.EDQUOT: InsufficientStorage,
		syscall.EROFS: StorageUnavailable, syscall.EIO: StorageUnavailable,
	} {
		f := WriteFault(fmt.Errorf("write x: %w", err))
		if !fault.Is(f, want) || fault.KindOf(f) != fault.Unavailable || !errors.Is(f, err) {
			t.Errorf("%v: %v", err, f)
		}
	}
	mine := fault.New(fault.Conflict, "Mine", "mine")
	if WriteFault(nil) != nil || ReadFault(nil) != nil || WriteFault(mine) != error(mine) || ReadFault(mine) != error(mine) {
		t.Error("nil and faults do not pass")
	}
	if f := ReadFault(syscall.EIO); !fault.Is(f, ReadFailed) || fault.KindOf(f) != fault.Internal {
		t.Errorf("a failed read: %v", f)
	}
}

// Grow is on the path of every write.
func BenchmarkGrow(b *testing.B) {
	m := New(Options{Dir: b.TempDir(), MinFree: 1})
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := m.Grow(1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
