// Package wire is what the server and its image workers say to each other over the
// worker's standard input and output: frames of a JSON header and a payload.
//
// The server sends a [Hello] and gets a [Ready]; then, for each image, it sends a [Job]
// with the image's bytes and gets a [Done] with the result's. A worker is not trusted:
// everything it says is bounded by the reader.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// MaxHeader bounds the bytes of a header. A process string may be 8 KiB.
const MaxHeader = 64 << 10

// Hello starts a worker.
type Hello struct {
	Memory int64 // bytes of memory it may use; 0 is no limit
}

// Ready answers a Hello. A worker that has a Fault ends afterwards.
type Ready struct {
	Version string // of libvips
	Fault   *Fault `json:",omitempty"`
}

// Job asks for one image; the payload is the source.
type Job struct {
	Process string // as image.Process.String gives it
}

// Done answers a Job; the payload is the result, empty with a Fault.
type Done struct {
	Fault         *Fault `json:",omitempty"`
	Format        string
	Width, Height int
}

// Fault is a fault.Error on the wire.
type Fault struct {
	Kind                         uint8
	Reason, Message, Hint, Cause string
	Params                       map[string]string `json:",omitempty"`
}

const maxCause = 4 << 10

// FromError makes the wire form of an error.
func FromError(err error) *Fault {
	e := fault.As(err)
	f := &Fault{Kind: uint8(e.Kind), Reason: string(e.Reason), Message: e.Message, Hint: e.Hint, Params: e.Params}
	if e.Err != nil {
		f.Cause = e.Err.Error()
		f.Cause = f.Cause[:min(len(f.Cause), maxCause)]
	}
	return f
}

// Error makes a fault of the wire form.
func (f *Fault) Error() *fault.Error {
	e := &fault.Error{Kind: fault.Kind(f.Kind), Reason: fault.Reason(f.Reason), Message: f.Message, Hint: f.Hint, Params: f.Params}
	if e.Kind > fault.Unsupported {
		e.Kind = fault.Internal
	}
	if f.Cause != "" {
		e.Err = errors.New(f.Cause)
	}
	return e
}

// WriteHeader starts a frame; the caller writes payload bytes after it.
func WriteHeader(w io.Writer, header any, payload int64) error {
	b, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if len(b) > MaxHeader {
		return fmt.Errorf("wire: header of %d bytes", len(b))
	}
	frame := make([]byte, 12, 12+len(b))
	binary.BigEndian.PutUint32(frame, uint32(len(b)))
	binary.BigEndian.PutUint64(frame[4:], uint64(payload))
	_, err = w.Write(append(frame, b...))
	return err
}

// ReadHeader reads the start of a frame and returns the length of its payload, which
// the caller reads next. It returns io.EOF only between frames.
func ReadHeader(r io.Reader, header any, maxPayload int64) (int64, error) {
	var fixed [12]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return 0, err
	}
	n, payload := binary.BigEndian.Uint32(fixed[:]), binary.BigEndian.Uint64(fixed[4:])
	if n > MaxHeader || payload > uint64(maxPayload) {
		return 0, fmt.Errorf("wire: frame of %d + %d bytes; at most %d + %d are allowed", n, payload, MaxHeader, maxPayload)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, noEOF(err)
	}
	if err := json.Unmarshal(b, header); err != nil {
		return 0, fmt.Errorf("wire: %w", err)
	}
	return int64(payload), nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
