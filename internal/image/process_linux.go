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

// dieWithParent has the kernel kill the worker when the server is gone.
func dieWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
