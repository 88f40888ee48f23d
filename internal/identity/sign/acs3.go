package sign

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
)

// ACS3Algorithm is the name that the Authorization header of ACS3 starts with.
const ACS3Algorithm = "ACS3-HMAC-SHA256"

// ACS3Authorization is an ACS3 Authorization header.
type ACS3Authorization struct {
	AccessKeyID   string
	SignedHeaders string // lower-case names joined with ';'
	Signature     string // hex
}

// ParseACS3 reads the value of an Authorization header that starts with
// "ACS3-HMAC-SHA256". problem is empty, or says what is wrong.
func ParseACS3(h string) (a ACS3Authorization, problem string) {
	rest, ok := strings.CutPrefix(h, ACS3Algorithm)
	if !ok || rest == "" || rest[0] != ' ' {
		return a, "Authorization does not start with " + ACS3Algorithm + "."
	}
	for rest != "" {
		var f string
		f, rest, _ = strings.Cut(rest, ",")
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		switch k {
		case "Credential":
			a.AccessKeyID = v
		case "SignedHeaders":
			a.SignedHeaders = v
		case "Signature":
			a.Signature = v
		}
	}
	switch {
	case a.AccessKeyID == "":
		return a, "The Authorization header has no Credential."
	case a.SignedHeaders == "":
		return a, "The Authorization header has no SignedHeaders."
	case a.Signature == "":
		return a, "The Authorization header has no Signature."
	}
	return a, ""
}

// SignsHeader reports whether a SignedHeaders list holds the lower-case name.
func SignsHeader(list, name string) bool {
	for list != "" {
		var n string
		n, list, _ = strings.Cut(list, ";")
		if n == name {
			return true
		}
	}
	return false
}

// ACS3 builds the canonical request of ACS3-HMAC-SHA256 and hashes it into the string
// to sign. signed is the SignedHeaders list, in the order in which it was signed. The
// query is built from decoded values, because the Node.js SDK signs "%2A" and sends
// "*"; its keys are written as they are unless escapeKeys (the official Go and Node.js
// signers do not escape keys, the documentation does). It reports false for a request
// beyond the limits of this package.
//
// Afterwards Text is the string to sign, to be signed with [Scratch.HMACSHA256].
// canonical, if not nil, receives a copy of the canonical request.
func (s *Scratch) ACS3(r *http.Request, signed, payloadHash string, escapeKeys bool, canonical *string) bool {
	s.reset()
	if strings.Count(signed, ";") >= MaxHeaderNames {
		return false
	}
	s.text = append(s.text, r.Method...)
	s.text = append(s.text, '\n')
	s.appendACS3Path(r.URL.EscapedPath())
	s.text = append(s.text, '\n')
	if r.URL.RawQuery != "" {
		if !s.parseQuery(r.URL.RawQuery, escapeKeys, true, nil) {
			return false
		}
		s.sortParams()
		s.appendParams(true)
	}
	s.text = append(s.text, '\n')
	for list := signed; list != ""; {
		var n string
		n, list, _ = strings.Cut(list, ";")
		s.text = append(s.text, n...)
		s.text = append(s.text, ':')
		s.appendACS3Value(r, n)
		s.text = append(s.text, '\n')
	}
	s.text = append(s.text, '\n')
	s.text = append(s.text, signed...)
	s.text = append(s.text, '\n')
	s.text = append(s.text, payloadHash...)
	if canonical != nil {
		*canonical = s.Text()
	}
	hash := sha256.Sum256(s.text[block:])
	s.text = append(s.text[:block], ACS3Algorithm...)
	s.text = append(s.text, '\n')
	s.text = AppendHex(s.text, hash[:])
	return true
}

func (s *Scratch) appendACS3Path(p string) {
	if p == "" {
		p = "/"
	}
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '+':
			s.text = append(s.text, "%20"...)
		case c == '*':
			s.text = append(s.text, "%2A"...)
		case c == '%' && i+2 < len(p) && p[i+1] == '7' && p[i+2] == 'E':
			s.text = append(s.text, '~')
			i += 2
		default:
			s.text = append(s.text, c)
		}
	}
}

func (s *Scratch) appendACS3Value(r *http.Request, name string) {
	if name == "host" {
		s.text = append(s.text, r.Host...)
		return
	}
	vals := headerValues(r.Header, name)
	if len(vals) > 1 && !slices.IsSorted(vals) {
		vals = slices.Clone(vals)
		slices.Sort(vals)
	}
	s.text = appendValues(s.text, vals)
}

// headerValues looks a lower-case name up without allocating its canonical form: the
// names that arrive most often are spelled out.
func headerValues(h http.Header, lower string) []string {
	switch lower {
	case "content-type":
		return h["Content-Type"]
	case "x-acs-action":
		return h["X-Acs-Action"]
	case "x-acs-content-sha256":
		return h["X-Acs-Content-Sha256"]
	case "x-acs-credentials-provider":
		return h["X-Acs-Credentials-Provider"]
	case "x-acs-date":
		return h["X-Acs-Date"]
	case "x-acs-signature-nonce":
		return h["X-Acs-Signature-Nonce"]
	case "x-acs-version":
		return h["X-Acs-Version"]
	case "x-acs-security-token":
		return h["X-Acs-Security-Token"]
	case "x-acs-accesskey-id":
		return h["X-Acs-Accesskey-Id"]
	}
	return h[http.CanonicalHeaderKey(lower)]
}
