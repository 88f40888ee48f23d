package oss

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestResolve(t *testing.T) {
	a := newAddressing("cn-hangzhou", []string{"127.0.0.1.nip.io", "oss.example.com:8000"})
	long := strings.Repeat("é", 511) // 1,022 bytes
	for _, c := range []struct {
		host, path  string
		bucket, key string
		pathStyle   bool
		reason      fault.Reason
	}{
		{"127.0.0.1:8000", "/", "", "", true, ""},
		{"127.0.0.1:8000", "/bkt", "bkt", "", true, ""},
		{"127.0.0.1:8000", "/bkt/", "bkt", "", true, ""},
		{"127.0.0.1:8000", "/bkt/a/b", "bkt", "a/b", true, ""},
		{"127.0.0.1:8000", "/bkt//a/../b/./", "bkt", "/a/../b/./", true, ""},
		{"127.0.0.1:8000", "/bkt/a%2Fb+c%20d%25", "bkt", "a/b+c d%", true, ""},
		{"127.0.0.1:8000", "/bkt/%E5%9B%BE.png", "bkt", "图.png", true, ""},
		{"127.0.0.1:8000", "/bkt/%252F", "bkt", "%2F", true, ""},
		{"127.0.0.1:8000", "/bkt/%zz", "", "", true, "InvalidURI"},
		{"127.0.0.1:8000", "/bkt/%e5", "", "", true, "InvalidObjectName"},
		{"127.0.0.1:8000", "/Bkt/a", "", "", true, "InvalidBucketName"},
		{"127.0.0.1:8000", "/-bkt/a", "", "", true, "InvalidBucketName"},
		{"127.0.0.1:8000", "/ab/a", "", "", true, "InvalidBucketName"},
		{"127.0.0.1:8000", "//a", "", "", true, "InvalidBucketName"},
		{"127.0.0.1:8000", "/bkt/" + long + "x", "bkt", long + "x", true, ""},
		{"127.0.0.1:8000", "/bkt/" + long + "xy", "", "", true, "InvalidObjectName"},
		{"[::1]:8000", "/bkt/a", "bkt", "a", true, ""},
		{"::1", "/bkt/a", "bkt", "a", true, ""},
		{"localhost:8000", "/bkt/a", "bkt", "a", true, ""},
		{"LOCALHOST", "/bkt/a", "bkt", "a", true, ""},
		{"bkt.localhost:8000", "/a/b", "bkt", "a/b", false, ""},
		{"bkt.localhost:8000", "//a", "bkt", "/a", false, ""},
		{"bkt.localhost", "/", "bkt", "", false, ""},
		{"a.b.localhost", "/", "", "", false, "InvalidBucketName"},
		{"oss-cn-hangzhou.localhost", "/bkt/a", "bkt", "a", true, ""},
		{"bkt.oss-cn-hangzhou-internal.localhost", "/a", "bkt", "a", false, ""},
		{"bkt.oss-cn-hangzhou.aliyuncs.com", "/a", "bkt", "a", false, ""},
		{"bkt.oss-cn-hangzhou-internal.aliyuncs.com:443", "/a", "bkt", "a", false, ""},
		{"bkt.oss-accelerate.aliyuncs.com", "/a", "bkt", "a", false, ""},
		{"oss-cn-hangzhou.aliyuncs.com", "/bkt/a", "bkt", "a", true, ""},
		{"oss-cn-hangzhou-internal.aliyuncs.com", "/", "", "", true, ""},
		{"bkt.oss-cn-beijing.aliyuncs.com", "/a", "", "", false, "AccessDenied"},
		{"bkt.127.0.0.1.nip.io:8000", "/a", "bkt", "a", false, ""},
		{"127.0.0.1.nip.io:8000", "/bkt/a", "bkt", "a", true, ""},
		{"bkt.oss.example.com", "/a", "bkt", "a", false, ""},
		{"alcedo:8000", "/bkt/a", "bkt", "a", true, ""},
		{"storage.lan", "/bkt/a", "bkt", "a", true, ""},
		{"", "/bkt/a", "bkt", "a", true, ""},
	} {
		got, err := a.resolve(c.host, c.path)
		if c.reason != "" {
			if !fault.Is(err, c.reason) {
				t.Errorf("%s %.40s: error %v, want %s", c.host, c.path, err, c.reason)
			}
			continue
		}
		if err != nil || got.bucket != c.bucket || got.key != c.key || got.pathStyle != c.pathStyle {
			t.Errorf("%s %.40s: %+v, %v", c.host, c.path, got, err)
		}
	}
}

func FuzzResolve(f *testing.F) {
	a := newAddressing("cn-hangzhou", []string{"nip.io"})
	for _, s := range [][2]string{{"b.localhost", "/a%2f"}, {"127.0.0.1:1", "/bkt//x/.."}, {"[::1]:1", "/"}, {":", "/%"}, {"[", "a"}, {"İ.aliyuncs.com", "/"}, {"b.localhost.", "/"}, {"x.oss-.aliyuncs.com", "/"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		ad, err := a.resolve(host, path)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("%q %q: %v", host, path, err)
			}
			return
		}
		if ad.bucket != "" && !validBucketName(ad.bucket) || ad.bucket == "" && ad.key != "" {
			t.Fatalf("%q %q: %+v", host, path, ad)
		}
		// What was decoded once encodes to something that decodes to the same.
		if k, err := unescapePath(string(appendEscaped(nil, ad.key, false))); err != nil || k != ad.key {
			t.Fatalf("%q: %q, %v", ad.key, k, err)
		}
	})
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		method, target, header string
		want                   string // operation, or !reason
	}{
		{"GET", "/", "", "ListBuckets"},
		{"GET", "/?max-keys=3", "", "ListBuckets"},
		{"GET", "/?regions", "", "!NotImplemented"},
		{"PUT", "/", "", "!MethodNotAllowed"},
		{"PUT", "/bkt", "", "PutBucket"},
		{"PUT", "/bkt?lifecycle", "", "!NotImplemented"},
		{"PUT", "/bkt?newthing", "", "!NotImplemented"},
		{"PUT", "/bkt?style&styleName=a", "", "!NotImplemented"},
		{"DELETE", "/bkt?website", "", "!NotImplemented"},
		{"DELETE", "/bkt?anything", "", "!NotImplemented"},
		{"DELETE", "/bkt?acl", "", "!NotImplemented"},
		{"DELETE", "/bkt", "", "DeleteBucket"},
		{"GET", "/bkt?prefix=a&max-keys=3", "", "ListObjects"},
		{"GET", "/bkt/?list-type=2", "", "ListObjectsV2"},
		{"GET", "/bkt?delimiter&marker&max-keys=2&prefix", "", "ListObjects"}, // PHP's SDK
		{"GET", "/?tag-key=a&tag-value=b", "", "!NotImplemented"},
		{"GET", "/bkt?versions", "", "!NotImplemented"},
		{"GET", "/bkt?bucketInfo", "", "GetBucketInfo"},
		{"GET", "/bkt?location=", "", "GetBucketLocation"},
		{"GET", "/bkt?acl", "", "GetBucketAcl"},
		{"GET", "/bkt?acl&location", "", "!InvalidArgument"},
		{"PUT", "/bkt?acl", "", "PutBucketAcl"},
		{"HEAD", "/bkt", "", "HeadBucket"},
		{"GET", "/bkt?uploads", "", "ListMultipartUploads"},
		{"POST", "/bkt?delete", "", "DeleteMultipleObjects"},
		{"POST", "/bkt", "", "!MethodNotAllowed"},
		{"POST", "/bkt", "Content-Type: multipart/form-data; boundary=x", "PostObject"},
		{"PATCH", "/bkt", "", "!MethodNotAllowed"},
		{"OPTIONS", "/bkt", "", "OptionObject"},
		{"PUT", "/bkt/k", "", "PutObject"},
		{"PUT", "/bkt/k?x-oss-traffic-limit=819200", "", "PutObject"},
		{"PUT", "/bkt/k?tagging", "", "!NotImplemented"},
		{"PUT", "/bkt/k?callback=x", "", "!NotImplemented"},
		{"PUT", "/bkt/k?whatever", "", "!NotImplemented"},
		{"PUT", "/bkt/k", "X-Oss-Server-Side-Encryption: AES256", "!NotImplemented"},
		{"PUT", "/bkt/k", "X-Oss-Tagging: a=b", "!NotImplemented"},
		{"PUT", "/bkt/k", "X-Oss-Copy-Source: /b/k", "CopyObject"},
		{"GET", "/bkt/k", "", "GetObject"},
		{"GET", "/bkt/k?1699999", "", "GetObject"},
		{"GET", "/bkt/k?versionId=null", "", "GetObject"},
		{"GET", "/bkt/k?versionId=CAE", "", "!NotImplemented"},
		{"GET", "/bkt/k?tagging", "", "!NotImplemented"},
		{"GET", "/bkt/k?OSSAccessKeyId=a&Expires=1&Signature=s", "", "GetObject"},
		{"GET", "/bkt/k?x-oss-process=image/info", "", "GetObject (x-oss-process)"},
		{"HEAD", "/bkt/k?x-oss-process=image/info", "", "GetObject (x-oss-process)"},
		{"PUT", "/bkt/k?x-oss-process=image/info", "", "!NotImplemented"},
		{"POST", "/bkt/k?x-oss-process", "", "PostProcessTask"},
		{"POST", "/bkt/k?x-oss-async-process", "", "!NotImplemented"},
		{"HEAD", "/bkt/k", "", "HeadObject"},
		{"HEAD", "/bkt/k?objectMeta", "", "GetObjectMeta"},
		{"GET", "/bkt/k?objectMeta", "", "GetObjectMeta"},
		{"DELETE", "/bkt/k", "", "DeleteObject"},
		{"POST", "/bkt/k", "", "!MethodNotAllowed"},
		{"POST", "/bkt/k?restore", "", "!NotImplemented"},
		{"POST", "/bkt/k?append&position=0", "", "AppendObject"},
		{"PUT", "/bkt/k?symlink", "", "PutSymlink"},
		{"GET", "/bkt/k?symlink", "", "GetSymlink"},
		{"PUT", "/bkt/k?acl", "", "PutObjectAcl"},
		{"GET", "/bkt/k?acl", "", "GetObjectAcl"},
		{"POST", "/bkt/k?uploads", "", "InitiateMultipartUpload"},
		{"PUT", "/bkt/k?partNumber=1&uploadId=U", "", "UploadPart"},
		{"PUT", "/bkt/k?uploadId=U&partNumber=1", "X-Oss-Copy-Source: /b/k", "UploadPartCopy"},
		{"PUT", "/bkt/k?partNumber=1", "", "!MissingArgument"},
		{"GET", "/bkt/k?uploadId=U", "", "ListParts"},
		{"POST", "/bkt/k?uploadId=U", "", "CompleteMultipartUpload"},
		{"POST", "/bkt/k?uploadId=U", "X-Oss-Callback: e30=", "!NotImplemented"},
		{"DELETE", "/bkt/k?uploadId=U", "", "AbortMultipartUpload"},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		if name, v, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(name, v)
		}
		a := newAddressing("cn-hangzhou", nil)
		ad, err := a.resolve("127.0.0.1", r.URL.EscapedPath())
		if err != nil {
			t.Fatal(c.target, err)
		}
		qq, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			t.Fatal(c.target, err)
		}
		q := &request{address: ad, r: r, query: qq}
		o, err := q.route()
		if reason, bad := strings.CutPrefix(c.want, "!"); bad {
			if !fault.Is(err, fault.Reason(reason)) {
				t.Errorf("%s %s: %v, %v; want %s", c.method, c.target, o, err, reason)
			}
		} else if err != nil || o.name != c.want {
			t.Errorf("%s %s: %v, %v; want %s", c.method, c.target, o, err, c.want)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for _, s := range [][3]string{{"GET", "/b/k", "acl&x-oss-process=a"}, {"PUT", "/bkt", "uploadId=%20+&&=&partNumber"}, {"POST", "/", "%"}, {"DELETE", "/bkt/k", "versionId=1"}, {"DELETE", "/bkt", "versionId"}} {
		f.Add(s[0], s[1], s[2])
	}
	a := newAddressing("cn-hangzhou", nil)
	f.Fuzz(func(t *testing.T, method, path, raw string) {
		ad, err := a.resolve("127.0.0.1", path)
		if err != nil {
			return
		}
		qq, err := parseQuery(raw)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		q := &request{address: ad, r: r, query: qq}
		o, err := q.route()
		if (o == nil) == (err == nil) {
			if err == nil || !fault.Is(err, "NotImplemented") {
				t.Fatalf("%s %s?%s: %v, %v", method, path, raw, o, err)
			}
		}
		// Whatever else is asked, a bucket is only made or deleted by a request that
		// names nothing of it.
		if o == opPutBucket || o == opDeleteBucket {
			for _, p := range qq {
				if !p.hasValue && !plain[p.name] || built[p.name] || notBuilt[p.name] {
					t.Fatalf("%s %s?%s: %s in spite of %q", method, path, raw, o.name, p.name)
				}
			}
		}
	})
}
