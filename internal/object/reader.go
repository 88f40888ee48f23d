package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Head returns an object's Info: of a symlink itself, not of its target.
func (s *Store) Head(ctx context.Context, bucket, key string) (*Info, error) {
	b, err := s.GetBucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	var info *Info
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		info, err = objectIn(r, bucket, key)
		return err
	})
	if err != nil {
		return nil, wrap(err)
	}
	if info == nil {
		return nil, noSuchKey(key)
	}
	info.Owner = b.Owner
	return info, nil
}

// Reader is an object opened for reading: its Info and, on demand, its data as they were
// at one moment. A later overwrite or delete does not disturb it. Close it.
type Reader struct {
	Info *Info
	Link *Info // the symlink that led here, or nil

	store  *Store
	inline []byte  // the data of a single chunk
	buf    *[]byte // pooled, holds inline
	list   []Segment
	pinned string
}

// Get opens an object; a symlink leads to its target, in one step. The caller must Close
// the Reader.
func (s *Store) Get(ctx context.Context, bucket, key string) (*Reader, error) {
	b, err := s.GetBucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	rd := &Reader{store: s}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		info, err := objectIn(r, bucket, key)
		if err != nil {
			return err
		}
		if info == nil {
			return noSuchKey(key)
		}
		if info.Kind == Symlink {
			rd.Link = info
			if info, err = objectIn(r, bucket, info.Target); err != nil {
				return err
			}
			if info == nil {
				return fault.New(fault.NotFound, SymlinkTargetNotExist, "The target %q of the symbolic link does not exist.", rd.Link.Target)
			}
			if info.Kind == Symlink {
				return fault.New(fault.Invalid, InvalidTargetType, "The target %q of the symbolic link is itself a symbolic link.", rd.Link.Target)
			}
		}
		rd.Info = info
		if !info.Content.single() {
			rd.list, err = segments(r, &info.Content)
			return err
		}
		v, err := r.Get(row.Key(tChunk, info.Content.Segments[0].Chunk))
		if err != nil {
			return err
		}
		rd.buf = s.buffers.Get().(*[]byte)
		rd.inline = (*rd.buf)[:copy(*rd.buf, v)]
		return nil
	})
	if err != nil {
		return nil, wrap(err)
	}
	rd.Info.Owner = b.Owner
	if len(rd.list) > 0 {
		rd.pinned = rd.Info.Content.ID
		s.pin(rd.pinned)
	}
	return rd, nil
}

// Close releases the data. It may be called more than once.
func (r *Reader) Close() error {
	if r.buf != nil {
		r.store.buffers.Put(r.buf)
		r.buf, r.inline = nil, nil
	}
	if r.pinned != "" {
		r.store.unpin(r.pinned)
		r.pinned, r.list = "", nil
	}
	return nil
}

// Bytes returns the whole data if it is in memory already, which small objects' is; it is
// valid until Close.
func (r *Reader) Bytes() ([]byte, bool) {
	return r.inline, r.inline != nil || r.Info.Size == 0
}

// WriteRange writes n bytes from offset off to w and returns how many it wrote. Files
// are handed to w's ReadFrom, so that a socket can use sendfile.
func (r *Reader) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if off < 0 || n < 0 || off+n > r.Info.Size {
		return 0, errors.New("object: range outside the data")
	}
	if r.inline != nil {
		m, err := w.Write(r.inline[off : off+n])
		return int64(m), err
	}
	written := int64(0)
	for _, seg := range r.list {
		if n == 0 {
			break
		}
		if off >= seg.Size {
			off -= seg.Size
			continue
		}
		k := min(n, seg.Size-off)
		m, err := r.store.writeSegment(w, seg, off, k)
		written += m
		if err != nil {
			return written, err
		}
		n, off = n-k, 0
	}
	return written, nil
}

func (s *Store) writeSegment(w io.Writer, seg Segment, off, n int64) (int64, error) {
	if seg.Chunk != "" {
		data, err := s.chunk(seg)
		if err != nil {
			return 0, err
		}
		m, err := w.Write(data[off : off+n])
		return int64(m), err
	}
	f, err := s.blobs.Open(context.Background(), seg.Blob)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if o, ok := f.(interface{ OSFile() *os.File }); ok {
		if _, err := o.OSFile().Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
		return io.CopyN(w, o.OSFile(), n)
	}
	return io.Copy(w, io.NewSectionReader(f, off, n))
}

func (s *Store) chunk(seg Segment) (data []byte, err error) {
	err = s.kv.View(context.Background(), func(r kv.Reader) error {
		v, err := r.Get(row.Key(tChunk, seg.Chunk))
		data = bytes.Clone(v)
		return err
	})
	return data, err
}

// Open returns a reader over the whole data. It is valid until Close.
func (r *Reader) Open() io.Reader { return r.OpenRange(0, r.Info.Size) }

// OpenRange returns a reader over n bytes from offset off.
func (r *Reader) OpenRange(off, n int64) io.Reader {
	if r.inline != nil {
		return bytes.NewReader(r.inline[off : off+n])
	}
	return &rangeReader{r: r, off: off, left: n}
}

// rangeReader reads segment after segment, holding one blob open at a time.
type rangeReader struct {
	r         *Reader
	off, left int64
	end       int64 // of the segment that cur reads
	cur       io.Reader
	file      blob.File
}

func (g *rangeReader) Read(p []byte) (int, error) {
	for {
		if g.left == 0 {
			g.close()
			return 0, io.EOF
		}
		if g.cur == nil {
			if err := g.next(); err != nil {
				return 0, err
			}
		}
		n, err := g.cur.Read(p[:min(int64(len(p)), g.left)])
		g.off, g.left = g.off+int64(n), g.left-int64(n)
		if err == io.EOF {
			g.close()
			err = nil
			if g.off < g.end { // shorter than its row says: never spin on it
				return n, io.ErrUnexpectedEOF
			}
		}
		if n > 0 || err != nil {
			if g.left == 0 {
				g.close()
			}
			return n, err
		}
	}
}

func (g *rangeReader) close() {
	if g.file != nil {
		_ = g.file.Close() // it was only read
	}
	g.cur, g.file = nil, nil
}

func (g *rangeReader) next() error {
	off := g.off
	for _, seg := range g.r.list {
		if off >= seg.Size {
			off -= seg.Size
			continue
		}
		g.end = g.off - off + seg.Size
		if seg.Chunk != "" {
			data, err := g.r.store.chunk(seg)
			if err != nil {
				return err
			}
			g.cur = bytes.NewReader(data[off:])
			return nil
		}
		f, err := g.r.store.blobs.Open(context.Background(), seg.Blob)
		if err != nil {
			return err
		}
		g.file, g.cur = f, io.NewSectionReader(f, off, seg.Size-off)
		return nil
	}
	return io.ErrUnexpectedEOF
}

// Check returns nil, or a fault with Reason PreconditionFailed or NotModified. Dates are
// compared in whole seconds, as HTTP shows them.
func (c Conditions) Check(i *Info) error {
	failed := func(name string) error {
		return fault.New(fault.Precondition, PreconditionFailed, "At least one of the pre-conditions you specified did not hold.").With("Condition", name)
	}
	notModified := fault.New(fault.Precondition, NotModified, "The object was not modified.")
	modified := i.Modified.Truncate(time.Second)
	switch {
	case c.IfMatch != "" && !matchETag(c.IfMatch, i.ETag):
		return failed("If-Match")
	case !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return failed("If-Unmodified-Since")
	case c.IfNoneMatch != "" && matchETag(c.IfNoneMatch, i.ETag):
		return notModified
	case !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince):
		return notModified
	}
	return nil
}

func matchETag(list, etag string) bool {
	for e := range strings.SplitSeq(list, ",") {
		e = trimWeak(strings.TrimSpace(e))
		if e == "*" || strings.EqualFold(e, etag) {
			return true
		}
	}
	return false
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (s *Store) newID() (string, error) { return blob.NewID(s.now(), s.rand) }
