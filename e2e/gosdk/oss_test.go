// Package gosdk drives the built server with the official Go SDK, unchanged. It is a
// module of its own, so that the server's module stays free of the SDK.
package gosdk

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

func env(t *testing.T, name string) string {
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: these tests are run by e2e/run.js", name)
	}
	return v
}

// client speaks path-style to the address, or to the bucket's own host under localhost,
// which not every system's resolver knows: hence the dialer.
func client(t *testing.T, pathStyle bool, v oss.SignatureVersionType) *oss.Client {
	port := env(t, "ALCEDO_E2E_OSS_PORT")
	cfg := oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(env(t, "ALCEDO_ACCESS_KEY_ID"), env(t, "ALCEDO_ACCESS_KEY_SECRET"))).
		WithRegion(env(t, "ALCEDO_E2E_REGION")).
		WithSignatureVersion(v).
		WithRetryMaxAttempts(1)
	if pathStyle {
		return oss.NewClient(cfg.WithEndpoint("http://127.0.0.1:" + port).WithUsePathStyle(true))
	}
	var d net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	return oss.NewClient(cfg.WithEndpoint("http://localhost:" + port).WithHttpClient(&http.Client{Transport: transport}))
}

func TestObjects(t *testing.T) {
	for _, style := range []string{"path", "host"} {
		for name, v := range map[string]oss.SignatureVersionType{"v1": oss.SignatureVersionV1, "v4": oss.SignatureVersionV4} {
			t.Run(style+"-"+name, func(t *testing.T) {
				objects(t, client(t, style == "path", v), "go-"+style+"-"+name)
			})
		}
	}
}

func objects(t *testing.T, c *oss.Client, bucket string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.PutBucket(ctx, &oss.PutBucketRequest{Bucket: &bucket})
	must(t, err)

	get := func(t *testing.T, key string) []byte {
		t.Helper()
		r, err := c.GetObject(ctx, &oss.GetObjectRequest{Bucket: &bucket, Key: &key})
		must(t, err)
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		must(t, err)
		return b
	}
	put := func(t *testing.T, key string, data []byte) {
		t.Helper()
		_, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), Metadata: map[string]string{"who": "go"}})
		must(t, err)
	}

	t.Run("put, head, get, copy, delete", func(t *testing.T) {
		data := make([]byte, 70000)
		rand.Read(data)
		put(t, "a b/ü+&", data)
		if !bytes.Equal(get(t, "a b/ü+&"), data) {
			t.Fatal("other bytes came back")
		}
		h, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: &bucket, Key: oss.Ptr("a b/ü+&")})
		must(t, err)
		if h.ContentLength != 70000 || h.Metadata["who"] != "go" {
			t.Fatalf("%+v", h)
		}
		_, err = c.CopyObject(ctx, &oss.CopyObjectRequest{Bucket: &bucket, Key: oss.Ptr("copy"), SourceKey: oss.Ptr("a b/ü+&")})
		must(t, err)
		if !bytes.Equal(get(t, "copy"), data) {
			t.Fatal("the copy differs")
		}
		_, err = c.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: &bucket, Key: oss.Ptr("copy")})
		must(t, err)
		_, err = c.GetObject(ctx, &oss.GetObjectRequest{Bucket: &bucket, Key: oss.Ptr("copy")})
		var se *oss.ServiceError
		if !errors.As(err, &se) || se.Code != "NoSuchKey" || se.StatusCode != 404 || len(se.RequestID) != 24 {
			t.Fatalf("%v", err)
		}
	})

	t.Run("append, symlink", func(t *testing.T) {
		a, err := c.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: &bucket, Key: oss.Ptr("log"), Position: oss.Ptr(int64(0)), Body: strings.NewReader("ab")})
		must(t, err)
		_, err = c.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: &bucket, Key: oss.Ptr("log"), Position: oss.Ptr(a.NextPosition), Body: strings.NewReader("cd"), InitHashCRC64: a.HashCRC64})
		must(t, err)
		_, err = c.PutSymlink(ctx, &oss.PutSymlinkRequest{Bucket: &bucket, Key: oss.Ptr("link"), Target: oss.Ptr("log")})
		must(t, err)
		if got := get(t, "link"); string(got) != "abcd" {
			t.Fatalf("%q", got)
		}
	})

	t.Run("upload in parts", func(t *testing.T) {
		data := make([]byte, 450*1024)
		rand.Read(data)
		_, err := oss.NewUploader(c, func(o *oss.UploaderOptions) { o.PartSize = 128 * 1024 }).
			UploadFrom(ctx, &oss.PutObjectRequest{Bucket: &bucket, Key: oss.Ptr("parts")}, bytes.NewReader(data))
		must(t, err)
		if !bytes.Equal(get(t, "parts"), data) {
			t.Fatal("other bytes came back")
		}
	})

	t.Run("list, delete many", func(t *testing.T) {
		var want []string
		var dels []oss.DeleteObject
		for i := range 5 {
			key := fmt.Sprintf("l/%d", i)
			put(t, key, []byte("x"))
			want = append(want, key)
			dels = append(dels, oss.DeleteObject{Key: oss.Ptr(key)})
		}
		var got []string
		pages := c.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{Bucket: &bucket, Prefix: oss.Ptr("l/"), MaxKeys: 2})
		for pages.HasNext() {
			p, err := pages.NextPage(ctx)
			must(t, err)
			for _, o := range p.Contents {
				got = append(got, *o.Key)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v", got)
		}
		d, err := c.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: &bucket, Objects: dels})
		must(t, err)
		if len(d.DeletedObjects) != 5 {
			t.Fatalf("%+v", d)
		}
	})

	t.Run("signed address", func(t *testing.T) {
		put(t, "signed", []byte("by address"))
		p, err := c.Presign(ctx, &oss.GetObjectRequest{Bucket: &bucket, Key: oss.Ptr("signed")}, oss.PresignExpires(time.Minute))
		must(t, err)
		req, err := http.NewRequestWithContext(ctx, p.Method, p.URL, nil)
		must(t, err)
		host := req.URL.Host
		req.URL.Host, req.Host = "127.0.0.1:"+env(t, "ALCEDO_E2E_OSS_PORT"), host
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		if string(b) != "by address" {
			t.Fatalf("%s %s", res.Status, b)
		}
	})

	t.Run("process", func(t *testing.T) {
		pic, err := os.ReadFile(filepath.Join(env(t, "ALCEDO_E2E_ROOT"), "examples/kingfisher.png"))
		must(t, err)
		put(t, "pic.png", pic)
		r, err := c.ProcessObject(ctx, &oss.ProcessObjectRequest{Bucket: &bucket, Key: oss.Ptr("pic.png"),
			Process: oss.Ptr("image/resize,m_fixed,w_128,h_128|sys/saveas,o_" + base64.URLEncoding.EncodeToString([]byte("out.png")))})
		must(t, err)
		if r.ProcessStatus != "OK" {
			t.Fatalf("%+v", r)
		}
		cfg, err := png.DecodeConfig(bytes.NewReader(get(t, "out.png")))
		must(t, err)
		if cfg.Width != 128 || cfg.Height != 128 {
			t.Fatalf("%+v", cfg)
		}
	})
}
