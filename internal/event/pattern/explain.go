package pattern

import (
	"fmt"
	"strings"
)

// Explain says in a sentence which field is the first, in the order in which the pattern was
// written, that the event does not satisfy, and why; it is empty if the event matches.
func (p *Pattern) Explain(e *Event) string {
	for i := range p.fields {
		f := &p.fields[i]
		values := e.find(f.path)
		if satisfied(f.exprs, f.absentOK, values) {
			continue
		}
		if len(values) == 0 {
			return strings.TrimPrefix(display(f.names), "field ") + " is not in the event" + p.nearest(f, e)
		}
		return strings.TrimPrefix(display(f.names), "field ") + " " + f.refuse(values)
	}
	if p.Match(e) {
		return ""
	}
	return "every field matches, but no single element of the event's arrays has all that the pattern asks of one"
}

// nearest points at a field of the event whose name differs in its case only.
func (p *Pattern) nearest(f *field, e *Event) string {
	for i := range e.fields {
		if strings.EqualFold(e.fields[i].path, f.path) {
			return fmt.Sprintf("; %s is, and names are case-sensitive", short(strings.ReplaceAll(e.fields[i].path[1:], separator, ".")))
		}
	}
	return ""
}

// refuse says why none of the field's values satisfies it, after the field's name.
func (f *field) refuse(values []value) string {
	var b strings.Builder
	for i := range values {
		if i == 3 {
			fmt.Fprintf(&b, " and %d more", len(values)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(values[i].display())
	}
	b.WriteByte(' ')

	// One clause for each kind of expression, in the order of kinds.
	first := true
	for k := isString; k <= absent; k++ {
		var items []string
		for i := range f.exprs {
			if x := &f.exprs[i]; x.kind == k || k == isString && x.kind <= isWord {
				items = append(items, x.display(values))
			}
		}
		if len(items) == 0 || k == isNumber || k == isWord {
			continue
		}
		if !first {
			b.WriteString(", and ")
		}
		first = false
		c := clauses[k]
		if len(items) == 1 {
			b.WriteString(c.one)
		} else {
			b.WriteString(c.many)
		}
		b.WriteString(strings.Join(items, ", "))
	}
	return b.String() + f.advice(values)
}

var clauses = [...]struct{ one, many string }{
	isString:  {"is not ", "is none of "},
	hasPrefix: {"does not start with ", "has none of the prefixes "},
	hasSuffix: {"does not end with ", "has none of the suffixes "},
	contains:  {"does not contain ", "contains none of "},
	but:       {"is excluded by anything-but ", "is excluded by each anything-but: "},
	butPrefix: {"has the excluded prefix ", "has all of the excluded prefixes "},
	numeric:   {"is no number ", "is no number "},
	cidr:      {"is no IPv4 address in ", "is no IPv4 address in any of "},
	exists:    {"", ""}, // satisfied by every value
	absent:    {"is there, and must not exist", "is there, and must not exist"},
}

// display is an expression's operand; numbers and words say so where a string looks the same.
func (x *expr) display(values []value) string {
	switch x.kind {
	case isString, hasPrefix, hasSuffix, contains, butPrefix:
		return quote(x.str)
	case isNumber, isWord:
		text := string(x.append(nil))
		for i := range values {
			if values[i].kind == wString && values[i].str == text {
				return text + " (without quotes: not a string)"
			}
		}
		return text
	case but:
		var items []string
		for _, s := range x.strs {
			items = append(items, quote(s))
		}
		for _, f := range x.nums {
			items = append(items, string(appendNumber(nil, f)))
		}
		return strings.Join(items, ", ")
	case numeric:
		var items []string
		for _, c := range x.comparisons() {
			items = append(items, c.op+" "+string(appendNumber(nil, c.than)))
		}
		return strings.Join(items, " and ")
	case cidr:
		return x.net.String()
	}
	return ""
}

func (v *value) display() string {
	switch v.kind {
	case wString:
		return quote(v.str)
	case wNumber:
		return string(appendNumber(nil, v.num))
	case wComposite:
		return "(an object or an empty array)"
	}
	return v.kind.String()
}

// advice names the mistakes that people make most.
func (f *field) advice(values []value) string {
	for i := range f.exprs {
		x := &f.exprs[i]
		if x.kind > isWord && (x.kind < hasPrefix || x.kind > contains) {
			continue
		}
		if strings.Contains(x.str, "*") {
			return `; "*" stands for itself here, use prefix, suffix or contains`
		}
		for j := range values {
			v := &values[j]
			if v.kind != wString {
				continue
			}
			folded := expr{kind: x.kind, str: strings.ToLower(x.str)}
			if x.kind != isNumber && x.kind != isWord && folded.test(&value{kind: wString, str: strings.ToLower(v.str)}) {
				return "; only the case differs, and it counts"
			}
			if x.kind == isString && v.str == "oss:"+x.str {
				return `; event types start with "oss:"`
			}
		}
	}
	return ""
}
