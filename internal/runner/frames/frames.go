// Package frames is the protocol between the server and the runtime inside an instance:
// length-prefixed messages on one Unix stream socket, which the runtime holds as file
// descriptor 3.
//
// A frame is a 4-byte big-endian length, one type byte and a body; the length counts the
// type byte and the body. Bodies are binary, and the event and the result are raw bytes:
// on the warm path nothing is encoded as JSON. All integers are big-endian.
//
//	server → instance
//	  Assign  JSON: the code to load and everything about it that does not change
//	  Hook    which:u8 (HookInit, HookStop) + request head
//	  Invoke  call:u32 + request head + event, to the end of the frame
//	instance → server
//	  Sockets the first process hands over its listening sockets (SCM_RIGHTS)
//	  Booted  the runtime runs and waits for Assign
//	  Loaded  status:u8 + error JSON: the answer to Assign
//	  Hooked  status:u8 + error JSON: the answer to Hook
//	  Result  call:u32 + status:u8 + payload
//	  Output  call:u32 + bytes written by that call (only with several calls at once;
//	          otherwise output is what arrives on the output pipe)
//
// A request head is five strings, each with a 2-byte length: request id, access key id,
// access key secret, security token, and the retry count in decimal.
//
// The other side of the socket is code of strangers: every length is checked before
// anything is allocated for it.
package frames

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Frame types.
const (
	Assign  = 'A'
	Hook    = 'H'
	Invoke  = 'V'
	Sockets = 'F'
	Booted  = 'B'
	Loaded  = 'L'
	Hooked  = 'D'
	Result  = 'R'
	Output  = 'O'
)

// Hooks that a Hook frame can ask for.
const (
	HookInit = 0
	HookStop = 1
)

// Statuses in Loaded, Hooked and Result.
const (
	OK        = 0
	Unhandled = 1 // the handler threw; the instance can go on
	Handled   = 2 // Node.js: callback(err)
	Fatal     = 3 // as Unhandled, and the instance must not be used again
)

// MaxPayload is the most bytes an event or a result may have: what FC allows for a
// synchronous invocation.
const MaxPayload = 32 << 20

const maxBody = MaxPayload + 64<<10

var (
	// ErrTooLarge is returned by Read for a frame that announces more than MaxPayload.
	ErrTooLarge = errors.New("frame exceeds the payload limit")
	errShort    = errors.New("frame is too short for its type")
)

// Head is what an instance is told about one request besides its event.
type Head struct {
	RequestID                                   string
	AccessKeyID, AccessKeySecret, SecurityToken string
	RetryCount                                  int
}

func appendString(b []byte, s string) []byte {
	if len(s) > 0xffff {
		s = "" // a token of over 64 KiB is not one we made; never cut a secret in half
	}
	b = append(b, byte(len(s)>>8), byte(len(s)))
	return append(b, s...)
}

func appendHead(b []byte, h *Head) []byte {
	b = appendString(b, h.RequestID)
	b = appendString(b, h.AccessKeyID)
	b = appendString(b, h.AccessKeySecret)
	b = appendString(b, h.SecurityToken)
	if h.RetryCount == 0 {
		return append(b, 0, 1, '0')
	}
	return appendString(b, fmt.Sprint(h.RetryCount))
}

// Append adds a frame of the given type with body to b.
func Append(b []byte, typ byte, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)+1))
	b = append(b, typ)
	return append(b, body...)
}

// AppendHook adds a Hook frame to b.
func AppendHook(b []byte, which byte, h *Head) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0, Hook, which)
	b = appendHead(b, h)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// AppendInvoke adds an Invoke frame to b, without its event: the caller writes the
// eventLen bytes of it next, so that a large event is never copied.
func AppendInvoke(b []byte, call uint32, h *Head, eventLen int) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0, Invoke)
	b = binary.BigEndian.AppendUint32(b, call)
	b = appendHead(b, h)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4+eventLen))
	return b
}

// Frame is one message from an instance.
type Frame struct {
	Type   byte
	Call   uint32 // Result, Output
	Status byte   // Loaded, Hooked, Result
	Body   []byte // what is left; belongs to the receiver
}

// Read reads one frame. It returns io.EOF only between frames; a frame cut short is
// io.ErrUnexpectedEOF. After any error the stream cannot be read further.
func Read(r *bufio.Reader) (Frame, error) {
	var f Frame
	// Peek instead of ReadFull: a local array handed to an interface would escape.
	h, err := r.Peek(5)
	if err != nil {
		if err == io.EOF && len(h) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return f, err
	}
	n := int(binary.BigEndian.Uint32(h))
	f.Type = h[4]
	if n < 1 {
		return f, errShort
	}
	if n > maxBody {
		return f, fmt.Errorf("%w: %d bytes", ErrTooLarge, n)
	}
	r.Discard(5)
	n--
	fixed := 0
	switch f.Type {
	case Result:
		fixed = 5
	case Output:
		fixed = 4
	case Loaded, Hooked:
		fixed = 1
	case Booted, Sockets:
	default:
		return f, fmt.Errorf("unknown frame type %q", f.Type)
	}
	if n < fixed {
		return f, errShort
	}
	if fixed > 0 {
		h, err := r.Peek(fixed)
		if err != nil {
			return f, unexpected(err)
		}
		switch f.Type {
		case Result:
			f.Call, f.Status = binary.BigEndian.Uint32(h), h[4]
		case Output:
			f.Call = binary.BigEndian.Uint32(h)
		default:
			f.Status = h[0]
		}
		r.Discard(fixed)
		n -= fixed
	}
	if n == 0 {
		return f, nil
	}
	// Allocate as bytes arrive: an instance that announces 32 MB and sends nothing
	// must not cost 32 MB.
	const step = 1 << 20
	f.Body = make([]byte, min(n, step))
	for at := 0; ; {
		if _, err := io.ReadFull(r, f.Body[at:]); err != nil {
			return f, unexpected(err)
		}
		at = len(f.Body)
		if at == n {
			return f, nil
		}
		next := make([]byte, min(n, at*4))
		copy(next, f.Body)
		f.Body = next
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
