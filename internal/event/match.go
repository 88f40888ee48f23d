package event

import (
	"strings"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// Native lists the event names that a native trigger may ask for, as FC lists them. Those
// of replication are accepted, but nothing here causes them.
var Native = []string{
	"oss:ObjectCreated:*",
	"oss:" + string(PutObject),
	"oss:" + string(PostObject),
	"oss:" + string(CopyObject),
	"oss:" + string(InitiateMultipartUpload),
	"oss:" + string(UploadPart),
	"oss:" + string(UploadPartCopy),
	"oss:" + string(CompleteMultipartUpload),
	"oss:" + string(AppendObject),
	"oss:" + string(PutSymlink),
	"oss:" + string(DeleteObject),
	"oss:" + string(DeleteObjects),
	"oss:" + string(AbortMultipartUpload),
	"oss:" + string(UpdateObjectMeta),
	"oss:ObjectReplication:ObjectCreated",
	"oss:ObjectReplication:ObjectModified",
	"oss:ObjectReplication:ObjectRemoved",
}

// Filter is what a native trigger listens to: event names, one prefix and one suffix,
// both plain bytes of the key, without wildcards. Empty ones match every key.
type Filter struct {
	Events []string `cbor:"1,keyasint"` // as in Native
	Prefix string   `cbor:"2,keyasint,omitempty"`
	Suffix string   `cbor:"3,keyasint,omitempty"`
}

// ParseType checks a name as it stands in a trigger configuration.
func ParseType(name string) error {
	for _, n := range Native {
		if n == name {
			return nil
		}
	}
	f := fault.New(fault.Invalid, "InvalidArgument", "Unknown OSS event %q.", name)
	for _, n := range Native {
		if strings.EqualFold(n, name) || strings.EqualFold(n, "oss:"+name) || strings.EqualFold(strings.TrimPrefix(n, "oss:"), name) {
			return f.WithHint("Event names are case-sensitive and start with \"oss:\": write %q.", n)
		}
	}
	return f.WithHint("Known are: %s.", strings.Join(Native, ", "))
}

// matches reports whether a configured name stands for type t.
func matches(name string, t Type) bool {
	name, ok := strings.CutPrefix(name, "oss:")
	if !ok {
		return false
	}
	if g, ok := strings.CutSuffix(name, ":*"); ok {
		return strings.HasPrefix(string(t), g) && len(t) > len(g) && t[len(g)] == ':'
	}
	return name == string(t)
}

// Match reports whether the filter wants an event of type t on key.
func (f *Filter) Match(t Type, key string) bool {
	if !strings.HasPrefix(key, f.Prefix) || !strings.HasSuffix(key, f.Suffix) {
		return false
	}
	for _, e := range f.Events {
		if matches(e, t) {
			return true
		}
	}
	return false
}

// Explain says why the filter does not want an event of type t on key; nil if it does.
func (f *Filter) Explain(t Type, key string) *reason.Why {
	wanted := false
	for _, e := range f.Events {
		wanted = wanted || matches(e, t)
	}
	switch {
	case !wanted:
		listed := strings.Join(f.Events, ", ")
		return reason.New(reason.EventNotListed, reason.Args{"event": "oss:" + string(t), "listed": listed}, "the event is oss:%s; the trigger listens to %s", t, listed)
	case !strings.HasPrefix(key, f.Prefix):
		if strings.HasPrefix(f.Prefix, "/") {
			return reason.New(reason.PrefixWithSlash, reason.Args{"prefix": f.Prefix}, "the prefix %q starts with a slash; object keys never do", f.Prefix)
		}
		if strings.HasPrefix(f.Prefix, key) {
			return reason.New(reason.KeyTooShort, reason.Args{"prefix": f.Prefix, "key": key}, "the key ends before the prefix %q does", f.Prefix)
		}
		at, is, wants := differ(key, f.Prefix)
		return reason.New(reason.PrefixDiffers, reason.Args{"prefix": f.Prefix, "key": key, "at": at},
			"the key differs from the prefix %q at character %d: %q is not %q", f.Prefix, at, is, wants)
	case !strings.HasSuffix(key, f.Suffix):
		return reason.New(reason.SuffixDiffers, reason.Args{"suffix": f.Suffix, "key": key}, "the key does not end with the suffix %q", f.Suffix)
	}
	return nil
}

// differ returns the first character, counted from 1, in which two texts differ that do
// not begin with each other.
func differ(a, b string) (at int, inA, inB rune) {
	for at = 1; ; at++ {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if a[:n] != b[:m] {
			return at, x, y
		}
		a, b = a[n:], b[m:]
	}
}

// Overlaps reports whether some event could match both filters: they share an event, one
// prefix starts with the other, and one suffix ends with the other (OSS trigger rules).
func (f *Filter) Overlaps(g *Filter) bool {
	prefixes := strings.HasPrefix(f.Prefix, g.Prefix) || strings.HasPrefix(g.Prefix, f.Prefix)
	suffixes := strings.HasSuffix(f.Suffix, g.Suffix) || strings.HasSuffix(g.Suffix, f.Suffix)
	return prefixes && suffixes && shareEvent(f.Events, g.Events)
}

func shareEvent(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y || wildcardOf(x, y) || wildcardOf(y, x) {
				return true
			}
		}
	}
	return false
}

// wildcardOf reports whether w is "oss:Group:*" and name is in that group.
func wildcardOf(w, name string) bool {
	g, ok := strings.CutSuffix(w, "*")
	return ok && strings.HasPrefix(name, g)
}
