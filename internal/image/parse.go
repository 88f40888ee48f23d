package image

import (
	"encoding/base64"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// MaxProcessLen bounds the bytes of a process string. OSS refuses long ones (error code
// 0017-00000288) without printing its limit.
const MaxProcessLen = 8 << 10

// MaxActions bounds the actions of one process, for the same reason.
const MaxActions = 64

// Process is a parsed x-oss-process value.
//
// Either Actions are set, or Style names a style whose content the caller parses with
// [Parse] and whose actions it then runs; SaveAs may accompany both.
type Process struct {
	Actions []Action
	Style   string  // of style/<name>
	SaveAs  *SaveAs // of |sys/saveas,…

	image string // the image/… part as it was written
}

// SaveAs says where to keep the result.
type SaveAs struct {
	Bucket string // empty: the bucket of the source
	Key    string // never empty
}

// String returns the image part of the process, which is what [Pool.Run] runs. Two
// processes with one String make the same result from the same source.
func (p *Process) String() string { return p.image }

// Parse parses a process such as "image/resize,m_fixed,w_128,h_128/quality,q_80",
// optionally followed by "|sys/saveas,o_<base64 key>,b_<base64 bucket>", or
// "style/<name>" with the same option.
//
// Base64 may use the URL-safe or the standard alphabet, padded or not, since SDKs
// differ. The caller has undone percent encoding, and must not have turned "+" into a
// space. Faults carry OSS's code as Reason and, where one is known, its error code in
// Params["EC"].
func Parse(process string) (*Process, error) {
	if len(process) > MaxProcessLen {
		return nil, withEC(fault.New(fault.Invalid, "InvalidArgument", "The process string has %d bytes; at most %d are allowed.", len(process), MaxProcessLen), "0017-00000288")
	}
	p := &Process{}
	first, rest, piped := strings.Cut(process, "|")
	kind, body, _ := strings.Cut(first, "/")
	switch kind {
	case "image":
		if err := p.parseImage(first, body); err != nil {
			return nil, err
		}
	case "style":
		if !validStyle(body) {
			return nil, invalidValue("", body, "style")
		}
		p.Style = body
	case "sys":
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The process must start with an image/… or style/… part.")
	case "video", "audio", "doc", "imm", "hls":
		return nil, notImplemented(kind)
	default:
		return nil, invalidValue("", process, "x-oss-process").WithHint("It starts with image/ or style/, for example image/resize,w_100.")
	}
	if !piped || rest == "" {
		return p, nil
	}
	name, opts, _ := strings.Cut(rest, ",")
	if name != "sys/saveas" {
		return nil, invalidValue("", name, "x-oss-process").WithHint("Only sys/saveas may follow the | sign.")
	}
	var err error
	p.SaveAs, err = parseSaveAs(opts)
	return p, err
}

func (p *Process) parseImage(whole, body string) error {
	alone := ""
	for s := range strings.SplitSeq(body, "/") {
		if s == "" {
			continue // a trailing or doubled slash
		}
		a, err := parseAction(s)
		if err != nil {
			return err
		}
		switch a.(type) {
		case Info, AverageHue:
			alone = a.Name()
		}
		if p.Actions = append(p.Actions, a); len(p.Actions) > MaxActions {
			return fault.New(fault.Invalid, "InvalidArgument", "More than %d image actions were given.", MaxActions)
		}
	}
	if len(p.Actions) == 0 {
		return missing("image", "an action").WithHint("For example image/resize,w_100.")
	}
	if alone != "" && len(p.Actions) > 1 {
		return fault.New(fault.Invalid, "InvalidArgument", "The action %s cannot be combined with other actions.", alone)
	}
	p.image = whole
	return nil
}

// parseSaveAs parses the parameters of sys/saveas. Standard base64 has slashes, which
// is why the process is not cut at slashes as a whole.
func parseSaveAs(opts string) (*SaveAs, error) {
	s := &SaveAs{}
	for item := range strings.SplitSeq(opts, ",") {
		k, v, _ := strings.Cut(item, "_")
		var to *string
		switch k {
		case "o":
			to = &s.Key
		case "b":
			to = &s.Bucket
		default:
			continue
		}
		b, ok := decodeBase64(v)
		if !ok {
			return nil, fault.New(fault.Invalid, "BadRequest", "Input is not base64 decoding.").WithHint("The value of %s_ in sys/saveas must be the base64 form of its name.", k)
		}
		*to = b
	}
	if s.Key == "" {
		return nil, missing("sys/saveas", "the parameter o (the base64 form of the object's key)")
	}
	return s, nil
}

var urlSafe = strings.NewReplacer("+", "-", "/", "_")

func decodeBase64(v string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(urlSafe.Replace(strings.TrimRight(v, "=")))
	return string(b), err == nil
}

// validStyle checks a style's name: 1 to 63 letters, digits, "_", "." and "-".
func validStyle(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 63
}

func missing(where, what string) *fault.Error {
	return fault.New(fault.Invalid, "MissingArgument", "%s needs %s.", where, what)
}
