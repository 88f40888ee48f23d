package event

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// TimeFormat is how events print time: UTC, always with ".000" milliseconds, as every
// sample of the cloud has it.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// AppendNative appends the JSON that a native trigger hands to its function: one event in
// an "events" array. ruleID names the trigger's rule. Only documented fields are
// written, since functions with strict parsers fail on others; a delete has size 0.
//
// Keys are raw UTF-8, not percent-encoded as S3's are. Bytes that are no UTF-8 become
// U+FFFD.
func (r *Record) AppendNative(b []byte, ruleID string) []byte {
	b = append(b, `{"events":[`...)
	b = r.appendData(b, ruleID)
	return append(b, `]}`...)
}

// appendData appends the event itself; an empty ruleID is left out.
func (r *Record) appendData(b []byte, ruleID string) []byte {
	b = append(b, `{"eventName":`...)
	b = appendString(b, string(r.Type))
	b = append(b, `,"eventSource":"acs:oss","eventTime":"`...)
	b = r.Time.UTC().Truncate(time.Second).AppendFormat(b, TimeFormat)
	b = append(b, `","eventVersion":"1.0","oss":{"bucket":{"arn":`...)
	b = appendString(b, r.BucketARN())
	b = append(b, `,"name":`...)
	b = appendString(b, r.Bucket)
	b = append(b, `,"ownerIdentity":`...)
	b = appendString(b, r.Owner)
	b = append(b, `},"object":{"deltaSize":`...)
	b = strconv.AppendInt(b, r.Delta, 10)
	b = append(b, `,"eTag":`...)
	b = appendString(b, r.ETag)
	b = append(b, `,"key":`...)
	b = appendString(b, r.Key)
	b = append(b, `,"objectMeta":`...)
	b = r.Meta.appendJSON(b)
	if r.Position != nil {
		b = append(b, `,"position":`...)
		b = strconv.AppendInt(b, *r.Position, 10)
	}
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, r.Size, 10)
	b = append(b, `},"ossSchemaVersion":"1.0"`...)
	if ruleID != "" {
		b = append(b, `,"ruleId":`...)
		b = appendString(b, ruleID)
	}
	b = append(b, `},"region":`...)
	b = appendString(b, r.Region)
	b = append(b, `,"requestParameters":{"sourceIPAddress":`...)
	b = appendString(b, r.Origin.SourceIP)
	b = append(b, `},"responseElements":{"requestId":`...)
	b = appendString(b, r.Origin.RequestID)
	b = append(b, `},"userIdentity":{"principalId":`...)
	b = appendString(b, r.Origin.PrincipalID)
	return append(b, `}}`...)
}

// BucketARN is the bucket's name across the cloud: acs:oss:<region>:<uid>:<bucket>.
func (r *Record) BucketARN() string {
	return "acs:oss:" + r.Region + ":" + r.Owner + ":" + r.Bucket
}

// appendJSON writes objectMeta: mimeType always, everything else only where it is set.
func (m *Meta) appendJSON(b []byte) []byte {
	b = append(b, `{"mimeType":`...)
	b = appendString(b, m.ContentType)
	for _, f := range [...]struct{ name, value string }{
		{"cacheControl", m.CacheControl},
		{"contentDisposition", m.ContentDisposition},
		{"contentEncoding", m.ContentEncoding},
		{"contentLanguage", m.ContentLanguage},
		{"expires", m.Expires},
	} {
		if f.value != "" {
			b = append(append(append(b, `,"`...), f.name...), `":`...)
			b = appendString(b, f.value)
		}
	}
	if len(m.User) > 0 {
		b = append(b, `,"userMeta":{`...)
		names := make([]string, 0, len(m.User))
		for n := range m.User {
			names = append(names, n)
		}
		slices.Sort(names)
		for i, n := range names {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, n)
			b = append(b, ':')
			b = appendString(b, m.User[n])
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. (encoding/json would allocate, and escape "<"
// and "&", which stand raw in the cloud's events.)
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	b = appendEscaped(b, s)
	return append(b, '"')
}

// appendEscaped appends s as it stands between the quotes of a JSON string.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c < 0x20 || c == '"' || c == '\\' {
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			start = i + 1
		}
		i++
	}
	return append(b, s[start:]...)
}
