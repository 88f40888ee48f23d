package pattern

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// The limits of an event.
const (
	MaxEvent      = 256 << 10 // bytes of JSON
	MaxEventDepth = 64        // objects and arrays within one another
	maxPaths      = 8 << 20   // bytes of all paths; many fields below long names could take gigabytes
)

// Event is one event, laid out for matching: its fields by path, each with its values. The zero
// Event has no fields, and can be filled with [Event.Load].
//
// Any number of goroutines may match against an Event, but not while it is being filled.
type Event struct {
	fields []eventField
	values []value
	sorted bool // fields are in the order of their paths
	nested bool // some array holds objects: matching must look at tree too
	tree   any
	buf    []byte
}

// eventField is a field and where its values are. Only distinct values are kept.
type eventField struct {
	path     string
	from, to int32 // in values
}

// valueKind is the type of a value in an event.
type valueKind uint8

const (
	wString valueKind = iota
	wNumber
	wTrue
	wFalse
	wNull
	wComposite // an object or an empty array: it is there, and that is all
)

func (k valueKind) String() string {
	return [...]string{"a string", "a number", "true", "false", "null", "an object or an empty array"}[k]
}

type value struct {
	kind valueKind
	num  float64
	str  string
}

// addr is the IPv4 address that a string value holds.
func (v *value) addr() (netip.Addr, bool) {
	// ParseAddr allocates its errors, and most strings are no address.
	if v.kind != wString || len(v.str) < len("0.0.0.0") || len(v.str) > len("255.255.255.255") || v.str[0] < '0' || v.str[0] > '9' {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(v.str)
	return a, err == nil && a.Is4()
}

func valueOf(v any) value {
	switch v := v.(type) {
	case string:
		return value{kind: wString, str: v}
	case json.Number:
		f, _ := strconv.ParseFloat(string(v), 64) // out of range: infinite, and still larger than any bound
		return value{kind: wNumber, num: f + 0}
	case bool:
		if v {
			return value{kind: wTrue}
		}
		return value{kind: wFalse}
	case nil:
		return value{kind: wNull}
	}
	return value{kind: wComposite}
}

// ParseEvent reads an event's JSON. Of names that stand twice in one object the last one
// counts. What is wrong with an event is a *fault.Error, Invalid or TooLarge.
func ParseEvent(text []byte) (*Event, error) {
	if len(text) > MaxEvent {
		return nil, fault.New(fault.TooLarge, "InvalidArgument", "The event has %d bytes.", len(text)).
			WithHint("At most %d are allowed.", MaxEvent)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, invalid("The event is not JSON: %v.", err)
	}
	if dec.More() || len(bytes.TrimSpace(text[dec.InputOffset():])) > 0 {
		return nil, invalid("The event's JSON is followed by something else, at byte %d.", dec.InputOffset())
	}
	if _, ok := tree.(map[string]any); !ok {
		return nil, invalid("The event is not a JSON object.").WithHint(`An event is one CloudEvent, for example {"source":"acs.oss",…}.`)
	}
	l := layout{}
	if err := l.add("", tree, 0, false); err != nil {
		return nil, err
	}
	e := l.event()
	if e.nested {
		e.tree = tree
	}
	return e, nil
}

// layout collects an event's values before they are ordered.
type layout struct {
	leaves []leaf
	bytes  int
	nested bool
}

type leaf struct {
	path string
	value
}

func (l *layout) add(path string, v any, depth int, inArray bool) error {
	if depth > MaxEventDepth {
		return invalid("The event is nested more than %d levels deep.", MaxEventDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		if depth > 0 {
			l.leaves = append(l.leaves, leaf{path, value{kind: wComposite}})
		}
		l.nested = l.nested || inArray
		for name, below := range v {
			if l.bytes += len(path) + len(separator) + len(name); l.bytes > maxPaths {
				return fault.New(fault.TooLarge, "InvalidArgument", "The event has too many fields below long names.")
			}
			if err := l.add(path+separator+name, below, depth+1, false); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, element := range v {
			if err := l.add(path, element, depth+1, true); err != nil {
				return err
			}
		}
		if len(v) > 0 {
			return nil
		}
	}
	l.leaves = append(l.leaves, leaf{path, valueOf(v)})
	return nil
}

func (l *layout) event() *Event {
	slices.SortFunc(l.leaves, func(a, b leaf) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.kind, b.kind), cmp.Compare(a.num, b.num), strings.Compare(a.str, b.str))
	})
	l.leaves = slices.Compact(l.leaves)
	e := &Event{sorted: true, nested: l.nested, values: make([]value, 0, len(l.leaves))}
	for _, f := range l.leaves {
		e.values = append(e.values, f.value)
		n := int32(len(e.values))
		if last := len(e.fields) - 1; last >= 0 && e.fields[last].path == f.path {
			e.fields[last].to = n
		} else {
			e.fields = append(e.fields, eventField{f.path, n - 1, n})
		}
	}
	return e
}

// index is the place of a field in fields, or -1.
func (e *Event) index(path string) int {
	if e.sorted {
		i, ok := slices.BinarySearchFunc(e.fields, path, func(f eventField, path string) int { return strings.Compare(f.path, path) })
		if !ok {
			return -1
		}
		return i
	}
	for i := range e.fields {
		if e.fields[i].path == path {
			return i
		}
	}
	return -1
}

// find returns a field's distinct values; none if it is not in the event.
func (e *Event) find(path string) []value {
	i := e.index(path)
	if i < 0 {
		return nil
	}
	return e.valuesOf(i)
}

func (e *Event) valuesOf(field int) []value {
	f := &e.fields[field]
	return e.values[f.from:f.to]
}

// Reset empties e and keeps its memory, so that it can wait in a pool for the next Load.
func (e *Event) Reset() {
	clear(e.fields) // let go of the strings
	clear(e.values)
	*e = Event{fields: e.fields[:0], values: e.values[:0], buf: e.buf[:0]}
}
