package oss

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/object"
)

const account = "1234567890123456"

var rootKey = identity.Credentials{AccessKeyID: "LTAItest", AccessKeySecret: "secret"}

// sink keeps the events that were recorded.
type sink struct {
	mu   sync.Mutex
	recs []event.Record
}

func (s *sink) Record(tx kv.Txn, rec *event.Record) error {
	r := *rec
	tx.OnCommit(func(uint64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.recs = append(s.recs, r)
	})
	return nil
}

func (s *sink) take() []event.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recs
	s.recs = nil
	return r
}

// echoImages is no image worker: what a process makes of pixels is tested where that is
// done. It returns the source's bytes behind the process, so that plumbing can be seen.
type echoImages struct{}

func (echoImages) Run(_ context.Context, _ string, p *image.Process, src image.Source) (*image.Result, error) {
	f, err := src.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != src.Size {
		return nil, io.ErrUnexpectedEOF
	}
	if bytes.HasPrefix(data, []byte("no image")) {
		return nil, image.NotAnImage("")
	}
	return &image.Result{Data: append([]byte(p.String()+"\n"), data...), ContentType: "image/png", Format: "png"}, nil
}

type env struct {
	t      testing.TB
	h      *Handler
	srv    *httptest.Server
	ids    *identity.Store
	store  *object.Store
	events *sink
}

func newEnv(t testing.TB) *env {
	t.Helper()
	kvs, err := identity.Open(context.Background(), memkv.New(), identity.Options{
		Account: account, RootKeyID: rootKey.AccessKeyID, RootKeySecret: rootKey.AccessKeySecret, Secret: make([]byte, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, ids: kvs, events: &sink{}}
	e.store = object.Open(memkv.New(), memblob.New(), object.Options{Region: "cn-hangzhou", Sink: e.events})
	e.h, err = New(Options{
		Objects: e.store, Identity: e.ids, Images: echoImages{}, Region: "cn-hangzhou", Account: account,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.srv = httptest.NewServer(e.h)
	t.Cleanup(e.srv.Close)
	return e
}

type answer struct {
	*http.Response
	body string
}

func (a answer) code() string {
	var e struct{ Code string }
	_ = xml.Unmarshal([]byte(a.body), &e)
	return e.Code
}

// build makes a request, path-style, signed V1 if cred has a key. head holds "Name: value".
func (e *env) build(cred identity.Credentials, method, bucket, key, query, body string, head ...string) *http.Request {
	e.t.Helper()
	path := "/"
	if bucket != "" {
		path += bucket + "/" + string(appendEscaped(nil, key, false))
	}
	if query != "" {
		path += "?" + query
	}
	var rd io.Reader
	if body != "" || method == "PUT" || method == "POST" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, e.srv.URL+path, rd)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, hd := range head {
		k, v, _ := strings.Cut(hd, ": ")
		req.Header.Add(k, v)
	}
	if cred.AccessKeyID != "" {
		signOSSV1(req, bucket, key, cred, time.Now())
	}
	return req
}

var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (e *env) send(req *http.Request) answer {
	e.t.Helper()
	res, err := client.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	if id := res.Header.Get("x-oss-request-id"); len(id) != 24 || res.Header.Get("Server") != "AliyunOSS" || res.Header.Get("Date") == "" {
		e.t.Errorf("%s %s: headers %v", req.Method, req.URL, res.Header)
	}
	return answer{res, string(b)}
}

func (e *env) do(method, bucket, key, query, body string, head ...string) answer {
	e.t.Helper()
	return e.send(e.build(rootKey, method, bucket, key, query, body, head...))
}

func (e *env) anon(method, bucket, key, query, body string, head ...string) answer {
	e.t.Helper()
	return e.send(e.build(identity.Credentials{}, method, bucket, key, query, body, head...))
}

// want checks an answer's status and, for errors, its code.
func (e *env) want(a answer, status int, code string) answer {
	e.t.Helper()
	if a.StatusCode != status || code != "" && a.code() != code {
		e.t.Errorf("%s %s: %d %s, want %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body, status, code)
	}
	return a
}

func (e *env) wantXML(a answer, want string) {
	e.t.Helper()
	got := strings.ReplaceAll(a.body, "\n", "")
	got = strings.TrimPrefix(got, `<?xml version="1.0" encoding="UTF-8"?>`)
	for _, tag := range []string{"LastModified", "CreationDate", "Initiated"} {
		parts := strings.Split(got, "<"+tag+">")
		for i := 1; i < len(parts); i++ {
			stamp, rest, _ := strings.Cut(parts[i], "<")
			if _, err := time.Parse("2006-01-02T15:04:05.000Z", stamp); err != nil || !strings.HasSuffix(stamp, ".000Z") {
				e.t.Errorf("%s: %v", tag, err)
			}
			parts[i] = "T<" + rest
		}
		got = strings.Join(parts, "<"+tag+">")
	}
	if a.StatusCode != 200 || got != want || a.Header.Get("Content-Type") != "application/xml" {
		e.t.Errorf("%s %s: %d\n got %s\nwant %s", a.Request.Method, a.Request.URL, a.StatusCode, got, want)
	}
}

func md5of(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func etagOf(s string) string {
	sum := md5.Sum([]byte(s))
	return `"` + strings.ToUpper(hex.EncodeToString(sum[:])) + `"`
}

const ownerXML = "<Owner><ID>" + account + "</ID><DisplayName>" + account + "</DisplayName></Owner>"
