package oss

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func (q *request) symlinkInput() (object.PutInput, error) { return q.putInput(event.PutSymlink) }

func (q *request) initiateMultipart() error {
	url, err := q.encoding()
	if err != nil {
		return err
	}
	in, err := q.putInput(event.InitiateMultipartUpload)
	if err != nil {
		return err
	}
	u, err := q.h.objects.InitiateMultipart(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	x := newXML()
	x.urlEnc = url
	x.open("InitiateMultipartUploadResult")
	x.encodingType()
	x.text("Bucket", q.bucket)
	x.key("Key", q.key)
	x.text("UploadId", u.ID)
	x.close("InitiateMultipartUploadResult")
	return q.replyXML(x)
}

func (q *request) partNumber() (int, error) {
	v := q.query.get("partNumber")
	n, ok := parseDigits(v)
	if !ok || n < 1 || n > object.MaxParts {
		return 0, errArgument("partNumber", v, "Parts are numbered from 1 to 10000.")
	}
	return int(n), nil
}

func (q *request) uploadPart() error {
	in := object.PartInput{Bucket: q.bucket, Key: q.key, UploadID: q.query.get("uploadId"), SHA256: q.payloadHash()}
	var err error
	if in.Number, err = q.partNumber(); err != nil {
		return err
	}
	if in.Size, err = q.bodySize(); err != nil {
		return err
	}
	if in.ContentMD5, err = q.contentMD5(); err != nil {
		return err
	}
	in.Body = q.upload(in.Size)
	p, err := q.h.objects.UploadPart(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	q.writeStored(&object.Info{ETag: p.ETag, CRC64: p.CRC64, HasCRC64: true})
	return nil
}

func (q *request) listParts() error {
	url, err := q.encoding()
	if err != nil {
		return err
	}
	limit, err := q.limit("max-parts", object.MaxListing, object.MaxListing)
	if err != nil {
		return err
	}
	marker := int64(0)
	if v := q.query.get("part-number-marker"); v != "" {
		var ok bool
		if marker, ok = parseDigits(v); !ok || marker > object.MaxParts {
			return errArgument("part-number-marker", v, "It is a part number.")
		}
	}
	l, err := q.h.objects.ListParts(q.r.Context(), q.bucket, q.key, q.query.get("uploadId"), int(marker), limit)
	if err != nil {
		return err
	}
	x := newXML()
	x.urlEnc = url
	x.open("ListPartsResult")
	x.encodingType()
	x.text("Bucket", q.bucket)
	x.key("Key", q.key)
	x.text("UploadId", q.query.get("uploadId"))
	x.text("StorageClass", storageClass(l.Upload.StorageClass))
	x.int("PartNumberMarker", marker)
	next := l.Next
	if n := len(l.Parts); next == 0 && n > 0 {
		next = l.Parts[n-1].Number
	}
	x.int("NextPartNumberMarker", int64(next))
	x.int("MaxParts", int64(limit))
	x.bool("IsTruncated", l.Truncated)
	for _, p := range l.Parts {
		x.open("Part")
		x.int("PartNumber", int64(p.Number))
		x.time("LastModified", p.Modified)
		x.etag("ETag", p.ETag)
		x.text("HashCrc64ecma", strconv.FormatUint(p.CRC64, 10))
		x.int("Size", p.Size)
		x.close("Part")
	}
	x.close("ListPartsResult")
	return q.replyXML(x)
}

func (q *request) completeMultipart() error {
	url, err := q.encoding()
	if err != nil {
		return err
	}
	forbid, err := q.flag("X-Oss-Forbid-Overwrite")
	if err != nil {
		return err
	}
	all := false
	switch v := q.header("X-Oss-Complete-All"); strings.ToLower(v) {
	case "":
	case "yes":
		all = true
	default:
		return errArgument("x-oss-complete-all", v, "It is yes, or left out.")
	}
	body, err := q.xmlBody()
	if err != nil {
		return err
	}
	var parts []object.CompletedPart
	if blank := len(bytes.TrimSpace(body)) == 0; all && !blank {
		return errArgument("x-oss-complete-all", "yes", "With it the request must have no body.")
	} else if !all {
		if parts, err = parseComplete(body); err != nil {
			return err
		}
	}
	i, err := q.h.objects.CompleteMultipart(q.r.Context(), q.origin(), q.bucket, q.key, q.query.get("uploadId"), parts, forbid, all)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["Etag"] = []string{quoted(i.ETag)}
	if i.HasCRC64 {
		h[hCRC64] = []string{strconv.FormatUint(i.CRC64, 10)}
	}
	x := newXML()
	x.urlEnc = url
	x.open("CompleteMultipartUploadResult")
	x.encodingType()
	x.key("Location", q.location(q.key))
	x.text("Bucket", q.bucket)
	x.key("Key", q.key)
	x.etag("ETag", i.ETag)
	x.close("CompleteMultipartUploadResult")
	return q.replyXML(x)
}

// location is the address of an object, by the name under which the server was reached.
func (q *request) location(key string) string {
	b := make([]byte, 0, len(q.r.Host)+len(q.bucket)+len(key)+16)
	b = append(b, "http"...)
	if q.r.TLS != nil {
		b = append(b, 's')
	}
	b = append(append(b, "://"...), q.r.Host...)
	if q.pathStyle {
		b = append(append(b, '/'), q.bucket...)
	}
	return string(appendEscaped(append(b, '/'), key, false))
}

// parseComplete reads the body of CompleteMultipartUpload.
func parseComplete(body []byte) ([]object.CompletedPart, error) {
	var parts []object.CompletedPart
	var p object.CompletedPart
	root := false
	err := walkXML(body, func(path, text string) error {
		switch path {
		case "CompleteMultipartUpload/Part/PartNumber":
			n, ok := parseDigits(strings.TrimSpace(text))
			if !ok || n < 1 || n > object.MaxParts {
				return errArgument("PartNumber", text, "Parts are numbered from 1 to 10000.")
			}
			p.Number = int(n)
		case "CompleteMultipartUpload/Part/ETag":
			p.ETag = strings.TrimSpace(text)
		case "CompleteMultipartUpload/Part", "CompleteMultipartUpload":
			return malformedXML("It names no part.")
		}
		return nil
	}, func(path string) error {
		switch path {
		case "CompleteMultipartUpload":
			root = true
		case "CompleteMultipartUpload/Part":
			if p.Number == 0 || p.ETag == "" {
				return malformedXML("A Part lacks its PartNumber or ETag.")
			}
			if len(parts) == object.MaxParts {
				return malformedXML("It names more than 10000 parts.")
			}
			parts = append(parts, p)
			p = object.CompletedPart{}
		}
		return nil
	})
	if err == nil && (!root || len(parts) == 0) {
		err = malformedXML("It names no part.")
	}
	return parts, err
}

func (q *request) abortMultipart() error {
	if err := q.h.objects.AbortMultipart(q.r.Context(), q.origin(), q.bucket, q.key, q.query.get("uploadId")); err != nil {
		return err
	}
	return q.empty(http.StatusNoContent)
}

func (q *request) listUploads() error {
	url, err := q.encoding()
	if err != nil {
		return err
	}
	in := object.UploadsInput{
		Prefix: q.query.get("prefix"), Delimiter: q.query.get("delimiter"),
		KeyMarker: q.query.get("key-marker"), UploadIDMarker: q.query.get("upload-id-marker"),
	}
	if in.Max, err = q.limit("max-uploads", object.MaxListing, object.MaxListing); err != nil {
		return err
	}
	if err := checkListKeys(in.Prefix, in.KeyMarker, in.Delimiter); err != nil {
		return err
	}
	if len(in.UploadIDMarker) > 64 {
		return errArgument("upload-id-marker", in.UploadIDMarker, "It is the id of an upload.")
	}
	l, err := q.h.objects.ListUploads(q.r.Context(), q.bucket, in)
	if err != nil {
		return err
	}
	x := newXML()
	x.urlEnc = url
	x.open("ListMultipartUploadsResult")
	x.encodingType()
	x.text("Bucket", q.bucket)
	x.key("KeyMarker", in.KeyMarker)
	x.text("UploadIdMarker", in.UploadIDMarker)
	x.key("NextKeyMarker", l.NextKey)
	x.text("NextUploadIdMarker", l.NextUpload)
	x.key("Delimiter", in.Delimiter)
	x.key("Prefix", in.Prefix)
	x.int("MaxUploads", int64(in.Max))
	x.bool("IsTruncated", l.Truncated)
	for _, u := range l.Uploads {
		x.open("Upload")
		x.key("Key", u.Key)
		x.text("UploadId", u.ID)
		x.text("StorageClass", storageClass(u.StorageClass))
		x.time("Initiated", u.Initiated)
		x.close("Upload")
	}
	for _, p := range l.Prefixes {
		x.open("CommonPrefixes")
		x.key("Prefix", p)
		x.close("CommonPrefixes")
	}
	x.close("ListMultipartUploadsResult")
	return q.replyXML(x)
}
