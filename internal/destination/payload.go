package destination

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Result is the end of an asynchronous invocation, as its destination is told.
type Result struct {
	Time        time.Time
	RequestID   string
	FunctionARN string
	Condition   string // empty: it succeeded; else the function's error type, or why it did not run: Expired, or a fault's reason (ResourceExhausted, FunctionNotFound …)
	Count       int    // runs begun
	StatusCode  int    // 200 if the function ran, whatever came of it; else what a synchronous call would have got
	Request     []byte // what the function was given
	Response    []byte // what it returned; its error's JSON if it failed
}

// AppendPayload appends the JSON that FC sends to destinations, in the documentation's
// order of fields, and at most limit bytes of it. Payloads are strings; bytes that are not
// UTF-8 become U+FFFD. What does not fit is cut from the end of the response, then from
// that of the request; "truncated", a field of ours that is there only then, names the
// cut ones. limit must be at least 4 KiB.
func AppendPayload(dst []byte, r *Result, limit int) []byte {
	start := len(dst)
	dst = append(dst, `{"timestamp":`...)
	dst = strconv.AppendInt(dst, r.Time.UnixMilli(), 10)
	dst = append(dst, `,"requestContext":{"requestId":`...)
	dst = quote(dst, r.RequestID)
	dst = append(dst, `,"functionArn":`...)
	dst = quote(dst, r.FunctionARN)
	dst = append(dst, `,"condition":`...)
	dst = quote(dst, r.Condition)
	dst = append(dst, `,"approximateInvokeCount":`...)
	dst = strconv.AppendInt(dst, int64(r.Count), 10)
	dst = append(dst, `},"requestPayload":"`...)

	const truncated = `,"truncated":["requestPayload","responsePayload"]`
	rest := len(`","responseContext":{"statusCode":,"functionError":,"responsePayload":""}`) + 11 + 2 + 6*len(r.Condition) + len(truncated)
	room := max(limit-(len(dst)-start)-rest, 0)
	request, response := escapedLen(r.Request), escapedLen(r.Response)
	cutRequest, cutResponse := false, false
	if request+response > room {
		// The end of a result is worth a quarter, however long the request was.
		if left := max(room-request, room/4); response > left {
			response, cutResponse = left, true
		}
		if left := room - response; request > left {
			request, cutRequest = left, true
		}
	}
	dst = escape(dst, r.Request, request)
	dst = append(dst, `","responseContext":{"statusCode":`...)
	dst = strconv.AppendInt(dst, int64(r.StatusCode), 10)
	dst = append(dst, `,"functionError":`...)
	dst = quote(dst, r.Condition)
	dst = append(dst, `},"responsePayload":"`...)
	dst = escape(dst, r.Response, response)
	dst = append(dst, '"')
	switch {
	case cutRequest && cutResponse:
		dst = append(dst, truncated...)
	case cutResponse:
		dst = append(dst, `,"truncated":["responsePayload"]`...)
	case cutRequest:
		dst = append(dst, `,"truncated":["requestPayload"]`...)
	}
	return append(dst, '}')
}

func quote(dst []byte, s string) []byte {
	return append(escape(append(dst, '"'), []byte(s), 6*len(s)), '"')
}

const hex = "0123456789abcdef"

// next gives the first character of b as JSON has it inside a string, and its length in b.
func next(b []byte, buf *[6]byte) (esc []byte, n int) {
	switch c := b[0]; {
	case c == '"' || c == '\\':
		return append(buf[:0], '\\', c), 1
	case c == '\n':
		return append(buf[:0], '\\', 'n'), 1
	case c == '\r':
		return append(buf[:0], '\\', 'r'), 1
	case c == '\t':
		return append(buf[:0], '\\', 't'), 1
	case c < ' ':
		return append(buf[:0], '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), 1
	case c < utf8.RuneSelf: // at the limit only
		return b[:1], 1
	}
	if r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1 {
		return b[:n], n
	}
	return append(buf[:0], "\uFFFD"...), 1
}

// plain is how many of b's first bytes stand in a JSON string as they are.
func plain(b []byte) int {
	for i, c := range b {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(b)
}

func escapedLen(b []byte) (n int) {
	var buf [6]byte
	for len(b) > 0 {
		if k := plain(b); k > 0 {
			n += k
			b = b[k:]
			continue
		}
		esc, k := next(b, &buf)
		n += len(esc)
		b = b[k:]
	}
	return n
}

// escape appends b as the inside of a JSON string, at most limit bytes of it and no half
// character.
func escape(dst, b []byte, limit int) []byte {
	var buf [6]byte
	for len(b) > 0 {
		if k := min(plain(b), limit); k > 0 {
			dst = append(dst, b[:k]...)
			b, limit = b[k:], limit-k
			continue
		}
		esc, k := next(b, &buf)
		if limit -= len(esc); limit < 0 {
			break
		}
		dst = append(dst, esc...)
		b = b[k:]
	}
	return dst
}
