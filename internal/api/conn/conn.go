// Package conn saves a system call per answer: net/http writes an answer's head and body
// through a buffer of 4 KiB, so that a body of 4 KiB goes out in two writes. A handler that
// knows that more follows has the first one held back and sent together with the second.
package conn

import (
	"context"
	"io"
	"net"
)

// Listen wraps l, so that its TCP connections can hold a write back. The server must use
// Context as its http.Server.ConnContext.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok && err == nil {
		return &conn{TCPConn: t}, nil
	}
	return c, err
}

// conn is used by one goroutine at a time as far as writes go: net/http's.
type conn struct {
	*net.TCPConn // promotes what net/http looks for, such as CloseWrite
	hold         bool
	held         []byte
}

type key struct{}

// Context puts a connection into the context of its requests.
func Context(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, key{}, c)
	}
	return ctx
}

// HoldNext holds the next write of a request's connection back until another one follows.
// It may only be called if the answer is certain to take two writes: its body must have
// 4096 bytes or more and be written by the handler. On other connections it does nothing.
func HoldNext(ctx context.Context) {
	if c, ok := ctx.Value(key{}).(*conn); ok {
		c.hold = true
	}
}

func (c *conn) Write(p []byte) (int, error) {
	if c.hold {
		c.hold = false
		c.held = append(c.held[:0], p...)
		return len(p), nil
	}
	if len(c.held) == 0 {
		return c.TCPConn.Write(p)
	}
	n := int64(len(c.held))
	both := net.Buffers{c.held, p}
	m, err := both.WriteTo(c.TCPConn)
	c.held = c.held[:0]
	return int(max(m-n, 0)), err
}

// ReadFrom lets net/http use sendfile.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	c.hold = false
	if len(c.held) > 0 {
		_, err := c.TCPConn.Write(c.held)
		c.held = c.held[:0]
		if err != nil {
			return 0, err
		}
	}
	return c.TCPConn.ReadFrom(r)
}
