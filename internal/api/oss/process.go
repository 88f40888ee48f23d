package oss

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Imager is what this package needs of [image.Pool].
type Imager interface {
	Run(ctx context.Context, key string, proc *image.Process, src image.Source) (*image.Result, error)
}

// maxProcessBody bounds the body of a ProcessObject request. Form-encoding triples what
// is not alphanumeric.
const maxProcessBody = 64 << 10

const processParam = "x-oss-process"

// rawParam returns a query parameter with its plus signs as they are: base64 in process
// strings has some, blanks never.
func rawParam(raw, name string) string {
	for part := range strings.SplitSeq(raw, "&") {
		if v, ok := strings.CutPrefix(part, name+"="); ok {
			if s, err := unescapePath(v); err == nil {
				return s
			}
			return v
		}
	}
	return ""
}

// parseProcessBody finds the process string in a ProcessObject body. SDKs send
// "x-oss-process=" and then either the string as it is (oss2, Go, Java, PHP) or
// form-encoded as a whole (ali-oss). Valid %XX are decoded, since a raw string holds
// none; "+" stays, since form encoders write %2B for it, and raw base64 holds it.
func parseProcessBody(body []byte) (string, bool) {
	s := strings.TrimSpace(string(body))
	for part := range strings.SplitSeq(s, "&") {
		if v, ok := strings.CutPrefix(part, processParam+"="); ok {
			return decodeValid(v), true
		}
	}
	return "", false
}

// decodeValid decodes the %XX sequences that are valid and keeps everything else.
func decodeValid(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// parseProcess parses a process string and refuses what cannot be run here.
func (q *request) parseProcess(s string) (*image.Process, error) {
	if q.h.images == nil {
		return nil, errNotImplemented("the parameter x-oss-process", "This server runs without image processing.")
	}
	p, err := image.Parse(s)
	if err != nil {
		return nil, processFault(err)
	}
	if p.Style != "" {
		return nil, fault.New(fault.NotFound, "NoSuchStyle", "The style you get is not found.").
			WithHint("Styles are not kept here; write the actions themselves.").With("StyleName", p.Style)
	}
	if p.SaveAs != nil {
		if err := checkKey(p.SaveAs.Key); err != nil {
			return nil, err
		}
		if b := p.SaveAs.Bucket; b != "" && !validBucketName(b) {
			return nil, invalidBucket(b)
		}
	}
	return p, nil
}

// processFault tells an action that is not implemented from an operation that is not.
func processFault(err error) error {
	if !fault.Is(err, "NotImplemented") {
		return err
	}
	f := *fault.As(err)
	f.Reason = noSuchProcess
	return &f
}

// source hands an open object to an image job. The job may outlive the request, when
// others wait for the same result: the object is then opened anew, provided it is still
// the same.
type source struct {
	store       *object.Store
	bucket, key string
	info        *object.Info

	mu sync.Mutex
	rd *object.Reader // nil once handed over or released
}

func (s *source) open() (io.ReadCloser, error) {
	s.mu.Lock()
	rd := s.rd
	s.rd = nil
	s.mu.Unlock()
	if rd == nil {
		var err error
		if rd, err = s.store.Get(context.Background(), s.bucket, s.key); err != nil {
			return nil, err
		}
		if rd.Info.ETag != s.info.ETag || rd.Info.Size != s.info.Size {
			rd.Close()
			return nil, fault.New(fault.Conflict, "Conflict", "The object was overwritten while it was waiting to be processed.")
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{rd.Open(), rd}, nil
}

func (s *source) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rd != nil {
		s.rd.Close()
		s.rd = nil
	}
}

// runImage processes an open object; it takes over rd.
func (q *request) runImage(rd *object.Reader, p *image.Process) (*image.Result, error) {
	i := rd.Info
	src := &source{store: q.h.objects, bucket: q.bucket, key: q.key, info: i, rd: rd}
	defer src.release()
	// Equal names mean equal bytes: a new version has a new ETag or, for appends, size.
	name := strings.Join([]string{q.bucket, q.key, i.ETag, strconv.FormatInt(i.Size, 10)}, "\x00")
	res, err := q.h.images.Run(q.r.Context(), name, p, image.Source{Size: i.Size, Open: src.open})
	if err != nil {
		return nil, processFault(err)
	}
	return res, nil
}

func (q *request) getProcessed() error {
	p, err := q.parseProcess(rawParam(q.r.URL.RawQuery, processParam))
	if err != nil {
		return err
	}
	if p.SaveAs != nil {
		return fault.New(fault.Invalid, object.InvalidArgument, "The action sys/saveas cannot be used by a GET.").
			WithHint("Send it as a POST with the parameter ?x-oss-process and the process in the body.")
	}
	rd, err := q.open("oss:GetObject", grantRead)
	if err != nil {
		return err
	}
	if done, err := q.check(rd.Info); done || err != nil {
		rd.Close()
		return err
	}
	info := rd.Info
	res, err := q.runImage(rd, p)
	if err != nil {
		return err
	}
	size := int64(len(res.Data))
	s, err := spanOf(q.wantedRange(info), size, q.header("X-Oss-Range-Behavior") == "standard")
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["Accept-Ranges"] = acceptRanges
	h["Content-Type"] = []string{res.ContentType}
	h["Etag"] = []string{quoted(info.ETag)} // the source's, as OSS says it
	h["Last-Modified"] = []string{httpTime(info.Modified)}
	h["X-Oss-Object-Type"] = []string{string(info.Kind)}
	if err := q.override(); err != nil {
		return err
	}
	q.writeHeader(q.announce(s, size))
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(res.Data[s.off : s.off+s.n])
	}
	return nil
}

func (q *request) processObject() error {
	if v := q.query.get(processParam); v != "" && !strings.HasPrefix(v, "image/") && !strings.HasPrefix(v, "style/") {
		return errNotImplemented("the process "+clip(v, 64), "Only images are processed here.")
	}
	body, err := q.boundedBody(maxProcessBody, object.InvalidArgument)
	if err != nil {
		return err
	}
	s, ok := parseProcessBody(body)
	if !ok {
		return errMissing("x-oss-process=… in the body")
	}
	p, err := q.parseProcess(s)
	if err != nil {
		return err
	}
	if p.SaveAs == nil {
		return fault.New(fault.Invalid, object.InvalidArgument, "The process does not say where to keep its result.").
			WithHint("Append |sys/saveas,o_<base64 of the object name>, or send it as a GET.")
	}
	to := q.bucketI
	if b := p.SaveAs.Bucket; b != "" && b != q.bucket {
		if to, err = q.h.objects.GetBucket(q.r.Context(), b); err != nil {
			return err
		}
	}
	if err := q.allow("oss:PutObject", to, p.SaveAs.Key, grantWrite); err != nil {
		return err
	}
	rd, err := q.open("oss:PostProcessTask", grantNone)
	if err != nil {
		return err
	}
	res, err := q.runImage(rd, p)
	if err != nil {
		return err
	}
	class := to.StorageClass
	if class == "Standard" {
		class = ""
	}
	i, err := q.h.objects.Put(q.r.Context(), q.origin(), object.PutInput{
		Bucket: to.Name, Key: p.SaveAs.Key, Body: bytes.NewReader(res.Data), Size: int64(len(res.Data)),
		Meta: event.Meta{ContentType: res.ContentType}, StorageClass: class, Event: event.PutObject,
	})
	if err != nil {
		return err
	}
	q.reply(http.StatusOK, "application/json", processResult(p.SaveAs, i.Size))
	return nil
}

// processResult is the answer to ProcessObject. SDKs' own tests look for the blank after
// the colons, and for an empty bucket where the process named none.
func processResult(to *image.SaveAs, size int64) []byte {
	b := append(make([]byte, 0, 256), "{\n    \"bucket\": "...)
	b = appendJSON(b, to.Bucket)
	b = append(b, ",\n    \"fileSize\": "...)
	b = strconv.AppendInt(b, size, 10)
	b = append(b, ",\n    \"object\": "...)
	b = appendJSON(b, to.Key)
	return append(b, ",\n    \"status\": \"OK\"\n}"...)
}

func appendJSON(b []byte, s string) []byte {
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil && !errors.Is(err, io.EOF) {
		return append(b, `""`...) // a string always encodes
	}
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}
