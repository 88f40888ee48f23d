package fc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// wireError is how a reason looks on the wire.
type wireError struct {
	status int
	code   string
}

// byReason maps the reasons whose code or status differs from their kind's (FC error
// codes, API 2023-03-30 and 2016-08-15). A reason that is not here is its own code.
var byReason = map[fault.Reason]wireError{
	"InvalidArgument":          {400, "InvalidArgument"},
	"RuntimeNotInstalled":      {400, "InvalidArgument"},
	"OSSInvalidRequest":        {400, "OSSInvalidRequest"}, // as user logs of Serverless Devs show it
	"AccessDenied":             {403, "AccessDenied"},
	"InvalidAccessKeyId":       {403, "InvalidAccessKeyID"},
	"SignatureDoesNotMatch":    {403, "SignatureNotMatch"},
	"SignatureNonceUsed":       {403, "SignatureNonceUsed"},
	"RequestTimeTooSkewed":     {403, "RequestTimeTooSkewed"},
	"SecurityTokenExpired":     {403, "SecurityTokenExpired"},
	"InvalidSecurityToken":     {403, "InvalidSecurityToken"},
	"EntityTooLarge":           {400, "EntityTooLarge"},
	"MissingRequiredHeader":    {400, "MissingRequiredHeader"},
	"PathNotSupported":         {400, "PathNotSupported"},
	"FunctionNotEmpty":         {409, "FunctionNotEmpty"},
	"ConcurrentUpdateError":    {409, "ConcurrentUpdateError"},
	"PreconditionFailed":       {412, "PreconditionFailed"},
	"CAExited":                 {412, "CAExited"},
	"CAFileNotFound":           {412, "CAFileNotFound"},
	"CAFilePermission":         {412, "CAFilePermission"},
	"AsyncInvocationStopped":   {412, "AsyncInvocationStopped"},
	"FunctionNotStarted":       {412, "FunctionNotStarted"},
	"ResourceExhausted":        {429, "ResourceExhausted"},
	"ResourceThrottled":        {503, "ResourceThrottled"},
	"ClientClosedRequest":      {499, "ClientClosedRequest"},
	"BadResponse":              {502, "BadResponse"},
	"InternalError":            {500, "InternalServerError"},
	"InvalidParameter.RoleArn": {400, "InvalidArgument"},
	"NoSuchBucket":             {400, "InvalidArgument"}, // of code.ossBucketName
	"NoSuchKey":                {400, "InvalidArgument"}, // of code.ossObjectName
	"CodeNotFound":             {409, "ConcurrentUpdateError"},
	"VersionInUse":             {409, "VersionInUse"},
	"RecursiveInvocation":      {400, "RecursiveInvocation"},
	"FunctionDisabled":         {403, "FunctionDisabled"},
	"InsufficientStorage":      {507, "InsufficientStorage"}, // ours: the cloud's disks are never full
	"StorageUnavailable":       {503, "ServiceUnavailable"},
	"NotImplemented":           {501, "NotImplemented"},
}

// byKind is for reasons that byReason does not know; an empty code means: the reason.
var byKind = map[fault.Kind]wireError{
	fault.Internal:     {500, "InternalServerError"},
	fault.Invalid:      {400, ""},
	fault.NotFound:     {404, ""},
	fault.Exists:       {409, ""},
	fault.Denied:       {403, ""},
	fault.Unauthentic:  {403, ""},
	fault.Conflict:     {409, ""},
	fault.Precondition: {412, ""},
	fault.TooLarge:     {400, ""},
	fault.Throttled:    {429, "ResourceExhausted"},
	fault.Unavailable:  {503, ""},
	fault.Unsupported:  {501, "NotImplemented"},
}

func wireOf(f *fault.Error) wireError {
	e, ok := byReason[f.Reason]
	if !ok {
		e = byKind[f.Kind]
	}
	if e.code == "" {
		e.code = string(f.Reason)
	}
	if e.code == "" {
		e.code = "InvalidArgument"
	}
	return e
}

// wireText is the message of an error and what to do next, in FC's own words where the
// reason is shared with other protocols.
func wireText(r *http.Request, code string, f *fault.Error) string {
	message, hint := f.Message, f.Hint
	switch code {
	case "InvalidAccessKeyID":
		message = "invalid access key ID '" + clip(accessKeyID(r)) + "'."
	case "SignatureNotMatch":
		if signed := f.Params["CanonicalRequest"]; signed != "" {
			hint = "Compare what your client signs with the canonical request of the server, " + strconv.Quote(signed) + "; if they are equal, the secret is wrong."
		} else if signed := f.Params["StringToSign"]; signed != "" {
			hint = "Compare what your client signs with what the server signed, " + strconv.Quote(signed) + "; if they are equal, the secret is wrong."
		} else {
			hint = message + " " + hint
		}
		message = "The request signature we calculated does not match the signature you provided. Check your access key and signing method."
	}
	if hint != "" {
		message += " " + hint
	}
	return message
}

// accessKeyID is the key that a request claims to be signed with.
func accessKeyID(r *http.Request) string {
	auth := r.Header.Get("Authorization")
	if _, after, ok := strings.Cut(auth, "Credential="); ok {
		id, _, _ := strings.Cut(after, ",")
		return id
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(auth, "FC "), ":")
	return id
}

// fail answers with an error: {"Code","Message","RequestId"}, or {"ErrorCode",
// "ErrorMessage"} on the old API's paths. Only the log sees the cause of an internal one.
func (h *Handler) fail(c *call, err error) {
	if errors.Is(err, context.Canceled) && c.r.Context().Err() != nil {
		err = fault.New(fault.Unavailable, "ClientClosedRequest", "The client closed the connection before the answer.").Because(err)
	}
	f := fault.As(err)
	e := wireOf(f)
	message := wireText(c.r, e.code, f)
	if f.Kind == fault.Internal {
		h.Log.Error("request failed", "request", c.requestID, "method", c.r.Method, "path", c.r.URL.Path, "error", err)
		f = fault.New(f.Kind, f.Reason, "an internal error has occurred. Please retry.")
		message = f.Message
	}
	if identity.FromConsole(c.r.Context()) {
		if said := reason.Header(f); said != "" {
			c.w.Header().Set(reason.HeaderSaid, said)
		}
	}
	var body any = struct {
		Code, Message string
		RequestID     string `json:"RequestId"`
	}{e.code, message, c.requestID}
	if isOldPath(c.r.URL.Path) {
		body = struct{ ErrorCode, ErrorMessage string }{e.code, message}
	}
	b, jsonErr := json.Marshal(body)
	if jsonErr != nil {
		b, e.status = []byte(`{"Code":"InternalServerError","Message":"an internal error has occurred. Please retry."}`), http.StatusInternalServerError
	}
	if e.status == http.StatusServiceUnavailable || e.status == http.StatusTooManyRequests {
		c.w.Header().Set("Retry-After", "1")
	}
	c.write(e.status, b)
}
