package oss

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func TestBuckets(t *testing.T) {
	e := newEnv(t)
	a := e.want(e.do("PUT", "bkt", "", "", ""), 200, "")
	if a.Header.Get("Location") != "/bkt" {
		t.Error(a.Header)
	}
	e.want(e.do("PUT", "second", "", "", "<CreateBucketConfiguration><StorageClass>IA</StorageClass></CreateBucketConfiguration>", "X-Oss-Acl: public-read"), 200, "")
	e.want(e.do("PUT", "third", "", "", "<CreateBucketConfiguration><StorageClass>Gold</StorageClass></CreateBucketConfiguration>"), 400, "InvalidArgument")
	e.want(e.do("PUT", "third", "", "", "<CreateBucketConfiguration>"), 400, "MalformedXML")
	e.want(e.do("PUT", "third", "", "", "", "X-Oss-Acl: everybody"), 400, "InvalidArgument")
	e.want(e.do("PUT", "3_d", "", "", ""), 400, "InvalidBucketName")
	e.want(e.do("GET", "third", "", "bucketInfo", ""), 404, "NoSuchBucket")

	e.wantXML(e.do("GET", "", "", "", ""), "<ListAllMyBucketsResult>"+ownerXML+"<Buckets>"+
		"<Bucket><Comment></Comment><CreationDate>T</CreationDate><ExtranetEndpoint>oss-cn-hangzhou.aliyuncs.com</ExtranetEndpoint><IntranetEndpoint>oss-cn-hangzhou-internal.aliyuncs.com</IntranetEndpoint><Location>oss-cn-hangzhou</Location><Name>bkt</Name><Region>cn-hangzhou</Region><StorageClass>Standard</StorageClass></Bucket>"+
		"<Bucket><Comment></Comment><CreationDate>T</CreationDate><ExtranetEndpoint>oss-cn-hangzhou.aliyuncs.com</ExtranetEndpoint><IntranetEndpoint>oss-cn-hangzhou-internal.aliyuncs.com</IntranetEndpoint><Location>oss-cn-hangzhou</Location><Name>second</Name><Region>cn-hangzhou</Region><StorageClass>IA</StorageClass></Bucket>"+
		"</Buckets></ListAllMyBucketsResult>")
	if a := e.do("GET", "", "", "max-keys=1", ""); !strings.Contains(strings.ReplaceAll(a.body, "\n", ""), "<MaxKeys>1</MaxKeys><IsTruncated>true</IsTruncated><NextMarker>bkt</NextMarker>") {
		t.Error(a.body)
	}
	e.want(e.do("GET", "", "", "max-keys=0", ""), 400, "InvalidArgument")
	e.wantXML(e.do("GET", "second", "", "location", ""), "<LocationConstraint>oss-cn-hangzhou</LocationConstraint>")
	e.wantXML(e.do("GET", "second", "", "acl", ""), "<AccessControlPolicy>"+ownerXML+"<AccessControlList><Grant>public-read</Grant></AccessControlList></AccessControlPolicy>")
	e.want(e.do("PUT", "second", "", "acl", "", "X-Oss-Acl: private"), 200, "")
	e.want(e.do("PUT", "second", "", "acl", ""), 400, "MissingArgument")
	e.wantXML(e.do("GET", "second", "", "acl", ""), "<AccessControlPolicy>"+ownerXML+"<AccessControlList><Grant>private</Grant></AccessControlList></AccessControlPolicy>")
	if a := e.want(e.do("GET", "bkt", "", "bucketInfo", ""), 200, ""); !strings.Contains(a.body, "<Grant>private</Grant>") || !strings.Contains(a.body, "<Name>bkt</Name>") {
		t.Error(a.body)
	}
	e.want(e.do("HEAD", "bkt", "", "", ""), 200, "")
	if a := e.do("HEAD", "none", "", "", ""); a.StatusCode != 404 || a.Header.Get("x-oss-err") == "" {
		t.Error(a.StatusCode, a.Header)
	}
	e.do("PUT", "bkt", "k", "", "x")
	e.want(e.do("DELETE", "bkt", "", "", ""), 409, "BucketNotEmpty")
	e.do("DELETE", "bkt", "k", "", "")
	e.want(e.do("DELETE", "bkt", "", "lifecycle", ""), 501, "NotImplemented")
	e.want(e.do("DELETE", "bkt", "", "", ""), 204, "")
	e.want(e.do("DELETE", "bkt", "", "", ""), 404, "NoSuchBucket")
}

func TestObjects(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.events.take()
	const body = "hello, world"
	a := e.want(e.do("PUT", "bkt", "a b/图+?.txt", "", body, "X-Oss-Meta-Who: me", "Cache-Control: no-cache", "Content-MD5: "+md5of(body)), 200, "")
	if a.Header.Get("ETag") != etagOf(body) || a.Header.Get("x-oss-hash-crc64ecma") == "" || a.Header.Get("Content-MD5") != md5of(body) {
		t.Error(a.Header)
	}
	recs := e.events.take()
	if len(recs) != 1 || recs[0].Type != event.PutObject || recs[0].Key != "a b/图+?.txt" || recs[0].Origin.RequestID != a.Header.Get("x-oss-request-id") ||
		recs[0].Origin.PrincipalID != account || recs[0].Origin.SourceIP != "127.0.0.1" || recs[0].Meta.User["x-oss-meta-who"] != "me" {
		t.Errorf("%+v", recs)
	}
	get := func(head ...string) answer { return e.do("GET", "bkt", "a b/图+?.txt", "", "", head...) }
	a = e.want(get(), 200, "")
	for k, v := range map[string]string{
		"ETag": etagOf(body), "Content-Type": "text/plain", "Content-Length": "12", "Accept-Ranges": "bytes", "x-oss-object-type": "Normal",
		"x-oss-storage-class": "Standard", "x-oss-meta-who": "me", "Cache-Control": "no-cache", "Content-MD5": md5of(body),
	} {
		if a.Header.Get(k) != v {
			t.Errorf("%s: %q, want %q", k, a.Header.Get(k), v)
		}
	}
	if a.body != body || a.Header.Get("x-oss-hash-crc64ecma") == "" {
		t.Error(a.body, a.Header)
	}
	if h := e.want(e.do("HEAD", "bkt", "a b/图+?.txt", "", ""), 200, ""); h.Header.Get("Content-Length") != "12" || h.Header.Get("x-oss-meta-who") != "me" || h.body != "" {
		t.Error(h.Header)
	}
	if h := e.want(e.do("HEAD", "bkt", "a b/图+?.txt", "objectMeta", ""), 200, ""); h.Header.Get("Content-Length") != "12" || h.Header.Get("x-oss-meta-who") != "" {
		t.Error(h.Header)
	}
	// Ranges.
	if a := e.want(get("Range: bytes=7-11"), 206, ""); a.body != "world" || a.Header.Get("Content-Range") != "bytes 7-11/12" || a.Header.Get("Content-Length") != "5" {
		t.Error(a.body, a.Header)
	}
	e.want(get("Range: bytes=12-"), 200, "")
	if a := e.want(get("Range: bytes=12-", "X-Oss-Range-Behavior: standard"), 416, "InvalidRange"); !strings.Contains(a.body, "<ActualObjectSize>12</ActualObjectSize>") {
		t.Error(a.body)
	}
	e.want(get("Range: bytes=0-1", `If-Range: "ELSE"`), 200, "")
	e.want(get("Range: bytes=0-1", "If-Range: "+etagOf(body)), 206, "")
	// Conditions.
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	before := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	if a := e.want(get("If-None-Match: "+etagOf(body)), 304, ""); a.body != "" || a.Header.Get("ETag") != etagOf(body) {
		t.Error(a.body, a.Header)
	}
	e.want(get("If-Modified-Since: "+later), 304, "")
	e.want(get("If-Modified-Since: "+before), 200, "")
	e.want(get("If-Unmodified-Since: "+before), 412, "PreconditionFailed")
	e.want(get("If-Match: x"), 412, "PreconditionFailed")
	// Overrides, for signed requests only.
	if a := e.want(e.do("GET", "bkt", "a b/图+?.txt", "response-content-type=x%2Fy&response-content-disposition=attachment", ""), 200, ""); a.Header.Get("Content-Type") != "x/y" || a.Header.Get("Content-Disposition") != "attachment" {
		t.Error(a.Header)
	}
	e.want(e.do("GET", "bkt", "a b/图+?.txt", "response-content-type=a%0d%0ab", ""), 400, "InvalidArgument")
	e.do("PUT", "bkt", "a b/图+?.txt", "acl", "", "X-Oss-Object-Acl: public-read")
	e.want(e.anon("GET", "bkt", "a b/图+?.txt", "response-content-type=x", ""), 400, "InvalidRequest")

	// Nothing is stored of what is refused.
	e.events.take()
	e.want(e.do("PUT", "bkt", "bad", "", body, "Content-MD5: "+md5of("else")), 400, "InvalidDigest")
	e.want(e.do("PUT", "bkt", "bad", "", body, "Content-MD5: xx"), 400, "InvalidDigest")
	e.want(e.do("PUT", "bkt", "bad", "", body, "X-Oss-Meta-A_b: 1"), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "bad", "", body, "X-Oss-Meta-A: "+strings.Repeat("x", 8192)), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "bad", "", body, "X-Oss-Object-Acl: x"), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "bad", "", body, "X-Oss-Storage-Class: x"), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "bad", "", body, "X-Oss-Server-Side-Encryption: KMS"), 501, "NotImplemented")
	e.want(e.do("PUT", "none", "bad", "", body), 404, "NoSuchBucket")
	e.want(e.do("PUT", "bkt", strings.Repeat("k", 1025), "", body), 400, "InvalidObjectName")
	e.want(e.do("GET", "bkt", "bad", "", ""), 404, "NoSuchKey")
	e.want(e.do("PUT", "bkt", "a b/图+?.txt", "", "x", "X-Oss-Forbid-Overwrite: true"), 409, "FileAlreadyExists")
	if recs := e.events.take(); len(recs) != 0 {
		t.Errorf("%+v", recs)
	}
	// Keys that paths would be cleaned of.
	for _, k := range []string{"a//b", "a/../b", "./x", "..", "a/./b/", "%2F", "a%20b", "+", "a\\b", "é/\u200b", "x?y#z", "a&b=c;d", "~!*'()"} {
		e.want(e.do("PUT", "bkt", k, "", k), 200, "")
		if a := e.do("GET", "bkt", k, "", ""); a.body != k {
			t.Errorf("%q: %d %s", k, a.StatusCode, a.body)
		}
	}
	e.want(e.do("DELETE", "bkt", "a//b", "", ""), 204, "")
	e.want(e.do("DELETE", "bkt", "a//b", "", ""), 204, "")
	e.want(e.do("GET", "bkt", "a//b", "", ""), 404, "NoSuchKey")
	// An empty object, and one without a known size.
	e.want(e.do("PUT", "bkt", "empty", "", ""), 200, "")
	if a := e.want(e.do("GET", "bkt", "empty", "", ""), 200, ""); a.body != "" || a.Header.Get("Content-Length") != "0" {
		t.Error(a.Header)
	}
	big := strings.Repeat("0123456789abcdef", 20000)
	req := e.build(identity.Credentials{}, "PUT", "bkt", "chunked", "", "")
	req.Body = io.NopCloser(strings.NewReader(big))
	req.ContentLength = -1
	signOSSV1(req, "bkt", "chunked", rootKey, time.Now())
	e.want(e.send(req), 200, "")
	if a := e.do("GET", "bkt", "chunked", "", "", "Range: bytes=100000-100015"); a.body != "0123456789abcdef" {
		t.Errorf("%q", a.body)
	}
}

func TestSignedPayload(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	for _, c := range []struct {
		signed, sent string
		status       int
	}{{"data", "data", 200}, {"data", "tada", 400}} {
		sum := sha256.Sum256([]byte(c.signed))
		req := e.build(identity.Credentials{}, "PUT", "bkt", "k"+c.sent, "", c.sent, "X-Oss-Content-Sha256: "+hex.EncodeToString(sum[:]))
		identity.SignOSSV4(req, "bkt", "k"+c.sent, "cn-hangzhou", rootKey, time.Now())
		e.want(e.send(req), c.status, "")
		e.want(e.do("HEAD", "bkt", "k"+c.sent, "", ""), map[int]int{200: 200, 400: 404}[c.status], "")
	}
}

// raw sends bytes and returns the head of the answer.
func (e *env) raw(text string, closeWrite bool) string {
	e.t.Helper()
	c, err := net.Dial("tcp", e.srv.Listener.Addr().String())
	if err != nil {
		e.t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	if closeWrite {
		_ = c.(*net.TCPConn).CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.Status + " " + answer{body: string(b)}.code()
}

func TestHardUploads(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.events.take()
	head := func(key string, extra ...string) string {
		req := e.build(rootKey, "PUT", "bkt", key, "", "")
		return "PUT /bkt/" + key + " HTTP/1.1\r\nHost: localhost\r\nDate: " + req.Header.Get("Date") + "\r\nAuthorization: " + req.Header.Get("Authorization") + "\r\n" + strings.Join(extra, "\r\n") + "\r\n\r\n"
	}
	// An announced size over the limit is refused before a byte is sent.
	if got := e.raw(head("huge", "Content-Length: 5368709121", "Expect: 100-continue"), false); got != "400 Bad Request EntityTooLarge" {
		t.Error(got)
	}
	if got := e.raw(head("nolen"), false); got != "411 Length Required MissingContentLength" {
		t.Error(got)
	}
	for _, text := range []string{head("cut", "Content-Length: 100000") + "only this", head("cutchunk", "Transfer-Encoding: chunked") + "5\r\nhello\r\n"} {
		if got := e.raw(text, true); got != "400 Bad Request IncompleteBody" {
			t.Error(got)
		}
	}
	// The same with an end that is only noticed by what is missing.
	req := e.build(rootKey, "PUT", "bkt", "cutquiet", "", "")
	rec := httptest.NewRecorder()
	req.RequestURI, req.Host, req.ContentLength = "/bkt/cutquiet", "localhost", -1
	req.Body = io.NopCloser(io.MultiReader(strings.NewReader("some"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if e.h.ServeHTTP(rec, req); rec.Code != 400 || !strings.Contains(rec.Body.String(), "IncompleteBody") {
		t.Error(rec.Code, rec.Body)
	}
	for _, k := range []string{"huge", "nolen", "cut", "cutchunk", "cutquiet"} {
		e.want(e.do("GET", "bkt", k, "", ""), 404, "NoSuchKey")
	}
	if recs := e.events.take(); len(recs) != 0 {
		t.Errorf("%+v", recs)
	}
}

func TestListObjects(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	for _, k := range []string{"a&b", "dir/1", "dir/2", "z 图"} {
		e.do("PUT", "bkt", k, "", "x")
	}
	entry := func(key string, owner bool) string {
		s := "<Contents><Key>" + key + "</Key><LastModified>T</LastModified><ETag>" + etagOf("x") + "</ETag><Type>Normal</Type><Size>1</Size><StorageClass>Standard</StorageClass>"
		if owner {
			s += ownerXML
		}
		return s + "</Contents>"
	}
	e.wantXML(e.do("GET", "bkt", "", "delimiter=/", ""), "<ListBucketResult><Name>bkt</Name><Prefix></Prefix><Marker></Marker><MaxKeys>100</MaxKeys><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated>"+
		entry("a&amp;b", true)+entry("z 图", true)+"<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes></ListBucketResult>")
	e.wantXML(e.do("GET", "bkt", "", "max-keys=2&prefix=&encoding-type=url&marker=a%26b", ""), "<ListBucketResult><Name>bkt</Name><Prefix></Prefix><Marker>a%26b</Marker><MaxKeys>2</MaxKeys><Delimiter></Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextMarker>dir%2F2</NextMarker>"+
		entry("dir%2F1", true)+entry("dir%2F2", true)+"</ListBucketResult>")
	token := makeToken("dir/1")
	e.wantXML(e.do("GET", "bkt", "", "list-type=2&max-keys=2", ""), "<ListBucketResult><Name>bkt</Name><Prefix></Prefix><MaxKeys>2</MaxKeys><Delimiter></Delimiter><IsTruncated>true</IsTruncated><NextContinuationToken>"+token+"</NextContinuationToken>"+
		entry("a&amp;b", false)+entry("dir/1", false)+"<KeyCount>2</KeyCount></ListBucketResult>")
	e.wantXML(e.do("GET", "bkt", "", "list-type=2&encoding-type=url&fetch-owner=true&prefix=z+&continuation-token="+token, ""), "<ListBucketResult><Name>bkt</Name><Prefix>z%20</Prefix><MaxKeys>100</MaxKeys><Delimiter></Delimiter><EncodingType>url</EncodingType><ContinuationToken>"+token+"</ContinuationToken><IsTruncated>false</IsTruncated>"+
		entry("z%20%E5%9B%BE", true)+"<KeyCount>1</KeyCount></ListBucketResult>")
	if a := e.do("GET", "bkt", "", "list-type=2&start-after=dir/2", ""); strings.Contains(a.body, "dir/1") || !strings.Contains(a.body, "z 图") {
		t.Error(a.body)
	}
	e.want(e.do("GET", "bkt", "", "max-keys=1001", ""), 400, "InvalidArgument")
	e.want(e.do("GET", "bkt", "", "max-keys=-1", ""), 400, "InvalidArgument")
	e.want(e.do("GET", "bkt", "", "encoding-type=hex", ""), 400, "InvalidArgument")
	e.want(e.do("GET", "bkt", "", "list-type=2&continuation-token=%21", ""), 400, "InvalidArgument")
}

func TestDeleteMultiple(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	for _, k := range []string{"a", "b&c", "d"} {
		e.do("PUT", "bkt", k, "", "x")
	}
	e.events.take()
	body := "<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object><Object><Key>never</Key></Object></Delete>"
	e.want(e.do("POST", "bkt", "", "delete", body), 400, "MissingArgument")
	e.want(e.do("POST", "bkt", "", "delete", body, "Content-MD5: "+md5of("x")), 400, "InvalidDigest")
	e.want(e.do("POST", "bkt", "", "delete", "<Delete>", "Content-MD5: "+md5of("<Delete>")), 400, "MalformedXML")
	e.wantXML(e.do("POST", "bkt", "", "delete&encoding-type=url", body, "Content-MD5: "+md5of(body)),
		"<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a</Key></Deleted><Deleted><Key>b%26c</Key></Deleted><Deleted><Key>never</Key></Deleted></DeleteResult>")
	if recs := e.events.take(); len(recs) != 2 || recs[0].Type != event.DeleteObjects {
		t.Errorf("%+v", recs)
	}
	body = "<Delete><Quiet>true</Quiet><Object><Key>d</Key></Object></Delete>"
	if a := e.want(e.do("POST", "bkt", "", "delete", body, "Content-MD5: "+md5of(body)), 200, ""); a.body != "" {
		t.Error(a.body)
	}
	e.want(e.do("DELETE", "bkt", "", "", ""), 204, "")
}

func TestCopyAppendSymlink(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.do("PUT", "other", "", "", "")
	e.do("PUT", "bkt", "src &", "", "data", "Content-Type: text/x", "X-Oss-Meta-A: 1")
	src := "X-Oss-Copy-Source: /bkt/src%20%26"
	e.wantXML(e.do("PUT", "other", "copy", "", "", src), "<CopyObjectResult><ETag>"+etagOf("data")+"</ETag><LastModified>T</LastModified></CopyObjectResult>")
	if a := e.do("GET", "other", "copy", "", ""); a.body != "data" || a.Header.Get("Content-Type") != "text/x" || a.Header.Get("x-oss-meta-a") != "1" {
		t.Error(a.body, a.Header)
	}
	e.want(e.do("PUT", "other", "copy", "", "", src, "X-Oss-Metadata-Directive: REPLACE", "X-Oss-Meta-B: 2"), 200, "")
	if a := e.do("HEAD", "other", "copy", "", ""); a.Header.Get("x-oss-meta-a") != "" || a.Header.Get("x-oss-meta-b") != "2" {
		t.Error(a.Header)
	}
	e.want(e.do("PUT", "other", "copy", "", "", src, "X-Oss-Metadata-Directive: MERGE"), 400, "InvalidArgument")
	e.want(e.do("PUT", "other", "copy", "", "", src, "X-Oss-Copy-Source-If-Match: x"), 412, "PreconditionFailed")
	e.want(e.do("PUT", "other", "copy", "", "", src, "X-Oss-Copy-Source-If-None-Match: "+etagOf("data")), 304, "")
	e.want(e.do("PUT", "other", "copy", "", "", src, "X-Oss-Forbid-Overwrite: true"), 409, "FileAlreadyExists")
	e.want(e.do("PUT", "other", "copy", "", "", "X-Oss-Copy-Source: /bkt/none"), 404, "NoSuchKey")
	e.want(e.do("PUT", "other", "copy", "", "", "X-Oss-Copy-Source: /nobucket/none"), 404, "NoSuchBucket")

	a := e.want(e.do("POST", "bkt", "log", "append&position=0", "one"), 200, "")
	if a.Header.Get("x-oss-next-append-position") != "3" {
		t.Error(a.Header)
	}
	a = e.want(e.do("POST", "bkt", "log", "append&position=0", "two"), 409, "PositionNotEqualToLength")
	if a.Header.Get("x-oss-next-append-position") != "3" {
		t.Error(a.Header)
	}
	e.want(e.do("POST", "bkt", "log", "append&position=3", "two", "Content-MD5: "+md5of("two")), 200, "")
	if a := e.do("GET", "bkt", "log", "", ""); a.body != "onetwo" || a.Header.Get("x-oss-object-type") != "Appendable" {
		t.Error(a.body, a.Header)
	}
	e.want(e.do("POST", "bkt", "src &", "append&position=4", "x"), 409, "ObjectNotAppendable")
	e.want(e.do("POST", "bkt", "log", "append&position=-1", "x"), 400, "InvalidArgument")
	e.want(e.do("POST", "bkt", "log", "append", "x"), 400, "InvalidArgument")

	e.want(e.do("PUT", "bkt", "link", "symlink", "", "X-Oss-Symlink-Target: src%20%26", "X-Oss-Meta-L: 1"), 200, "")
	if a := e.want(e.do("GET", "bkt", "link", "symlink", ""), 200, ""); a.Header.Get("x-oss-symlink-target") != "src%20%26" {
		t.Error(a.Header)
	}
	if a := e.want(e.do("GET", "bkt", "link", "", ""), 200, ""); a.body != "data" || a.Header.Get("x-oss-object-type") != "Symlink" || a.Header.Get("x-oss-meta-l") != "1" || a.Header.Get("ETag") != etagOf("data") {
		t.Error(a.body, a.Header)
	}
	if a := e.want(e.do("HEAD", "bkt", "link", "", ""), 200, ""); a.Header.Get("Content-Length") != "4" || a.Header.Get("x-oss-object-type") != "Symlink" {
		t.Error(a.Header)
	}
	e.want(e.do("GET", "bkt", "log", "symlink", ""), 400, "NotSymlink")
	e.want(e.do("PUT", "bkt", "dangling", "symlink", "", "X-Oss-Symlink-Target: nowhere"), 200, "")
	e.want(e.do("GET", "bkt", "dangling", "", ""), 404, "SymlinkTargetNotExist")
	e.want(e.do("PUT", "bkt", "l", "symlink", ""), 400, "MissingArgument")

	e.wantXML(e.do("GET", "bkt", "log", "acl", ""), "<AccessControlPolicy>"+ownerXML+"<AccessControlList><Grant>default</Grant></AccessControlList></AccessControlPolicy>")
	e.want(e.do("PUT", "bkt", "log", "acl", "", "X-Oss-Object-Acl: public-read"), 200, "")
	if a := e.want(e.anon("GET", "bkt", "log", "", ""), 200, ""); a.body != "onetwo" {
		t.Error(a.body)
	}
	e.want(e.anon("OPTIONS", "bkt", "log", "", "", "Origin: http://a", "Access-Control-Request-Method: GET"), 403, "AccessForbidden")
}

func TestMultipart(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	a := e.want(e.do("POST", "bkt", "big file", "uploads", "", "Content-Type: text/big"), 200, "")
	_, id, _ := strings.Cut(a.body, "<UploadId>")
	id, _, _ = strings.Cut(id, "<")
	e.wantXML(a, "<InitiateMultipartUploadResult><Bucket>bkt</Bucket><Key>big file</Key><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
	one := strings.Repeat("1", object.MinPartSize)
	p1 := e.want(e.do("PUT", "bkt", "big file", "partNumber=1&uploadId="+id, one, "Content-MD5: "+md5of(one)), 200, "")
	if p1.Header.Get("ETag") != etagOf(one) || p1.Header.Get("x-oss-hash-crc64ecma") == "" {
		t.Error(p1.Header)
	}
	e.want(e.do("PUT", "bkt", "big file", "partNumber=0&uploadId="+id, "x"), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "big file", "partNumber=10001&uploadId="+id, "x"), 400, "InvalidArgument")
	e.want(e.do("PUT", "bkt", "big file", "partNumber=1&uploadId=NONE", "x"), 404, "NoSuchUpload")
	e.do("PUT", "bkt", "source", "", "0123456789")
	p2 := e.do("PUT", "bkt", "big file", "partNumber=2&uploadId="+id, "", "X-Oss-Copy-Source: /bkt/source", "X-Oss-Copy-Source-Range: bytes=2-5")
	e.wantXML(p2, "<CopyPartResult><ETag>"+etagOf("2345")+"</ETag><LastModified>T</LastModified></CopyPartResult>")
	e.want(e.do("PUT", "bkt", "big file", "partNumber=2&uploadId="+id, "", "X-Oss-Copy-Source: /bkt/source", "X-Oss-Copy-Source-Range: 2-5"), 400, "InvalidArgument")
	l := e.want(e.do("GET", "bkt", "big file", "uploadId="+id+"&max-parts=1", ""), 200, "")
	if b := strings.ReplaceAll(l.body, "\n", ""); !strings.Contains(b, "<NextPartNumberMarker>1</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber>") {
		t.Error(l.body)
	}
	if l := e.do("GET", "bkt", "big file", "uploadId="+id+"&part-number-marker=1", ""); !strings.Contains(l.body, "<Size>4</Size>") || strings.Contains(l.body, "<PartNumber>1<") {
		t.Error(l.body)
	}
	e.wantXML(e.do("GET", "bkt", "", "uploads&encoding-type=url", ""), "<ListMultipartUploadsResult><EncodingType>url</EncodingType><Bucket>bkt</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><NextKeyMarker></NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker><Delimiter></Delimiter><Prefix></Prefix><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated><Upload><Key>big%20file</Key><UploadId>"+id+"</UploadId><StorageClass>Standard</StorageClass><Initiated>T</Initiated></Upload></ListMultipartUploadsResult>")
	complete := func(parts ...string) string {
		s := "<CompleteMultipartUpload>"
		for i, p := range parts {
			s += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", i+1, p)
		}
		return s + "</CompleteMultipartUpload>"
	}
	q := "uploadId=" + id
	e.want(e.do("POST", "bkt", "big file", q, complete(etagOf("x"), etagOf("2345"))), 400, "InvalidPart")
	e.want(e.do("POST", "bkt", "big file", q, "<CompleteMultipartUpload>"), 400, "MalformedXML")
	e.want(e.do("POST", "bkt", "big file", q, complete(etagOf(one)), "X-Oss-Complete-All: yes"), 400, "InvalidArgument")
	e.want(e.do("POST", "bkt", "big file", q, strings.Repeat("x", maxXMLBody+1)), 400, "MalformedXML")
	a = e.want(e.do("POST", "bkt", "big file", q, complete(etagOf(one), etagOf("2345"))), 200, "")
	if !strings.Contains(a.body, "<Location>"+e.srv.URL+"/bkt/big%20file</Location>") || !strings.Contains(a.body, `-2"</ETag>`) || a.Header.Get("x-oss-hash-crc64ecma") == "" {
		t.Error(a.body, a.Header)
	}
	if a := e.do("GET", "bkt", "big file", "", ""); a.body != one+"2345" || a.Header.Get("x-oss-object-type") != "Multipart" || a.Header.Get("Content-Type") != "text/big" {
		t.Error(len(a.body), a.Header)
	}
	e.want(e.do("POST", "bkt", "big file", q, complete(etagOf(one))), 404, "NoSuchUpload")

	a = e.do("POST", "bkt", "all", "uploads", "")
	_, id, _ = strings.Cut(a.body, "<UploadId>")
	id, _, _ = strings.Cut(id, "<")
	e.do("PUT", "bkt", "all", "partNumber=7&uploadId="+id, "seven")
	e.want(e.do("POST", "bkt", "all", "uploadId="+id, "", "X-Oss-Complete-All: yes"), 200, "")
	if a := e.do("GET", "bkt", "all", "", ""); a.body != "seven" {
		t.Error(a.body)
	}
	a = e.do("POST", "bkt", "gone", "uploads", "")
	_, id, _ = strings.Cut(a.body, "<UploadId>")
	id, _, _ = strings.Cut(id, "<")
	e.want(e.do("DELETE", "bkt", "gone", "uploadId="+id, ""), 204, "")
	e.want(e.do("DELETE", "bkt", "gone", "uploadId="+id, ""), 404, "NoSuchUpload")
}

func TestProcess(t *testing.T) {
	e := newEnv(t)
	e.do("PUT", "bkt", "", "", "")
	e.do("PUT", "other", "", "", "")
	e.do("PUT", "bkt", "a.png", "", "PIXELS")
	e.do("PUT", "bkt", "a.txt", "", "no image at all")
	a := e.want(e.do("GET", "bkt", "a.png", "x-oss-process=image/resize,w_10", ""), 200, "")
	if a.body != "image/resize,w_10\nPIXELS" || a.Header.Get("Content-Type") != "image/png" || a.Header.Get("ETag") != etagOf("PIXELS") || a.Header.Get("Content-Length") != "24" {
		t.Error(a.body, a.Header)
	}
	if a := e.do("HEAD", "bkt", "a.png", "x-oss-process=image/resize,w_10", ""); a.Header.Get("Content-Length") != "24" {
		t.Error(a.Header)
	}
	if a := e.want(e.do("GET", "bkt", "a.png", "x-oss-process=image/resize,w_10", "", "Range: bytes=18-"), 206, ""); a.body != "PIXELS" {
		t.Error(a.body)
	}
	e.want(e.do("GET", "bkt", "a.png", "x-oss-process=image/resize,w_10", "", "If-None-Match: "+etagOf("PIXELS")), 304, "")
	e.want(e.do("GET", "bkt", "a.png", "x-oss-process=image/resize,w_0", ""), 400, "InvalidArgument")
	e.want(e.do("GET", "bkt", "a.png", "x-oss-process=style/thumb", ""), 404, "NoSuchStyle")
	e.want(e.do("GET", "bkt", "a.png", "x-oss-process=image/resize,w_10%7Csys/saveas,o_YQ", ""), 400, "InvalidArgument")
	e.want(e.do("GET", "bkt", "a.txt", "x-oss-process=image/resize,w_10", ""), 400, "BadRequest")
	e.want(e.do("GET", "bkt", "a.png", "x-oss-process=video/snapshot,t_1", ""), 400, "NotImplemented")
	e.want(e.do("GET", "bkt", "none", "x-oss-process=image/info", ""), 404, "NoSuchKey")
	e.want(e.do("POST", "bkt", "a.png", "x-oss-async-process", "x-oss-process=image/info"), 501, "NotImplemented")

	e.events.take()
	key64, bkt64 := base64.URLEncoding.EncodeToString([]byte("processed/a.png")), base64.URLEncoding.EncodeToString([]byte("other"))
	a = e.want(e.do("POST", "bkt", "a.png", "x-oss-process", "x-oss-process=image/resize,w_10|sys/saveas,o_"+key64), 200, "")
	if a.body != "{\n    \"bucket\": \"\",\n    \"fileSize\": 24,\n    \"object\": \"processed/a.png\",\n    \"status\": \"OK\"\n}" || a.Header.Get("Content-Type") != "application/json" {
		t.Error(a.body, a.Header)
	}
	recs := e.events.take()
	if len(recs) != 1 || recs[0].Type != event.PutObject || recs[0].Key != "processed/a.png" || recs[0].Meta.ContentType != "image/png" || recs[0].Origin.RequestID != a.Header.Get("x-oss-request-id") {
		t.Errorf("%+v", recs)
	}
	a = e.want(e.do("POST", "bkt", "a.png", "x-oss-process", "x-oss-process=image%2Fresize%2Cw_10%7Csys%2Fsaveas%2Co_"+strings.ReplaceAll(key64, "=", "%3D")+"%2Cb_"+bkt64), 200, "")
	if !strings.Contains(a.body, `"bucket": "other"`) {
		t.Error(a.body)
	}
	if a := e.do("GET", "other", "processed/a.png", "", ""); a.body != "image/resize,w_10\nPIXELS" || a.Header.Get("Content-Type") != "image/png" {
		t.Error(a.body, a.Header)
	}
	e.events.take()
	e.want(e.do("POST", "bkt", "a.png", "x-oss-process", "x-oss-process=image/resize,w_10"), 400, "InvalidArgument")
	e.want(e.do("POST", "bkt", "a.png", "x-oss-process", "nothing"), 400, "MissingArgument")
	e.want(e.do("POST", "bkt", "a.png", "x-oss-process", "x-oss-process=image/resize,w_10|sys/saveas,o_YQ,b_bm9uZS1zdWNo"), 404, "NoSuchBucket")
	e.want(e.do("POST", "bkt", "none", "x-oss-process", "x-oss-process=image/resize,w_10|sys/saveas,o_YQ"), 404, "NoSuchKey")
	e.want(e.do("POST", "bkt", "a.txt", "x-oss-process", "x-oss-process=image/resize,w_10|sys/saveas,o_YQ"), 400, "BadRequest")
	if recs := e.events.take(); len(recs) != 0 {
		t.Errorf("%+v", recs)
	}
}
