package sts

import (
	"net/http"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// wireError is the form a fault takes on this wire. An empty code is the fault's own
// reason, an empty message its own message.
type wireError struct {
	code    string
	status  int
	message string
}

// reasons maps the faults of identity that are named differently here. The codes and
// texts are those of the STS and API gateway documentation.
var reasons = map[fault.Reason]wireError{
	identity.ReasonInvalidAccessKeyID: {"InvalidAccessKeyId.NotFound", http.StatusNotFound, "Specified access key is not found."},
	identity.ReasonSignature:          {"SignatureDoesNotMatch", http.StatusBadRequest, "Specified signature is not matched with our calculation."},
	identity.ReasonSkewed:             {"InvalidTimeStamp.Expired", http.StatusBadRequest, "Specified time stamp or date value is expired."},
	identity.ReasonTokenExpired:       {"InvalidSecurityToken.Expired", http.StatusBadRequest, "Specified SecurityToken is expired."},
	identity.ReasonTokenInvalid:       {"InvalidSecurityToken.Malformed", http.StatusBadRequest, "Specified SecurityToken is malformed."},
	identity.ReasonNonceUsed:          {"SignatureNonceUsed", http.StatusBadRequest, ""},
	identity.ReasonInvalidArgument:    {"InvalidParameter", http.StatusBadRequest, ""},
	identity.ReasonMissingHeader:      {"MissingHeader", http.StatusBadRequest, ""},
	"UnsupportedHTTPMethod":           {"UnsupportedHTTPMethod", http.StatusMethodNotAllowed, ""},
}

var statuses = map[fault.Kind]int{
	fault.Invalid:     http.StatusBadRequest,
	fault.NotFound:    http.StatusNotFound,
	fault.Exists:      http.StatusConflict,
	fault.Denied:      http.StatusForbidden,
	fault.Unauthentic: http.StatusForbidden,
	fault.Conflict:    http.StatusConflict,
	fault.TooLarge:    http.StatusRequestEntityTooLarge,
	fault.Throttled:   http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Unsupported: http.StatusBadRequest,
}

// wire returns the code, status and text of a fault. Internal failures are not
// described to the caller.
func wire(e *fault.Error) (code string, status int, message string) {
	status, known := statuses[e.Kind]
	if !known {
		return "InternalError", http.StatusInternalServerError, "An internal error has occurred. Please retry."
	}
	code, message = string(e.Reason), e.Message
	if m, ok := reasons[e.Reason]; ok {
		code, status = m.code, m.status
		if m.message != "" {
			message = m.message
		}
	}
	if s := e.Params["StringToSign"]; s != "" {
		message += " server string to sign is:" + s
	}
	if e.Hint != "" {
		message += " " + e.Hint
	}
	return code, status, message
}
