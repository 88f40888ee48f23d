package oss

import (
	"net/http"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// grant is what an ACL may allow to somebody who has no permission by policy.
type grant uint8

const (
	grantNone  grant = iota
	grantRead        // public-read and public-read-write
	grantWrite       // public-read-write
	grantAny         // the operation decides by itself (form uploads carry their own signature)
)

// operation is one API of OSS: its name in the API reference, the RAM action that
// policies grant, and what an ACL may grant instead.
type operation struct {
	name   string
	action string
	acl    grant
	serve  func(*request) error
}

// operations is the action table: every operation that this package serves, and the
// permission it needs on the resource it names (bucket or object). Operations that need
// more than one say so in a comment; the second is checked where the second resource
// becomes known.
var operations = map[string]*operation{}

func op(name, action string, acl grant, serve func(*request) error) *operation {
	o := &operation{name: name, action: action, acl: acl, serve: serve}
	operations[name] = o
	return o
}

var (
	opListBuckets = op("ListBuckets", "oss:ListBuckets", grantNone, (*request).listBuckets)

	opPutBucket         = op("PutBucket", "oss:PutBucket", grantNone, (*request).putBucket)
	opDeleteBucket      = op("DeleteBucket", "oss:DeleteBucket", grantNone, (*request).deleteBucket)
	opListObjects       = op("ListObjects", "oss:ListObjects", grantNone, (*request).listObjects)
	opListObjectsV2     = op("ListObjectsV2", "oss:ListObjects", grantNone, (*request).listObjectsV2)
	opHeadBucket        = op("HeadBucket", "oss:GetBucketInfo", grantNone, (*request).headBucket)
	opGetBucketInfo     = op("GetBucketInfo", "oss:GetBucketInfo", grantNone, (*request).getBucketInfo)
	opGetBucketLocation = op("GetBucketLocation", "oss:GetBucketLocation", grantNone, (*request).getBucketLocation)
	opGetBucketACL      = op("GetBucketAcl", "oss:GetBucketAcl", grantNone, (*request).getBucketACL)
	opPutBucketACL      = op("PutBucketAcl", "oss:PutBucketAcl", grantNone, (*request).putBucketACL)
	opListUploads       = op("ListMultipartUploads", "oss:ListMultipartUploads", grantNone, (*request).listUploads)
	// On the bucket as such nothing is needed; oss:DeleteObject on each key.
	opDeleteMultiple = op("DeleteMultipleObjects", "", grantAny, (*request).deleteMultiple)
	// The form carries its own signature; oss:PutObject on its key.
	opPostObject = op("PostObject", "", grantAny, (*request).postObject)

	opPutObject     = op("PutObject", "oss:PutObject", grantWrite, (*request).putObject)
	opGetObject     = op("GetObject", "oss:GetObject", grantRead, (*request).getObject)
	opHeadObject    = op("HeadObject", "oss:GetObject", grantRead, (*request).headObject)
	opGetObjectMeta = op("GetObjectMeta", "oss:GetObject", grantRead, (*request).getObjectMeta)
	opDeleteObject  = op("DeleteObject", "oss:DeleteObject", grantWrite, (*request).deleteObject)
	// Also oss:GetObject on the source.
	opCopyObject   = op("CopyObject", "oss:PutObject", grantWrite, (*request).copyObject)
	opAppendObject = op("AppendObject", "oss:PutObject", grantWrite, (*request).appendObject)
	opPutSymlink   = op("PutSymlink", "oss:PutObject", grantWrite, (*request).putSymlink)
	opGetSymlink   = op("GetSymlink", "oss:GetObject", grantRead, (*request).getSymlink)
	opGetObjectACL = op("GetObjectAcl", "oss:GetObjectAcl", grantNone, (*request).getObjectACL)
	opPutObjectACL = op("PutObjectAcl", "oss:PutObjectAcl", grantNone, (*request).putObjectACL)

	opInitiateMultipart = op("InitiateMultipartUpload", "oss:PutObject", grantWrite, (*request).initiateMultipart)
	opUploadPart        = op("UploadPart", "oss:PutObject", grantWrite, (*request).uploadPart)
	// Also oss:GetObject on the source.
	opUploadPartCopy    = op("UploadPartCopy", "oss:PutObject", grantWrite, (*request).uploadPartCopy)
	opListParts         = op("ListParts", "oss:ListParts", grantNone, (*request).listParts)
	opCompleteMultipart = op("CompleteMultipartUpload", "oss:PutObject", grantWrite, (*request).completeMultipart)
	opAbortMultipart    = op("AbortMultipartUpload", "oss:AbortMultipartUpload", grantWrite, (*request).abortMultipart)

	opGetProcessed = op("GetObject (x-oss-process)", "oss:GetObject", grantRead, (*request).getProcessed)
	// Also oss:PutObject on the destination; not oss:GetObject on the source.
	opProcessObject = op("PostProcessTask", "oss:PostProcessTask", grantNone, (*request).processObject)

	// A preflight request carries no signature. Without CORS rules it is refused.
	opOptions = op("OptionObject", "", grantAny, (*request).options)
)

// level is what a request addresses.
type level uint8

const (
	onService level = iota
	onBucket
	onObject
)

// route names a level, a method and a subresource ("" for none).
type route struct {
	level  level
	method string
	sub    string
}

var routes = map[route]*operation{
	{onService, "GET", ""}: opListBuckets,

	{onBucket, "PUT", ""}:           opPutBucket,
	{onBucket, "DELETE", ""}:        opDeleteBucket,
	{onBucket, "GET", ""}:           opListObjects, // list-type=2: opListObjectsV2
	{onBucket, "HEAD", ""}:          opHeadBucket,
	{onBucket, "GET", "bucketInfo"}: opGetBucketInfo,
	{onBucket, "GET", "location"}:   opGetBucketLocation,
	{onBucket, "GET", "acl"}:        opGetBucketACL,
	{onBucket, "PUT", "acl"}:        opPutBucketACL,
	{onBucket, "GET", "uploads"}:    opListUploads,
	{onBucket, "POST", "delete"}:    opDeleteMultiple,
	{onBucket, "POST", ""}:          opPostObject,

	{onObject, "PUT", ""}:               opPutObject, // x-oss-copy-source: opCopyObject
	{onObject, "GET", ""}:               opGetObject,
	{onObject, "HEAD", ""}:              opHeadObject,
	{onObject, "DELETE", ""}:            opDeleteObject,
	{onObject, "HEAD", "objectMeta"}:    opGetObjectMeta,
	{onObject, "GET", "objectMeta"}:     opGetObjectMeta,
	{onObject, "POST", "append"}:        opAppendObject,
	{onObject, "PUT", "symlink"}:        opPutSymlink,
	{onObject, "GET", "symlink"}:        opGetSymlink,
	{onObject, "HEAD", "symlink"}:       opGetSymlink,
	{onObject, "GET", "acl"}:            opGetObjectACL,
	{onObject, "PUT", "acl"}:            opPutObjectACL,
	{onObject, "POST", "uploads"}:       opInitiateMultipart,
	{onObject, "PUT", "uploadId"}:       opUploadPart, // x-oss-copy-source: opUploadPartCopy
	{onObject, "GET", "uploadId"}:       opListParts,
	{onObject, "POST", "uploadId"}:      opCompleteMultipart,
	{onObject, "DELETE", "uploadId"}:    opAbortMultipart,
	{onObject, "GET", "x-oss-process"}:  opGetProcessed,
	{onObject, "HEAD", "x-oss-process"}: opGetProcessed,
	{onObject, "POST", "x-oss-process"}: opProcessObject,

	{onBucket, "OPTIONS", ""}: opOptions,
	{onObject, "OPTIONS", ""}: opOptions,
}

// built are the subresources that routes above know, at some level.
var built = func() map[string]bool {
	m := map[string]bool{"partNumber": true}
	for r := range routes {
		if r.sub != "" {
			m[r.sub] = true
		}
	}
	return m
}()

// notBuilt are subresources of OSS that are not served: a request with one is refused,
// since to leave the parameter out of account would do something else than was asked.
var notBuilt = func() map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq(`
		accessPoint accessPointConfigForObjectProcess accessPointForObjectProcess accessPointPolicy accessPointPolicyForObjectProcess
		accessmonitor archiveDirectRead asyncFetch bucketArchiveDirectRead callback cleanRestored cloudBoxes cname comp cors
		dataAccelerator dataPipelineConfiguration encryption httpsConfig imageStyle img inventory inventoryId legalHold lifecycle live
		logging metaQuery mirror objectLock objectWorm overwriteConfig policy policyStatus processConfiguration publicAccessBlock qos
		qosInfo qosRequester redundancyTransition referer regions regionList replication replicationLocation replicationProgress
		requesterQosInfo requestPayment resourceGroup resourcePool resourcePoolBuckets resourcePoolInfo restore retention rtc seal select
		stat status style styleName tag-key tag-value tagging transferAcceleration udf udfApplication udfApplicationLog udfId udfImage udfImageDesc udfName
		userDefinedLogFieldsConfig vectorBucket versioning versions vip vod vpcip website worm wormExtend wormId
		x-oss-async-process x-oss-dir-list x-oss-rename x-oss-redundancy-transition-taskid x-oss-target-redundancy-type x-oss-seek-position`) {
		m[s] = true
	}
	return m
}()

// plain are parameters that belong to operations rather than name them. PHP's SDK sends
// empty ones as bare names.
var plain = func() map[string]bool {
	m := map[string]bool{}
	for s := range strings.FieldsSeq(`
		callback-var continuation-token delimiter encoding-type fetch-owner key-marker list-type marker max-keys max-parts max-uploads
		part-number-marker position prefix security-token start-after upload-id-marker
		response-cache-control response-content-disposition response-content-encoding response-content-language response-content-type
		response-expires`) {
		m[s] = true
	}
	return m
}()

// route finds the operation that the request asks for.
func (q *request) route() (*operation, error) {
	lv := onObject
	if q.key == "" {
		lv = onBucket
		if q.bucket == "" {
			lv = onService
		}
	}
	method, sub := q.r.Method, ""
	for i := range q.query {
		p := &q.query[i]
		switch {
		case built[p.name]:
			// "uploadId" rules over the "partNumber" beside it.
			if p.name == "partNumber" {
				if sub == "" && !q.query.has("uploadId") {
					return nil, errMissing("the parameter uploadId")
				}
			} else if sub == "" {
				sub = p.name
			} else if sub != p.name {
				return nil, fault.New(fault.Invalid, "InvalidArgument", "The parameters %s and %s cannot be combined.", sub, p.name)
			}
		case notBuilt[p.name]:
			return nil, errNotImplemented("the parameter "+p.name, "Alcedo does not serve this part of OSS.")
		case p.name == "versionId" && lv == onObject:
			if p.value != "" && p.value != "null" {
				return nil, errNotImplemented("the parameter versionId", "Buckets here are never versioned; leave it out.")
			}
		case !p.hasValue && !plain[p.name] && (lv != onObject || method != http.MethodGet && method != http.MethodHead):
			// A bare name names a subresource. On reads of objects it may as well be
			// a cache buster; anywhere else guessing could delete a bucket.
			return nil, errNotImplemented("the parameter "+clip(p.name, 64), "No subresource of this name is known.")
		}
	}
	o := routes[route{lv, method, sub}]
	switch {
	case o == nil && sub != "":
		return nil, errNotImplemented(method+" with the parameter "+sub, "See the OSS API reference for the method that this parameter goes with.")
	case o == nil:
		return nil, fault.New(fault.Invalid, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			With("Method", clip(method, 32))
	case o == opListObjects && q.query.get("list-type") == "2":
		o = opListObjectsV2
	case o == opPutObject && q.r.Header[hCopySource] != nil:
		o = opCopyObject
	case o == opUploadPart && q.r.Header[hCopySource] != nil:
		o = opUploadPartCopy
	case o == opPostObject && !isForm(q.header("Content-Type")):
		return nil, fault.New(fault.Invalid, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			WithHint("A form upload is sent as multipart/form-data.").With("Method", "POST")
	}
	return o, q.checkHeaders(o)
}

// refused are headers that change what an operation does and that are not served. To
// ignore them would be a success that is none.
var refused = []struct{ name, what string }{
	{"X-Oss-Server-Side-Encryption", "x-oss-server-side-encryption"},
	{"X-Oss-Server-Side-Encryption-Key-Id", "x-oss-server-side-encryption-key-id"},
	{"X-Oss-Server-Side-Encryption-Customer-Algorithm", "x-oss-server-side-encryption-customer-algorithm"},
	{"X-Oss-Server-Side-Data-Encryption", "x-oss-server-side-data-encryption"},
	{"X-Oss-Tagging", "x-oss-tagging"},
	{"X-Oss-Callback", "x-oss-callback"},
	{"X-Oss-Object-Worm-Mode", "x-oss-object-worm-mode"},
	{"X-Oss-Object-Worm-Retain-Until-Date", "x-oss-object-worm-retain-until-date"},
	{"X-Oss-Object-Worm-Legal-Hold", "x-oss-object-worm-legal-hold"},
	{"X-Oss-Worm-Id", "x-oss-worm-id"},
}

func (q *request) checkHeaders(*operation) error {
	switch q.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return nil // these headers mean something on writes only
	}
	for i := range refused {
		if v := q.header(refused[i].name); v != "" {
			return errNotImplemented("the header "+refused[i].what, "Send the request without it, if it can do without.")
		}
	}
	return nil
}

// clip cuts what a client sent to a size fit for a message.
func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// options answers a CORS preflight. There are no CORS rules, hence nothing is allowed.
func (q *request) options() error {
	if q.header("Origin") == "" || q.header("Access-Control-Request-Method") == "" {
		return fault.New(fault.Invalid, "InvalidArgument", "A preflight request needs the headers Origin and Access-Control-Request-Method.")
	}
	return fault.New(fault.Denied, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
}
