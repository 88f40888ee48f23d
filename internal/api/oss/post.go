package oss

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Bounds of a form's fields, without the file.
const (
	maxFormFields = 100
	maxFormBytes  = 128 << 10 // names and values together; a policy alone may have 64 KiB
)

func isForm(contentType string) bool {
	return len(contentType) >= 19 && strings.EqualFold(contentType[:19], "multipart/form-data")
}

// form is a form upload, read up to the first byte of its file.
type form struct {
	fields   map[string]string // by lower-case name
	file     io.Reader
	filename string
	fileType string // Content-Type of the file's part
}

func malformedForm(hint string) error {
	return fault.New(fault.Invalid, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.").WithHint("%s", hint)
}

// parseForm reads the fields of a form up to its file, which is the last that counts.
// Names that differ in case only are one name and may stand once: what a policy checks
// must be what is used.
func parseForm(contentType string, body io.Reader) (*form, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, malformedForm("The Content-Type lacks its boundary.")
	}
	f := &form{fields: map[string]string{}}
	mr := multipart.NewReader(body, params["boundary"])
	room := maxFormBytes
	for {
		part, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "IncorrectNumberOfFiles", "POST requires exactly one file upload per request.").
				WithHint("The form needs a field named file, after all others.")
		}
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, err
			}
			return nil, malformedForm("It cannot be parsed.")
		}
		name := strings.ToLower(part.FormName())
		switch {
		case name == "":
			return nil, malformedForm("A part lacks its name.")
		case name == "file":
			f.file, f.filename, f.fileType = part, part.FileName(), part.Header.Get("Content-Type")
			return f, nil
		case len(f.fields) == maxFormFields:
			return nil, malformedForm("It has more than " + strconv.Itoa(maxFormFields) + " fields.")
		}
		if _, twice := f.fields[name]; twice {
			return nil, malformedForm("The field " + clip(name, 64) + " stands there twice.")
		}
		v, err := io.ReadAll(io.LimitReader(part, int64(room)+1))
		if err != nil {
			return nil, err
		}
		if room -= len(name) + len(v); room < 0 {
			return nil, fault.New(fault.Invalid, "FieldItemTooLong", "Your POST fields exceed the maximum length.").
				WithHint("All fields before the file may have %d bytes. The file must be named file.", maxFormBytes)
		}
		f.fields[name] = string(v)
	}
}

// formRefused are fields that ask for what is not served.
var formRefused = []string{
	"callback", "x-oss-callback", "x-oss-tagging", "x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id",
	"x-oss-server-side-data-encryption",
}

func (f *form) meta() (event.Meta, error) {
	m := event.Meta{
		ContentType:        f.fields["x-oss-content-type"],
		CacheControl:       f.fields["cache-control"],
		ContentDisposition: f.fields["content-disposition"],
		ContentEncoding:    f.fields["content-encoding"],
		ContentLanguage:    f.fields["content-language"],
		Expires:            f.fields["expires"],
	}
	for _, t := range [...]string{f.fields["content-type"], f.fileType} {
		if m.ContentType == "" {
			m.ContentType = t
		}
	}
	if m.ContentType == "" {
		m.ContentType = typeByExtension(f.fields["key"])
	}
	for _, v := range [...]string{m.ContentType, m.CacheControl, m.ContentDisposition, m.ContentEncoding, m.ContentLanguage, m.Expires} {
		if !headerValue(v) {
			return m, malformedForm("A field that becomes a header holds a control character.")
		}
	}
	size := 0
	for name, v := range f.fields {
		if !strings.HasPrefix(name, "x-oss-meta-") || len(name) == len("x-oss-meta-") {
			continue
		}
		if !headerValue(v) {
			return m, malformedForm("The field " + clip(name, 64) + " holds a control character.")
		}
		if err := addMeta(&m, name, v, &size); err != nil {
			return m, err
		}
	}
	return m, nil
}

// headerValue reports whether v may stand in a header.
func headerValue(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// formBody is a form's file. It notes how much was read and fails, at the end, if the
// policy forbids that size.
type formBody struct {
	r     io.Reader
	n     int64
	max   int64
	atEnd func(n int64) error
	err   error
}

func (b *formBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	switch {
	case b.n > b.max:
		b.err = errTooLarge(b.max)
	case err == io.EOF:
		if b.err = b.atEnd(b.n); b.err == nil {
			b.err = io.EOF
		}
	case err != nil:
		b.err = err
	default:
		return n, nil
	}
	if b.err == io.EOF {
		return n, io.EOF
	}
	return 0, b.err
}

func (q *request) postObject() error {
	f, err := parseForm(q.header("Content-Type"), q.r.Body)
	if err != nil {
		return err
	}
	for _, name := range formRefused {
		if f.fields[name] != "" {
			return errNotImplemented("the form field "+name, "Send the form without it, if it can do without.")
		}
	}
	key := strings.ReplaceAll(f.fields["key"], "${filename}", f.filename)
	if key == "" {
		return errMissing("the form field key")
	}
	if err := checkKey(key); err != nil {
		return err
	}
	f.fields["key"] = key
	if b := f.fields["bucket"]; b != "" && b != q.bucket {
		return errArgument("bucket", b, "The form is sent to another bucket.")
	}
	f.fields["bucket"] = q.bucket
	body := &formBody{r: wholeBody{f.file}, max: object.MaxObjectSize, atEnd: func(int64) error { return nil }}
	if err := q.formCaller(f, body); err != nil {
		return err
	}
	if err := q.allow("oss:PutObject", q.bucketI, key, grantWrite); err != nil {
		return err
	}
	in := object.PutInput{Bucket: q.bucket, Key: key, Size: -1, Body: body, Event: event.PostObject}
	if in.Meta, err = f.meta(); err != nil {
		return err
	}
	switch in.ACL = f.fields["x-oss-object-acl"]; in.ACL {
	case "", "private", "public-read", "public-read-write":
	case "default":
		in.ACL = ""
	default:
		return errArgument("x-oss-object-acl", in.ACL, "It is private, public-read, public-read-write or default.")
	}
	if in.StorageClass = f.fields["x-oss-storage-class"]; in.StorageClass == "" {
		in.StorageClass = q.bucketI.StorageClass
	}
	if in.StorageClass == "Standard" {
		in.StorageClass = ""
	}
	if err := checkStorageClass(in.StorageClass); err != nil {
		return err
	}
	in.ForbidOverwrite = strings.EqualFold(f.fields["x-oss-forbid-overwrite"], "true")
	if v := f.fields["content-md5"]; v != "" {
		if in.ContentMD5, err = base64.StdEncoding.DecodeString(v); err != nil || len(in.ContentMD5) != 16 {
			return fault.New(fault.Invalid, object.InvalidDigest, "The Content-MD5 you specified was invalid.")
		}
	}
	i, err := q.h.objects.Put(q.r.Context(), q.origin(), in)
	if err != nil {
		if body.err != nil && body.err != io.EOF {
			return body.err // what went wrong with the form, rather than how the store met it
		}
		return err
	}
	return q.replyPosted(f, key, i)
}

// formCaller finds out who signed the form and applies its policy. A form without a
// signature is sent by whoever signed the request, or by nobody.
func (q *request) formCaller(f *form, body *formBody) error {
	b64 := f.fields["policy"]
	p, err := q.h.auth.VerifyPost(b64, f.fields)
	if err != nil {
		return err
	}
	if p.Kind != identity.Anonymous {
		q.who.Principal = p
	}
	if b64 == "" {
		return nil
	}
	pol, err := identity.ParsePostPolicy(b64)
	if err != nil {
		return err
	}
	if err := pol.Check(f.fields, -1, q.now); err != nil {
		return err
	}
	if n := pol.MaxSize(); n >= 0 && n < body.max {
		body.max = n
	}
	body.atEnd = func(n int64) error { return pol.Check(f.fields, n, q.now) }
	return nil
}

func (q *request) replyPosted(f *form, key string, i *object.Info) error {
	h := q.w.Header()
	h["Etag"] = []string{quoted(i.ETag)}
	if i.HasCRC64 {
		h[hCRC64] = []string{strconv.FormatUint(i.CRC64, 10)}
	}
	if to := f.fields["success_action_redirect"]; to != "" {
		// A target that is no address is left out of account, as by OSS.
		if u, err := url.Parse(to); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
			v := u.RawQuery
			if v != "" {
				v += "&"
			}
			u.RawQuery = v + "bucket=" + url.QueryEscape(q.bucket) + "&key=" + url.QueryEscape(key) + "&etag=" + url.QueryEscape(quoted(i.ETag))
			h["Location"] = []string{u.String()}
			return q.empty(http.StatusSeeOther)
		}
	}
	loc := q.location(key)
	switch f.fields["success_action_status"] {
	case "200":
		return q.empty(http.StatusOK)
	case "201":
		h["Location"] = []string{loc}
		x := newXML()
		x.open("PostResponse")
		x.text("Bucket", q.bucket)
		x.text("Location", loc)
		x.text("Key", key)
		x.etag("ETag", i.ETag)
		x.close("PostResponse")
		q.reply(http.StatusCreated, "application/xml", x.b)
		x.free()
		return nil
	}
	return q.empty(http.StatusNoContent)
}
