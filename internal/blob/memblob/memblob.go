// Package memblob is a blob driver that keeps everything in memory. It is real: it
// passes the whole suite, but nothing in it outlives the process.
package memblob

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
)

// Store is the driver. The zero value is not ready; use New.
type Store struct {
	mu     sync.RWMutex
	blobs  map[string][]byte
	closed bool
}

// New returns an empty store.
func New() *Store { return &Store{blobs: map[string][]byte{}} }

func (s *Store) Create(context.Context) (blob.Writer, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, blob.ErrClosed
	}
	return &writer{store: s}, nil
}

func (s *Store) Open(_ context.Context, id string) (blob.File, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, blob.ErrClosed
	}
	b, ok := s.blobs[id]
	if !ok {
		return nil, blob.ErrNotFound
	}
	return file{bytes.NewReader(b)}, nil
}

func (s *Store) Delete(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return blob.ErrClosed
	}
	delete(s.blobs, id)
	return nil
}

func (s *Store) List(ctx context.Context, fn func(blob.Entry) error) error {
	s.mu.RLock()
	entries := make([]blob.Entry, 0, len(s.blobs))
	for id, b := range s.blobs {
		entries = append(entries, blob.Entry{ID: id, Size: int64(len(b)), Created: blob.IDTime(id)})
	}
	closed := s.closed
	s.mu.RUnlock()
	if closed {
		return blob.ErrClosed
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

type writer struct {
	store *Store
	buf   []byte
	done  bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, blob.ErrClosed
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *writer) Commit() (string, error) {
	if w.done {
		return "", blob.ErrClosed
	}
	w.done = true
	id, err := blob.NewID(time.Now(), rand.Reader)
	if err != nil {
		return "", err
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.closed {
		return "", blob.ErrClosed
	}
	w.store.blobs[id] = w.buf
	return id, nil
}

func (w *writer) Abort() { w.done, w.buf = true, nil }

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }
