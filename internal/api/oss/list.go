package oss

import (
	"encoding/base64"

	"github.com/alcedo-storage/alcedo/internal/object"
)

// encoding reads encoding-type.
func (q *request) encoding() (url bool, err error) {
	switch v := q.query.get("encoding-type"); v {
	case "":
		return false, nil
	case "url":
		return true, nil
	default:
		return false, errArgument("encoding-type", v, "The only encoding is url.")
	}
}

// listInput reads what both versions of ListObjects share.
func (q *request) listInput() (in object.ListInput, url bool, err error) {
	in.Prefix, in.Delimiter = q.query.get("prefix"), q.query.get("delimiter")
	if in.Max, err = q.limit("max-keys", 100, object.MaxListing); err != nil {
		return in, false, err
	}
	url, err = q.encoding()
	return in, url, err
}

func (q *request) listObjects() error {
	in, url, err := q.listInput()
	if err != nil {
		return err
	}
	in.Marker = q.query.get("marker")
	if err := checkListKeys(in.Prefix, in.Marker, in.Delimiter); err != nil {
		return err
	}
	l, err := q.h.objects.List(q.r.Context(), q.bucket, in)
	if err != nil {
		return err
	}
	x := newXML()
	x.urlEnc = url
	x.open("ListBucketResult")
	x.text("Name", q.bucket)
	x.key("Prefix", in.Prefix)
	x.key("Marker", in.Marker)
	x.int("MaxKeys", int64(in.Max))
	x.key("Delimiter", in.Delimiter)
	x.encodingType()
	x.bool("IsTruncated", l.Truncated)
	if l.Truncated {
		x.key("NextMarker", l.Next)
	}
	q.contents(x, l, true)
	x.close("ListBucketResult")
	return q.replyXML(x)
}

func (q *request) listObjectsV2() error {
	in, url, err := q.listInput()
	if err != nil {
		return err
	}
	after, token := q.query.get("start-after"), q.query.get("continuation-token")
	in.Marker = after
	if token != "" {
		m, ok := parseToken(token)
		if !ok {
			return errArgument("continuation-token", token, "Pass the NextContinuationToken of the page before.")
		}
		in.Marker = m
	}
	if err := checkListKeys(in.Prefix, in.Marker, in.Delimiter); err != nil {
		return err
	}
	l, err := q.h.objects.List(q.r.Context(), q.bucket, in)
	if err != nil {
		return err
	}
	x := newXML()
	x.urlEnc = url
	x.open("ListBucketResult")
	x.text("Name", q.bucket)
	x.key("Prefix", in.Prefix)
	if after != "" {
		x.key("StartAfter", after)
	}
	x.int("MaxKeys", int64(in.Max))
	x.key("Delimiter", in.Delimiter)
	x.encodingType()
	if token != "" {
		x.text("ContinuationToken", token)
	}
	x.bool("IsTruncated", l.Truncated)
	if l.Truncated {
		x.text("NextContinuationToken", makeToken(l.Next))
	}
	q.contents(x, l, q.query.get("fetch-owner") == "true")
	x.int("KeyCount", int64(len(l.Objects)+len(l.Prefixes)))
	x.close("ListBucketResult")
	return q.replyXML(x)
}

func (q *request) contents(x *xmlWriter, l *object.Listing, owner bool) {
	for _, i := range l.Objects {
		x.open("Contents")
		x.key("Key", i.Key)
		x.time("LastModified", i.Modified)
		x.etag("ETag", i.ETag)
		x.text("Type", string(i.Kind))
		x.int("Size", i.Size)
		x.text("StorageClass", storageClass(i.StorageClass))
		if owner {
			x.owner(q.bucketI.Owner)
		}
		x.close("Contents")
	}
	for _, p := range l.Prefixes {
		x.open("CommonPrefixes")
		x.key("Prefix", p)
		x.close("CommonPrefixes")
	}
}

// checkListKeys bounds what ends up in key ranges below.
func checkListKeys(prefix, marker, delimiter string) error {
	for _, p := range [...]struct{ name, v string }{{"prefix", prefix}, {"marker", marker}, {"delimiter", delimiter}} {
		if len(p.v) > object.MaxKeySize {
			return errArgument(p.name, p.v, "It cannot be longer than an object name, 1023 bytes.")
		}
	}
	return nil
}

// A continuation token is a marker in base64, behind one letter that tells its version.
func makeToken(marker string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("C" + marker))
}

func parseToken(token string) (string, bool) {
	if len(token) > 4096 {
		return "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) == 0 || b[0] != 'C' {
		return "", false
	}
	return string(b[1:]), true
}
