// Package sandbox starts the process of one instance: inside a bubblewrap sandbox, or,
// where an operator asks for it explicitly, as a plain child process.
//
// What a sandboxed process sees: /usr (and where its interpreter lives) read-only, an
// /etc of our making, its own code read-only at /code, a private /tmp with a size limit,
// a minimal /dev and /proc, its own processes only, and a network namespace with nothing
// in it but a loopback on which the cloud's endpoints answer. It has no capability, not
// even over its own namespaces, and a seccomp filter refuses the system calls that have
// no place in a function.
package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Paths inside the sandbox.
const (
	CodePath    = "/code"
	BootPath    = "/var/alcedo/boot"    // the bootstraps
	ModulesPath = "/var/alcedo/modules" // what set-up installed: the runtimes' built-in modules
	PHPPath     = "/var/alcedo/php"     // PHP modules, where they are kept elsewhere
	selfPath    = "/var/alcedo/alcedo"
	storePath   = "/var/alcedo/store" // spare instances only, and only until they get code
)

// Spec says what to start.
type Spec struct {
	ID   string   // also the host name inside
	Argv []string // the runtime; Argv[0] is absolute
	Env  []string
	// Code is the directory to show read-only at /code. Empty starts a spare: it gets
	// its code later, by [Proc.Give], from below Store.
	Code, Store string
	TmpMB       int
	Prefix      string // where the interpreter lives, if not below /usr; bound read-only
	Scratch     string // process driver: a private directory that exists
}

// Driver starts processes. The thread that starts a process must outlive it (see
// [Threads]); drivers see to that.
type Driver interface {
	Start(Spec) (*Proc, error)
	// Isolated reports whether processes are in a sandbox with sockets of their own.
	Isolated() bool
	Close()
}

// Proc is a started process. Its owner closes what it holds, with Close.
type Proc struct {
	ID      string
	Process *os.Process   // leads its session and process group
	PidFD   int           // becomes readable when the process ends; -1: not supported
	Conn    *net.UnixConn // frames
	Out     int           // read end of standard output and standard error, non-blocking
	control *os.File      // spares: the socket of the process that mounts the code

	mu     sync.Mutex
	reaped bool
}

// Close releases descriptors; it does not end the process.
func (p *Proc) Close() {
	p.Conn.Close()
	if p.Out >= 0 {
		unix.Close(p.Out)
		p.Out = -1
	}
	if p.PidFD >= 0 {
		unix.Close(p.PidFD)
		p.PidFD = -1
	}
	if p.control != nil {
		p.control.Close()
	}
}

// Kill ends the process and everything it started, at any moment of its life, and lets
// Handshake return at once. It does nothing after Wait.
//
// It kills the process group, not the process. Bubblewrap's child asks to die with its
// parent only just before it runs a program; a parent killed earlier would leave it
// waiting, for ever if it had not been told yet that its user is mapped, and with it our
// end of the socket open. In the sandbox it is process 1, so its end is everybody's, and
// it never leaves the group: only [Init], which is its child, begins a session.
// Without a sandbox, what has left the group lives on until [Sweep].
func (p *Proc) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		unix.Kill(-p.Process.Pid, unix.SIGKILL)
	}
}

// Wait waits until the process has ended, and ends what it left behind as Kill does. It
// must be called once for every process.
func (p *Proc) Wait() (*os.ProcessState, error) {
	// Until it is reaped, its id and its group's belong to nobody else.
	for unix.Waitid(unix.P_PID, p.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.Kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	return p.Process.Wait()
}

// Threads is the one operating-system thread from which processes are started.
//
// "Die with the parent" (PR_SET_PDEATHSIG) means with the parent's *thread*: a child
// started from an ordinary goroutine would be killed whenever the Go runtime retires the
// thread that happened to run it.
type Threads struct {
	work chan func()
	done chan struct{}
}

func newThreads() *Threads {
	t := &Threads{work: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(t.done)
		for f := range t.work {
			f()
		}
	}()
	return t
}

func (t *Threads) do(f func()) {
	wait := make(chan struct{})
	t.work <- func() { f(); close(wait) }
	<-wait
}

// Close ends the thread, and with it what was started from it.
func (t *Threads) Close() {
	close(t.work)
	<-t.done
}

// spawn starts argv with the ends of a socket as descriptor 3 and extra files after it.
func (t *Threads) spawn(id string, argv, env []string, dir string, spare bool, extra ...*os.File) (_ *Proc, err error) {
	conn, child, err := socketpair()
	if err != nil {
		return nil, err
	}
	p := &Proc{ID: id, Conn: conn, PidFD: -1, Out: -1}
	theirs := []*os.File{child}
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			p.Close()
		}
	}()
	if spare {
		mine, control, err := socketpairFiles()
		if err != nil {
			return nil, err
		}
		p.control = mine
		theirs = append(theirs, control)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	out := os.NewFile(uintptr(pipe[1]), "output")
	defer out.Close()
	p.Out = pipe[0]
	if err := unix.SetNonblock(p.Out, true); err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files := append([]*os.File{null, out, out}, theirs...)
	files = append(files, extra...)
	pidfd := -1
	t.do(func() {
		p.Process, err = os.StartProcess(argv[0], argv, &os.ProcAttr{Dir: dir, Env: env, Files: files,
			Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true, PidFD: &pidfd}})
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	p.PidFD = pidfd
	return p, nil
}

func socketpairFiles() (mine, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "instance"), os.NewFile(uintptr(fds[1]), "server"), nil
}

func socketpair() (*net.UnixConn, *os.File, error) {
	mine, theirs, err := socketpairFiles()
	if err != nil {
		return nil, nil, err
	}
	defer mine.Close()
	// The kernel then tells us the sender's process id, in our own terms.
	if err := unix.SetsockoptInt(int(fdOf(mine)), unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		theirs.Close()
		return nil, nil, os.NewSyscallError("setsockopt", err)
	}
	c, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	uc, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		theirs.Close()
		return nil, nil, errors.New("socketpair is no Unix socket")
	}
	return uc, theirs, nil
}

// fdOf is f.Fd without its side effect of making the descriptor blocking.
func fdOf(f *os.File) (fd uintptr) {
	if rc, err := f.SyscallConn(); err == nil {
		rc.Control(func(n uintptr) { fd = n })
	}
	return fd
}
