//go:build capture

package identity

// The vectors in testdata/sdk.jsonl are requests that the official SDKs made. To make
// them again, run this file's test and point the SDKs at the addresses it prints:
//
//	CAPTURE_ENV=/tmp/credentials.json go test -tags capture -run TestCapture ./internal/identity
//
// It listens on 127.0.0.1:18080 until /__done is asked for, checks every request as it
// comes and writes them down. The credentials to use are in the file CAPTURE_ENV.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCapture(t *testing.T) {
	s := openFixed(t, func() time.Time { return time.Now() })
	cred, err := s.IssueForRun(s.RoleARN(DefaultRole), ServiceFC, "captured", 24*time.Hour, &Lineage{Run: "run-1", Depth: 1, Chain: []string{"t1"}})
	if err != nil {
		t.Fatal(err)
	}
	env, _ := json.Marshal(map[string]any{"root": Credentials{AccessKeyID: testKeyID, AccessKeySecret: testKeySecret}, "sts": cred})
	if err := os.WriteFile(os.Getenv("CAPTURE_ENV"), env, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []captured
	n := 0
	ln, err := net.Listen("tcp", "127.0.0.1:18080")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/__done" {
			close(done)
			return
		}
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		c := captured{From: r.Header.Get("User-Agent"), Method: r.Method, URI: r.RequestURI, Host: r.Host, Length: r.ContentLength, Header: r.Header, BodySHA256: hex.EncodeToString(sum[:]), Now: time.Now().Unix()}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			c.Form = string(body)
		}
		p, err := c.verify(s)
		if err != nil {
			t.Errorf("%s %s from %s: %v", c.Method, c.URI, c.From, err)
			fmt.Println("FAIL", c.Method, c.URI, c.From, err)
		} else {
			fmt.Println("ok  ", p.Kind, c.Method, c.URI, c.From)
		}
		for _, h := range []string{"Accept", "Accept-Encoding", "Connection"} {
			c.Header.Del(h)
		}
		mu.Lock()
		defer mu.Unlock()
		// Every kind of request once with the root key; of those with a token, some.
		if n++; p != nil && (p.Kind == Root || p.Kind == AssumedRole && n%5 == 0) {
			all = append(all, c)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("x-oss-request-id", "5C3D9778CC1C2AEDF85B587E")
		io.WriteString(w, "{}")
	})}
	go srv.Serve(ln)
	select {
	case <-done:
	case <-time.After(120 * time.Second):
		t.Error("nobody called /__done")
	}
	srv.Close()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, c := range all {
		if err := enc.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("testdata/sdk.jsonl", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
