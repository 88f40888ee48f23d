package sign

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// FC builds the string to sign of the old Function Compute signature (2016-08-15):
// method, Content-MD5, Content-Type, Date, the x-fc-* headers and the path, which is
// given since clients sign it unescaped. Queries are signed only on /proxy/ paths.
func (s *Scratch) FC(r *http.Request, path string) bool {
	s.reset()
	t := append(s.text, r.Method...)
	t = append(t, '\n')
	t = append(t, first(r.Header, "Content-Md5")...)
	t = append(t, '\n')
	t = append(t, first(r.Header, "Content-Type")...)
	t = append(t, '\n')
	t = append(t, first(r.Header, "Date")...)
	s.text = append(t, '\n')
	for k, v := range r.Header {
		if hasPrefixFold(k, "x-fc-") {
			s.heads = append(s.heads, head{k, v})
		}
	}
	s.sortHeads()
	s.appendHeads()
	s.text = append(s.text, path...)
	if !isProxyPath(path) {
		return true
	}
	if !s.parseQuery(r.URL.RawQuery, false, false, nil) {
		return false
	}
	pairs := make([]string, 0, len(s.params))
	for _, p := range s.params {
		pairs = append(pairs, string(s.arena[p.k:p.v])+"="+string(s.arena[p.v:p.end]))
	}
	slices.Sort(pairs)
	s.text = append(s.text, '\n')
	s.text = append(s.text, strings.Join(pairs, "\n")...)
	return true
}

// isProxyPath reports whether a path is /<version>/proxy/….
func isProxyPath(path string) bool {
	path = strings.TrimPrefix(path, "/")
	_, rest, _ := strings.Cut(path, "/")
	return strings.HasPrefix(rest, "proxy/")
}

// RPC builds the string to sign of the RPC style signature, version 1.0: the method
// and all parameters but Signature, from the query and the form together. The key of
// its HMAC-SHA1 is the secret followed by "&". It reports false for more than
// [MaxQueryParams] parameters.
func (s *Scratch) RPC(method string, params url.Values) bool {
	s.reset()
	if len(params) > MaxQueryParams {
		return false
	}
	keys := make([]string, 0, len(params))
	for k := range params {
		if k != "Signature" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	s.text = append(s.text, method...)
	s.text = append(s.text, "&%2F&"...)
	for i, k := range keys {
		if i > 0 {
			s.text = append(s.text, "%26"...)
		}
		s.arena = AppendEscape(s.arena[:0], k, false)
		s.arena = append(s.arena, '=')
		s.arena = AppendEscape(s.arena, params.Get(k), false)
		for _, c := range s.arena {
			s.text = appendEscaped(s.text, c)
		}
	}
	return true
}
