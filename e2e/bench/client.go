package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// conn is a keep-alive HTTP/1.1 connection that does no more than the loads need: the
// client shares the server's cores, so what it saves, the server gets.
type conn struct {
	net.Conn
	r    *bufio.Reader
	body []byte
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, r: bufio.NewReaderSize(c, 32<<10)}, nil
}

// do writes a whole request and reads its answer. The body is valid until the next call.
func (c *conn) do(req []byte) (status int, body []byte, err error) {
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(req); err != nil {
		return 0, nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("odd status line %q", line)
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, nil, err
	}
	length, chunked := 0, false
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		k, v, _ := bytes.Cut(line, []byte(":"))
		v = bytes.TrimSpace(v)
		switch {
		case len(k) == 14 && bytes.EqualFold(k, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(v)); err != nil {
				return 0, nil, err
			}
		case len(k) == 17 && bytes.EqualFold(k, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	c.body = c.body[:0]
	if !chunked {
		c.body = slices.Grow(c.body, length)[:length]
		_, err = io.ReadFull(c.r, c.body)
		return status, c.body, err
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return 0, nil, err
		}
		at := len(c.body)
		c.body = slices.Grow(c.body, int(n)+2)[:at+int(n)+2]
		if _, err := io.ReadFull(c.r, c.body[at:]); err != nil {
			return 0, nil, err
		}
		c.body = c.body[:at+int(n)]
		if n == 0 {
			return status, c.body, nil
		}
	}
}

// result of a load.
type result struct {
	perSecond float64
	latencies []time.Duration // sorted
}

func (r result) percentile(p float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(len(r.latencies)-1, int(p/100*float64(len(r.latencies))))]
}

// load runs clients connections for a time, each sending what next gives for its n-th
// request into the buffer, and checks each answer.
func load(addr string, clients int, d time.Duration, next func(client, n int, buf []byte) []byte, check func(status int, body []byte) error) (result, error) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		all   []time.Duration
		errs  []error
		start = make(chan struct{})
		stop  time.Time
	)
	conns := make([]*conn, clients)
	for i := range conns {
		c, err := dial(addr)
		if err != nil {
			return result{}, err
		}
		defer c.Close()
		conns[i] = c
	}
	for i, c := range conns {
		wg.Go(func() {
			<-start
			mine := make([]time.Duration, 0, 1<<16)
			buf := make([]byte, 0, 8<<10)
			for n := 0; ; n++ {
				buf = next(i, n, buf[:0])
				begun := time.Now()
				if begun.After(stop) {
					break
				}
				status, body, err := c.do(buf)
				if err == nil {
					err = check(status, body)
				}
				if err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(begun))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	begun := time.Now()
	stop = begun.Add(d)
	close(start)
	wg.Wait()
	took := time.Since(begun)
	if len(errs) > 0 {
		return result{}, fmt.Errorf("%d of %d clients failed: %w", len(errs), clients, errors.Join(errs[:min(3, len(errs))]...))
	}
	slices.Sort(all)
	return result{perSecond: float64(len(all)) / took.Seconds(), latencies: all}, nil
}

func ok(status int, body []byte) error {
	if status != 200 {
		return fmt.Errorf("status %d: %.300s", status, body)
	}
	return nil
}

func okLen(n int) func(int, []byte) error {
	return func(status int, body []byte) error {
		if status == 200 && len(body) != n {
			return fmt.Errorf("%d bytes, want %d", len(body), n)
		}
		return ok(status, body)
	}
}
