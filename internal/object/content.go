package object

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc64"
	"io"
	"sync"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/medium"
)

const (
	// inlineMax is the most that a chunk holds. Under it, an object's data is a kv row
	// that shares the commit's sync; a file would need three syncs of its own (0.16 ms
	// against 0.48 ms alone, 4x the throughput among 16 writers, and no discards on
	// delete).
	inlineMax = 32 << 10

	// manifestRow is how many segments one row of a spilled list holds (some 60 B each).
	manifestRow = 500

	// fewSegments is how many segments stand in the object's own row.
	fewSegments = 64

	copyBuffer = 256 << 10
)

// Content says where an object's data lies: in segments, each a kv row (a chunk) or a
// blob. Segments can be shared between objects; see the tables in store.go.
type Content struct {
	ID       string    `cbor:"1,keyasint,omitempty"` // unique; empty: no data
	Segments []Segment `cbor:"2,keyasint,omitempty"`
	Spilled  int       `cbor:"3,keyasint,omitempty"` // rows of the list under tManifest, instead of Segments
}

// Segment is a run of an object's bytes. Exactly one of Chunk and Blob is set.
type Segment struct {
	Chunk string `cbor:"1,keyasint,omitempty"`
	Blob  string `cbor:"2,keyasint,omitempty"`
	Size  int64  `cbor:"3,keyasint"`
}

// single reports whether the data is one chunk: it is then read and deleted together
// with the object's row, and needs no collector.
func (c *Content) single() bool {
	return c.Spilled == 0 && len(c.Segments) == 1 && c.Segments[0].Chunk != ""
}

// received is data that has been read from a request and is not in kv yet: a blob that
// exists already, or bytes that go into the transaction.
type received struct {
	size  int64
	md5   []byte
	crc   uint64
	data  []byte // if blob is empty
	blob  string
	chunk string // the id that data gets

	buf  *[]byte // pooled, holds data
	gate *sync.RWMutex
	s    *Store
	used bool
}

// maybeUsed tells from a transaction's error whether what it names must stay: it was
// made, or may yet turn out to be. If it was not, the collector finds the blob.
func maybeUsed(err error) bool { return err == nil || errors.Is(err, kv.ErrUndecided) }

// release frees what receive took. Unless the transaction that names it committed (used),
// the blob is deleted.
func (r *received) release() {
	if r.blob != "" && !r.used {
		_ = r.s.blobs.Delete(context.Background(), r.blob) // else the collector finds it
	}
	if r.gate != nil {
		r.gate.RUnlock()
		r.gate = nil
	}
	if r.buf != nil {
		r.s.buffers.Put(r.buf)
		r.buf, r.data = nil, nil
	}
}

// etag is the MD5 as OSS prints it.
func (r *received) etag() string { return upperHex(r.md5) }

func upperHex(b []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 2*len(b))
	for i, c := range b {
		out[2*i], out[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(out)
}

var md5Pool = sync.Pool{New: func() any { return md5.New() }}

// receive reads a request's body, checks it against what the client announced, and puts
// large data into a blob. Nothing of it can be seen before a transaction names it. The
// caller must call release.
func (s *Store) receive(ctx context.Context, body io.Reader, size int64, wantMD5 []byte, wantSHA string) (r *received, err error) {
	if size > MaxObjectSize {
		return nil, tooLarge()
	}
	r = &received{s: s}
	defer func() {
		if err != nil {
			r.release()
		}
	}()
	m := md5Pool.Get().(hash.Hash)
	m.Reset()
	defer md5Pool.Put(m)
	var sha hash.Hash
	if wantSHA != "" {
		sha = sha256.New()
	}
	if body == nil {
		body, size = eof{}, 0
	}

	r.buf = s.buffers.Get().(*[]byte)
	head := (*r.buf)[:inlineMax+1]
	if size >= 0 && size <= inlineMax {
		head = head[:size]
	}
	n, ended, err := fill(body, head)
	if err != nil {
		return r, bodyFailed(err)
	}
	if ended && size >= 0 && int64(n) < min(size, inlineMax+1) {
		return r, incomplete(int64(n), size)
	}
	head = head[:n]
	m.Write(head)
	r.crc = crc64.Update(0, ecma, head)
	if sha != nil {
		sha.Write(head)
	}
	r.size = int64(n)
	if n <= inlineMax {
		r.data = head
	} else if err := r.toBlob(ctx, head, body, size, m, sha); err != nil {
		return r, err
	}
	r.md5 = m.Sum(make([]byte, 0, md5.Size))
	if wantMD5 != nil && subtle.ConstantTimeCompare(wantMD5, r.md5) != 1 {
		return r, fault.New(fault.Invalid, InvalidDigest, "The Content-MD5 you specified is not the MD5 of the data that arrived.").
			WithHint("Content-MD5 is the base64 of the 16 MD5 bytes of the body; was the body changed on the way?")
	}
	if sha != nil && hex.EncodeToString(sha.Sum(nil)) != wantSHA {
		return r, fault.New(fault.Invalid, InvalidDigest, "The x-oss-content-sha256 you specified is not the SHA-256 of the data that arrived.")
	}
	if r.blob == "" && r.size > 0 {
		if r.chunk, err = blob.NewID(s.now(), s.rand); err != nil {
			return r, err
		}
	}
	return r, nil
}

// fill reads until p is full or r has ended. Unlike io.ReadFull it tells r's own
// io.ErrUnexpectedEOF, which is a body cut short, from an end that came early for p.
func fill(r io.Reader, p []byte) (n int, ended bool, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

func tooLarge() error {
	return fault.New(fault.TooLarge, EntityTooLarge, "Your proposed upload exceeds the maximum allowed size of %d bytes.", int64(MaxObjectSize)).
		WithHint("Use a multipart upload for larger objects.")
}

func incomplete(got, want int64) error {
	return fault.New(fault.Invalid, IncompleteBody, "The body has %d bytes, but %d were announced; nothing was stored.", got, want)
}

func bodyFailed(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	return fault.New(fault.Invalid, IncompleteBody, "The body could not be read to its end; nothing was stored.").Because(err)
}

func (r *received) toBlob(ctx context.Context, head []byte, body io.Reader, size int64, m, sha hash.Hash) error {
	s := r.s
	w, err := s.blobs.Create(ctx)
	if err != nil {
		return medium.WriteFault(err)
	}
	defer w.Abort()
	if _, err := w.Write(head); err != nil {
		return medium.WriteFault(err)
	}
	big := s.large.Get().(*[]byte)
	defer s.large.Put(big)
	for {
		n, ended, rerr := fill(body, *big)
		p := (*big)[:n]
		if n > 0 {
			// Hash before writing: a driver may scribble over p.
			m.Write(p)
			r.crc = crc64.Update(r.crc, ecma, p)
			if sha != nil {
				sha.Write(p)
			}
			if _, err := w.Write(p); err != nil {
				return medium.WriteFault(err)
			}
			r.size += int64(n)
			if r.size > MaxObjectSize {
				return tooLarge()
			}
		}
		if rerr != nil {
			return bodyFailed(rerr)
		}
		if ended {
			if size >= 0 && r.size < size {
				return incomplete(r.size, size)
			}
			break
		}
	}
	// From here until the transaction has committed, the blob exists and nothing names
	// it: the gate keeps the collector away.
	s.gate.RLock()
	r.gate = &s.gate
	if r.blob, err = w.Commit(); err != nil {
		return medium.WriteFault(err)
	}
	return nil
}

// put writes the received data's rows and returns its segment; ok is false if there is
// no data.
func (r *received) put(tx kv.Txn) (seg Segment, ok bool) {
	switch {
	case r.size == 0:
		return Segment{}, false
	case r.blob != "":
		tx.Set(row.Key(tBlob, r.blob), row.U64(1))
		return Segment{Blob: r.blob, Size: r.size}, true
	default:
		tx.Set(row.Key(tChunk, r.chunk), r.data)
		return Segment{Chunk: r.chunk, Size: r.size}, true
	}
}

// content returns the content made of the received data alone.
func (r *received) content(tx kv.Txn) Content {
	seg, ok := r.put(tx)
	if !ok {
		return Content{}
	}
	return Content{ID: seg.Chunk + seg.Blob, Segments: []Segment{seg}}
}

// segments returns the list of c, wherever it stands.
func segments(rd kv.Reader, c *Content) ([]Segment, error) {
	if c.Spilled == 0 {
		return c.Segments, nil
	}
	list := make([]Segment, 0, c.Spilled*manifestRow)
	for i := range c.Spilled {
		v, err := rd.Get(manifestKey(c.ID, i))
		if err != nil {
			return nil, err
		}
		var part []Segment
		if err := row.Decode(v, &part); err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return list, nil
}

func manifestKey(id string, i int) []byte {
	return append(row.Key(tManifest, id), byte(i>>8), byte(i))
}

// newContent names a list of segments, spilling a long one.
func newContent(tx kv.Txn, id string, list []Segment) Content {
	if len(list) == 0 {
		return Content{}
	}
	c := Content{ID: id}
	if len(list) <= fewSegments {
		c.Segments = list
		return c
	}
	for len(list) > 0 {
		n := min(len(list), manifestRow)
		tx.Set(manifestKey(id, c.Spilled), row.Encode(list[:n]))
		c.Spilled++
		list = list[n:]
	}
	return c
}

// share counts one more owner of every segment.
func share(tx kv.Txn, list []Segment) error {
	for _, seg := range list {
		key, n := row.Key(tBlob, seg.Blob), uint64(0)
		if seg.Chunk != "" {
			key, n = row.Key(tShared, seg.Chunk), 1 // no row: one owner
		}
		v, err := tx.Get(key)
		if err == nil {
			n = row.ParseU64(v)
		} else if !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		tx.Set(key, row.U64(n+1))
	}
	return nil
}

// drop takes one owner from every segment, deletes the rows of those that have none left
// and returns their blobs, to be deleted after the commit.
func drop(tx kv.Txn, list []Segment) (blobs []string, err error) {
	for _, seg := range list {
		key, n := row.Key(tBlob, seg.Blob), uint64(0)
		if seg.Chunk != "" {
			key, n = row.Key(tShared, seg.Chunk), 1
		}
		v, err := tx.Get(key)
		if err == nil {
			n = row.ParseU64(v)
		} else if !errors.Is(err, kv.ErrNotFound) {
			return nil, err
		}
		if n > 1 {
			tx.Set(key, row.U64(n-1))
			continue
		}
		tx.Delete(key)
		if seg.Chunk != "" {
			tx.Delete(row.Key(tChunk, seg.Chunk))
		} else {
			blobs = append(blobs, seg.Blob)
		}
	}
	return blobs, nil
}

// discard gives up an object's or part's content. One chunk goes at once; anything else
// is handed to the collector, which spares what is still being read.
func (s *Store) discard(tx kv.Txn, c *Content) error {
	if c.ID == "" {
		return nil
	}
	if c.single() {
		_, err := drop(tx, c.Segments)
		return err
	}
	tx.Set(row.Key(tGarbage, string(row.U64(uint64(s.now().Add(grace).UnixMilli())))+c.ID), row.Encode(c))
	return nil
}
