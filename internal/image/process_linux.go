package image

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// widen gives a pipe a buffer of 1 MiB, which halves the switches between server and
// worker for an image of that size. Where that is not allowed the pipe works as it is.
func widen(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
	}
}

// isolate has the kernel kill the worker when the server is gone, and gives it a session
// and so a process group of its own: bubblewrap's child is in it from the start, so that
// killAll reaches it even before bubblewrap has tied it to itself.
func isolate(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
}

// killAll kills a worker and what it started, unless it is gone.
func killAll(c *exec.Cmd) {
	if c.Process.Signal(syscall.Signal(0)) == nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone meanwhile
	}
}
