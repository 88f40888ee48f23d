// Package sign computes the request signatures of the protocols Alcedo speaks: OSS V1
// and V4, ACS3-HMAC-SHA256, the old Function Compute signature and the RPC signature
// of STS. It turns a request into the text that is signed and the text into a
// signature; it knows nothing of keys, clocks, users or permissions.
//
// Checking a signature is the code that every request runs first, so nothing here
// allocates in the common case: a [Scratch] holds the buffers and is pooled, and the
// hashes run over contiguous buffers with the HMAC pad written in front of the text.
//
// The server and the client side share every canonicaliser. They are checked against
// the official SDKs (oss2, ali-oss, alibabacloud-oss-go-sdk-v2, @alicloud/fc20230330,
// @alicloud/pop-core, @alicloud/fc2) by vectors those SDKs made.
package sign

import (
	"crypto/sha1"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
)

// Block is the block size of SHA-1 and SHA-256 and so the length of an HMAC pad.
const block = 64

// Limits of what a signature may cover; a request beyond them is not one that any SDK
// makes, and is refused before it costs anything.
const (
	MaxQueryParams = 256 // parameters of one query string
	MaxHeaderNames = 128 // names in AdditionalHeaders or SignedHeaders
)

// Scratch holds the buffers of one signature computation. It is not safe for
// concurrent use; take one with [Get] and give it back with [Scratch.Put].
type Scratch struct {
	text   []byte // headroom for the HMAC pad, then the text to sign or to hash
	arena  []byte // bytes of query keys and values, encoded or decoded
	params []param
	heads  []head
	names  []string
	small  [block + 256]byte // pad and short texts
}

type param struct{ k, v, end int } // arena[k:v] is the key, arena[v:end] the value

type head struct {
	name string
	vals []string
}

var pool = sync.Pool{New: func() any {
	return &Scratch{text: make([]byte, block, 2048), arena: make([]byte, 0, 1024)}
}}

// Get returns an empty Scratch.
func Get() *Scratch { return pool.Get().(*Scratch) }

// Put gives s back. Nothing returned by its methods may be used afterwards, except
// strings and arrays.
func (s *Scratch) Put() {
	if cap(s.text) > 64<<10 || cap(s.arena) > 64<<10 {
		return // one huge request must not pin its memory
	}
	clear(s.heads[:cap(s.heads)])
	clear(s.names[:cap(s.names)])
	pool.Put(s)
}

// Text returns the text built last, for error reports. The result is a copy.
func (s *Scratch) Text() string { return string(s.text[block:]) }

func (s *Scratch) reset() {
	s.text = s.text[:block]
	s.arena = s.arena[:0]
	s.params = s.params[:0]
	s.heads = s.heads[:0]
	s.names = s.names[:0]
}

// HMACSHA1 signs the text built last.
func (s *Scratch) HMACSHA1(secret string) [sha1.Size]byte {
	setPad(s.text, secret, 0x36, false)
	inner := sha1.Sum(s.text)
	outer := s.small[:block]
	setPad(outer, secret, 0x5c, false)
	return sha1.Sum(append(outer, inner[:]...))
}

// HMACSHA256 signs the text built last.
func (s *Scratch) HMACSHA256(secret string) [sha256.Size]byte {
	setPad(s.text, secret, 0x36, true)
	inner := sha256.Sum256(s.text)
	outer := s.small[:block]
	setPad(outer, secret, 0x5c, true)
	return sha256.Sum256(append(outer, inner[:]...))
}

// setPad writes the key, xored with x, over the first block of b. Keys longer than a
// block are hashed first, as RFC 2104 says.
func setPad(b []byte, key string, x byte, is256 bool) {
	var long [sha256.Size]byte
	var k []byte
	if len(key) > block {
		if is256 {
			long = sha256.Sum256([]byte(key))
			k = long[:]
		} else {
			h := sha1.Sum([]byte(key))
			k = long[:copy(long[:], h[:])]
		}
	}
	n := 0
	if k != nil {
		for n < len(k) {
			b[n] = k[n] ^ x
			n++
		}
	} else {
		for n < len(key) {
			b[n] = key[n] ^ x
			n++
		}
	}
	for ; n < block; n++ {
		b[n] = x
	}
}

// MAC is HMAC-SHA256 of a short message (at most 192 bytes) under a key of at most
// one block; it does not allocate.
func MAC(key []byte, msg string) [sha256.Size]byte {
	var b [block + 192]byte
	for i := range block {
		b[i] = 0x36
	}
	for i, c := range key {
		b[i] ^= c
	}
	n := block + copy(b[block:], msg)
	inner := sha256.Sum256(b[:n])
	for i := range block {
		b[i] ^= 0x36 ^ 0x5c
	}
	copy(b[block:], inner[:])
	return sha256.Sum256(b[:block+sha256.Size])
}

const upperHex = "0123456789ABCDEF"
const lowerHex = "0123456789abcdef"

// AppendHex appends the lower-case hexadecimal form of src.
func AppendHex(dst, src []byte) []byte {
	for _, c := range src {
		dst = append(dst, lowerHex[c>>4], lowerHex[c&15])
	}
	return dst
}

// unreserved marks the bytes that percent-encoding leaves alone (RFC 3986).
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return
}()

func appendEscaped(dst []byte, c byte) []byte {
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// AppendEscape appends s percent-encoded as the Alibaba Cloud signatures want it:
// everything but letters, digits and "-._~" becomes %XX. With slashes, '/' stays.
func AppendEscape(dst []byte, s string, slashes bool) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved[c] || (slashes && c == '/') {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// decode appends the bytes that the query component s stands for; with encode they
// are percent-encoded again, canonically. A '%' that starts no escape stands for
// itself, and '+' for a space.
func decode(dst []byte, s string, encode bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '%':
			if i+2 < len(s) {
				if h, ok := unhex(s[i+1]); ok {
					if l, ok := unhex(s[i+2]); ok {
						c = h<<4 | l
						i += 2
					}
				}
			}
		case '+':
			c = ' '
		}
		if encode {
			dst = appendEscaped(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// Query returns the decoded value of the first parameter called name in a raw query,
// and whether there is one. It allocates only if the value is escaped.
func Query(raw, name string) (string, bool) {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		k, v, _ := strings.Cut(part, "=")
		if k != name {
			if len(k) < len(name) || !strings.ContainsAny(k, "%+") || string(decode(nil, k, false)) != name {
				continue
			}
		}
		return unescape(v), true
	}
	return "", false
}

// unescape decodes a query component; it allocates only if there is something to decode.
func unescape(v string) string {
	if strings.IndexByte(v, '%') < 0 && strings.IndexByte(v, '+') < 0 {
		return v
	}
	return string(decode(make([]byte, 0, len(v)), v, false))
}

// lowerByte lowers an ASCII letter.
func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func appendLower(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		dst = append(dst, lowerByte(s[i]))
	}
	return dst
}

// compareLower orders a and b as their lower-case forms order. Go's canonical header
// names do not: "X-Oss-Meta-_a" sorts after "X-Oss-Meta-B", its lower-case form before.
func compareLower(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lowerByte(a[i]), lowerByte(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// hasPrefixFold reports whether s starts with prefix, which is in lower case.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := 0; i < len(prefix); i++ {
		if lowerByte(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func equalFold(s, lower string) bool { return len(s) == len(lower) && hasPrefixFold(s, lower) }

// sortHeads orders the collected headers by lower-case name; there are a handful.
func (s *Scratch) sortHeads() {
	h := s.heads
	for i := 1; i < len(h); i++ {
		for j := i; j > 0 && compareLower(h[j].name, h[j-1].name) < 0; j-- {
			h[j], h[j-1] = h[j-1], h[j]
		}
	}
}

// appendHeads writes the collected headers as "name:value\n".
func (s *Scratch) appendHeads() {
	for _, h := range s.heads {
		s.text = appendLower(s.text, h.name)
		s.text = append(s.text, ':')
		s.text = appendValues(s.text, h.vals)
		s.text = append(s.text, '\n')
	}
}

func appendValues(dst []byte, vals []string) []byte {
	for i, v := range vals {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, strings.TrimSpace(v)...)
	}
	return dst
}

// sortParams orders the collected parameters by key; equal keys keep their order.
func (s *Scratch) sortParams() {
	p, a := s.params, s.arena
	less := func(x, y param) bool { return string(a[x.k:x.v]) < string(a[y.k:y.v]) }
	for i := 1; i < len(p); i++ {
		for j := i; j > 0 && less(p[j], p[j-1]); j-- {
			p[j], p[j-1] = p[j-1], p[j]
		}
	}
}

// parseQuery collects the parameters of a raw query, decoded, or canonically encoded
// again, except those that skip wants left out (skip sees the key as it is collected).
// It reports false for more than MaxQueryParams.
func (s *Scratch) parseQuery(raw string, encodeKeys, encodeValues bool, skip func(key []byte) bool) bool {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		start := len(s.arena)
		s.arena = decode(s.arena, k, encodeKeys)
		mid := len(s.arena)
		if skip != nil && skip(s.arena[start:mid]) {
			s.arena = s.arena[:start]
			continue
		}
		if len(s.params) == MaxQueryParams {
			return false
		}
		s.arena = decode(s.arena, v, encodeValues)
		s.params = append(s.params, param{start, mid, len(s.arena)})
	}
	return true
}

// appendParams writes the collected parameters as "k=v" joined by '&'. Without
// equals, an empty value is written as its key alone.
func (s *Scratch) appendParams(equals bool) {
	for i, p := range s.params {
		if i > 0 {
			s.text = append(s.text, '&')
		}
		s.text = append(s.text, s.arena[p.k:p.v]...)
		if equals || p.end > p.v {
			s.text = append(s.text, '=')
			s.text = append(s.text, s.arena[p.v:p.end]...)
		}
	}
}

func first(h http.Header, canonical string) string {
	if v := h[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}
