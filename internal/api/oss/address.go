package oss

import (
	"net"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// address is what a request is about. An empty bucket means the service itself, an
// empty key the bucket.
type address struct {
	bucket, key string
	host        string // the Host header without its port
	rawPath     string // percent-encoded, as received
	pathStyle   bool   // the bucket stood in the path
}

// addressing tells virtual-host from path-style requests.
type addressing struct {
	region  string
	domains []string // lower case, without dots around; "localhost" is always among them
}

func newAddressing(region string, extra []string) addressing {
	a := addressing{region: region, domains: []string{"localhost"}}
	for _, d := range extra {
		if d = strings.ToLower(strings.Trim(hostOnly(d), ".")); d != "" {
			a.domains = append(a.domains, d)
		}
	}
	return a
}

// hostOnly strips the port of a Host header and the brackets of an IPv6 address.
func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		if host[0] == '[' || strings.IndexByte(host, ':') == i {
			if h, _, err := net.SplitHostPort(host); err == nil {
				return h
			}
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// resolve finds bucket and key from a Host header and a raw (percent-encoded) path.
//
// Hosts that are no known endpoint are taken as path-style ones, because a server may
// be reached under any name. Nothing is cleaned: "//", "." and ".." are parts of keys.
// The key is checked, unless resolvePath has another one for it that is right.
func (a *addressing) resolve(host, rawPath string) (address, error) {
	ad := address{host: hostOnly(host), rawPath: rawPath}
	rest := strings.TrimPrefix(rawPath, "/")
	bucket, virtual, err := a.bucketOfHost(ad.host)
	if err != nil {
		return ad, err
	}
	if virtual {
		ad.bucket = bucket
	} else {
		ad.pathStyle = true
		seg := rest
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			seg, rest = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		if ad.bucket, err = unescapePath(seg); err != nil {
			return ad, err
		}
		if ad.bucket == "" {
			if rest != "" {
				return ad, invalidBucket("")
			}
			return ad, nil
		}
	}
	if ad.key, err = unescapePath(rest); err != nil {
		return ad, err
	}
	if !validBucketName(ad.bucket) {
		return ad, invalidBucket(ad.bucket)
	}
	if err = checkKey(ad.key); err != nil {
		if _, twice := a.resolvePath(ad); twice {
			err = nil // the bucket's name may be no part of the key: who asks decides, see authenticate
		}
	}
	return ad, err
}

// resolvePath is the other reading of a virtual-host request whose path starts with the
// bucket's name again; ok is false if it does not. With an IP endpoint and sldEnable,
// ali-oss sends the bucket in both places. Only a signature can tell which was meant.
func (a *addressing) resolvePath(ad address) (other address, ok bool) {
	if ad.pathStyle || ad.bucket == "" {
		return ad, false
	}
	rest, ok := strings.CutPrefix(ad.rawPath, "/"+ad.bucket)
	if !ok || rest != "" && rest[0] != '/' {
		return ad, false
	}
	key, err := unescapePath(strings.TrimPrefix(rest, "/"))
	if err != nil || checkKey(key) != nil {
		return ad, false
	}
	ad.key, ad.pathStyle = key, true
	return ad, true
}

// checkKey refuses keys over the size limit and keys that are not UTF-8. An empty key is
// no error here: it stands for the bucket.
func checkKey(key string) error {
	if len(key) > object.MaxKeySize {
		return fault.New(fault.Invalid, object.InvalidObjectName,
			"The length of object name must be less than 1024.").
			WithHint("The name given has %d bytes in UTF-8; OSS allows %d.", len(key), object.MaxKeySize)
	}
	if !utf8.ValidString(key) {
		return fault.New(fault.Invalid, object.InvalidObjectName, "The specified object is not valid.").
			WithHint("Object names must be UTF-8.")
	}
	return nil
}

func invalidBucket(name string) error {
	if len(name) > 80 {
		name = strings.ToValidUTF8(name[:80], "") + "…"
	}
	return fault.New(fault.Invalid, object.InvalidBucketName, "The specified bucket is not valid.").
		WithHint("A bucket name has 3 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit.").
		With("BucketName", name)
}

// bucketOfHost returns the bucket that a host names. virtual is false for hosts that are
// bare endpoints or unknown.
func (a *addressing) bucketOfHost(host string) (bucket string, virtual bool, err error) {
	// A dot at the end is a fully qualified name's; one at the start is ali-oss's, when it
	// addresses the service by an IP endpoint.
	host = strings.Trim(host, ".")
	if host == "" {
		return "", false, nil
	}
	if host[len(host)-1] <= '9' || strings.IndexByte(host, ':') >= 0 {
		// Only an IP address, or a name that nobody can register, ends in a digit.
		if _, perr := netip.ParseAddr(host); perr == nil {
			return "", false, nil
		}
	}
	lower := lowerASCII(host)
	if rest, ok := strings.CutSuffix(lower, ".aliyuncs.com"); ok {
		label := rest
		if i := strings.LastIndexByte(rest, '.'); i >= 0 {
			label, bucket, virtual = rest[i+1:], host[:i], true
		}
		region, ok := endpointRegion(label)
		if !ok {
			return "", false, nil
		}
		if region != "" && region != a.region {
			return "", false, fault.New(fault.Denied, "AccessDenied",
				"The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.").
				WithHint("This server's region is %s, the request was sent to %s.", a.region, region).
				With("Bucket", bucket).With("Endpoint", "oss-"+a.region+".aliyuncs.com")
		}
		return bucket, virtual, nil
	}
	for _, d := range a.domains {
		if lower == d {
			return "", false, nil
		}
		n := len(lower) - len(d) - 1
		if n <= 0 || lower[n] != '.' || lower[n+1:] != d {
			continue
		}
		sub := host[:n]
		label := sub
		if i := strings.LastIndexByte(sub, '.'); i >= 0 {
			label = sub[i+1:]
			sub = sub[:i]
		} else {
			sub = ""
		}
		// oss-cn-hangzhou.localhost is an endpoint, not a bucket.
		if region, ok := endpointRegion(lowerASCII(label)); ok && region == a.region {
			return sub, sub != "", nil
		}
		return host[:n], true, nil
	}
	return "", false, nil
}

// endpointRegion returns the region of the first label of an OSS endpoint, as in
// "oss-cn-hangzhou-internal"; region is empty for endpoints that serve all regions.
func endpointRegion(label string) (region string, ok bool) {
	if label == "oss" {
		return "", true
	}
	r, ok := strings.CutPrefix(label, "oss-")
	if !ok || r == "" {
		return "", false
	}
	if r == "accelerate" || r == "accelerate-overseas" {
		return "", true
	}
	return strings.TrimSuffix(r, "-internal"), true
}

// lowerASCII keeps the length, unlike strings.ToLower, so that indexes fit both.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; c >= 'A' && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// validBucketName reports whether name follows OSS's naming rules.
func validBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// unescapePath decodes %XX once. A plus sign is a plus sign.
func unescapePath(s string) (string, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil
	}
	b := make([]byte, i, len(s))
	copy(b, s)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "", fault.New(fault.Invalid, "InvalidURI", "Couldn't parse the specified URI.").
				WithHint("A percent sign must be followed by two hex digits; a percent sign of its own is written %%25.")
		}
		b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
	}
	return string(b), nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

const upperHex = "0123456789ABCDEF"

// appendEscaped percent-encodes s for encoding-type=url and for headers that carry keys.
// A slash is encoded only if slash is true. A space becomes %20, which every SDK's
// decoder understands.
func appendEscaped(b []byte, s string, slash bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == '~' || c == '/' && !slash {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}
