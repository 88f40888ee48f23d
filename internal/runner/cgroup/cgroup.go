// Package cgroup limits the memory, processor time and number of processes of an
// instance, with control groups of version 2 or 1, whichever holds each controller.
//
// Groups are made below the group that the server itself runs in, so that limits set on
// the server (by systemd, a container engine) hold for its functions too.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of one instance; a zero field sets no limit.
type Limits struct {
	Memory int64   // bytes, everything charged: heap, page cache that cannot be dropped, files in /tmp
	CPU    float64 // processors
	Pids   int
}

// Manager makes groups. It is safe for concurrent use.
type Manager struct {
	prefix string
	v2     string            // directory to make groups in; empty: no usable v2
	v1     map[string]string // controller → directory
}

// Open finds where groups can be made. name (letters, digits) tells this server's groups
// from those of others; what a crashed server of that name left is killed and removed.
// record is a file of the server's own that remembers where groups were made.
//
// An error means that there is no group to be had; a Manager may lack single
// controllers, see [Manager.HasMemory].
func Open(name, record string) (*Manager, error) {
	m := &Manager{prefix: "alcedo-" + name + "-", v1: map[string]string{}}
	if b, err := os.ReadFile(record); err == nil {
		for _, dir := range strings.Fields(string(b)) {
			clean(dir, m.prefix)
		}
	}
	own, err := ownGroups()
	if err != nil {
		return nil, err
	}
	mounts, err := findMounts()
	if err != nil {
		return nil, err
	}
	for _, mt := range mounts {
		for _, c := range mt.controllers {
			switch c {
			case "memory", "cpu", "pids":
				if dir := mt.dir(own[c]); usable(dir, m.prefix) {
					m.v1[c] = dir
				}
			case "": // v2
				if dir := mt.dir(own[""]); m.delegate(dir) {
					m.v2 = dir
				}
			}
		}
	}
	var dirs []string
	if m.v2 != "" {
		dirs = append(dirs, m.v2)
	}
	for _, d := range m.v1 {
		dirs = append(dirs, d)
	}
	if len(dirs) == 0 {
		return nil, errors.New("no control group is writable: run the server as root, or under systemd with Delegate=yes")
	}
	for _, d := range dirs {
		clean(d, m.prefix)
	}
	return m, os.WriteFile(record, []byte(strings.Join(dirs, "\n")+"\n"), 0o600)
}

// HasMemory reports whether memory is limited by the kernel; if not, somebody has to
// watch it.
func (m *Manager) HasMemory() bool { return m.v2 != "" || m.v1["memory"] != "" }

type mount struct {
	root, point string
	controllers []string // v1 names; v2: one empty string
}

// dir is where group g of /proc/self/cgroup is seen below the mount.
func (m mount) dir(g string) string {
	if g == "" {
		return ""
	}
	if rel, ok := strings.CutPrefix(g, m.root); ok && m.root != "/" {
		g = rel
	}
	return filepath.Join(m.point, g)
}

func ownGroups() (map[string]string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	own := map[string]string{}
	for l := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(l), ":", 3)
		if len(f) == 3 {
			for c := range strings.SplitSeq(f[1], ",") {
				own[c] = f[2]
			}
		}
	}
	return own, nil
}

func findMounts() (ms []mount, err error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(string(b)) {
		before, after, ok := strings.Cut(strings.TrimSpace(l), " - ")
		f, a := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(a) < 3 {
			continue
		}
		switch a[0] {
		case "cgroup2":
			ms = append(ms, mount{f[3], f[4], []string{""}})
		case "cgroup":
			ms = append(ms, mount{f[3], f[4], strings.Split(a[2], ",")})
		}
	}
	return ms, nil
}

func usable(dir, prefix string) bool {
	if dir == "" {
		return false
	}
	probe := filepath.Join(dir, prefix+"probe")
	os.Remove(probe)
	if os.Mkdir(probe, 0o755) != nil {
		return false
	}
	return os.Remove(probe) == nil
}

// delegate makes dir a v2 group whose children can have limits. A group with processes
// in it cannot; if they are all our own, they move into a child first.
func (m *Manager) delegate(dir string) bool {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil || !bytes.Contains(have, []byte("memory")) || !usable(dir, m.prefix) {
		return false
	}
	want := ""
	for _, c := range []string{"memory", "cpu", "pids"} {
		if bytes.Contains(have, []byte(c)) {
			want += "+" + c + " "
		}
	}
	control := filepath.Join(dir, "cgroup.subtree_control")
	err = write(control, want)
	if errors.Is(err, unix.EBUSY) {
		b, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		self := strconv.Itoa(os.Getpid())
		if strings.TrimSpace(string(b)) != self {
			return false
		}
		leaf := filepath.Join(dir, "alcedo-server")
		if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return false
		}
		if write(filepath.Join(leaf, "cgroup.procs"), self) != nil {
			return false
		}
		err = write(control, want)
	}
	return err == nil
}

func write(name, s string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// clean kills and removes the groups of an earlier server. A process in a frozen group
// cannot even be killed, so they are thawed first.
func clean(dir, prefix string) {
	old, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
	for _, d := range old {
		write(filepath.Join(d, "cgroup.freeze"), "0")
		write(filepath.Join(d, "freezer.state"), "THAWED")
		remove(d, 2*time.Second)
	}
}

func kill(dir string) {
	b, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for p := range strings.FieldsSeq(string(b)) {
		if pid, err := strconv.Atoi(p); err == nil && pid > 1 && pid != os.Getpid() {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// remove ends what is still in a group (without a sandbox, a function's children outlive
// it) and waits for the kernel to let go of the last dying process.
func remove(dir string, limit time.Duration) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if wait > limit {
			return err
		}
		kill(dir)
		time.Sleep(wait)
	}
}

// Group is the control group of one instance.
type Group struct {
	memory, cpu, pids string // directories; empty: no such controller
	v2                bool

	mu   sync.Mutex
	stat *os.File // the memory statistics, kept open
}

// New makes a group without limits.
func (m *Manager) New(id string) (*Group, error) {
	g := &Group{}
	mk := func(base string) (string, error) {
		if base == "" {
			return "", nil
		}
		d := filepath.Join(base, m.prefix+id)
		if err := os.Mkdir(d, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		return d, nil
	}
	var err error
	if m.v2 != "" {
		g.v2 = true
		g.memory, err = mk(m.v2)
		g.cpu, g.pids = g.memory, g.memory
		return g, err
	}
	for c, d := range map[string]*string{"memory": &g.memory, "cpu": &g.cpu, "pids": &g.pids} {
		if *d, err = mk(m.v1[c]); err != nil {
			g.Remove()
			return nil, err
		}
	}
	return g, nil
}

// Set sets the limits that are not zero.
func (g *Group) Set(l Limits) error {
	var errs []error
	set := func(dir, file, value string, must bool) {
		if dir == "" {
			return
		}
		if err := write(filepath.Join(dir, file), value); err != nil && must {
			errs = append(errs, err)
		}
	}
	if l.Memory > 0 {
		v := strconv.FormatInt(l.Memory, 10)
		if g.v2 {
			set(g.memory, "memory.max", v, true)
			set(g.memory, "memory.swap.max", "0", false)
			set(g.memory, "memory.oom.group", "1", false)
		} else {
			set(g.memory, "memory.limit_in_bytes", v, true)
			set(g.memory, "memory.memsw.limit_in_bytes", v, false) // absent without swap accounting
		}
	}
	if l.CPU > 0 {
		const period = 100_000 // µs
		quota := max(int(l.CPU*period), 1000)
		if g.v2 {
			set(g.cpu, "cpu.max", fmt.Sprintf("%d %d", quota, period), true)
		} else {
			set(g.cpu, "cpu.cfs_period_us", strconv.Itoa(period), true)
			set(g.cpu, "cpu.cfs_quota_us", strconv.Itoa(quota), true)
		}
	}
	if l.Pids > 0 {
		set(g.pids, "pids.max", strconv.Itoa(l.Pids), true)
	}
	return errors.Join(errs...)
}

// Background gives the group little processor time while others want it, or the usual
// share again.
func (g *Group) Background(on bool) {
	if g.cpu == "" {
		return
	}
	if g.v2 {
		write(filepath.Join(g.cpu, "cpu.weight"), map[bool]string{true: "5", false: "100"}[on])
	} else {
		write(filepath.Join(g.cpu, "cpu.shares"), map[bool]string{true: "50", false: "1024"}[on])
	}
}

// Add moves a process with all its threads into the group; what it starts later follows.
func (g *Group) Add(pid int) error {
	var errs []error
	for i, d := range []string{g.memory, g.cpu, g.pids} {
		if d != "" && (i == 0 || !g.v2) {
			errs = append(errs, write(filepath.Join(d, "cgroup.procs"), strconv.Itoa(pid)))
		}
	}
	return errors.Join(errs...)
}

// Anon is the memory in use that is not backed by a file, in bytes: what the processes
// allocated, without the page cache and without files in /tmp.
func (g *Group) Anon() (int64, error) {
	if g.memory == "" {
		return 0, errors.New("no memory controller")
	}
	key := []byte("\nrss ")
	if g.v2 {
		key = []byte("anon ")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stat == nil {
		f, err := os.Open(filepath.Join(g.memory, "memory.stat"))
		if err != nil {
			return 0, err
		}
		g.stat = f
	}
	var b [4096]byte
	n, err := g.stat.ReadAt(b[:], 0)
	if n == 0 && err != nil {
		return 0, err
	}
	return field(b[:n], key)
}

func field(b, key []byte) (int64, error) {
	i := bytes.Index(b, key)
	if i < 0 {
		return 0, fmt.Errorf("no %q in memory.stat", bytes.TrimSpace(key))
	}
	b = b[i+len(key):]
	if j := bytes.IndexByte(b, '\n'); j >= 0 {
		b = b[:j]
	}
	return strconv.ParseInt(string(b), 10, 64)
}

// OOMKilled reports whether the kernel killed a process of the group for its memory.
func (g *Group) OOMKilled() bool {
	if g.memory == "" {
		return false
	}
	name := "memory.oom_control"
	if g.v2 {
		name = "memory.events"
	}
	b, err := os.ReadFile(filepath.Join(g.memory, name))
	if err != nil {
		return false
	}
	n, err := field(b, []byte("\noom_kill "))
	return err == nil && n > 0
}

// Remove kills what is left in the group and removes it once the last process is gone; it
// waits some seconds for that at most. Further calls do nothing.
func (g *Group) Remove() error {
	g.mu.Lock()
	if g.stat != nil {
		g.stat.Close()
		g.stat = nil
	}
	g.mu.Unlock()
	var errs []error
	for i, d := range []string{g.memory, g.cpu, g.pids} {
		if d != "" && (i == 0 || !g.v2) {
			errs = append(errs, remove(d, 2*time.Second))
		}
	}
	return errors.Join(errs...)
}
