// Package dirblob keeps blobs as files in a directory, sharded over 256 subdirectories
// by the last byte of their random ids.
//
// A blob is written to a temporary file, synced, renamed into place, and the shard's
// directory synced; only then has it an id. A live file is never opened for writing.
//
// What the disk refuses is answered with a *fault.Error, and leaves at most a temporary
// file behind, which the next Open removes.
package dirblob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const tmpDir = "tmp"

// Options of Open; the zero value is fine.
type Options struct {
	FS     vfs.FS           // default: the operating system's
	Medium *medium.Medium   // what refuses new blobs when the disk is full; default: none
	Now    func() time.Time // default: time.Now
	Rand   io.Reader        // default: crypto/rand
}

// Store is the driver.
type Store struct {
	fs     vfs.FS
	medium *medium.Medium
	root   string
	now    func() time.Time
	rand   io.Reader
	next   atomic.Uint64 // temporary names
	closed atomic.Bool
}

// Open opens the store in dir, making it if needed, and removes what an interrupted
// process left half-written.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{fs: o.FS, medium: o.Medium, root: dir, now: o.Now, rand: o.Rand}
	if s.fs == nil {
		s.fs = vfs.Default
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	made := false
	tmp := s.fs.PathJoin(dir, tmpDir)
	for _, d := range append([]string{tmp}, s.shards()...) {
		if _, err := s.fs.Stat(d); err == nil {
			continue
		}
		if err := s.fs.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("blob directory: %w", err)
		}
		made = true
	}
	if made {
		for _, d := range []string{dir, s.fs.PathDir(dir)} {
			if err := s.syncDir(d); err != nil {
				return nil, fmt.Errorf("blob directory: %w", err)
			}
		}
	}
	left, err := s.fs.List(tmp)
	if err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	for _, name := range left {
		if err := s.fs.Remove(s.fs.PathJoin(tmp, name)); err != nil {
			return nil, fmt.Errorf("blob directory: %w", err)
		}
	}
	return s, nil
}

func (s *Store) shards() []string {
	dirs := make([]string, 256)
	for i := range dirs {
		dirs[i] = s.fs.PathJoin(s.root, fmt.Sprintf("%02x", i))
	}
	return dirs
}

func (s *Store) syncDir(dir string) error {
	d, err := s.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Store) shard(id string) string { return s.fs.PathJoin(s.root, id[len(id)-2:]) }

func (s *Store) path(id string) (string, error) {
	if blob.IDTime(id).IsZero() {
		return "", blob.ErrNotFound
	}
	return s.fs.PathJoin(s.shard(id), id), nil
}

func (s *Store) Create(context.Context) (blob.Writer, error) {
	if s.closed.Load() {
		return nil, blob.ErrClosed
	}
	if err := s.grow(0); err != nil {
		return nil, err
	}
	tmp := s.fs.PathJoin(s.root, tmpDir, fmt.Sprintf("%d-%d", os.Getpid(), s.next.Add(1)))
	f, err := s.fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, medium.WriteFault(err)
	}
	return &writer{store: s, f: f, tmp: tmp}, nil
}

// grow asks for n bytes of the disk.
func (s *Store) grow(n int) error {
	if s.medium == nil {
		return nil
	}
	return s.medium.Grow(n)
}

func (s *Store) Open(_ context.Context, id string) (blob.File, error) {
	if s.closed.Load() {
		return nil, blob.ErrClosed
	}
	path, err := s.path(id)
	if err != nil {
		return nil, err
	}
	// The operating system's own file can be sent with sendfile; see OSFile.
	if s.fs == vfs.Default {
		f, err := os.Open(path)
		if err != nil {
			return nil, notFound(err)
		}
		st, err := f.Stat()
		if err != nil {
			return nil, medium.ReadFault(errors.Join(err, f.Close()))
		}
		return osFile{f, st.Size()}, nil
	}
	f, err := s.fs.Open(path)
	if err != nil {
		return nil, notFound(err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, medium.ReadFault(errors.Join(err, f.Close()))
	}
	return vfsFile{f, st.Size()}, nil
}

func notFound(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return blob.ErrNotFound
	}
	return medium.ReadFault(err)
}

func (s *Store) Delete(_ context.Context, id string) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	path, err := s.path(id)
	if err != nil {
		return nil
	}
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return medium.WriteFault(err)
	}
	return nil
}

func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	for _, dir := range s.shards() {
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := s.fs.List(dir)
		if err != nil {
			return medium.ReadFault(err)
		}
		for _, id := range names {
			created := blob.IDTime(id)
			if created.IsZero() {
				continue // not ours
			}
			st, err := s.fs.Stat(s.fs.PathJoin(dir, id))
			if errors.Is(err, os.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return medium.ReadFault(err)
			}
			if err := fn(blob.Entry{ID: id, Size: st.Size(), Created: created}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}

type writer struct {
	store *Store
	f     vfs.File
	tmp   string
	done  bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	if err := w.store.grow(len(p)); err != nil {
		return 0, err
	}
	n, err := w.f.Write(p)
	return n, medium.WriteFault(err)
}

func (w *writer) Commit() (id string, err error) {
	if w.done {
		return "", blob.ErrClosed
	}
	w.done = true
	s := w.store
	defer func() {
		if err != nil {
			_ = s.fs.Remove(w.tmp) // a leftover is removed at the next Open
			err = medium.WriteFault(err)
		}
	}()
	if err := w.f.Sync(); err != nil {
		return "", errors.Join(err, w.f.Close())
	}
	if err := w.f.Close(); err != nil {
		return "", err
	}
	id, err = blob.NewID(s.now(), s.rand)
	if err != nil {
		return "", err
	}
	path := s.fs.PathJoin(s.shard(id), id)
	if err := s.fs.Rename(w.tmp, path); err != nil {
		return "", err
	}
	if err := s.syncDir(s.shard(id)); err != nil {
		_ = s.fs.Remove(path) // never named: at worst an orphan for the collector
		return "", err
	}
	return id, nil
}

func (w *writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	_ = w.f.Close()
	_ = w.store.fs.Remove(w.tmp) // a leftover is removed at the next Open
}

type osFile struct {
	*os.File
	size int64
}

func (f osFile) Size() int64 { return f.size }

// OSFile returns the operating system's file, for sendfile.
func (f osFile) OSFile() *os.File { return f.File }

type vfsFile struct {
	vfs.File
	size int64
}

func (f vfsFile) Size() int64 { return f.size }

func (f osFile) ReadAt(p []byte, off int64) (int, error) { return read(f.File.ReadAt(p, off)) }

func (f vfsFile) ReadAt(p []byte, off int64) (int, error) { return read(f.File.ReadAt(p, off)) }

func read(n int, err error) (int, error) {
	if err != nil && err != io.EOF {
		err = medium.ReadFault(err)
	}
	return n, err
}
