// Package blobtest is the suite that every blob driver passes.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
)

// Test runs the suite; open returns a new, empty store.
func Test(t *testing.T, open func(t *testing.T) blob.Store) {
	ctx := context.Background()
	put := func(t *testing.T, s blob.Store, data []byte) string {
		t.Helper()
		w, err := s.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		// A copy: Pebble's in-memory file system scribbles over what it was given in
		// race builds, to catch callers that count on it.
		if _, err := w.Write(bytes.Clone(data)); err != nil {
			t.Fatal(err)
		}
		id, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	list := func(t *testing.T, s blob.Store) map[string]int64 {
		t.Helper()
		got := map[string]int64{}
		if err := s.List(ctx, func(e blob.Entry) error { got[e.ID] = e.Size; return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}

	t.Run("WriteReadDelete", func(t *testing.T) {
		s := open(t)
		data := bytes.Repeat([]byte("kingfisher"), 1000)
		before := time.Now().Add(-time.Second)
		id := put(t, s, data)
		if created := blob.IDTime(id); created.Before(before) || created.After(time.Now()) {
			t.Errorf("id %s tells the time %v", id, created)
		}
		f, err := s.Open(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if f.Size() != int64(len(data)) {
			t.Errorf("size %d, want %d", f.Size(), len(data))
		}
		part := make([]byte, 10)
		if _, err := f.ReadAt(part, 5); err != nil || string(part) != "isherkingf" {
			t.Errorf("ReadAt 5: %q, %v", part, err)
		}
		if n, err := f.ReadAt(part, int64(len(data))-3); n != 3 || err != io.EOF {
			t.Errorf("ReadAt the end: %d, %v; want 3, EOF", n, err)
		}
		for range 2 { // idempotent
			if err := s.Delete(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size())); err != nil || !bytes.Equal(got, data) {
			t.Errorf("an open file is disturbed by Delete: %d bytes, %v", len(got), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Open(ctx, id); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open after Delete: %v, want ErrNotFound", err)
		}
	})

	t.Run("NoSuchID", func(t *testing.T) {
		s := open(t)
		for _, id := range []string{"", "x", "../../etc/passwd", "00000000000000000000000000000000"} {
			if _, err := s.Open(ctx, id); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Open(%q): %v, want ErrNotFound", id, err)
			}
			if err := s.Delete(ctx, id); err != nil {
				t.Errorf("Delete(%q): %v", id, err)
			}
		}
	})

	t.Run("InvisibleBeforeCommit", func(t *testing.T) {
		s := open(t)
		w, err := s.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("half")); err != nil {
			t.Fatal(err)
		}
		if got := list(t, s); len(got) != 0 {
			t.Errorf("an unfinished blob is listed: %v", got)
		}
		w.Abort()
		w.Abort()
		if _, err := w.Write([]byte("x")); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("Write after Abort: %v", err)
		}
		if _, err := w.Commit(); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("Commit after Abort: %v", err)
		}
		if got := list(t, s); len(got) != 0 {
			t.Errorf("an aborted blob is listed: %v", got)
		}
	})

	t.Run("Empty", func(t *testing.T) {
		s := open(t)
		id := put(t, s, nil)
		f, err := s.Open(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Size() != 0 {
			t.Errorf("size %d", f.Size())
		}
	})

	t.Run("ManyAtOnce", func(t *testing.T) {
		s := open(t)
		var mu sync.Mutex
		want := map[string]int64{}
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				id := put(t, s, bytes.Repeat([]byte{byte(i)}, i))
				mu.Lock()
				want[id] = int64(i)
				mu.Unlock()
			}()
		}
		wg.Wait()
		got := list(t, s)
		if len(got) != 40 {
			t.Fatalf("%d blobs listed, want 40", len(got))
		}
		for id, n := range want {
			if got[id] != n {
				t.Errorf("blob %s has %d bytes, want %d", id, got[id], n)
			}
		}
	})

	t.Run("Close", func(t *testing.T) {
		s := open(t)
		id := put(t, s, []byte("x"))
		f, err := s.Open(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("Create after Close: %v", err)
		}
		if _, err := s.Open(ctx, id); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("Open after Close: %v", err)
		}
		if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
			t.Errorf("an open file after Close: %v", err)
		}
	})
}
