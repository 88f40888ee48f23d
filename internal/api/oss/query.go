package oss

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// maxParams bounds the parameters of a query; OSS's own requests have a dozen at most.
const maxParams = 128

// param is one query parameter, decoded.
type param struct {
	name, value string
	hasValue    bool // there was an equals sign
}

// query is a request's parameters in their order. A slice beats a map at this size and
// keeps "?acl" and "?acl=" apart.
type query []param

// parseQuery decodes a raw query, "+" as a space.
func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	n := strings.Count(raw, "&") + 1
	if n > maxParams {
		return nil, fault.New(fault.Invalid, "InvalidURI", "Couldn't parse the specified URI.").
			WithHint("The query has %d parameters; %d are allowed.", n, maxParams)
	}
	q := make(query, 0, n)
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		name, value, has := strings.Cut(part, "=")
		name, err := unescapeQuery(name)
		if err != nil {
			return nil, err
		}
		if value, err = unescapeQuery(value); err != nil {
			return nil, err
		}
		q = append(q, param{name, value, has})
	}
	return q, nil
}

func unescapeQuery(s string) (string, error) {
	if strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	return unescapePath(s)
}

// get returns the first value of name, or "".
func (q query) get(name string) string {
	v, _ := q.lookup(name)
	return v
}

func (q query) lookup(name string) (string, bool) {
	for i := range q {
		if q[i].name == name {
			return q[i].value, true
		}
	}
	return "", false
}

func (q query) has(name string) bool {
	_, ok := q.lookup(name)
	return ok
}
