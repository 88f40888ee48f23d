package oss

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

// discard is a ResponseWriter that costs nothing.
type discard struct {
	h      http.Header
	status int
	n      int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

// rewind is a body that can be sent again.
type rewind struct{ *bytes.Reader }

func (rewind) Close() error { return nil }

func bench(b *testing.B, method string, sign func(*http.Request)) {
	e := newEnv(b)
	e.do("PUT", "bkt", "", "", "")
	body := bytes.Repeat([]byte("x"), 4096)
	e.do("PUT", "bkt", "dir/object", "", string(body))
	e.events.take()
	b.SetBytes(4096)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		r, err := http.NewRequestWithContext(context.Background(), method, e.srv.URL+"/bkt/dir/object", nil)
		if err != nil {
			b.Error(err)
			return
		}
		r.RequestURI, r.RemoteAddr, r.Host = "/bkt/dir/object", "127.0.0.1:1000", "localhost"
		rd := rewind{bytes.NewReader(body)}
		if method == http.MethodPut {
			r.Body, r.ContentLength = rd, 4096
			r.Header.Set("Content-Type", "text/plain")
		} else {
			r.Body = http.NoBody
		}
		sign(r)
		w := &discard{h: http.Header{}}
		for pb.Next() {
			_, _ = rd.Seek(0, io.SeekStart)
			clear(w.h)
			w.status = 0
			if e.h.ServeHTTP(w, r); w.status != 200 {
				b.Errorf("status %d", w.status)
				return
			}
		}
	})
}

func signV1(r *http.Request) {
	signOSSV1(r, "bkt", "dir/object", rootKey, time.Now())
}

func signV4(r *http.Request) {
	identity.SignOSSV4(r, "bkt", "dir/object", "cn-hangzhou", rootKey, time.Now())
}

func BenchmarkPut4K(b *testing.B)   { bench(b, http.MethodPut, signV1) }
func BenchmarkGet4K(b *testing.B)   { bench(b, http.MethodGet, signV1) }
func BenchmarkGet4KV4(b *testing.B) { bench(b, http.MethodGet, signV4) }
func BenchmarkHead(b *testing.B)    { bench(b, http.MethodHead, signV1) }
