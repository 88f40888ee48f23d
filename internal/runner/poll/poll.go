// Package poll watches many file descriptors from one goroutine.
//
// An idle instance has an output pipe, a process descriptor and three listening sockets.
// A goroutine blocked on each would cost some 30 KB and five goroutines per instance;
// here they all share one epoll descriptor, which is itself parked in the Go runtime's
// own poller, so an idle instance costs none.
package poll

import (
	"encoding/binary"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Loop calls a function when a descriptor becomes readable. All functions run on the
// loop's one goroutine, one after the other: they must not block.
type Loop struct {
	file *os.File
	fd   int
	done chan struct{}

	mu   sync.Mutex
	next uint64
	fn   map[uint64]func(Handle)
}

// Handle names one watched descriptor.
type Handle uint64

// New starts a loop. Close ends it.
func New() (*Loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not use the runtime's poller
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	l := &Loop{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, done: make(chan struct{}), fn: map[uint64]func(Handle){}}
	rc, err := l.file.SyscallConn()
	if err != nil {
		l.file.Close()
		return nil, err
	}
	go l.run(rc)
	return l, nil
}

func event(key uint64, events uint32) *unix.EpollEvent {
	// Fd and Pad together are the 64 bits that the kernel gives back untouched.
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], key)
	return &unix.EpollEvent{Events: events,
		Fd: int32(binary.NativeEndian.Uint32(b[:4])), Pad: int32(binary.NativeEndian.Uint32(b[4:]))}
}

func key(e *unix.EpollEvent) uint64 {
	var b [8]byte
	binary.NativeEndian.PutUint32(b[:4], uint32(e.Fd))
	binary.NativeEndian.PutUint32(b[4:], uint32(e.Pad))
	return binary.NativeEndian.Uint64(b[:])
}

// Add calls fn whenever fd is readable or hung up, until Remove. fn must read what there
// is, or remove fd: otherwise it is called again at once.
func (l *Loop) Add(fd int, fn func(Handle)) (Handle, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	k := l.next // never reused: a late event of a closed descriptor finds no function
	l.fn[k] = fn
	if err := unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, fd, event(k, unix.EPOLLIN)); err != nil {
		delete(l.fn, k)
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	return Handle(k), nil
}

// Remove ends the watch of fd, which must still be open. fn may be running on the loop
// at this moment, but is not called again.
func (l *Loop) Remove(h Handle, fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.fn[uint64(h)]; !ok {
		return
	}
	delete(l.fn, uint64(h))
	unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, fd, nil)
}

// Close ends the loop and waits for a function that is running.
func (l *Loop) Close() error {
	err := l.file.Close()
	<-l.done
	return err
}

func (l *Loop) run(rc syscall.RawConn) {
	defer close(l.done)
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		err := rc.Read(func(fd uintptr) bool {
			for {
				var err error
				n, err = unix.EpollWait(int(fd), events, 0)
				if err == unix.EINTR {
					continue
				}
				return n > 0 || err != nil
			}
		})
		if err != nil {
			return // closed
		}
		for i := range max(n, 0) {
			l.mu.Lock()
			k := key(&events[i])
			fn := l.fn[k]
			l.mu.Unlock()
			if fn != nil {
				fn(Handle(k))
			}
		}
	}
}
