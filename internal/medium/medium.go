// Package medium knows how the file system is that the data stands on: whether it takes
// writes, and how much room it has. The rooms that write ask it before they begin, and
// tell it of operations that failed; the server asks it for its health.
//
// There are two ways in which a medium refuses. It is low when less than a reserve is
// free: what grows is refused before anything is written, while deletes and what is owed
// (acknowledgements) may use the reserve. It fails when an operation failed that has to
// succeed, and is held until it does: then every write is refused. Reads go on in both.
package medium

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Reasons of the faults that refused writes are answered with. Both are of the Kind
// Unavailable.
const (
	InsufficientStorage fault.Reason = "InsufficientStorage" // no space is left
	StorageUnavailable  fault.Reason = "StorageUnavailable"  // the disk is read-only, or broken
	// ReadFailed is of the Kind Internal: data is there and cannot be read.
	ReadFailed fault.Reason = "ReadFailed"
)

const (
	// lookEvery is how old what is known of the free space may be. In between, what the
	// rooms say they write is counted.
	lookEvery = 250 * time.Millisecond
	// maxDefault is the reserve of large disks; small ones keep a twentieth.
	maxDefault = 256 << 20
	// unknown free space is not refused: the write itself will tell.
	unknown = 1 << 62
	// quiet is for how long after a recovery the same trouble is not logged again.
	quiet = 10 * time.Second
)

// Options of New.
type Options struct {
	// Dir is any directory of the file system.
	Dir string
	// MinFree is the reserve in bytes; 0: none, negative: 256 MiB, or a twentieth of the
	// file system if that is less.
	MinFree int64
	// Usage tells the free and all bytes; default: the operating system's for Dir.
	Usage  func() (free, total uint64, err error)
	Logger *slog.Logger
}

// Medium is one file system. All methods may be called from many goroutines.
type Medium struct {
	o       Options
	minFree int64

	state atomic.Pointer[State]
	mu    sync.Mutex
	held  int
	since time.Time // of the trouble under way
	ended time.Time // of the last one

	looked atomic.Int64 // when, in nanoseconds since start
	start  time.Time
	left   atomic.Int64 // bytes above the reserve
	low    atomic.Bool
}

// State is how it stood from one recovery to the next: first it takes writes, then it may
// fail, once.
type State struct {
	failed chan struct{}
	err    error // set before failed is closed
}

// Failed is closed when the medium fails.
func (s *State) Failed() <-chan struct{} { return s.failed }

// Err is nil until the medium fails; then it is the fault that refuses writes.
func (s *State) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// New returns the medium of a directory.
func New(o Options) *Medium {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Usage == nil {
		o.Usage = func() (uint64, uint64, error) {
			u, err := vfs.Default.GetDiskUsage(o.Dir)
			return u.AvailBytes, u.TotalBytes, err
		}
	}
	m := &Medium{o: o, minFree: o.MinFree, start: time.Now()}
	if m.minFree < 0 {
		m.minFree = maxDefault
		if _, total, err := o.Usage(); err == nil {
			m.minFree = min(maxDefault, int64(total/20))
		}
	}
	m.state.Store(&State{failed: make(chan struct{})})
	m.left.Store(unknown)
	if m.looked.Store(-int64(lookEvery)); m.minFree > 0 {
		m.look()
	}
	return m
}

// State returns how it stands now.
func (m *Medium) State() *State { return m.state.Load() }

// Hold tells that an operation failed which is tried again until it succeeds; release
// tells that it did, or that nobody waits for it any more. In between the medium fails.
func (m *Medium) Hold(operation string, err error) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held++; m.held == 1 {
		m.since = time.Now()
		s := m.state.Load()
		refusal := *fault.As(WriteFault(err))
		refusal.Err = nil // the cause is logged here, and not with every request
		s.err = &refusal
		close(s.failed)
		if m.since.Sub(m.ended) > quiet {
			m.o.Logger.Error("writes are refused until the disk takes them again; reads go on", "operation", operation, "directory", m.o.Dir, "error", err)
		}
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.held--; m.held == 0 {
			m.state.Store(&State{failed: make(chan struct{})})
			now := time.Now()
			if m.since.Sub(m.ended) > quiet {
				m.o.Logger.Info("the disk takes writes again", "directory", m.o.Dir, "after", now.Sub(m.since).Round(time.Millisecond))
			}
			m.ended = now
		}
	}
}

// Grow asks for n bytes that are about to be written, and returns nil or the fault to
// refuse them with: the medium fails, or they would use the reserve.
func (m *Medium) Grow(n int) error {
	if err := m.State().Err(); err != nil {
		return err
	}
	if m.minFree == 0 {
		return nil
	}
	m.look()
	if m.low.Load() || m.left.Load() < int64(n) {
		return m.full()
	}
	m.left.Add(-int64(n))
	return nil
}

// look asks for the free space if what is known is too old. One goroutine does; the
// others use what is known.
func (m *Medium) look() {
	now, last := int64(time.Since(m.start)), m.looked.Load()
	if now-last < int64(lookEvery) || !m.looked.CompareAndSwap(last, now) {
		return
	}
	free, total, err := m.o.Usage()
	if err != nil {
		m.left.Store(unknown)
		return
	}
	left := int64(min(free, unknown)) - m.minFree
	m.left.Store(left)
	// Once low, it stays so until there is a little more than the reserve: deletes and
	// small writes would switch it with every look.
	switch low := m.low.Load(); {
	case !low && left <= 0:
		m.low.Store(true)
		m.o.Logger.Warn("the disk is nearly full: writes are refused, reads and deletes go on", "directory", m.o.Dir, "free", free, "kept", m.minFree, "size", total)
	case low && left > m.minFree/8:
		m.low.Store(false)
		m.o.Logger.Info("the disk has room again: writes go on", "directory", m.o.Dir, "free", free, "kept", m.minFree)
	}
}

func (m *Medium) full() *fault.Error {
	free, _, _ := m.o.Usage() // only tells more
	return fault.New(fault.Unavailable, InsufficientStorage, "The server's disk is full: %s are free, and the last %s are kept for deletes and for runs that are owed.", size(int64(free)), size(m.minFree)).
		WithHint("Nothing was stored. Delete objects or make room on the disk of the data directory, then repeat the request; reads and deletes go on meanwhile.")
}

// Trouble returns nil, or the fault that refuses writes now.
func (m *Medium) Trouble() error {
	return m.Grow(0)
}

// WriteFault says in a user's words why a write failed. A fault passes.
func WriteFault(err error) error {
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, InsufficientStorage, "No space is left on the server's disk.").
			WithHint("Nothing was stored. Make room on the disk of the data directory and repeat the request; reads go on meanwhile.").Because(err)
	case errors.Is(err, syscall.EROFS):
		return fault.New(fault.Unavailable, StorageUnavailable, "The server's disk is read-only.").
			WithHint("Nothing was stored. Reads go on; writes will when the disk of the data directory takes them again.").Because(err)
	default:
		return fault.New(fault.Unavailable, StorageUnavailable, "The server's disk does not take writes.").
			WithHint("Nothing was stored. Reads go on; the server's log tells what the disk answers.").Because(err)
	}
}

// ReadFault says in a user's words that data could not be read. A fault passes.
func ReadFault(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return err
	}
	return fault.New(fault.Internal, ReadFailed, "The data could not be read from the server's disk.").
		WithHint("The server's log tells what the disk answers.").Because(err)
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
