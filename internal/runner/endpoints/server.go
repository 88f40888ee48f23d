package endpoints

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/runner/ca"
	"github.com/alcedo-storage/alcedo/internal/runner/poll"
)

// Sockets are what an instance's first process hands over. They belong to the instance's
// network namespace: only that instance can reach them.
type Sockets struct {
	HTTP, HTTPS, DNS int // file descriptors
}

// Server serves the sockets of all instances with one HTTP server. An instance that does
// nothing costs no goroutine.
type Server struct {
	loop  *poll.Loop
	http  *http.Server
	tls   *tls.Config
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

type ownerKey struct{}

// Owner returns what was given to [Server.Attach] for the instance that a request came
// from, or nil.
func Owner(ctx context.Context) any { return ctx.Value(ownerKey{}) }

// New starts a server whose requests go to h. A nil h answers 503.
func New(loop *poll.Loop, authority *ca.Authority, h http.Handler) *Server {
	if h == nil {
		h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no endpoint is wired to the functions of this server", http.StatusServiceUnavailable)
		})
	}
	s := &Server{loop: loop, conns: make(chan net.Conn, 64), done: make(chan struct{})}
	s.tls = &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hi *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if !Served(hi.ServerName) {
				return nil, fmt.Errorf("%q is not an endpoint that functions can reach", hi.ServerName)
			}
			return authority.Leaf(hi.ServerName)
		},
	}
	s.http = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // broken handshakes of user code are not our news
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			if o, ok := c.(*conn); ok {
				ctx = context.WithValue(ctx, ownerKey{}, o.at.owner)
			}
			return ctx
		},
	}
	go s.http.Serve(listener{s})
	return s
}

// Close ends the server and its connections; attached sockets stay open.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.done) })
	return s.http.Close()
}

// Attachment is one instance's sockets being served.
type Attachment struct {
	s       *Server
	owner   any
	fds     [3]int
	handles [3]poll.Handle

	mu     sync.Mutex
	closed bool
	open   map[*conn]struct{}
}

// Attach serves an instance's sockets, which the attachment then owns. owner is what
// [Owner] returns for requests that arrive on them.
func (s *Server) Attach(k Sockets, owner any) (*Attachment, error) {
	a := &Attachment{s: s, owner: owner, fds: [3]int{k.HTTP, k.HTTPS, k.DNS}, open: map[*conn]struct{}{}}
	for i, fd := range a.fds {
		err := unix.SetNonblock(fd, true)
		if err == nil {
			fn := a.accept(fd, i == 1)
			if i == 2 {
				fn = a.answer(fd)
			}
			a.handles[i], err = s.loop.Add(fd, fn)
		}
		if err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// Close stops serving the instance and closes its sockets and connections.
func (a *Attachment) Close() {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	a.closed = true
	conns := make([]*conn, 0, len(a.open))
	for c := range a.open {
		conns = append(conns, c)
	}
	for i, fd := range a.fds {
		a.s.loop.Remove(a.handles[i], fd)
		unix.Close(fd)
	}
	a.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// maxConns bounds what one instance can make the server hold.
const maxConns = 256

func (a *Attachment) accept(fd int, secure bool) func(poll.Handle) {
	return func(poll.Handle) {
		for {
			// The lock keeps Close from closing fd under us, and its number from being
			// given to another file in between.
			a.mu.Lock()
			if a.closed {
				a.mu.Unlock()
				return
			}
			nfd, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			full := len(a.open) >= maxConns
			a.mu.Unlock()
			if err != nil {
				if err == unix.EINTR || err == unix.ECONNABORTED {
					continue
				}
				return
			}
			if full {
				unix.Close(nfd)
				continue
			}
			f := os.NewFile(uintptr(nfd), "endpoint")
			nc, err := net.FileConn(f)
			f.Close()
			if err != nil {
				continue
			}
			c := &conn{Conn: nc, at: a}
			a.mu.Lock()
			a.open[c] = struct{}{}
			a.mu.Unlock()
			var out net.Conn = c
			if secure {
				out = tls.Server(c, a.s.tls)
			}
			select {
			case a.s.conns <- out:
			case <-a.s.done:
				c.Close()
				return
			}
		}
	}
}

func (a *Attachment) answer(fd int) func(poll.Handle) {
	in, out := make([]byte, 1500), make([]byte, 0, 512)
	return func(poll.Handle) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.closed {
			return
		}
		for range 64 { // then let other instances have their turn
			n, from, err := unix.Recvfrom(fd, in, unix.MSG_DONTWAIT)
			if err != nil {
				if err == unix.EINTR {
					continue
				}
				return
			}
			if m := Answer(out, in[:n]); m != nil && from != nil {
				unix.Sendto(fd, m, unix.MSG_DONTWAIT, from)
			}
		}
	}
}

type conn struct {
	net.Conn
	at *Attachment
}

func (c *conn) Close() error {
	c.at.mu.Lock()
	delete(c.at.open, c)
	c.at.mu.Unlock()
	return c.Conn.Close()
}

type listener struct{ s *Server }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.s.conns:
		return c, nil
	case <-l.s.done:
		return nil, net.ErrClosed
	}
}
func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

var errNoSockets = errors.New("the instance handed over no sockets")

// FromRights makes Sockets of the descriptors received, in the order HTTP, HTTPS, DNS.
// Descriptors that are too many are closed.
func FromRights(fds []int) (Sockets, error) {
	if len(fds) != 3 {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return Sockets{}, errNoSockets
	}
	return Sockets{fds[0], fds[1], fds[2]}, nil
}
