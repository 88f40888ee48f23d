package oss

import (
	"bytes"
	"crypto/md5" //nolint:gosec // Content-MD5 is the protocol's
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
)

func (q *request) listBuckets() error {
	prefix, marker := q.query.get("prefix"), q.query.get("marker")
	limit, err := q.limit("max-keys", 100, object.MaxListing)
	if err != nil {
		return err
	}
	buckets, next, err := q.h.objects.ListBuckets(q.r.Context(), prefix, marker, limit)
	if err != nil {
		return err
	}
	x := newXML()
	x.open("ListAllMyBucketsResult")
	x.owner(q.h.account)
	if next != "" || prefix != "" || marker != "" || q.query.has("max-keys") {
		x.text("Prefix", prefix)
		x.text("Marker", marker)
		x.int("MaxKeys", int64(limit))
		x.bool("IsTruncated", next != "")
		if next != "" {
			x.text("NextMarker", next)
		}
	}
	x.open("Buckets")
	for _, b := range buckets {
		x.open("Bucket")
		x.text("Comment", "")
		x.time("CreationDate", b.Created)
		x.endpoints(b.Region)
		x.text("Name", b.Name)
		x.text("Region", b.Region)
		x.text("StorageClass", storageClass(b.StorageClass))
		x.close("Bucket")
	}
	x.close("Buckets")
	x.close("ListAllMyBucketsResult")
	return q.replyXML(x)
}

func (x *xmlWriter) endpoints(region string) {
	x.text("ExtranetEndpoint", "oss-"+region+".aliyuncs.com")
	x.text("IntranetEndpoint", "oss-"+region+"-internal.aliyuncs.com")
	x.text("Location", "oss-"+region)
}

// storageClass is the class as responses show it.
func storageClass(s string) string {
	if s == "" {
		return "Standard"
	}
	return s
}

// checkStorageClass accepts OSS's classes. They are kept and shown, but all are stored
// alike: objects of the archive classes can be read without a restore.
func checkStorageClass(s string) error {
	switch s {
	case "", "Standard", "IA", "Archive", "ColdArchive", "DeepColdArchive":
		return nil
	}
	return errArgument("x-oss-storage-class", s, "It is Standard, IA, Archive, ColdArchive or DeepColdArchive.")
}

// acl reads an ACL header.
func (q *request) acl(header string, object bool) (string, error) {
	v := q.header(header)
	switch v {
	case "", "private", "public-read", "public-read-write":
		return v, nil
	case "default":
		if object {
			return v, nil
		}
	}
	return "", errArgument(header, v, "It is private, public-read or public-read-write; for objects also default.")
}

func (q *request) putBucket() error {
	acl, err := q.acl("X-Oss-Acl", false)
	if err != nil {
		return err
	}
	body, err := q.xmlBody()
	if err != nil {
		return err
	}
	class, location := "", ""
	if len(bytes.TrimSpace(body)) > 0 {
		err := walkXML(body, func(path, text string) error {
			switch path {
			case "CreateBucketConfiguration/StorageClass":
				class = text
			case "CreateBucketConfiguration/LocationConstraint":
				location = text
			}
			return nil
		}, ignorePath)
		if err != nil {
			return err
		}
	}
	if class == "" {
		class = q.header("X-Oss-Storage-Class")
	}
	if err := checkStorageClass(class); err != nil {
		return err
	}
	if location != "" && location != "oss-"+q.h.region && location != q.h.region {
		return fault.New(fault.Invalid, "InvalidLocationConstraint", "The specified location-constraint is not valid.").
			WithHint("This server's region is %s.", q.h.region).With("LocationConstraint", clip(location, 64))
	}
	_, err = q.h.objects.CreateBucket(q.r.Context(), q.origin(), object.Bucket{
		Name: q.bucket, Owner: q.h.account, Region: q.h.region, ACL: acl, StorageClass: storageClass(class), Created: q.now,
	})
	if err != nil {
		return err
	}
	q.set("Location", "/"+q.bucket)
	return q.empty(http.StatusOK)
}

func ignorePath(string) error { return nil }

func (q *request) deleteBucket() error {
	if err := q.h.objects.DeleteBucket(q.r.Context(), q.origin(), q.bucket); err != nil {
		return err
	}
	return q.empty(http.StatusNoContent)
}

func (q *request) headBucket() error {
	q.set("X-Oss-Bucket-Region", q.bucketI.Region)
	return q.empty(http.StatusOK)
}

func (q *request) getBucketInfo() error {
	b := q.bucketI
	x := newXML()
	x.open("BucketInfo")
	x.open("Bucket")
	x.text("AccessMonitor", "Disabled")
	x.text("Comment", "")
	x.time("CreationDate", b.Created)
	x.text("CrossRegionReplication", "Disabled")
	x.text("DataRedundancyType", "LRS")
	x.endpoints(b.Region)
	x.text("Name", b.Name)
	x.text("ResourceGroupId", "")
	x.text("StorageClass", storageClass(b.StorageClass))
	x.text("TransferAcceleration", "Disabled")
	x.owner(b.Owner)
	x.grant(b.ACL)
	x.open("ServerSideEncryptionRule")
	x.text("SSEAlgorithm", "None")
	x.close("ServerSideEncryptionRule")
	x.open("BucketPolicy")
	x.text("LogBucket", "")
	x.text("LogPrefix", "")
	x.close("BucketPolicy")
	x.bool("BlockPublicAccess", false)
	x.close("Bucket")
	x.close("BucketInfo")
	return q.replyXML(x)
}

func (x *xmlWriter) grant(acl string) {
	if acl == "" {
		acl = "private"
	}
	x.open("AccessControlList")
	x.text("Grant", acl)
	x.close("AccessControlList")
}

func (q *request) getBucketLocation() error {
	x := newXML()
	x.text("LocationConstraint", "oss-"+q.bucketI.Region)
	return q.replyXML(x)
}

func (q *request) getBucketACL() error {
	return q.replyACL(q.bucketI.Owner, q.bucketI.ACL)
}

func (q *request) replyACL(owner, acl string) error {
	x := newXML()
	x.open("AccessControlPolicy")
	x.owner(owner)
	x.grant(acl)
	x.close("AccessControlPolicy")
	return q.replyXML(x)
}

func (q *request) putBucketACL() error {
	acl, err := q.acl("X-Oss-Acl", false)
	if err != nil {
		return err
	}
	if acl == "" {
		return errMissing("the header x-oss-acl")
	}
	if err := q.h.objects.SetBucketACL(q.r.Context(), q.bucket, acl); err != nil {
		return err
	}
	return q.empty(http.StatusOK)
}

func (q *request) getObjectACL() error {
	i, err := q.h.objects.Head(q.r.Context(), q.bucket, q.key)
	if err != nil {
		return err
	}
	acl := i.ACL
	if acl == "" {
		acl = "default"
	}
	return q.replyACL(q.bucketI.Owner, acl)
}

func (q *request) putObjectACL() error {
	acl, err := q.acl("X-Oss-Object-Acl", true)
	if err != nil {
		return err
	}
	if acl == "" {
		return errMissing("the header x-oss-object-acl")
	}
	if err := q.h.objects.SetObjectACL(q.r.Context(), q.bucket, q.key, acl); err != nil {
		return err
	}
	return q.empty(http.StatusOK)
}

// limit reads a page size. OSS takes 1 to most.
func (q *request) limit(name string, std, most int) (int, error) {
	v := q.query.get(name)
	if v == "" {
		return std, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, errArgument(name, v, "It is a number from 1 to "+strconv.Itoa(most)+".")
	}
	return n, nil
}

// xmlBody reads a bounded request body and checks its Content-MD5, if there is one, and
// its V4 payload hash.
func (q *request) xmlBody() ([]byte, error) { return q.boundedBody(maxXMLBody, "MalformedXML") }

func (q *request) boundedBody(limit int64, reason fault.Reason) ([]byte, error) {
	tooLong := func() error {
		return fault.New(fault.TooLarge, reason, "The request body is too long.").
			WithHint("This operation takes at most %d bytes.", limit)
	}
	if q.r.ContentLength > limit {
		return nil, tooLong()
	}
	if q.r.ContentLength == 0 {
		return nil, q.checkDigests(nil)
	}
	body, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, limit))
	if err != nil {
		var m *http.MaxBytesError
		if errors.As(err, &m) {
			return nil, tooLong()
		}
		return nil, err
	}
	return body, q.checkDigests(body)
}

func (q *request) checkDigests(body []byte) error {
	want, err := q.contentMD5()
	if err != nil {
		return err
	}
	if want != nil {
		if got := md5.Sum(body); !bytes.Equal(got[:], want) { //nolint:gosec // see above
			return fault.New(fault.Invalid, object.InvalidDigest, "The Content-MD5 you specified did not match what we received.").
				With("ClientComputedContentMD5", base64.StdEncoding.EncodeToString(want)).
				With("ServerCalculatedContentMD5", base64.StdEncoding.EncodeToString(got[:]))
		}
	}
	return q.checkSHA256(body)
}
