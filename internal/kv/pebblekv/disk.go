package pebblekv

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system as Pebble sees it: one on which writes do not fail, but take
// until they succeed.
//
// Pebble has no way back from a failed write of its log or its MANIFEST: it calls Fatalf,
// or panics, with its locks held. So such an operation is not let fail. It is held here
// and tried again until the disk takes it, and meanwhile the medium is said to fail, which
// refuses every Update at once (those under way give up waiting, see commit.go). Pebble
// holds no lock that readers need while it writes, so they go on, with the same memtables
// and the same tables. When the operation succeeds, everything continues where it stood:
// nothing is reopened and nothing was lost.
//
// A failed sync needs more than another try: the system may have forgotten that its pages
// are dirty, and would say yes to the next sync without having written them. So the log
// and the MANIFEST keep what they have not synced, and write it again before they sync
// again. Tables are too large for that; a table's failed sync is told to Pebble, which
// writes the table anew, once a small file could be written and synced.
//
// While the store opens, nothing is held: Open fails instead.
type disk struct {
	vfs.FS
	medium  *medium.Medium
	dir     string
	pause   time.Duration // before the second try; later ones wait up to twenty times as long
	opening atomic.Bool
	faulted atomic.Bool // an operation failed while the store opened

	// cut ends all writing, for a store that is closed while operations are held: they
	// must never be done later, when another store may have the directory. There is no
	// answer that Pebble could bear, so they never return.
	gate sync.RWMutex
	cut  bool
	lock io.Closer
}

const (
	firstPause = 50 * time.Millisecond
	// readPause is how long a failed read takes at least: a compaction is begun anew at
	// once when it could not read, which would keep a processor and the log busy.
	readPause = 25 * time.Millisecond
)

func (d *disk) Unwrap() vfs.FS { return d.FS }

// passes reports whether an error is an answer rather than a failure of the disk.
func passes(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrExist) || errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrInvalid)
}

// once does op unless the writing has ended; then it never returns.
func (d *disk) once(op func() error) error {
	d.gate.RLock()
	if d.cut {
		d.gate.RUnlock()
		select {}
	}
	defer d.gate.RUnlock()
	return op()
}

// must does op until it succeeds. Only an answer that another try cannot change is
// returned, and any error while the store opens.
func (d *disk) must(name string, op func() error) error {
	var release func()
	for n := 0; ; n++ {
		err := d.once(op)
		switch {
		case err == nil || passes(err):
			if release != nil {
				release()
			}
			return err
		case d.opening.Load():
			d.faulted.Store(true)
			return err
		case n == 0:
			continue // disks have hiccups
		case release == nil:
			release = d.medium.Hold(name, err)
		}
		d.rest(n)
	}
}

func (d *disk) rest(n int) { time.Sleep(min(d.pause<<min(n-1, 10), 20*d.pause)) }

// wait returns when a small file can be written and synced, at the earliest after a
// moment. It is for operations that cannot be tried again themselves.
func (d *disk) wait(name string, err error) {
	if d.opening.Load() {
		d.faulted.Store(true)
		return
	}
	release := d.medium.Hold(name, err)
	defer release()
	for n := 1; ; n++ {
		d.rest(n)
		if d.once(d.probe) == nil {
			return
		}
	}
}

// probe's file is removed by Pebble's next Open if the process ends before it is here.
func (d *disk) probe() (err error) {
	name := d.FS.PathJoin(d.dir, "temporary.000000.dbtmp")
	f, err := d.FS.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), d.FS.Remove(name)) }()
	if _, err := f.Write(make([]byte, 64<<10)); err != nil {
		return err
	}
	return f.Sync()
}

// end lets no write happen any more.
func (d *disk) end() error {
	d.gate.Lock()
	defer d.gate.Unlock()
	d.cut = true
	if d.lock != nil {
		return d.lock.Close()
	}
	return nil
}

func (d *disk) file(name string, f vfs.File) vfs.File {
	base := filepath.Base(name)
	if strings.HasSuffix(base, ".log") || strings.HasPrefix(base, "MANIFEST-") {
		return &journal{File: f, disk: d, name: name}
	}
	return &table{File: f, disk: d, name: name}
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = d.must(name, func() (err error) { f, err = d.FS.Create(name, c); return err })
	if err != nil {
		return nil, err
	}
	return d.file(name, f), nil
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = d.must(name, func() (err error) { f, err = d.FS.OpenReadWrite(name, c, opts...); return err })
	if err != nil {
		return nil, err
	}
	return d.file(name, f), nil
}

// ReuseForWrite is a rename and an opening: half of it may be done when it fails. A new
// file then does as well.
func (d *disk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = d.once(func() (err error) { f, err = d.FS.ReuseForWrite(old, name, c); return err })
	if err == nil {
		return d.file(name, f), nil
	}
	_ = d.once(func() error { return d.FS.Remove(old) }) // Pebble knows it no more; the next Open would remove it
	return d.Create(name, c)
}

func (d *disk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.Open(name, opts...)
	if err != nil {
		return nil, d.unread(err)
	}
	return &reading{f, d}, nil
}

func (d *disk) OpenDir(name string) (f vfs.File, err error) {
	err = d.must(name, func() (err error) { f, err = d.FS.OpenDir(name); return err })
	if err != nil {
		return nil, err
	}
	return &directory{f, d, name}, nil
}

func (d *disk) Link(old, name string) error {
	return d.must(name, func() error { return d.FS.Link(old, name) })
}

func (d *disk) Rename(old, name string) error {
	return d.must(name, func() error { return d.FS.Rename(old, name) })
}

func (d *disk) MkdirAll(dir string, perm os.FileMode) error {
	return d.must(dir, func() error { return d.FS.MkdirAll(dir, perm) })
}

// Removing may fail: Pebble's next Open removes what is left.
func (d *disk) Remove(name string) error { return d.once(func() error { return d.FS.Remove(name) }) }
func (d *disk) RemoveAll(name string) error {
	return d.once(func() error { return d.FS.RemoveAll(name) })
}

func (d *disk) Lock(name string) (io.Closer, error) {
	l, err := d.FS.Lock(name)
	if err == nil {
		d.lock = l
	}
	return l, err
}

// unread slows a failed read down.
func (d *disk) unread(err error) error {
	if err != nil && err != io.EOF && !passes(err) {
		time.Sleep(readPause)
	}
	return err
}

type reading struct {
	vfs.File
	disk *disk
}

func (f *reading) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	return n, f.disk.unread(err)
}

func (f *reading) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	return n, f.disk.unread(err)
}

type directory struct {
	vfs.File
	disk *disk
	name string
}

func (f *directory) Sync() error     { return f.disk.must(f.name, f.File.Sync) }
func (f *directory) SyncData() error { return f.disk.must(f.name, f.File.SyncData) }

// table is a file that Pebble writes anew when it fails.
type table struct {
	vfs.File
	disk *disk
	name string
}

func (f *table) Write(p []byte) (n int, err error) {
	err = f.disk.must(f.name, func() error {
		m, err := f.File.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

func (f *table) synced(err error) error {
	if err != nil {
		f.disk.wait(f.name, err)
	}
	return err
}

func (f *table) Sync() error     { return f.synced(f.disk.once(f.File.Sync)) }
func (f *table) SyncData() error { return f.synced(f.disk.once(f.File.SyncData)) }

func (f *table) SyncTo(length int64) (full bool, err error) {
	err = f.disk.once(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, f.synced(err)
}

// journal is a file that must get what is written to it. It is written and synced by one
// goroutine at a time.
type journal struct {
	vfs.File
	disk     *disk
	name     string
	at       int64  // where the next write goes
	unsynced []byte // what ends there and may not be on the disk yet
}

// keep is how large a buffer for what is not synced may stay when it is.
const keep = 1 << 20

func (f *journal) Write(p []byte) (int, error) {
	begin := len(f.unsynced)
	f.unsynced = append(f.unsynced, p...)
	// At a place, so that a write that was done in part can be done again.
	err := f.disk.must(f.name, func() error {
		_, err := f.File.WriteAt(f.unsynced[begin:], f.at)
		return err
	})
	if err != nil {
		f.unsynced = f.unsynced[:begin]
		return 0, err
	}
	f.at += int64(len(p))
	return len(p), nil
}

func (f *journal) sync(op func() error) error {
	again := false
	err := f.disk.must(f.name, func() error {
		if again {
			if _, err := f.File.WriteAt(f.unsynced, f.at-int64(len(f.unsynced))); err != nil {
				return err
			}
		}
		again = true
		return op()
	})
	if err == nil {
		if f.unsynced = f.unsynced[:0]; cap(f.unsynced) > keep {
			f.unsynced = nil
		}
	}
	return err
}

func (f *journal) Sync() error     { return f.sync(f.File.Sync) }
func (f *journal) SyncData() error { return f.sync(f.File.SyncData) }

func (f *journal) SyncTo(int64) (full bool, err error) { return true, f.SyncData() }

// Stat is asked for while the log is changed for a new one, when Pebble bears no error.
func (f *journal) Stat() (st vfs.FileInfo, err error) {
	err = f.disk.must(f.name, func() (err error) { st, err = f.File.Stat(); return err })
	return st, err
}

// Close has no say once everything is on the disk.
func (f *journal) Close() error {
	err := f.disk.once(f.File.Close)
	if len(f.unsynced) == 0 {
		return nil
	}
	return err
}
