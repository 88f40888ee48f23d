package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/runner/frames"
)

// Command is the first argument that makes the alcedo binary call [Init] with the rest.
const Command = "sandbox-init"

const (
	argSpare = "--spare" // a helper stays that mounts the code later
	argFork  = "--fork"  // start the helper and end, so that it is nobody's child
	argMount = "--mount" // be the helper
)

// Init is the first program inside a sandbox. It opens the sockets on which the cloud's
// endpoints answer, hands them to the server, gives up every capability, loads the
// seccomp filter and becomes the runtime. It returns only on failure.
func Init(args []string) error {
	// Capabilities and seccomp belong to a thread; exec makes this one the process.
	runtime.LockOSThread()
	if len(args) == 0 {
		return errors.New("usage: alcedo " + Command + " [" + argSpare + "] COMMAND… (started by the server only)")
	}
	if args[0] != argFork && args[0] != argMount {
		// What runs from here on cannot reach bubblewrap's process group with signals.
		if _, err := unix.Setsid(); err != nil {
			return os.NewSyscallError("setsid", err)
		}
	}
	switch args[0] {
	case argFork:
		c := exec.Command("/proc/self/exe", Command, argMount)
		c.ExtraFiles = []*os.File{os.NewFile(4, "control")}
		if err := c.Start(); err != nil {
			return err
		}
		os.Exit(0)
	case argMount:
		if err := mountHelper(); err != nil {
			return err
		}
		os.Exit(0)
	case argSpare:
		args = args[1:]
		unix.CloseOnExec(4)
		c := exec.Command("/proc/self/exe", Command, argFork)
		c.ExtraFiles = []*os.File{nil, os.NewFile(4, "control")}
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("starting the mount helper: %w", err)
		}
	}
	if err := handOver(); err != nil {
		return err
	}
	if err := confine(); err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", args[0], syscall.Exec(args[0], args, os.Environ()))
}

func handOver() error {
	var fds []int
	for _, s := range []struct{ typ, port int }{{unix.SOCK_STREAM, 80}, {unix.SOCK_STREAM, 443}, {unix.SOCK_DGRAM, 53}} {
		fd, err := unix.Socket(unix.AF_INET, s.typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: s.port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return fmt.Errorf("bind port %d inside the sandbox: %w", s.port, err)
		}
		if s.typ == unix.SOCK_STREAM {
			if err := unix.Listen(fd, 128); err != nil {
				return os.NewSyscallError("listen", err)
			}
		}
		fds = append(fds, fd)
	}
	err := unix.Sendmsg(3, frames.Append(nil, frames.Sockets, nil), unix.UnixRights(fds...), nil, 0)
	return os.NewSyscallError("sendmsg", err)
}

// confine gives up what the first process needed and the runtime must not have.
func confine() error {
	for c := range 64 {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err == unix.EINVAL {
			break // past the last capability of this kernel
		} else if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&hdr, &none[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	// What the server itself was started with by somebody careless ends here.
	if err := unix.CloseRange(4, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		for fd := 4; fd < 1024; fd++ { // Linux before 5.11
			unix.CloseOnExec(fd)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	return loadSeccomp()
}

func loadSeccomp() error {
	prog, err := filter()
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0); err != nil {
		return fmt.Errorf("load the seccomp filter: %w", err)
	}
	return nil
}
