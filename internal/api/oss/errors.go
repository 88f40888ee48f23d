package oss

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// wireError is what a fault becomes on the wire.
type wireError struct {
	status int
	code   string
	ec     string // OSS's finer error number, where it is known
}

// reasons maps a fault's reason to the wire. It is the only place in this package that
// chooses a status or a code. A reason that is missing here goes out under its own name
// with the status of its kind.
var reasons = map[fault.Reason]wireError{
	object.NoSuchBucket:          {404, "NoSuchBucket", "0015-00000101"},
	object.NoSuchKey:             {404, "NoSuchKey", "0026-00000001"},
	object.NoSuchUpload:          {404, "NoSuchUpload", ""},
	object.BucketAlreadyExists:   {409, "BucketAlreadyExists", ""},
	object.BucketNotEmpty:        {409, "BucketNotEmpty", ""},
	object.InvalidBucketName:     {400, "InvalidBucketName", ""},
	object.InvalidObjectName:     {400, "InvalidObjectName", ""},
	object.InvalidArgument:       {400, "InvalidArgument", ""},
	object.InvalidDigest:         {400, "InvalidDigest", ""},
	object.IncompleteBody:        {400, "IncompleteBody", ""},
	object.EntityTooLarge:        {400, "EntityTooLarge", ""},
	object.EntityTooSmall:        {400, "EntityTooSmall", ""},
	object.InvalidPart:           {400, "InvalidPart", ""},
	object.InvalidPartOrder:      {400, "InvalidPartOrder", ""},
	object.FileAlreadyExists:     {409, "FileAlreadyExists", ""},
	object.ObjectNotAppendable:   {409, "ObjectNotAppendable", ""},
	object.PositionNotEqual:      {409, "PositionNotEqualToLength", ""},
	object.NotSymlink:            {400, "NotSymlink", ""},
	object.InvalidTargetType:     {409, "InvalidTargetType", ""},
	object.SymlinkTargetNotExist: {404, "SymlinkTargetNotExist", ""},
	object.PreconditionFailed:    {412, "PreconditionFailed", ""},
	object.NotModified:           {304, "NotModified", ""},
	object.TooManyBuckets:        {400, "TooManyBuckets", ""},
	// A bucket with triggers is refused as a bucket that still holds something.
	object.HasActiveTriggers: {409, "BucketNotEmpty", ""},

	// Who is it, and may they.
	"AccessDenied":           {403, "AccessDenied", "0003-00000001"},
	"AccessForbidden":        {403, "AccessForbidden", ""},
	"InvalidAccessKeyId":     {403, "InvalidAccessKeyId", "0002-00000902"},
	"SignatureDoesNotMatch":  {403, "SignatureDoesNotMatch", "0002-00000040"},
	"RequestTimeTooSkewed":   {403, "RequestTimeTooSkewed", "0002-00000504"},
	"RequestExpired":         {403, "AccessDenied", ""},
	"SecurityTokenExpired":   {403, "SecurityTokenExpired", ""},
	"InvalidSecurityToken":   {403, "InvalidSecurityToken", ""},
	"InvalidPolicyDocument":  {400, "InvalidPolicyDocument", ""},
	"SecondLevelDomainError": {403, "SecondLevelDomainForbidden", ""},

	// This package's own.
	"InvalidURI":                {400, "InvalidURI", ""},
	"InvalidRange":              {416, "InvalidRange", ""},
	"InvalidRequest":            {400, "InvalidRequest", ""},
	"InvalidLocationConstraint": {400, "InvalidLocationConstraint", ""},
	"MalformedXML":              {400, "MalformedXML", ""},
	"MalformedPOSTRequest":      {400, "MalformedPOSTRequest", ""},
	"MethodNotAllowed":          {405, "MethodNotAllowed", ""},
	"MissingArgument":           {400, "MissingArgument", ""},
	"MissingContentLength":      {411, "MissingContentLength", ""},
	"FieldItemTooLong":          {400, "FieldItemTooLong", ""},
	"IncorrectNumberOfFiles":    {400, "IncorrectNumberOfFilesInPOSTRequest", ""},
	"NotImplemented":            {501, "NotImplemented", ""},
	"RequestTimeout":            {400, "RequestTimeout", ""},
	"ServiceBusy":               {503, "ServiceUnavailable", ""},
	"InsufficientStorage":       {507, "InsufficientStorage", ""}, // ours: the cloud's disks are never full
	"StorageUnavailable":        {503, "ServiceUnavailable", ""},

	// Image processing.
	"BadRequest":         {400, "BadRequest", ""},
	"ImageTooLarge":      {400, "ImageTooLarge", ""},
	"WatermarkError":     {400, "WatermarkError", ""},
	"CutEdgeExceedRange": {400, "CutEdgeExceedRange", ""},
	"BadWebPImage":       {400, "BadWebPImage", ""},
	"NoSuchStyle":        {404, "NoSuchStyle", ""},
	noSuchProcess:        {400, "NotImplemented", ""},

	"InternalError": {500, "InternalError", ""},
}

// noSuchProcess is an x-oss-process that is not implemented: a 400, unlike operations
// that are not (OSS image processing, error codes).
const noSuchProcess fault.Reason = "NotImplementedProcess"

// kinds is the way out for reasons that the table above lacks.
var kinds = map[fault.Kind]wireError{
	fault.Internal:     {500, "InternalError", ""},
	fault.Invalid:      {400, "InvalidArgument", ""},
	fault.NotFound:     {404, "NoSuchKey", ""},
	fault.Exists:       {409, "FileAlreadyExists", ""},
	fault.Denied:       {403, "AccessDenied", "0003-00000001"},
	fault.Unauthentic:  {403, "AccessDenied", "0003-00000001"},
	fault.Conflict:     {409, "Conflict", ""},
	fault.Precondition: {412, "PreconditionFailed", ""},
	fault.TooLarge:     {400, "EntityTooLarge", ""},
	fault.Throttled:    {503, "QpsLimitExceeded", ""},
	fault.Unavailable:  {503, "ServiceUnavailable", ""},
	fault.Unsupported:  {501, "NotImplemented", ""},
}

// wire finds the wire form of a fault.
func wire(f *fault.Error) wireError {
	e, ok := reasons[f.Reason]
	if !ok {
		e = kinds[f.Kind]
		if f.Reason != "" && f.Kind != fault.Internal {
			e.code, e.ec = string(f.Reason), ""
		}
	}
	if ec := f.Params["EC"]; ec != "" {
		e.ec = ec
	}
	return e
}

// asFault turns what a request came to into a fault; errors of reading the client's body
// are the client's, whatever room met them.
func asFault(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind != fault.Internal {
		return f
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge(object.MaxObjectSize)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errIncomplete()
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Invalid, "RequestTimeout", "The client went away before the request was complete.").Because(err)
	}
	return fault.As(err)
}

func errIncomplete() *fault.Error {
	return fault.New(fault.Invalid, object.IncompleteBody,
		"The request body ended before it was whole: you did not provide the number of bytes specified by the Content-Length HTTP header, or its last chunk or part is missing.")
}

func errTooLarge(limit int64) *fault.Error {
	return fault.New(fault.TooLarge, object.EntityTooLarge,
		"Your proposed upload exceeds the maximum allowed object size.").
		WithHint("One upload takes at most %d bytes; use a multipart upload for more.", limit).
		With("MaxSizeAllowed", strconv.FormatInt(limit, 10))
}

func errNotImplemented(what, hint string) *fault.Error {
	return fault.New(fault.Unsupported, "NotImplemented",
		"A header or a parameter you provided implies functionality that is not implemented: %s.", what).WithHint("%s", hint)
}

func errArgument(name, value, hint string) *fault.Error {
	if len(value) > 200 {
		value = value[:200]
	}
	if strings.HasPrefix(name, "X-Oss-") {
		name = strings.ToLower(name)
	}
	return fault.New(fault.Invalid, object.InvalidArgument, "The value of %s is invalid.", name).WithHint("%s", hint).
		With("ArgumentName", name).With("ArgumentValue", value)
}

func errMissing(name string) *fault.Error {
	return fault.New(fault.Invalid, "MissingArgument", "Missing Some Required Arguments.").
		WithHint("The request lacks %s.", name).With("ArgumentName", name)
}

func errDenied() *fault.Error {
	return fault.New(fault.Denied, "AccessDenied", "You have no right to access this object because of bucket acl.")
}

// appendError writes the error document.
func (q *request) appendError(x *xmlWriter, e wireError, f *fault.Error) {
	x.open("Error")
	x.b = append(x.b, '\n')
	x.text("Code", e.code)
	msg := f.Message
	if f.Hint != "" {
		msg += " " + f.Hint
	}
	x.text("Message", msg)
	x.text("RequestId", q.id)
	x.text("HostId", q.host)
	if len(f.Params) > 0 {
		names := make([]string, 0, len(f.Params))
		for k := range f.Params {
			if k != "EC" && xmlName(k) {
				names = append(names, k)
			}
		}
		sort.Strings(names)
		for _, k := range names {
			x.text(k, f.Params[k])
		}
	}
	if e.ec != "" {
		x.text("EC", e.ec)
	}
	x.close("Error")
}

// xmlName reports whether s can name an element.
func xmlName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '_')) {
			return false
		}
	}
	return s != ""
}

// fail answers with an error. Once part of a good answer is out, nothing can be said
// anymore: the connection is cut by net/http, since the announced length is not met.
func (q *request) fail(err error) {
	if errors.Is(err, context.Canceled) && q.r.ContentLength != 0 {
		err = io.ErrUnexpectedEOF // net/http noticed the end of the connection first
	}
	f := asFault(err)
	e := wire(f)
	q.err = f
	if q.status != 0 {
		return
	}
	h := q.w.Header()
	for k := range h {
		if k != "Server" && k != hRequestID {
			delete(h, k)
		}
	}
	maps.Copy(h, q.given)
	if f.Reason == object.PositionNotEqual || f.Reason == object.ObjectNotAppendable {
		if p := f.Params["Position"]; p != "" {
			h[hNextAppend] = []string{p}
		}
	}
	if e.status == http.StatusNotModified {
		if et := f.Params["ETag"]; et != "" {
			h["Etag"] = []string{`"` + et + `"`}
		}
		q.writeHeader(e.status)
		return
	}
	if identity.FromConsole(q.r.Context()) {
		if said := reason.Header(f); said != "" {
			h[reason.HeaderSaid] = []string{said}
		}
	}
	if e.ec != "" {
		h["X-Oss-Ec"] = []string{e.ec}
	}
	x := newXML()
	defer x.free()
	q.appendError(x, e, f)
	if q.r.Method == http.MethodHead {
		h["X-Oss-Err"] = []string{base64.StdEncoding.EncodeToString(x.b)}
		q.writeHeader(e.status)
		return
	}
	q.reply(e.status, "application/xml", x.b)
}
