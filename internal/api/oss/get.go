package oss

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/conn"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
)

var acceptRanges = []string{"bytes"}

// conditionsOf reads the conditional headers; prefix is "" for those of a read and
// "X-Oss-Copy-Source-" for those of a copy. A date that cannot be read counts as none.
func (q *request) conditionsOf(prefix string) (c object.Conditions) {
	h := q.r.Header
	if prefix == "" {
		c.IfMatch, c.IfNoneMatch = q.header("If-Match"), q.header("If-None-Match")
		if v := h["If-Modified-Since"]; len(v) > 0 {
			c.IfModifiedSince, _ = http.ParseTime(v[0])
		}
		if v := h["If-Unmodified-Since"]; len(v) > 0 {
			c.IfUnmodifiedSince, _ = http.ParseTime(v[0])
		}
		return c
	}
	c.IfMatch, c.IfNoneMatch = q.header(prefix+"If-Match"), q.header(prefix+"If-None-Match")
	c.IfModifiedSince, _ = http.ParseTime(q.header(prefix + "If-Modified-Since"))
	c.IfUnmodifiedSince, _ = http.ParseTime(q.header(prefix + "If-Unmodified-Since"))
	return c
}

// check applies the conditions of a read. A 304 is written here, with the headers that
// a cache wants, and done reports that the request has its answer.
func (q *request) check(i *object.Info) (done bool, err error) {
	c := q.conditionsOf("")
	if c == (object.Conditions{}) {
		return false, nil
	}
	err = c.Check(i)
	if err == nil || !fault.Is(err, object.NotModified) {
		return false, err
	}
	h := q.w.Header()
	h["Etag"] = []string{quoted(i.ETag)}
	h["Last-Modified"] = []string{httpTime(i.Modified)}
	q.writeHeader(http.StatusNotModified)
	return true, nil
}

func httpTime(t time.Time) string {
	var b [len(http.TimeFormat)]byte
	return string(t.UTC().AppendFormat(b[:0], http.TimeFormat))
}

// objectHeaders writes what is known of an object. link is the symlink that led to it,
// or nil: its metadata are then the object's, and the younger time counts.
func (q *request) objectHeaders(i, link *object.Info) {
	h := q.w.Header()
	own, mod := i, i.Modified
	if link != nil {
		own = link
		if link.Modified.After(mod) {
			mod = link.Modified
		}
	}
	v := make([]string, 6)
	one := func(name, value string) {
		v[0] = value
		h[name] = v[0:1:1]
		v = v[1:]
	}
	h["Accept-Ranges"] = acceptRanges
	one("Etag", quoted(i.ETag))
	one("Last-Modified", httpTime(mod))
	one("X-Oss-Object-Type", string(own.Kind))
	one("X-Oss-Storage-Class", storageClass(own.StorageClass))
	if i.HasCRC64 {
		one(hCRC64, strconv.FormatUint(i.CRC64, 10))
	}
	if i.Run != "" {
		h["X-Alcedo-Run"] = []string{i.Run} // which run made it; `alcedo runs` knows the rest
	}
	if i.MD5 != nil {
		one("Content-Md5", base64.StdEncoding.EncodeToString(i.MD5))
	}
	metaHeaders(h, &own.Meta)
}

// metaHeaders writes stored metadata. User metadata go out in lower case, as stored.
func metaHeaders(h http.Header, m *event.Meta) {
	ct := m.ContentType
	if ct == "" {
		ct = octetStream
	}
	h["Content-Type"] = []string{ct}
	if m.CacheControl != "" {
		h["Cache-Control"] = []string{m.CacheControl}
	}
	if m.ContentDisposition != "" {
		h["Content-Disposition"] = []string{m.ContentDisposition}
	}
	if m.ContentEncoding != "" {
		h["Content-Encoding"] = []string{m.ContentEncoding}
	}
	if m.ContentLanguage != "" {
		h["Content-Language"] = []string{m.ContentLanguage}
	}
	if m.Expires != "" {
		h["Expires"] = []string{m.Expires}
	}
	for k, v := range m.User {
		h[k] = []string{v}
	}
}

// overrides are the response-* parameters, with the header each replaces.
var overrides = map[string]string{
	"response-content-type":        "Content-Type",
	"response-content-language":    "Content-Language",
	"response-expires":             "Expires",
	"response-cache-control":       "Cache-Control",
	"response-content-disposition": "Content-Disposition",
	"response-content-encoding":    "Content-Encoding",
}

// override applies the response-* parameters, which only signed requests may have.
func (q *request) override() error {
	for i := range q.query {
		p := &q.query[i]
		name, ok := overrides[p.name]
		if !ok {
			continue
		}
		if q.who.anonymous() {
			return fault.New(fault.Invalid, "InvalidRequest", "The parameter %s cannot be used by an anonymous request.", p.name).WithHint("Sign the URL.")
		}
		for j := 0; j < len(p.value); j++ {
			if c := p.value[j]; c < ' ' && c != '\t' || c == 0x7f {
				return errArgument(p.name, "", "It holds a control character.")
			}
		}
		q.set(name, p.value)
	}
	return nil
}

// span is the part of an object to send.
type span struct {
	off, n  int64
	partial bool
}

// spanOf applies a Range header to an object of the given size. OSS's own way, unless
// the client asks for the standard's: a range that is not wholly inside the object is
// no range, and the whole object goes out.
func spanOf(header string, size int64, standard bool) (span, error) {
	whole := span{0, size, false}
	if header == "" {
		return whole, nil
	}
	first, last, ok := parseRange(header)
	if !ok {
		return whole, nil
	}
	switch {
	case first < 0: // the last bytes
		if last > size {
			if !standard || size == 0 {
				break
			}
			last = size
		}
		if last > 0 {
			return span{size - last, last, true}, nil
		}
	case first >= size:
	case last < 0:
		return span{first, size - first, true}, nil
	case last >= size:
		if standard {
			return span{first, size - first, true}, nil
		}
		return whole, nil
	default:
		return span{first, last - first + 1, true}, nil
	}
	if standard {
		return whole, fault.New(fault.Invalid, "InvalidRange", "The requested range cannot be satisfied.").
			With("ActualObjectSize", strconv.FormatInt(size, 10)).With("RangeHeader", clip(header, 100))
	}
	return whole, nil
}

// parseRange reads one byte range: "bytes=first-last", last -1 if open; "bytes=-n" gives
// first -1 and last n. Several ranges, which OSS does not serve, are none.
func parseRange(s string) (first, last int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	if !ok {
		return 0, 0, false
	}
	a, b, ok := strings.Cut(strings.TrimSpace(s), "-")
	if !ok {
		return 0, 0, false
	}
	if a == "" {
		n, ok := parseDigits(b)
		return -1, n, ok
	}
	if first, ok = parseDigits(a); !ok {
		return 0, 0, false
	}
	if b == "" {
		return first, -1, true
	}
	last, ok = parseDigits(b)
	return first, last, ok && last >= first
}

// parseDigits reads a decimal number without a sign, of at most 18 digits.
func parseDigits(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// wantedRange returns the Range header, unless If-Range says that it is for an object
// that is there no more.
func (q *request) wantedRange(i *object.Info) string {
	rng := q.header("Range")
	if rng == "" {
		return ""
	}
	if cond := q.header("If-Range"); cond != "" && strings.Trim(cond, `"`) != i.ETag {
		t, err := http.ParseTime(cond)
		if err != nil || i.Modified.Truncate(time.Second).After(t) {
			return ""
		}
	}
	return rng
}

// announce writes length and range of the part to be sent and returns the status.
func (q *request) announce(s span, size int64) int {
	h := q.w.Header()
	h["Content-Length"] = []string{strconv.FormatInt(s.n, 10)}
	if !s.partial {
		return http.StatusOK
	}
	h["Content-Range"] = []string{"bytes " + strconv.FormatInt(s.off, 10) + "-" + strconv.FormatInt(s.off+s.n-1, 10) + "/" + strconv.FormatInt(size, 10)}
	return http.StatusPartialContent
}

// open opens the object that the request names. OSS asks for the permission on a
// symlink's target when it is followed, not when the link is made.
func (q *request) open(action string, g grant) (*object.Reader, error) {
	rd, err := q.h.objects.Get(q.r.Context(), q.bucket, q.key)
	if err != nil {
		return nil, err
	}
	if rd.Link != nil {
		if err := q.allow(action, q.bucketI, rd.Info.Key, g); err != nil {
			rd.Close()
			return nil, err
		}
	}
	return rd, nil
}

func (q *request) getObject() error {
	rd, err := q.open("oss:GetObject", grantRead)
	if err != nil {
		return err
	}
	defer rd.Close()
	if done, err := q.check(rd.Info); done || err != nil {
		return err
	}
	s, err := spanOf(q.wantedRange(rd.Info), rd.Info.Size, q.header("X-Oss-Range-Behavior") == "standard")
	if err != nil {
		return err
	}
	q.objectHeaders(rd.Info, rd.Link)
	if q.query != nil {
		if err := q.override(); err != nil {
			return err
		}
	}
	q.writeHeader(q.announce(s, rd.Info.Size))
	if s.n == 0 {
		return nil
	}
	if _, inMemory := rd.Bytes(); inMemory && s.n >= 4096 && q.r.Method == http.MethodGet {
		conn.HoldNext(q.r.Context())
	}
	n, err := rd.WriteRange(q.w, s.off, s.n)
	if err == nil && n != s.n {
		err = io.ErrShortWrite
	}
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		// The status is out; net/http cuts the connection, as the announced length
		// is not met, and the client sees that it did not get all.
		return fault.As(err)
	}
	return nil
}

// stat finds an object and, for a symlink, its target.
func (q *request) stat() (i, link *object.Info, err error) {
	i, err = q.h.objects.Head(q.r.Context(), q.bucket, q.key)
	if err != nil || i.Kind != object.Symlink {
		return i, nil, err
	}
	rd, err := q.open("oss:GetObject", grantRead)
	if err != nil {
		return nil, nil, err
	}
	defer rd.Close()
	return rd.Info, rd.Link, nil
}

func (q *request) headObject() error {
	i, link, err := q.stat()
	if err != nil {
		return err
	}
	if done, err := q.check(i); done || err != nil {
		return err
	}
	q.objectHeaders(i, link)
	if q.query != nil {
		if err := q.override(); err != nil {
			return err
		}
	}
	q.set("Content-Length", strconv.FormatInt(i.Size, 10))
	q.writeHeader(http.StatusOK)
	return nil
}

// getObjectMeta answers with few headers and no body. Content-Length is the object's to a
// HEAD, which is what SDKs send; to a GET it can only be the body's, hence 0.
func (q *request) getObjectMeta() error {
	i, link, err := q.stat()
	if err != nil {
		return err
	}
	if done, err := q.check(i); done || err != nil {
		return err
	}
	mod := i.Modified
	if link != nil && link.Modified.After(mod) {
		mod = link.Modified
	}
	h := q.w.Header()
	h["Etag"] = []string{quoted(i.ETag)}
	h["Last-Modified"] = []string{httpTime(mod)}
	if i.HasCRC64 {
		h[hCRC64] = []string{strconv.FormatUint(i.CRC64, 10)}
	}
	if q.r.Method == http.MethodHead {
		h["Content-Length"] = []string{strconv.FormatInt(i.Size, 10)}
	} else {
		h["Content-Length"] = zeroLength
	}
	q.writeHeader(http.StatusOK)
	return nil
}
