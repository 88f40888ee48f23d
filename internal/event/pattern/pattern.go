// Package pattern is EventBridge's event pattern language: which events a rule wants.
//
// A pattern is JSON in the shape of the event. Its leaves are arrays of expressions: a value
// that the field must have ("a", 5, true, null), or a matcher in an object ({"prefix":"a"},
// suffix, contains, anything-but, numeric, cidr, exists). Every field that a pattern names
// must be satisfied; one expression of its array is enough for that. Matching is
// case-sensitive, and "*" is an ordinary character.
//
// What the published description leaves open is decided as its peers (AWS event-ruler,
// quamina) do, or as a reader of the pattern would expect:
//
//   - A field of the event that is an array matches if one of its elements does.
//   - Where an array holds objects, one element must satisfy everything that the pattern says
//     below it: {"a":{"b":[1],"c":[2]}} does not match {"a":[{"b":1,"c":0},{"b":0,"c":2}]}.
//   - A field exists if its name is in the event, whatever it holds: null, an object and an
//     empty array exist too (the peers see leaves only). {"exists":false} asks for the name to
//     be nowhere in the event, also not in another element of an array. Nothing else matches
//     a field that is not there.
//   - anything-but matches any scalar but those it names, of whatever type.
//   - Numbers are compared by value (5 is 5.0); a string of digits is no number.
//   - {} matches every event.
//
// [Set] matches one event against all rules of a bus at a cost that follows the event.
package pattern

import (
	"net/netip"
	"strconv"
	"strings"
)

// Pattern is one parsed event pattern. It is immutable and safe for concurrent use.
type Pattern struct {
	fields []field // in the order in which they were written
	root   node
}

// field is what a pattern asks of one field of the event.
type field struct {
	names    []string
	path     string // see join
	exprs    []expr
	absentOK bool // an expression is {"exists":false}
}

// node is a field, or an object above fields, in the pattern's own shape.
type node struct {
	name     string
	leaf     int // index in fields; -1 for an object
	children []node
}

// separator starts every name in a path. No byte of UTF-8 has its value, so that names with
// dots in them ("a.b") cannot be taken for nested ones.
const separator = "\xff"

func join(names ...string) string {
	return separator + strings.Join(names, separator)
}

// kind is what an expression does. The order is that of the canonical text's sentences.
type kind uint8

const (
	isString  kind = iota // str
	isNumber              // lo
	isWord                // word
	hasPrefix             // str
	hasSuffix             // str
	contains              // str
	but                   // strs, nums
	butPrefix             // str
	numeric               // lo, hi, loOpen, hiOpen
	cidr                  // net
	exists
	absent
)

// expr is one expression of a field's array.
type expr struct {
	kind           kind
	word           valueKind // isWord: wTrue, wFalse, wNull
	loOpen, hiOpen bool
	str            string
	lo, hi         float64
	strs           []string
	nums           []float64
	net            netip.Prefix
}

// breadth orders expressions by how little they tell: values and their parts, ranges (a size
// satisfies half of all bounds), and what nearly every event satisfies.
func (x *expr) breadth() int {
	switch x.kind {
	case but, butPrefix, exists, absent:
		return 2
	case numeric:
		return 1
	}
	return 0
}

// within reports whether the interval of a numeric expression holds f.
func (x *expr) within(f float64) bool {
	return (f > x.lo || f == x.lo && !x.loOpen) && (f < x.hi || f == x.hi && !x.hiOpen)
}

// test reports whether a value that is in the event satisfies the expression.
func (x *expr) test(v *value) bool {
	switch x.kind {
	case isString:
		return v.kind == wString && v.str == x.str
	case isNumber:
		return v.kind == wNumber && v.num == x.lo
	case isWord:
		return v.kind == x.word
	case hasPrefix:
		return v.kind == wString && strings.HasPrefix(v.str, x.str)
	case hasSuffix:
		return v.kind == wString && strings.HasSuffix(v.str, x.str)
	case contains:
		return v.kind == wString && strings.Contains(v.str, x.str)
	case but:
		switch v.kind {
		case wComposite:
			return false
		case wString:
			for _, s := range x.strs {
				if s == v.str {
					return false
				}
			}
		case wNumber:
			for _, f := range x.nums {
				if f == v.num {
					return false
				}
			}
		}
		return true
	case butPrefix:
		return v.kind != wComposite && (v.kind != wString || !strings.HasPrefix(v.str, x.str))
	case numeric:
		return v.kind == wNumber && x.within(v.num)
	case cidr:
		a, ok := v.addr()
		return ok && x.net.Contains(a)
	case exists:
		return true
	}
	return false // absent
}

// satisfied reports whether one of exprs accepts the field's values; none means that the field
// is not in the event.
func satisfied(exprs []expr, absentOK bool, values []value) bool {
	if len(values) == 0 {
		return absentOK
	}
	for i := range values {
		for j := range exprs {
			if exprs[j].test(&values[i]) {
				return true
			}
		}
	}
	return false
}

// Match reports whether the event is what the pattern asks for.
func (p *Pattern) Match(e *Event) bool {
	for i := range p.fields {
		f := &p.fields[i]
		if !satisfied(f.exprs, f.absentOK, e.find(f.path)) {
			return false
		}
	}
	return !e.nested || p.within(&p.root, e.tree, e)
}

// within matches in the event's own shape, which tells one element of an array from the next.
// Every part of the event is looked at once at most, since it has one path.
func (p *Pattern) within(n *node, at any, e *Event) bool {
	if a, ok := at.([]any); ok && (len(a) > 0 || n.leaf < 0) {
		for _, element := range a {
			if p.within(n, element, e) {
				return true
			}
		}
		return p.missing(n, e)
	}
	if n.leaf >= 0 {
		v := valueOf(at)
		f := &p.fields[n.leaf]
		return satisfied(f.exprs, f.absentOK, []value{v})
	}
	object, ok := at.(map[string]any)
	if !ok {
		return p.missing(n, e)
	}
	for i := range n.children {
		c := &n.children[i]
		if below, ok := object[c.name]; ok {
			if !p.within(c, below, e) {
				return false
			}
		} else if !p.missing(c, e) {
			return false
		}
	}
	return true
}

// missing reports whether everything at and below n may be, and is, nowhere in the event.
func (p *Pattern) missing(n *node, e *Event) bool {
	if n.leaf >= 0 {
		f := &p.fields[n.leaf]
		return f.absentOK && len(e.find(f.path)) == 0
	}
	for i := range n.children {
		if !p.missing(&n.children[i], e) {
			return false
		}
	}
	return true
}

// String is the pattern's canonical text: the fields and expressions as they were written,
// without white space and with one way to write each value. Parsing it gives the same pattern.
func (p *Pattern) String() string {
	return string(p.appendNode(nil, &p.root))
}

func (p *Pattern) appendNode(b []byte, n *node) []byte {
	if n.leaf >= 0 {
		return appendExprs(b, p.fields[n.leaf].exprs)
	}
	b = append(b, '{')
	for i := range n.children {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, n.children[i].name)
		b = append(b, ':')
		b = p.appendNode(b, &n.children[i])
	}
	return append(b, '}')
}

func appendExprs(b []byte, exprs []expr) []byte {
	b = append(b, '[')
	for i := range exprs {
		if i > 0 {
			b = append(b, ',')
		}
		b = exprs[i].append(b)
	}
	return append(b, ']')
}

var matcherNames = [...]string{hasPrefix: "prefix", hasSuffix: "suffix", contains: "contains", but: "anything-but", butPrefix: "anything-but", numeric: "numeric", cidr: "cidr", exists: "exists", absent: "exists"}

func (x *expr) append(b []byte) []byte {
	switch x.kind {
	case isString:
		return appendQuoted(b, x.str)
	case isNumber:
		return appendNumber(b, x.lo)
	case isWord:
		return append(b, x.word.String()...)
	}
	b = append(append(append(b, `{"`...), matcherNames[x.kind]...), `":`...)
	switch x.kind {
	case hasPrefix, hasSuffix, contains:
		b = appendQuoted(b, x.str)
	case but:
		list := len(x.strs)+len(x.nums) > 1
		if list {
			b = append(b, '[')
		}
		for i, s := range x.strs {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuoted(b, s)
		}
		for i, f := range x.nums {
			if i > 0 || len(x.strs) > 0 {
				b = append(b, ',')
			}
			b = appendNumber(b, f)
		}
		if list {
			b = append(b, ']')
		}
	case butPrefix:
		b = append(b, `{"prefix":`...)
		b = append(appendQuoted(b, x.str), '}')
	case numeric:
		b = append(b, '[')
		for i, c := range x.comparisons() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), c.op...), `",`...)
			b = appendNumber(b, c.than)
		}
		b = append(b, ']')
	case cidr:
		b = append(append(append(b, '"'), x.net.String()...), '"')
	default:
		b = strconv.AppendBool(b, x.kind == exists)
	}
	return append(b, '}')
}

// comparison is one half of a numeric expression.
type comparison struct {
	op   string
	than float64
}

// comparisons are a numeric expression's, the lower bound first.
func (x *expr) comparisons() []comparison {
	if x.lo == x.hi {
		return []comparison{{"=", x.lo}}
	}
	var c []comparison
	if x.lo != infinite(-1) {
		c = append(c, comparison{operator('>', x.loOpen), x.lo})
	}
	if x.hi != infinite(1) {
		c = append(c, comparison{operator('<', x.hiOpen), x.hi})
	}
	return c
}

func operator(c byte, open bool) string {
	if open {
		return string(c)
	}
	return string(c) + "="
}
