package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/runner/frames"
)

// Handshake receives what the sandbox's first process hands over before it becomes the
// runtime: the listening sockets of its network namespace (HTTP, HTTPS, DNS), which the
// caller then owns, and its process id as seen from here.
//
// It must be the first read from Conn, and is only for isolated processes.
func (p *Proc) Handshake(limit time.Duration) (fds []int, pid int, err error) {
	p.Conn.SetReadDeadline(time.Now().Add(limit))
	defer p.Conn.SetReadDeadline(time.Time{})
	// Exactly the frame, which carries the rights: nothing of the next one.
	want := frames.Append(nil, frames.Sockets, nil)
	buf, oob := make([]byte, len(want)), make([]byte, 256)
	n, oobn, flags, _, err := p.Conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, 0, fmt.Errorf("the sandbox's first process did not report: %w", err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, 0, err
	}
	for i := range msgs {
		if r, err := unix.ParseUnixRights(&msgs[i]); err == nil {
			fds = append(fds, r...)
		} else if c, err := unix.ParseUnixCredentials(&msgs[i]); err == nil {
			pid = int(c.Pid)
		}
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	if string(buf[:n]) != string(want) || flags&unix.MSG_CTRUNC != 0 || len(fds) != 3 || pid <= 0 {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return nil, 0, errors.New("the sandbox's first process reported something else than its sockets")
	}
	return fds, pid, nil
}

// gift is what a spare's helper is told.
type gift struct {
	Code  string // below the store
	TmpMB int
}

// ErrOutside means that a code directory is not below the spare's store.
var ErrOutside = errors.New("the code directory is outside the store")

// Give shows a spare its code at /code and sets the size of its /tmp. When it returns
// without error, no other code can be reached from inside, and the helper that had the
// right to mount is gone. After an error the process must be killed.
func (p *Proc) Give(store, code string, tmpMB int, limit time.Duration) error {
	rel, err := filepath.Rel(store, code)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
		return fmt.Errorf("%w: %s", ErrOutside, code)
	}
	b, err := json.Marshal(gift{rel, tmpMB})
	if err != nil {
		return err
	}
	p.control.SetDeadline(time.Now().Add(limit))
	if _, err := p.control.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("giving code to instance %s: %w", p.ID, err)
	}
	// Until the end of the stream: only then is the helper gone.
	answer, err := io.ReadAll(io.LimitReader(p.control, 1024))
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("giving code to instance %s: %w", p.ID, err)
	}
	if string(answer) != "ok" {
		return fmt.Errorf("giving code to instance %s: %q", p.ID, answer)
	}
	p.control.Close()
	p.control = nil
	return nil
}

// mountHelper runs inside a spare's sandbox: it holds the one capability to mount, waits
// for its order, and ends. Mounting works for ordinary users too, since the mount
// namespace belongs to the sandbox's own user namespace. It is quicker than copying or
// hard-linking the code, and takes the same time whatever the size.
func mountHelper() error {
	f := os.NewFile(3, "control")
	unix.CloseOnExec(3)
	var g gift
	if err := json.NewDecoder(f).Decode(&g); err != nil {
		return err // the server is gone, or has no more use for this spare
	}
	err := mountCode(g)
	if err != nil {
		f.WriteString(err.Error())
		return err
	}
	_, err = f.WriteString("ok")
	return err
}

func mountCode(g gift) error {
	src := filepath.Join(storePath, filepath.Join("/", g.Code))
	if err := unix.Mount(src, CodePath, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s: %w", g.Code, err)
	}
	if err := unix.Mount("", CodePath, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mount %s read-only: %w", g.Code, err)
	}
	if err := unix.Unmount(storePath, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the store: %w", err)
	}
	if g.TmpMB > 0 {
		if err := unix.Mount("", "/tmp", "", unix.MS_REMOUNT|unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%dm", g.TmpMB)); err != nil {
			return fmt.Errorf("set the size of /tmp: %w", err)
		}
	}
	return nil
}
