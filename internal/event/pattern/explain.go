package pattern

import (
	"fmt"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/reason"
)

// Explain says which field is the first, in the order in which the pattern was written,
// that the event does not satisfy, and why; nil if the event matches.
func (p *Pattern) Explain(e *Event) *reason.Why {
	for i := range p.fields {
		f := &p.fields[i]
		values := e.find(f.path)
		if satisfied(f.exprs, f.absentOK, values) {
			continue
		}
		name := strings.TrimPrefix(display(f.names), "field ")
		if len(values) == 0 {
			near := p.nearest(f, e)
			w := reason.New(reason.FieldMissing, reason.Args{"field": name}, "%s is not in the event%s", name, near)
			w.Hint = near
			return w
		}
		return f.refuse(name, values)
	}
	if p.Match(e) {
		return nil
	}
	return reason.New(reason.NoElementMatches, nil, "every field matches, but no single element of the event's arrays has all that the pattern asks of one")
}

// nearest points at a field of the event whose name differs in its case only.
func (p *Pattern) nearest(f *field, e *Event) *reason.Why {
	for i := range e.fields {
		if strings.EqualFold(e.fields[i].path, f.path) {
			near := short(strings.ReplaceAll(e.fields[i].path[1:], separator, "."))
			return reason.New(reason.NameCaseDiffers, reason.Args{"near": near}, "; %s is, and names are case-sensitive", near)
		}
	}
	return nil
}

// refuse says why none of the field's values satisfies it.
func (f *field) refuse(name string, values []value) *reason.Why {
	var shown []string
	for i := range values[:min(len(values), 3)] {
		shown = append(shown, values[i].display())
	}
	code, args := reason.FieldRefused, reason.Args{"field": name, "values": strings.Join(shown, ", ")}
	var b strings.Builder
	b.WriteString(name + " " + strings.Join(shown, ", "))
	if more := len(values) - len(shown); more > 0 {
		code, args["more"] = reason.FieldOfManyValues, more
		fmt.Fprintf(&b, " and %d more", more)
	}
	b.WriteByte(' ')

	// One clause for each kind of expression, in the order of kinds.
	var parts []reason.Why
	hint := f.advice(values)
	for k := isString; k <= absent; k++ {
		var items, plain []string
		for i := range f.exprs {
			if x := &f.exprs[i]; x.kind == k || k == isString && x.kind <= isWord {
				text, remark := x.display(values)
				plain = append(plain, text)
				items = append(items, text+remark)
				if remark != "" && hint == nil {
					hint = reason.New(reason.WithoutQuotes, nil, "") // said in the list
				}
			}
		}
		if len(items) == 0 || k == isNumber || k == isWord {
			continue
		}
		if len(parts) > 0 {
			b.WriteString(", and ")
		}
		c := clauses[k]
		part := reason.Why{Code: c.code}
		if k != absent {
			part.Args = reason.Args{"of": strings.Join(plain, ", "), "n": len(plain)}
		}
		parts = append(parts, part)
		if len(items) == 1 {
			b.WriteString(c.one)
		} else {
			b.WriteString(c.many)
		}
		b.WriteString(strings.Join(items, ", "))
	}
	w := reason.New(code, args, "%s%s", b.String(), hint)
	w.Parts, w.Hint = parts, hint
	return w
}

var clauses = [...]struct {
	code      reason.Code
	one, many string
}{
	isString:  {reason.NotEqual, "is not ", "is none of "},
	hasPrefix: {reason.NotPrefix, "does not start with ", "has none of the prefixes "},
	hasSuffix: {reason.NotSuffix, "does not end with ", "has none of the suffixes "},
	contains:  {reason.NotContaining, "does not contain ", "contains none of "},
	but:       {reason.Excluded, "is excluded by anything-but ", "is excluded by each anything-but: "},
	butPrefix: {reason.PrefixExcluded, "has the excluded prefix ", "has all of the excluded prefixes "},
	numeric:   {reason.NoSuchNumber, "is no number ", "is no number "},
	cidr:      {reason.NoSuchAddress, "is no IPv4 address in ", "is no IPv4 address in any of "},
	exists:    {"", "", ""}, // satisfied by every value
	absent:    {reason.MustNotExist, "is there, and must not exist", "is there, and must not exist"},
}

// display is an expression's operand, and a remark on numbers and words where a string
// looks the same.
func (x *expr) display(values []value) (text, remark string) {
	switch x.kind {
	case isString, hasPrefix, hasSuffix, contains, butPrefix:
		return quote(x.str), ""
	case isNumber, isWord:
		text := string(x.append(nil))
		for i := range values {
			if values[i].kind == wString && values[i].str == text {
				return text, " (without quotes: not a string)"
			}
		}
		return text, ""
	case but:
		var items []string
		for _, s := range x.strs {
			items = append(items, quote(s))
		}
		for _, f := range x.nums {
			items = append(items, string(appendNumber(nil, f)))
		}
		return strings.Join(items, ", "), ""
	case numeric:
		var items []string
		for _, c := range x.comparisons() {
			items = append(items, c.op+" "+string(appendNumber(nil, c.than)))
		}
		return strings.Join(items, " and "), ""
	case cidr:
		return x.net.String(), ""
	}
	return "", ""
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
func (f *field) advice(values []value) *reason.Why {
	for i := range f.exprs {
		x := &f.exprs[i]
		if x.kind > isWord && (x.kind < hasPrefix || x.kind > contains) {
			continue
		}
		if strings.Contains(x.str, "*") {
			return reason.New(reason.NoWildcard, nil, `; "*" stands for itself here, use prefix, suffix or contains`)
		}
		for j := range values {
			v := &values[j]
			if v.kind != wString {
				continue
			}
			folded := expr{kind: x.kind, str: strings.ToLower(x.str)}
			if x.kind != isNumber && x.kind != isWord && folded.test(&value{kind: wString, str: strings.ToLower(v.str)}) {
				return reason.New(reason.ValueCaseDiffers, nil, "; only the case differs, and it counts")
			}
			if x.kind == isString && v.str == "oss:"+x.str {
				return reason.New(reason.EventWithoutOSS, nil, `; event types start with "oss:"`)
			}
		}
	}
	return nil
}
