package object

import "io"

// Reader is an object opened for reading: its Info and, on demand, its data as they were
// at one moment. A later overwrite or delete does not disturb it. Close it.
type Reader struct {
	Info *Info
	Link *Info // the symlink that led here, or nil

	inline []byte
	store  *Store
	pinned []string
}

// WriteRange writes n bytes from offset off to w. It uses sendfile where w allows.
func (r *Reader) WriteRange(w io.Writer, off, n int64) (int64, error) { return r.writeRange(w, off, n) }

// Open returns a reader over the whole data.
func (r *Reader) Open() io.Reader { return r.open() }

// Close releases the data. It may be called more than once.
func (r *Reader) Close() error { return r.close() }
