package pebblekv

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// forgetful is a file system whose syncs fail as those of Linux do: what was to be
// written is taken for written, so that a later sync succeeds without having written it.
// Names are durable at once.
type forgetful struct {
	vfs.FS            // what programs see
	disk   *vfs.MemFS // what a power cut leaves
	mu     sync.Mutex
	rng    *rand.Rand
	fails  float64
	failed int
}

type forgetfulFile struct {
	vfs.File
	fs    *forgetful
	name  string
	disk  vfs.File
	mu    sync.Mutex
	at    int64
	dirty []dirtyRange
}

type dirtyRange struct {
	at   int64
	data []byte
}

func (f *forgetful) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	seen, err := f.FS.Create(name, c)
	if err != nil {
		return nil, err
	}
	disk, err := f.disk.Create(name, c)
	return &forgetfulFile{File: seen, fs: f, name: name, disk: disk}, err
}

func (f *forgetful) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	seen, err := f.FS.ReuseForWrite(old, name, c)
	if err != nil {
		return nil, err
	}
	disk, err := f.disk.ReuseForWrite(old, name, c)
	return &forgetfulFile{File: seen, fs: f, name: name, disk: disk}, err
}

func (f *forgetful) Remove(name string) error {
	if err := f.FS.Remove(name); err != nil {
		return err
	}
	return f.disk.Remove(name)
}

func (f *forgetful) Rename(old, name string) error {
	if err := f.FS.Rename(old, name); err != nil {
		return err
	}
	return f.disk.Rename(old, name)
}

func (f *forgetful) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.FS.MkdirAll(dir, perm); err != nil {
		return err
	}
	return f.disk.MkdirAll(dir, perm)
}

func (f *forgetfulFile) wrote(p []byte, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty = append(f.dirty, dirtyRange{at, p})
}

func (f *forgetfulFile) Write(p []byte) (int, error) {
	c := append([]byte(nil), p...)
	n, err := f.File.Write(p)
	f.wrote(c[:n], f.at)
	f.at += int64(n)
	return n, err
}

func (f *forgetfulFile) WriteAt(p []byte, at int64) (int, error) {
	c := append([]byte(nil), p...)
	n, err := f.File.WriteAt(p, at)
	f.wrote(c[:n], at)
	return n, err
}

func (f *forgetfulFile) Sync() error {
	f.fs.mu.Lock()
	fails := f.fs.rng.Float64() < f.fs.fails
	if fails {
		f.fs.failed++
	}
	f.fs.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	dirty := f.dirty
	f.dirty = nil
	if fails {
		return syscall.EIO
	}
	for _, d := range dirty {
		if _, err := f.disk.WriteAt(d.data, d.at); err != nil {
			return err
		}
	}
	return nil
}

func (f *forgetfulFile) SyncData() error                   { return f.Sync() }
func (f *forgetfulFile) SyncTo(int64) (full bool, e error) { return true, f.Sync() }

func (f *forgetfulFile) Close() error {
	if err := f.disk.Close(); err != nil {
		return err
	}
	return f.File.Close()
}

// What was acknowledged is on the disk, however often a sync failed before one succeeded.
func TestFailedSyncsForgetNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	fs := &forgetful{FS: vfs.NewMem(), disk: vfs.NewMem(), rng: rand.New(rand.NewPCG(seed, 0))}
	s, err := Open("db", Options{FS: fs, Cache: 4 << 20, pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	fs.mu.Lock()
	fs.fails = 0.4
	fs.mu.Unlock()
	var ts []*transfer
	for i := range 40 {
		tr := &transfer{id: fmt.Sprint(i)}
		tr.do(s)
		ts = append(ts, tr)
		if tr.err != nil {
			settled(t, s)
		}
	}
	fs.mu.Lock()
	fs.fails = 0
	if fs.failed < 5 {
		t.Errorf("%d syncs failed", fs.failed)
	}
	fs.mu.Unlock()
	settled(t, s)
	verify(t, "before the cut", s, ts, true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("db", Options{FS: fs.disk}); err != nil {
		t.Fatalf("seed %d: open after the cut: %v", seed, err)
	}
	defer s.Close()
	verify(t, fmt.Sprintf("seed %d, after the cut", seed), s, ts, true)
}
