package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// BwrapConfig says where the parts of a sandbox are on the host.
type BwrapConfig struct {
	Self    string // the alcedo binary; it becomes the sandbox's first process
	Etc     string // made by [BuildEtc]
	Boot    string // the bootstraps
	Modules string // may not exist yet when an instance starts: then it has no built-in modules
	PHP     string // PHP modules kept elsewhere; may be empty
	Owner   string // names the server for [Sweep]
}

type bwrap struct {
	*Threads
	path string
	cfg  BwrapConfig
	base []string
}

// NewBwrap finds bubblewrap and proves that it works for this user.
func NewBwrap(cfg BwrapConfig) (Driver, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, fault.New(fault.Unavailable, "SandboxMissing", "bubblewrap (bwrap) is not installed; functions run inside it.").
			WithHint("Install it, for example with: apt-get install bubblewrap. Or run functions without any isolation by choosing the sandbox \"process\".").Because(err)
	}
	if cfg.Self, err = filepath.Abs(cfg.Self); err != nil {
		return nil, err
	}
	b := &bwrap{path: path, cfg: cfg}
	b.base = []string{
		"--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0",
		"--cap-drop", "ALL", "--cap-add", "CAP_NET_BIND_SERVICE", "--cap-add", "CAP_SETPCAP",
		"--die-with-parent", // Init begins the new session; see Kill
		"--ro-bind", "/usr", "/usr",
	}
	for _, d := range []string{"/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"} {
		if to, err := os.Readlink(d); err == nil {
			b.base = append(b.base, "--symlink", to, d)
		} else if _, err := os.Stat(d); err == nil {
			b.base = append(b.base, "--ro-bind", d, d)
		}
	}
	b.base = append(b.base,
		"--ro-bind", cfg.Etc, "/etc",
		"--dev", "/dev", "--size", fmt.Sprint(64<<20), "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
		"--ro-bind", cfg.Self, selfPath,
		"--ro-bind", cfg.Boot, BootPath,
		// import of an ES module looks for node_modules in every parent directory of
		// /code, and never at NODE_PATH.
		"--symlink", ModulesPath+"/nodejs/node_modules", "/node_modules",
		"--symlink", "/tmp", "/var/tmp", "--symlink", "/tmp", "/run",
	)
	if cfg.Modules != "" {
		b.base = append(b.base, "--ro-bind-try", cfg.Modules, ModulesPath)
	}
	if cfg.PHP != "" {
		b.base = append(b.base, "--ro-bind-try", cfg.PHP, PHPPath)
	}
	// /proc read-only: as long as the server is root, so is the sandbox's user outside,
	// and the kernel lets that user write /proc/sys whatever its capabilities are.
	proof := append(append([]string{}, b.base...), "--proc", "/proc", "--remount-ro", "/proc", "--", "/usr/bin/env", "true")
	if out, err := exec.Command(path, proof...).CombinedOutput(); err != nil {
		return nil, fault.New(fault.Unavailable, "SandboxBroken", "bubblewrap does not work for this user: %s", strings.TrimSpace(string(out))).
			WithHint("It needs unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0, kernel.apparmor_restrict_unprivileged_userns=0).").Because(err)
	}
	b.Threads = newThreads()
	return b, nil
}

func (b *bwrap) Isolated() bool { return true }

// args are bubblewrap's for one instance, without the command. The order counts: what
// comes later is mounted over what came before.
func (b *bwrap) args(s Spec) []string {
	a := append([]string{}, b.base...)
	a = append(a, "--hostname", s.ID, "--proc", "/proc", "--remount-ro", "/proc",
		"--size", fmt.Sprint(int64(max(s.TmpMB, 1))<<20), "--perms", "1777", "--tmpfs", "/tmp")
	if s.Prefix != "" && s.Prefix != "/usr" && !strings.HasPrefix(s.Prefix, "/usr/") {
		a = append(a, "--ro-bind", s.Prefix, s.Prefix)
	}
	if s.Code == "" {
		a = append(a, "--cap-add", "CAP_SYS_ADMIN", "--dir", CodePath, "--ro-bind", s.Store, storePath)
	} else {
		a = append(a, "--ro-bind", s.Code, CodePath)
	}
	a = append(a, "--remount-ro", "/", "--chdir", CodePath, "--clearenv")
	for _, e := range s.Env {
		k, v, _ := strings.Cut(e, "=")
		a = append(a, "--setenv", k, v)
	}
	return a
}

func (b *bwrap) Start(s Spec) (*Proc, error) {
	spare := s.Code == ""
	if spare && s.Store == "" {
		return nil, errors.New("sandbox: an instance needs code, or a store to get it from")
	}
	// The arguments hold the function's environment: through a file, not the command
	// line, which everybody on the host can read.
	fd, err := unix.MemfdCreate("args", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "args")
	defer f.Close()
	if _, err := f.WriteString(strings.Join(b.args(s), "\x00") + "\x00"); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	argv := []string{b.path, "--args", "4", "--", selfPath, Command}
	if spare {
		argv[2] = "5"
		argv = append(argv, argSpare)
	}
	argv = append(argv, s.Argv...)
	// Nothing of the function's environment reaches bubblewrap itself: LD_PRELOAD would
	// be code that runs outside the sandbox.
	return b.spawn(s.ID, argv, []string{"PATH=/usr/bin:/bin", ownerVar + b.cfg.Owner}, "/", spare, f)
}
