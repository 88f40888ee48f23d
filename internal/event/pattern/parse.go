package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// The limits of a pattern.
const (
	MaxText        = 10240 // bytes of JSON
	MaxDepth       = 32    // names above one another
	MaxPath        = 1024  // bytes of a field's names together
	MaxExpressions = 5     // in one field's array
)

// Parse reads a pattern. What is wrong with one is a *fault.Error, Invalid or TooLarge, that
// names the field, what stands there, and what could stand there instead.
func Parse(text []byte) (*Pattern, error) {
	if len(text) > MaxText {
		return nil, fault.New(fault.TooLarge, "InvalidArgument", "The event pattern has %d bytes.", len(text)).
			WithHint("At most %d are allowed; split it into several rules.", MaxText)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, invalid("The event pattern is empty.").WithHint(`Write {} to match every event, or for example {"source":["acs.oss"]}.`)
	}
	if !utf8.Valid(text) {
		return nil, invalid("The event pattern is not UTF-8.").WithHint("Save or send it as UTF-8.")
	}
	tree, err := decode(text)
	if err != nil {
		return nil, err
	}
	root, ok := tree.(object)
	if !ok {
		return nil, invalid("The event pattern is %s.", describe(tree)).WithHint(`It must be an object, for example {"source":["acs.oss"]}.`)
	}
	p := &Pattern{root: node{leaf: -1}}
	if err := p.addObject(&p.root, root, nil); err != nil {
		return nil, err
	}
	return p, nil
}

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidArgument", format, args...)
}

// at is the error for a field of the pattern: what stands there, in the words of the rest of
// the sentence.
func at(names []string, format string, args ...any) *fault.Error {
	return invalid("In the event pattern, %s %s.", display(names), fault.Say(format, args...))
}

// display names a field for people.
func display(names []string) string {
	if len(names) == 0 {
		return "the top level"
	}
	return "field " + short(strings.Join(names, "."))
}

// short cuts what a person need not read to its end.
func short(s string) string {
	const most = 160
	if len(s) <= most {
		return s
	}
	n := most
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// object and member keep what a map would lose: the order, and names that stand twice.
type object []member
type member struct {
	name  string
	value any
}

// decode reads JSON into object, []any, string, json.Number, bool and nil.
func decode(text []byte) (any, error) {
	if !json.Valid(text) { // so that the tokens below are known to be in order
		var raw json.RawMessage
		err := json.Unmarshal(text, &raw)
		f := invalid("The event pattern is not JSON: %v.", err)
		if s, ok := err.(*json.SyntaxError); ok {
			f = invalid("The event pattern is not JSON: %v, at byte %d.", err, s.Offset)
		}
		return nil, f.WithHint("Quote names and strings with \", and leave no comma behind a last element.")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return decodeNext(dec, nil)
}

func decodeNext(dec *json.Decoder, names []string) (any, error) {
	// Two levels more than names may have: an array and a matcher in it.
	if len(names) > MaxDepth+4 {
		return nil, invalid("The event pattern is nested more than %d levels deep.", MaxDepth).
			WithHint("Name the field of the event that decides.")
	}
	t, err := dec.Token()
	if err != nil {
		return nil, invalid("The event pattern is not JSON: %v.", err)
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		seen := map[string]bool{}
		for dec.More() {
			t, err := dec.Token()
			if err != nil {
				return nil, invalid("The event pattern is not JSON: %v.", err)
			}
			name := t.(string)
			below := append(slices.Clip(names), name)
			if seen[name] {
				return nil, at(below, "stands there twice").
					WithHint("Put all expressions of a field into its one array; one of them is enough to match.")
			}
			seen[name] = true
			v, err := decodeNext(dec, below)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name, v})
		}
		_, err = dec.Token()
		return o, err
	case json.Delim('['):
		a := []any{}
		for dec.More() {
			v, err := decodeNext(dec, append(slices.Clip(names), "[]"))
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = dec.Token()
		return a, err
	}
	return t, nil
}

// describe says what a JSON value is: "the string "a"", "an empty array".
func describe(v any) string {
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			return "an empty object"
		}
		return "an object"
	case []any:
		if len(v) == 0 {
			return "an empty array"
		}
		return "an array"
	case string:
		return "the string " + quote(v)
	case json.Number:
		return "the number " + short(string(v))
	case bool:
		return fmt.Sprint(v)
	}
	return "null"
}

func quote(s string) string { return string(appendQuoted(nil, short(s))) }

func (p *Pattern) addObject(n *node, o object, names []string) error {
	if len(names) >= MaxDepth {
		return at(names, "is nested more than %d levels deep", MaxDepth).WithHint("Events of the object store have 6 levels.")
	}
	for _, m := range o {
		below := append(slices.Clip(names), m.name)
		child := node{name: m.name, leaf: -1}
		switch v := m.value.(type) {
		case object:
			if len(v) == 0 {
				return at(below, "is an empty object").
					WithHint(`To ask only for its existence, write %s:[{"exists":true}].`, quote(m.name))
			}
			// {"subject":{"prefix":"a"}} is nearly right, and would never match.
			if len(v) == 1 && isMatcher(v[0]) {
				return at(below, "is a matcher that is not in an array").
					WithHint(`Write %s:[{%s:…}].`, quote(m.name), quote(v[0].name))
			}
			if err := p.addObject(&child, v, below); err != nil {
				return err
			}
		case []any:
			f, err := newField(below, v)
			if err != nil {
				return err
			}
			child.leaf = len(p.fields)
			p.fields = append(p.fields, *f)
		default:
			text, _ := json.Marshal(v)
			return at(below, "is %s, not an array", describe(v)).
				WithHint("Values stand in arrays: write %s:[%s].", quote(m.name), short(string(text)))
		}
		n.children = append(n.children, child)
	}
	return nil
}

// isMatcher reports whether the only member of an object is meant as a matcher, not as a field
// of the event.
func isMatcher(m member) bool {
	switch m.name {
	case "anything-but", "numeric":
		return true
	case "prefix", "suffix", "contains", "cidr", "exists":
		switch m.value.(type) {
		case object, []any:
			return false
		}
		return true
	}
	return false
}

func newField(names []string, values []any) (*field, error) {
	f := &field{names: names, path: join(names...)}
	switch {
	case len(f.path) > MaxPath:
		return nil, at(names, "has names of %d bytes together", len(f.path)).WithHint("At most %d are allowed.", MaxPath)
	case len(values) == 0:
		return nil, at(names, "is an empty array, which nothing can match").
			WithHint(`To ask that it exists, whatever its value, write [{"exists":true}]; to ignore it, leave it out.`)
	case len(values) > MaxExpressions:
		return nil, at(names, "has %d expressions", len(values)).
			WithHint(`At most %d are allowed in one array. Make a second rule for the others, or cover them with one {"prefix":…}.`, MaxExpressions)
	}
	for _, v := range values {
		x, err := newExpr(names, v)
		if err != nil {
			return nil, err
		}
		f.exprs = append(f.exprs, x)
		f.absentOK = f.absentOK || x.kind == absent
	}
	return f, nil
}

func newExpr(names []string, v any) (expr, error) {
	switch v := v.(type) {
	case string:
		return expr{kind: isString, str: v}, nil
	case json.Number:
		n, complaint := number(v, false)
		if complaint != "" {
			return expr{}, at(names, "asks for the number %s, which %s", short(string(v)), complaint).
				WithHint("Write it as a string if the event has it as one, or use a numeric range.")
		}
		return expr{kind: isNumber, lo: n}, nil
	case bool:
		if v {
			return expr{kind: isWord, word: wTrue}, nil
		}
		return expr{kind: isWord, word: wFalse}, nil
	case nil:
		return expr{kind: isWord, word: wNull}, nil
	case object:
		return newMatcher(names, v)
	}
	return expr{}, at(names, "has an array in its array").WithHint("Write all expressions side by side in one array.")
}

const matcherList = "prefix, suffix, contains, anything-but, numeric, cidr and exists"

func newMatcher(names []string, o object) (expr, error) {
	if len(o) == 0 {
		return expr{}, at(names, "has an empty object in its array").WithHint("Known matchers are %s.", matcherList)
	}
	if len(o) > 1 {
		return expr{}, at(names, "has a matcher with %d names, %s and %s", len(o), quote(o[0].name), quote(o[1].name)).
			WithHint("Give each its own object; one of them is then enough to match. For \"both\", ask it of two fields: " +
				`{"subject":[{"prefix":…}],"data":{"oss":{"object":{"key":[{"suffix":…}]}}}}.`)
	}
	name, v := o[0].name, o[0].value
	text := func(k kind) (expr, error) {
		s, ok := v.(string)
		if !ok {
			return expr{}, at(names, "has %q with %s", name, describe(v)).
				WithHint(`Write {"%s":"…"}, one string; for several, give each its own object in the array.`, name)
		}
		return expr{kind: k, str: s}, nil
	}
	switch name {
	case "prefix":
		return text(hasPrefix)
	case "suffix":
		return text(hasSuffix)
	case "contains":
		return text(contains)
	case "anything-but":
		return newBut(names, v)
	case "numeric":
		return newNumeric(names, v)
	case "cidr":
		return newCIDR(names, v)
	case "exists":
		switch v {
		case true:
			return expr{kind: exists}, nil
		case false:
			return expr{kind: absent}, nil
		}
		return expr{}, at(names, "has exists with %s", describe(v)).WithHint(`Write {"exists":true} or {"exists":false}.`)
	case "wildcard", "regex":
		return expr{}, at(names, "has the unknown matcher %q", name).
			WithHint(`There are no wildcards or regular expressions; write {"prefix":…}, {"suffix":…} or {"contains":…}.`)
	}
	f := at(names, "has the unknown matcher %s", quote(name))
	for _, known := range []string{"prefix", "suffix", "contains", "anything-but", "numeric", "cidr", "exists"} {
		if strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(name), strings.ReplaceAll(known, "-", "")) {
			return expr{}, f.WithHint("It is written %q.", known)
		}
	}
	return expr{}, f.WithHint("Known matchers are %s. A nested field is asked for with objects, not in an array.", matcherList)
}

func newBut(names []string, v any) (expr, error) {
	const hint = `Write {"anything-but":"a"}, {"anything-but":["a","b",5]} or {"anything-but":{"prefix":"a"}}.`
	x := expr{kind: but}
	list, isList := v.([]any)
	if o, ok := v.(object); ok {
		if len(o) == 1 && o[0].name == "prefix" {
			if s, ok := o[0].value.(string); ok {
				return expr{kind: butPrefix, str: s}, nil
			}
		}
		return expr{}, at(names, "has anything-but with an object that is not one prefix").WithHint(hint)
	}
	if !isList {
		list = []any{v}
	}
	if len(list) == 0 {
		return expr{}, at(names, "has anything-but with an empty array").WithHint(hint)
	}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			x.strs = append(x.strs, v)
		case json.Number:
			n, complaint := number(v, false)
			if complaint != "" {
				return expr{}, at(names, "has anything-but with the number %s, which %s", short(string(v)), complaint).WithHint(hint)
			}
			x.nums = append(x.nums, n)
		default:
			return expr{}, at(names, "has anything-but with %s", describe(v)).WithHint(hint)
		}
	}
	return x, nil
}

func newNumeric(names []string, v any) (expr, error) {
	const hint = `Write {"numeric":["=",5]}, {"numeric":[">=",0]} or {"numeric":[">",0,"<=",5]}.`
	list, ok := v.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		what := describe(v)
		if ok && len(list) > 0 {
			what = fmt.Sprintf("%d elements", len(list))
		}
		return expr{}, at(names, "has numeric with %s", what).WithHint("It takes one or two comparisons. " + hint)
	}
	x := expr{kind: numeric, lo: math.Inf(-1), hi: math.Inf(1)}
	var lower, upper, equal bool
	for ; len(list) > 0; list = list[2:] {
		op, isOp := list[0].(string)
		n, isNumber := list[1].(json.Number)
		if !isOp || !isNumber {
			return expr{}, at(names, "has numeric with %s and %s where an operator and a number should stand", describe(list[0]), describe(list[1])).WithHint(hint)
		}
		f, complaint := number(n, true)
		if complaint != "" {
			return expr{}, at(names, "has numeric with %s, which %s", short(string(n)), complaint).WithHint("Use a number within these limits, or leave this bound out.")
		}
		twice := false
		switch op {
		case "=":
			twice = lower || upper || equal
			x.lo, x.hi, equal = f, f, true
		case ">", ">=":
			twice = lower || equal
			x.lo, x.loOpen, lower = f, op == ">", true
		case "<", "<=":
			twice = upper || equal
			x.hi, x.hiOpen, upper = f, op == "<", true
		case "!=", "<>":
			return expr{}, at(names, "has numeric with %q", op).WithHint(`Write {"anything-but":%s}.`, n)
		default:
			return expr{}, at(names, "has numeric with the unknown operator %s", quote(op)).WithHint("Known are =, >, >=, < and <=.")
		}
		if twice {
			return expr{}, at(names, "has numeric with two bounds on the same side").WithHint("A range has one lower bound (> or >=) and one upper one (< or <=). " + hint)
		}
	}
	if x.lo > x.hi || x.lo == x.hi && (x.loOpen || x.hiOpen) {
		return expr{}, at(names, "has a numeric range that holds no number").WithHint("Swap the two bounds, or make two expressions of them.")
	}
	return x, nil
}

func newCIDR(names []string, v any) (expr, error) {
	const hint = `Write an IPv4 range such as {"cidr":"10.0.0.0/24"}.`
	s, ok := v.(string)
	if !ok {
		return expr{}, at(names, "has cidr with %s", describe(v)).WithHint(hint)
	}
	net, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			return expr{}, at(names, "has cidr with the single address %s", quote(s)).WithHint(`Write {"cidr":"%s/32"}, or the address alone as a string.`, s)
		}
		return expr{}, at(names, "has cidr with %s, which is no address range", quote(s)).WithHint(hint)
	}
	if !net.Addr().Is4() {
		return expr{}, at(names, "has cidr with the IPv6 range %s", quote(s)).WithHint(hint + " IPv6 addresses can be matched by prefix.")
	}
	return expr{kind: cidr, net: net.Masked()}, nil
}
