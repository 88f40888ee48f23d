package conn

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Bodies of every size around net/http's buffer arrive whole, one after another on one
// connection, from memory and from a file.
func TestBodiesArriveWhole(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("kingfisher"), 20000)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ConnContext: Context, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.WriteHeader(200)
		if n >= 4096 {
			HoldNext(r.Context())
		}
		if r.URL.Path == "/file" {
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			io.CopyN(w, f, int64(n))
			return
		}
		w.Write(data[:n])
	})}
	go srv.Serve(Listen(l))
	defer srv.Close()
	for _, path := range []string{"/memory", "/file"} {
		for _, n := range []int{0, 1, 2048, 3500, 3800, 4000, 4095, 4096, 4097, 8000, 8192, 32768, len(data)} {
			resp, err := http.Get("http://" + l.Addr().String() + path + "?n=" + strconv.Itoa(n))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !bytes.Equal(got, data[:n]) {
				t.Errorf("%s of %d bytes: got %d, %v", path, n, len(got), err)
			}
		}
	}
}
