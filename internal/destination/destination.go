// Package destination is where results of asynchronous invocations go: what may be named
// as one, what is sent, and how it gets to what is not a function.
//
// FC sends results to other functions and to the cloud's message services. Alcedo has no
// message services; an object under a prefix stands in for a queue, an HTTP endpoint for
// a topic.
package destination

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Kind says what a destination is.
type Kind uint8

const (
	Function Kind = iota + 1 // another function, invoked asynchronously
	Object                   // an object per result, under a prefix
	HTTP                     // a POST per result
)

// Target is a destination, understood.
type Target struct {
	Kind Kind
	ARN  string // as it was given

	Function  string // of Kind Function
	Qualifier string // empty: LATEST
	Bucket    string // of Kind Object
	Prefix    string // of keys; may be empty
	URL       string // of Kind HTTP
}

// Limits of what names a destination, in bytes.
const (
	MaxLength = 2048
	maxPrefix = 512
)

const forms = "A destination is 'acs:fc:<region>:<account>:functions/<function>[/<version or alias>]', 'acs:oss:<region>:<account>:<bucket>/<prefix>' for an object per result, or an http:// or https:// URL."

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidArgument", format, args...)
}

// Parse understands what names a destination, or says why it cannot be one (reason
// InvalidArgument; NotImplemented for the cloud's message services). Region and account
// must be the given ones, or be left empty in the ARN. Whether the thing exists is not
// looked at.
func Parse(arn, region, account string) (Target, error) {
	t := Target{ARN: arn}
	if len(arn) > MaxLength {
		return t, invalid("The destination has %d bytes; at most %d are allowed.", len(arn), MaxLength)
	}
	if !utf8.ValidString(arn) || strings.ContainsFunc(arn, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return t, invalid("The destination holds bytes that are not text.")
	}
	if scheme, _, ok := strings.Cut(arn, "://"); ok && !strings.HasPrefix(arn, "acs:") {
		return t, parseURL(&t, strings.ToLower(scheme))
	}
	parts := strings.SplitN(arn, ":", 5)
	if len(parts) != 5 || parts[0] != "acs" {
		return t, invalid("'%s' is no destination.", shown(arn)).WithHint(forms)
	}
	switch parts[1] {
	case "fc", "oss":
	case "mns":
		return t, message("a queue or topic of MNS")
	case "mq", "rocketmq":
		return t, message("RocketMQ")
	case "eventbridge":
		return t, message("an event bus of EventBridge")
	default:
		return t, fault.New(fault.Unsupported, "NotImplemented", "Results cannot be sent to '%s': there is no service '%s' here.", shown(arn), shown(parts[1])).WithHint(forms)
	}
	if r := parts[2]; r != "" && r != region {
		return t, invalid("The destination '%s' is in region '%s'; it must be in the function's own region, '%s'.", shown(arn), r, region)
	}
	if a := parts[3]; a != "" && a != account {
		return t, invalid("The destination '%s' belongs to account '%s'; it must belong to the function's own, '%s'.", shown(arn), a, account)
	}
	if parts[1] == "fc" {
		return t, parseFunction(&t, parts[4])
	}
	return t, parseObject(&t, parts[4])
}

func message(what string) error {
	return fault.New(fault.Unsupported, "NotImplemented", "Results cannot be sent to %s: Alcedo has no message services.", what).
		WithHint("Name an object prefix in place of a queue (acs:oss:<region>:<account>:<bucket>/<prefix>), an HTTP endpoint in place of a topic (https://…), or a function.")
}

func parseFunction(t *Target, path string) error {
	if strings.HasPrefix(path, "services/") {
		return invalid("The destination '%s' names a function of FC 2.0, which had services; there are none in FC 3.0.", shown(t.ARN)).
			WithHint("Write functions/<function>[/<version or alias>] in place of services/….")
	}
	name, ok := strings.CutPrefix(path, "functions/")
	if !ok {
		return invalid("The destination '%s' names no function.", shown(t.ARN)).WithHint(forms)
	}
	name, qualifier, qualified := strings.Cut(name, "/")
	if !isName(name, 64, false) || qualified && !isName(qualifier, 128, true) {
		return invalid("The destination '%s' names no function.", shown(t.ARN)).WithHint(forms)
	}
	t.Kind, t.Function, t.Qualifier = Function, name, qualifier
	return nil
}

// isName reports whether s can name a function, or with digits first a version or alias.
func isName(s string, most int, digits bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		other := c == '-' || '0' <= c && c <= '9'
		if !letter && (!other || i == 0 && (c == '-' || !digits)) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= most
}

func parseObject(t *Target, path string) error {
	bucket, prefix, ok := strings.Cut(path, "/")
	if !ok {
		return invalid("The destination '%s' names a bucket and no prefix.", shown(t.ARN)).
			WithHint("End it with '/' to keep results at the top of the bucket, or with '/<prefix>'.")
	}
	if !isBucket(bucket) {
		return invalid("The destination '%s' names no bucket: a bucket's name has 3 to 63 lower-case letters, digits and hyphens.", shown(t.ARN))
	}
	if len(prefix) > maxPrefix || strings.HasPrefix(prefix, "/") || strings.HasPrefix(prefix, `\`) {
		return invalid("The prefix of the destination '%s' must have at most %d bytes and not begin with '/' or '\\'.", shown(t.ARN), maxPrefix)
	}
	t.Kind, t.Bucket, t.Prefix = Object, bucket, prefix
	return nil
}

func isBucket(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') || c == '-' && (i == 0 || i == len(s)-1) {
			return false
		}
	}
	return len(s) >= 3 && len(s) <= 63
}

func parseURL(t *Target, scheme string) error {
	if scheme != "http" && scheme != "https" {
		return invalid("Results are sent to http:// and https:// URLs, not to '%s'.", shown(scheme+"://"))
	}
	u, err := url.Parse(t.ARN)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || strings.ContainsFunc(u.Hostname(), notInHost) {
		// The error would repeat the URL, which may hold a secret.
		return invalid("The destination is not a well-formed URL.").WithHint(forms)
	}
	if u.User != nil {
		return invalid("The URL of a destination must not hold a user name or password: it is shown to everyone who may read the function's settings.").
			WithHint("Put a token of the receiver's into the path or the query, or let the receiver check X-Fc-Request-Id with GetAsyncTask.")
	}
	if u.Fragment != "" || strings.HasSuffix(t.ARN, "#") {
		return invalid("The URL of a destination must not have a fragment ('#…'): it is never sent.")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if why := forbidden(a); why != "" {
			return invalid("Results cannot be sent to %s: %s.", a, why)
		}
	}
	t.Kind, t.URL = HTTP, t.ARN
	return nil
}

// notInHost: names in other scripts are written in their ASCII form (xn--…).
func notInHost(r rune) bool {
	return r != '-' && r != '.' && r != ':' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// Shown is the target as messages and logs may name it: without what follows the path of
// a URL, where a receiver's secret may stand.
func (t *Target) Shown() string {
	if t.Kind != HTTP {
		return t.ARN
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return "an HTTP endpoint"
	}
	return u.Scheme + "://" + u.Host
}

// metadata are addresses at which clouds tell whoever asks from inside a machine that
// machine's credentials.
var metadata = []netip.Addr{netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("fd00:ec2::254")}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// forbidden says why nothing may be sent to an address; empty: it may. Loopback is
// allowed: whoever sets destinations may run functions, and a receiver beside the server
// is what people begin with.
func forbidden(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case a.IsLinkLocalUnicast():
		return "link-local addresses are where clouds give a machine its credentials"
	case a.IsMulticast():
		return "it is a multicast address"
	}
	for _, m := range metadata {
		if a == m {
			return "it is where a cloud gives a machine its credentials"
		}
	}
	return ""
}

// shown cuts a value to what fits in a message.
func shown(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
