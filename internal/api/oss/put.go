package oss

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/object"
)

const metaPrefix = "X-Oss-Meta-" // as net/http canonicalizes it

// meta reads the metadata headers of a write.
func (q *request) meta() (event.Meta, error) {
	h := q.r.Header
	m := event.Meta{
		ContentType:        q.header("Content-Type"),
		CacheControl:       q.header("Cache-Control"),
		ContentDisposition: q.header("Content-Disposition"),
		ContentEncoding:    q.header("Content-Encoding"),
		ContentLanguage:    q.header("Content-Language"),
		Expires:            q.header("Expires"),
	}
	if m.ContentType == "" {
		m.ContentType = typeByExtension(q.key)
	}
	size := 0
	for name, v := range h {
		if len(name) <= len(metaPrefix) || name[:len(metaPrefix)] != metaPrefix {
			continue
		}
		if err := addMeta(&m, strings.ToLower(name), strings.Join(v, ","), &size); err != nil {
			return m, err
		}
	}
	return m, nil
}

// addMeta adds one user metadatum, named in lower case, and keeps count of their size.
func addMeta(m *event.Meta, name, value string, size *int) error {
	for i := len(metaPrefix); i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return fault.New(fault.Invalid, object.InvalidArgument, "The name of a user metadata header is invalid.").
				WithHint("After x-oss-meta- it may hold letters, digits and hyphens.").
				With("ArgumentName", clip(name, 100)).With("EC", "0011-00000004")
		}
	}
	if *size += len(name) + len(value); *size > object.MaxUserMeta {
		return fault.New(fault.Invalid, object.InvalidArgument, "The user metadata exceeds the size limit.").
			WithHint("Names and values of all x-oss-meta-* headers together may have %d bytes.", object.MaxUserMeta).
			With("EC", "0011-00000002")
	}
	if m.User == nil {
		m.User = make(map[string]string, 4)
	}
	m.User[name] = value
	return nil
}

// putInput reads the headers that all ways of creating an object share.
func (q *request) putInput(t event.Type) (in object.PutInput, err error) {
	in = object.PutInput{Bucket: q.bucket, Key: q.key, Event: t}
	if in.Meta, err = q.meta(); err != nil {
		return in, err
	}
	if in.ACL, err = q.objectACL(); err != nil {
		return in, err
	}
	if in.StorageClass, err = q.objectClass(); err != nil {
		return in, err
	}
	in.ForbidOverwrite, err = q.flag("X-Oss-Forbid-Overwrite")
	return in, err
}

// objectACL reads x-oss-object-acl; "default" is stored as "".
func (q *request) objectACL() (string, error) {
	v, err := q.acl("X-Oss-Object-Acl", true)
	if v == "default" {
		v = ""
	}
	return v, err
}

// objectClass reads x-oss-storage-class, or takes the bucket's.
func (q *request) objectClass() (string, error) {
	v := q.header("X-Oss-Storage-Class")
	if v == "" {
		v = q.bucketI.StorageClass
	}
	if v == "Standard" {
		v = ""
	}
	return v, checkStorageClass(v)
}

func (q *request) flag(header string) (bool, error) {
	switch v := q.header(header); strings.ToLower(v) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, errArgument(header, v, "It is true or false.")
	}
}

// bodySize returns the announced size of an upload, -1 if none was, before anything is
// read.
func (q *request) bodySize() (int64, error) {
	n := q.r.ContentLength
	if n > object.MaxObjectSize {
		return 0, errTooLarge(object.MaxObjectSize)
	}
	if n == 0 && q.r.ProtoMajor == 1 && len(q.r.TransferEncoding) == 0 && q.r.Header["Content-Length"] == nil {
		return 0, fault.New(fault.Invalid, "MissingContentLength", "You must provide the Content-Length HTTP header.").
			WithHint("Send it, or send the body chunked.")
	}
	return n, nil
}

// contentMD5 reads Content-MD5: 16 bytes, or nil if there is none.
func (q *request) contentMD5() ([]byte, error) {
	v := q.header("Content-Md5")
	if v == "" {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil || len(b) != 16 {
		return nil, fault.New(fault.Invalid, object.InvalidDigest, "The Content-MD5 you specified was invalid.").
			WithHint("It is the base64 form of the 16 bytes of the MD5 digest, not of its hex digits.").With("Content-MD5", clip(v, 100))
	}
	return b, nil
}

// payloadHash returns the hash that a V4 signature promises for the body, "" if none.
func (q *request) payloadHash() string {
	if len(q.r.Header["X-Oss-Content-Sha256"]) == 0 {
		return ""
	}
	h, _ := identity.ContentSHA256(q.r)
	return h
}

func (q *request) checkSHA256(body []byte) error {
	want := q.payloadHash()
	if want == "" {
		return nil
	}
	if got := sha256.Sum256(body); !strings.EqualFold(want, hex.EncodeToString(got[:])) {
		return fault.New(fault.Invalid, object.InvalidDigest, "The x-oss-content-sha256 you specified did not match what we received.")
	}
	return nil
}

func (q *request) putObject() error {
	in, err := q.putInput(event.PutObject)
	if err != nil {
		return err
	}
	if in.Size, err = q.bodySize(); err != nil {
		return err
	}
	if in.ContentMD5, err = q.contentMD5(); err != nil {
		return err
	}
	in.SHA256 = q.payloadHash()
	in.Body = q.upload(in.Size)
	i, err := q.h.objects.Put(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	q.writeStored(i)
	return nil
}

// upload is the body of an upload. One without an announced size fails past the limit,
// and where it ends before it is whole: nothing else would tell that from its end.
func (q *request) upload(size int64) io.Reader {
	if size >= 0 {
		return q.r.Body
	}
	return wholeBody{http.MaxBytesReader(q.w, q.r.Body, object.MaxObjectSize)}
}

// wholeBody makes a fault of an end that came too early, which readers of an unknown
// length could take for the end they wait for (io.ReadFull reports both alike).
type wholeBody struct{ r io.Reader }

func (b wholeBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF && errors.Is(err, io.ErrUnexpectedEOF) {
		err = errIncomplete()
	}
	return n, err
}

// writeStored answers 200 to a write of an object or a part.
func (q *request) writeStored(i *object.Info) {
	h := q.w.Header()
	v := make([]string, 3)
	v[0] = quoted(i.ETag)
	h["Etag"] = v[0:1:1]
	if i.HasCRC64 {
		v[1] = strconv.FormatUint(i.CRC64, 10)
		h[hCRC64] = v[1:2:2]
	}
	if i.MD5 != nil {
		v[2] = base64.StdEncoding.EncodeToString(i.MD5)
		h["Content-Md5"] = v[2:3:3]
	}
	h["Content-Length"] = zeroLength
	q.writeHeader(http.StatusOK)
}

func quoted(etag string) string { return `"` + etag + `"` }

func (q *request) deleteObject() error {
	if _, err := q.h.objects.Delete(q.r.Context(), q.origin(), q.bucket, q.key); err != nil {
		return err
	}
	return q.empty(http.StatusNoContent)
}

// deleteMultiple answers 200 for keys that do not exist too, as OSS does. A caller who
// may not delete one of the keys deletes none.
func (q *request) deleteMultiple() error {
	if q.header("Content-Md5") == "" && q.payloadHash() == "" {
		return errMissing("the header Content-MD5")
	}
	url, err := q.encoding()
	if err != nil {
		return err
	}
	body, err := q.xmlBody()
	if err != nil {
		return err
	}
	keys, quiet, bodyURL, err := parseDelete(body)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := q.allow("oss:DeleteObject", q.bucketI, k, grantWrite); err != nil {
			return err
		}
	}
	if err := q.h.objects.DeleteMultiple(q.r.Context(), q.origin(), q.bucket, keys); err != nil {
		return err
	}
	if quiet {
		return q.empty(http.StatusOK)
	}
	x := newXML()
	x.urlEnc = url || bodyURL
	x.open("DeleteResult")
	x.encodingType()
	for _, k := range keys {
		x.open("Deleted")
		x.key("Key", k)
		x.close("Deleted")
	}
	x.close("DeleteResult")
	return q.replyXML(x)
}

// parseDelete reads the body of DeleteMultipleObjects.
func parseDelete(body []byte) (keys []string, quiet, url bool, err error) {
	var key, version string
	var hasKey, root bool
	err = walkXML(body, func(p, text string) error {
		switch p {
		case "Delete/Quiet":
			quiet = strings.EqualFold(strings.TrimSpace(text), "true")
		case "Delete/EncodingType":
			url = strings.TrimSpace(text) == "url"
		case "Delete/Object/Key":
			key, hasKey = text, true
		case "Delete/Object/VersionId":
			version = strings.TrimSpace(text)
		case "Delete/Object", "Delete":
			return malformedXML("It names no object.")
		}
		return nil
	}, func(p string) error {
		switch p {
		case "Delete":
			root = true
		case "Delete/Object":
			if !hasKey || key == "" {
				return malformedXML("An Object lacks its Key.")
			}
			if version != "" && version != "null" {
				return errNotImplemented("the element VersionId", "Buckets here are never versioned; leave it out.")
			}
			if err := checkKey(key); err != nil {
				return err
			}
			if len(keys) == object.MaxDeleteBatch {
				return malformedXML("It names more than " + strconv.Itoa(object.MaxDeleteBatch) + " objects.")
			}
			keys = append(keys, key)
			key, version, hasKey = "", "", false
		}
		return nil
	})
	if err == nil && (!root || len(keys) == 0) {
		err = malformedXML("It names no object.")
	}
	return keys, quiet, url, err
}

// typeByExtension is the Content-Type of an object that was put without one. The table
// is fixed, rather than the host's, so that a key means the same everywhere.
func typeByExtension(key string) string {
	ext := path.Ext(key)
	if len(ext) < 2 || len(ext) > 8 {
		return octetStream
	}
	if t, ok := extensions[strings.ToLower(ext[1:])]; ok {
		return t
	}
	return octetStream
}

const octetStream = "application/octet-stream"

var extensions = func() map[string]string {
	m := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(`
7z application/x-7z-compressed
aac audio/aac
apk application/vnd.android.package-archive
avi video/x-msvideo
avif image/avif
bmp image/bmp
bz2 application/x-bzip2
css text/css
csv text/csv
doc application/msword
docx application/vnd.openxmlformats-officedocument.wordprocessingml.document
flac audio/flac
flv video/x-flv
gif image/gif
gz application/gzip
heic image/heic
htm text/html
html text/html
ico image/x-icon
jpe image/jpeg
jpeg image/jpeg
jpg image/jpeg
js application/javascript
json application/json
m3u8 application/vnd.apple.mpegurl
m4a audio/mp4
md text/markdown
mjs application/javascript
mov video/quicktime
mp3 audio/mpeg
mp4 video/mp4
mpeg video/mpeg
mpg video/mpeg
ogg audio/ogg
pdf application/pdf
png image/png
ppt application/vnd.ms-powerpoint
pptx application/vnd.openxmlformats-officedocument.presentationml.presentation
rar application/x-rar-compressed
svg image/svg+xml
tar application/x-tar
tif image/tiff
tiff image/tiff
ts video/mp2t
ttf font/ttf
txt text/plain
wasm application/wasm
wav audio/wav
webm video/webm
webp image/webp
woff font/woff
woff2 font/woff2
xls application/vnd.ms-excel
xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
xml application/xml
yaml application/yaml
yml application/yaml
zip application/zip`), "\n") {
		ext, t, ok := strings.Cut(line, " ")
		if !ok {
			panic(fmt.Sprintf("oss: extension %q lacks a type", line))
		}
		m[ext] = t
	}
	return m
}()
