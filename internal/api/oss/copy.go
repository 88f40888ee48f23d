package oss

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
)

const hCopySource = "X-Oss-Copy-Source"

// parseCopySource reads x-oss-copy-source: "/bucket/key", percent-encoded, the first
// slash optional.
func parseCopySource(v string) (bucket, key string, err error) {
	bad := func(hint string) error { return errArgument("x-oss-copy-source", v, hint) }
	if path, rest, ok := strings.Cut(v, "?"); ok {
		if id, ok := strings.CutPrefix(rest, "versionId="); ok && id != "null" && id != "" {
			return "", "", errNotImplemented("the versionId in x-oss-copy-source", "Buckets here are never versioned; leave it out.")
		}
		v = path
	}
	s, err := unescapePath(v)
	if err != nil {
		return "", "", bad("A percent sign must be followed by two hex digits.")
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	if !ok || key == "" {
		return "", "", bad("It has the form /bucket/object, percent-encoded.")
	}
	if !validBucketName(bucket) {
		return "", "", invalidBucket(bucket)
	}
	return bucket, key, checkKey(key)
}

// copySource reads the source of a copy and checks that the caller may read it.
func (q *request) copySource() (bucket, key string, err error) {
	if bucket, key, err = parseCopySource(q.header(hCopySource)); err != nil {
		return "", "", err
	}
	b := q.bucketI
	if bucket != q.bucket {
		if b, err = q.h.objects.GetBucket(q.r.Context(), bucket); err != nil {
			return "", "", err
		}
	}
	return bucket, key, q.allow("oss:GetObject", b, key, grantRead)
}

func (q *request) copyObject() error {
	bucket, key, err := q.copySource()
	if err != nil {
		return err
	}
	in := object.CopyInput{SrcBucket: bucket, SrcKey: key, Bucket: q.bucket, Key: q.key, Conditions: q.conditionsOf("X-Oss-Copy-Source-")}
	switch v := q.header("X-Oss-Metadata-Directive"); strings.ToUpper(v) {
	case "", "COPY":
		// A copy onto itself takes the request's metadata in any case (CopyObject in
		// the OSS API reference).
		in.MetadataReplace = bucket == q.bucket && key == q.key
	case "REPLACE":
		in.MetadataReplace = true
	default:
		return errArgument("x-oss-metadata-directive", v, "It is COPY or REPLACE.")
	}
	switch v := q.header("X-Oss-Tagging-Directive"); strings.ToUpper(v) {
	case "", "COPY":
	default:
		return errNotImplemented("the header x-oss-tagging-directive", "Objects here have no tags; leave it out.")
	}
	if in.Meta, err = q.meta(); err != nil {
		return err
	}
	if in.ACL, err = q.objectACL(); err != nil {
		return err
	}
	if in.StorageClass, err = q.objectClass(); err != nil {
		return err
	}
	if in.ForbidOverwrite, err = q.flag("X-Oss-Forbid-Overwrite"); err != nil {
		return err
	}
	i, err := q.h.objects.Copy(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	q.replyCopied("CopyObjectResult", i.ETag, i)
	return nil
}

func (q *request) replyCopied(root, etag string, i *object.Info) {
	h := q.w.Header()
	h["Etag"] = []string{quoted(etag)}
	if i.HasCRC64 {
		h[hCRC64] = []string{strconv.FormatUint(i.CRC64, 10)}
	}
	x := newXML()
	x.open(root)
	x.etag("ETag", etag)
	x.time("LastModified", i.Modified)
	x.close(root)
	_ = q.replyXML(x)
}

// linkTarget returns the key that a copy of data from key reads, which for a symlink is
// its target, once the caller may read that.
func (q *request) linkTarget(bucket, key string) (string, error) {
	i, err := q.h.objects.Head(q.r.Context(), bucket, key)
	if err != nil || i.Kind != object.Symlink {
		return key, err
	}
	b, err := q.h.objects.GetBucket(q.r.Context(), bucket)
	if err != nil {
		return "", err
	}
	return i.Target, q.allow("oss:GetObject", b, i.Target, grantRead)
}

func (q *request) uploadPartCopy() error {
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	bucket, key, err := q.copySource()
	if err != nil {
		return err
	}
	if key, err = q.linkTarget(bucket, key); err != nil {
		return err
	}
	in := object.PartCopyInput{
		SrcBucket: bucket, SrcKey: key, Bucket: q.bucket, Key: q.key, UploadID: q.query.get("uploadId"),
		Number: number, Length: -1, Conditions: q.conditionsOf("X-Oss-Copy-Source-"),
	}
	if v := q.header("X-Oss-Copy-Source-Range"); v != "" {
		first, last, ok := parseRange(v)
		if !ok || first < 0 {
			return errArgument("x-oss-copy-source-range", v, "It has the form bytes=first-last, within the source object.")
		}
		in.Offset = first
		if last >= 0 {
			in.Length = last - first + 1
		}
	}
	if in.Length > object.MaxObjectSize {
		return errTooLarge(object.MaxObjectSize)
	}
	p, err := q.h.objects.UploadPartCopy(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	q.replyCopied("CopyPartResult", p.ETag, &object.Info{Modified: p.Modified, CRC64: p.CRC64, HasCRC64: true})
	return nil
}

func (q *request) appendObject() error {
	pos, ok := parseDigits(q.query.get("position"))
	if !ok {
		return errArgument("position", q.query.get("position"), "It is the length that the object has so far; 0 for a new one.")
	}
	in := object.AppendInput{Bucket: q.bucket, Key: q.key, Position: pos, SHA256: q.payloadHash()}
	var err error
	if in.Size, err = q.bodySize(); err != nil {
		return err
	}
	if in.ContentMD5, err = q.contentMD5(); err != nil {
		return err
	}
	if in.Meta, err = q.meta(); err != nil {
		return err
	}
	if in.ACL, err = q.objectACL(); err != nil {
		return err
	}
	if in.StorageClass, err = q.objectClass(); err != nil {
		return err
	}
	in.Body = q.upload(in.Size)
	i, err := q.h.objects.Append(q.r.Context(), q.origin(), in)
	if err != nil {
		return err
	}
	q.set(hNextAppend, strconv.FormatInt(i.Size, 10))
	q.writeStored(i)
	return nil
}

const hSymlinkTarget = "X-Oss-Symlink-Target"

func (q *request) putSymlink() error {
	v := q.header(hSymlinkTarget)
	if v == "" {
		return errMissing("the header x-oss-symlink-target")
	}
	// oss2, ali-oss and the like encode the name, alibabacloud-oss-go-sdk-v2 does not.
	target := decodeValid(v)
	if err := checkKey(target); err != nil {
		return err
	}
	in, err := q.symlinkInput()
	if err != nil {
		return err
	}
	i, err := q.h.objects.PutSymlink(q.r.Context(), q.origin(), in, target)
	if err != nil {
		return err
	}
	q.writeStored(i)
	return nil
}

func (q *request) getSymlink() error {
	i, err := q.h.objects.Head(q.r.Context(), q.bucket, q.key)
	if err != nil {
		return err
	}
	if i.Kind != object.Symlink {
		return fault.New(fault.Invalid, object.NotSymlink, "The object is not symlink type.").With("Key", q.key)
	}
	h := q.w.Header()
	h[hSymlinkTarget] = []string{string(appendEscaped(nil, i.Target, false))}
	h["Etag"] = []string{quoted(i.ETag)}
	h["Last-Modified"] = []string{httpTime(i.Modified)}
	h["X-Oss-Object-Type"] = []string{string(i.Kind)}
	for k, v := range i.Meta.User {
		h[k] = []string{v}
	}
	return q.empty(http.StatusOK)
}
