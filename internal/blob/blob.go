// Package blob holds object bytes that are too large for kv: written once, read in
// ranges, deleted. A blob's id is chosen by the store; who needs it keeps it in kv.
//
// Drivers: blob/dirblob (files in a directory, the default) and blob/memblob. Every
// driver passes the suite in blob/blobtest.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

var (
	// ErrNotFound is returned for an id that names no blob.
	ErrNotFound = errors.New("blob: not found")
	// ErrClosed is returned after Close, and by a Writer that was committed or aborted.
	ErrClosed = errors.New("blob: closed")
)

// Store keeps blobs. All methods may be called from many goroutines. What the medium
// refuses (no space, read-only, broken) is answered with a *fault.Error: of the Kind
// Unavailable for writes, Internal for reads.
type Store interface {
	// Create starts a new blob. Nothing can be seen of it before Commit.
	Create(ctx context.Context) (Writer, error)

	// Open opens a blob for reading. Deleting it later does not disturb an open File.
	Open(ctx context.Context, id string) (File, error)

	// Delete removes a blob; one that does not exist is no error (idempotent). It is
	// not synced: a crash may bring the blob back, for the collector to delete again.
	Delete(ctx context.Context, id string) error

	// List calls fn for every committed blob in no particular order until fn returns
	// an error, which List returns. Blobs made or deleted meanwhile may be missed.
	List(ctx context.Context, fn func(Entry) error) error

	// Close releases the store. Open Files stay readable.
	Close() error
}

// Entry is what List tells of a blob.
type Entry struct {
	ID      string
	Size    int64
	Created time.Time
}

// Writer takes a new blob's bytes. It is used by one goroutine and must end with Commit
// or Abort.
type Writer interface {
	io.Writer

	// Commit makes the bytes durable, and only then returns the blob's id. After an
	// error the blob does not exist.
	Commit() (id string, err error)

	// Abort gives up the blob. After Commit it does nothing, so it may be deferred.
	Abort()
}

// File is an open blob.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}
