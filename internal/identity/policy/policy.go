// Package policy is the RAM policy language: parsing with reasons, and deciding.
//
// A document is {"Version":"1","Statement":[…]}; a statement has Effect, Action (or
// NotAction), Resource (or NotResource) and an optional Condition, and in a role's
// trust policy a Principal instead of resources. A decision takes every statement that
// applies: one Deny refuses, else one Allow permits, else nothing does.
//
// Whatever this package does not understand is refused when the document is written,
// never skipped when a request is judged: a condition that is silently ignored would
// turn "allow from the office" into "allow".
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Limits of documents, in bytes of JSON. The first two are RAM's.
const (
	MaxPermission = 6144 // a permission policy
	MaxTrust      = 4096 // a role's trust policy (RAM: 2048)
	MaxSession    = 2048 // the inline policy of AssumeRole
	maxStatements = 100
	maxValues     = 200 // patterns of one list
)

// Error says what is wrong with a document, in a sentence for its author.
type Error struct{ said fault.Sentence }

func (e *Error) Error() string { return e.said.String() }

// Said is the sentence, and how it was made.
func (e *Error) Said() fault.Sentence { return e.said }

func bad(format string, args ...any) error { return &Error{fault.Say(format, args...)} }

// Document is a compiled policy. It is immutable.
type Document struct {
	text       string
	statements []statement
}

// Text is the JSON the document was parsed from.
func (d *Document) Text() string { return d.text }

type statement struct {
	deny         bool
	actions      []string // lower case
	notActions   bool
	resources    []string
	notResources bool
	services     []string // trust: lower case
	accounts     []string // trust: acs:ram::… ARNs, lower case
	conditions   []condition
}

// Parse compiles a permission policy of at most limit bytes.
func Parse(text string, limit int) (*Document, error) { return parse(text, limit, false) }

// ParseTrust compiles a role's trust policy.
func ParseTrust(text string) (*Document, error) { return parse(text, MaxTrust, true) }

func parse(text string, limit int, trust bool) (*Document, error) {
	if len(text) > limit {
		return nil, bad("The policy is %d bytes long; at most %d are allowed.", len(text), limit)
	}
	if !utf8.ValidString(text) {
		return nil, bad("The policy is not valid UTF-8.")
	}
	top, err := object(json.RawMessage(text), "The policy")
	if err != nil {
		return nil, err
	}
	d := &Document{text: text}
	var version string
	var list []json.RawMessage
	for k, v := range top {
		switch k {
		case "Version":
			if json.Unmarshal(v, &version) != nil {
				return nil, bad(`Version must be the string "1".`)
			}
		case "Statement":
			if len(v) > 0 && v[0] == '{' {
				list = []json.RawMessage{v}
			} else if json.Unmarshal(v, &list) != nil {
				return nil, bad("Statement must be a list of objects.")
			}
		default:
			return nil, bad("The policy has an unknown field %q; it may have Version and Statement.", k)
		}
	}
	if version != "1" {
		return nil, bad(`Version must be "1".`)
	}
	if len(list) == 0 || len(list) > maxStatements {
		return nil, bad("Statement must hold 1 to %d statements.", maxStatements)
	}
	for i, raw := range list {
		st, err := parseStatement(raw, fmt.Sprintf("Statement %d", i+1), trust)
		if err != nil {
			return nil, err
		}
		d.statements = append(d.statements, st)
	}
	return d, nil
}

// object reads a JSON object with exact, distinct field names.
func object(raw json.RawMessage, what string) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	t, err := dec.Token()
	if err != nil || t != json.Delim('{') {
		return nil, bad("%s is not a JSON object.", what)
	}
	m := map[string]json.RawMessage{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, bad("%s is not valid JSON: %v.", what, err)
		}
		k, _ := t.(string)
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, bad("%s is not valid JSON: %v.", what, err)
		}
		if _, dup := m[k]; dup {
			return nil, bad("%s has the field %q twice.", what, k)
		}
		m[k] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad("%s is not valid JSON: %v.", what, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, bad("%s is followed by something else.", what)
	}
	return m, nil
}

func parseStatement(raw json.RawMessage, what string, trust bool) (st statement, err error) {
	f, err := object(raw, what)
	if err != nil {
		return st, err
	}
	var effect string
	for k, v := range f {
		switch k {
		case "Effect":
			if json.Unmarshal(v, &effect) != nil {
				effect = ""
			}
		case "Sid":
			var s string
			if json.Unmarshal(v, &s) != nil {
				return st, bad("%s: Sid must be a string.", what)
			}
		case "Action", "NotAction":
			if st.actions != nil {
				return st, bad("%s has both Action and NotAction.", what)
			}
			if st.actions, err = patterns(v, what+": "+k); err != nil {
				return st, err
			}
			st.notActions = k == "NotAction"
			for i, a := range st.actions {
				if !validAction(a) {
					return st, bad(`%s: %q is not an action; write "service:Name", for example "oss:GetObject", with * and ? as wildcards.`, what, a)
				}
				st.actions[i] = strings.ToLower(a)
			}
		case "Resource", "NotResource":
			if trust {
				return st, bad("%s: a trust policy has no %s; the role itself is the resource.", what, k)
			}
			if st.resources != nil {
				return st, bad("%s has both Resource and NotResource.", what)
			}
			if st.resources, err = patterns(v, what+": "+k); err != nil {
				return st, err
			}
			st.notResources = k == "NotResource"
			for i, r := range st.resources {
				if st.resources[i], err = resource(r); err != nil {
					return st, bad("%s: %v.", what, err)
				}
			}
		case "Principal":
			if !trust {
				return st, bad("%s: only the trust policy of a role has a Principal.", what)
			}
			if err := st.parsePrincipal(v, what); err != nil {
				return st, err
			}
		case "Condition":
			if st.conditions, err = parseConditions(v, what); err != nil {
				return st, err
			}
		default:
			return st, bad("%s has an unknown field %q.", what, k)
		}
	}
	switch effect {
	case "Allow":
	case "Deny":
		st.deny = true
	default:
		return st, bad(`%s: Effect must be "Allow" or "Deny".`, what)
	}
	if st.actions == nil {
		return st, bad("%s has no Action.", what)
	}
	if !trust && st.resources == nil {
		return st, bad("%s has no Resource.", what)
	}
	if trust && len(st.services)+len(st.accounts) == 0 {
		return st, bad("%s has no Principal.", what)
	}
	return st, nil
}

func (st *statement) parsePrincipal(raw json.RawMessage, what string) error {
	p, err := object(raw, what+": Principal")
	if err != nil {
		return err
	}
	for k, v := range p {
		list, err := patterns(v, what+": Principal."+k)
		if err != nil {
			return err
		}
		switch k {
		case "Service":
			for _, s := range list {
				if s == "" || strings.ContainsAny(s, "*? /:") || !strings.Contains(s, ".") {
					return bad("%s: %q is not a service; write its domain, for example \"fc.aliyuncs.com\".", what, s)
				}
				st.services = append(st.services, strings.ToLower(s))
			}
		case "RAM":
			for _, a := range list {
				if !strings.HasPrefix(a, "acs:ram::") || strings.Count(a, ":") != 4 || strings.ContainsAny(a, "*?") {
					return bad("%s: %q is not a RAM principal; write acs:ram::<account>:root, …:user/<name> or …:role/<name>.", what, a)
				}
				st.accounts = append(st.accounts, strings.ToLower(a))
			}
		default:
			return bad("%s: Principal.%s is not supported; Service and RAM are.", what, k)
		}
	}
	return nil
}

// patterns reads a string or a list of strings.
func patterns(raw json.RawMessage, what string) ([]string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list) > maxValues {
		return nil, bad("%s must be a string or a list of 1 to %d strings.", what, maxValues)
	}
	return list, nil
}

func validAction(a string) bool {
	if a == "*" {
		return true
	}
	service, name, ok := strings.Cut(a, ":")
	if !ok || service == "" || name == "" {
		return false
	}
	for i := 0; i < len(a); i++ {
		c := a[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("*?:-_", c) >= 0) {
			return false
		}
	}
	return true
}

// resource checks an ARN pattern. OSS regions may be written with or without the
// "oss-" that endpoints carry; they are kept without.
func resource(r string) (string, error) {
	if r == "*" {
		return r, nil
	}
	p := strings.SplitN(r, ":", 5)
	if len(p) != 5 || p[0] != "acs" || p[1] == "" || p[4] == "" {
		return "", bad(`%q is not a resource; write "*" or acs:<service>:<region>:<account>:<name>, for example "acs:oss:*:*:mybucket/*"`, r)
	}
	if p[1] == "oss" && strings.HasPrefix(p[2], "oss-") {
		p[2] = p[2][len("oss-"):]
	}
	return strings.Join(p, ":"), nil
}
