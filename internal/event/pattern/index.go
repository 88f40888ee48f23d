package pattern

import "net/netip"

// index finds which alternatives (the distinct expressions that any rule has for one field) a
// field's values satisfy, without trying one after the other. Alternatives are named by their
// number in the set.
type index struct {
	exact    map[string]int32
	numbers  map[float64]int32
	words    [wNull + 1]int32 // by valueKind; -1: none
	prefix   *radix
	suffix   *radix
	inside   *substrings
	ranges   *intervals
	nets     map[netip.Prefix]int32
	bits     [33]bool // lengths of nets
	exists   int32    // -1: none
	buts     []int32  // all anything-but
	butText  map[string][]int32
	butNum   map[float64][]int32
	butStart *radix
}

func newIndex() *index {
	x := &index{exists: -1}
	for i := range x.words {
		x.words[i] = -1
	}
	return x
}

func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func (x *index) add(e *expr, id int32) {
	switch e.kind {
	case isString:
		put(&x.exact, e.str, id)
	case isNumber:
		put(&x.numbers, e.lo, id)
	case isWord:
		x.words[e.word] = id
	case hasPrefix:
		insert(&x.prefix, false, e.str, id)
	case hasSuffix:
		insert(&x.suffix, true, e.str, id)
	case contains:
		if x.inside == nil {
			x.inside = newSubstrings()
		}
		x.inside.insert(e.str, id)
	case but:
		x.buts = append(x.buts, id)
		for i, s := range e.strs {
			if !has(e.strs[:i], s) {
				put(&x.butText, s, append(x.butText[s], id))
			}
		}
		for i, f := range e.nums {
			if !has(e.nums[:i], f) {
				put(&x.butNum, f, append(x.butNum[f], id))
			}
		}
	case butPrefix:
		x.buts = append(x.buts, id)
		insert(&x.butStart, false, e.str, id)
	case numeric:
		if x.ranges == nil {
			x.ranges = &intervals{}
		}
		x.ranges.items = append(x.ranges.items, interval{e, id})
	case cidr:
		put(&x.nets, e.net, id)
		x.bits[e.net.Bits()] = true
	case exists:
		x.exists = id
	}
}

func has[T comparable](list []T, v T) bool {
	for _, w := range list {
		if v == w {
			return true
		}
	}
	return false
}

func insert(r **radix, backward bool, s string, id int32) {
	if *r == nil {
		*r = newRadix(backward)
	}
	(*r).insert(s, id)
}

// link must follow the last add.
func (x *index) link() {
	if x.inside != nil {
		x.inside.link()
	}
	if x.ranges != nil {
		x.ranges.link()
	}
}

// find calls found for every alternative that one of the values satisfies. found returns false
// for those it had before. excluded is memory for one counter per alternative of the set; all
// are zero before and after.
func (x *index) find(values []value, excluded []int32, found func(id int32) bool) {
	one := func(id int32) { found(id) }
	if x.exists >= 0 {
		found(x.exists)
	}
	for i := range values {
		v := &values[i]
		switch v.kind {
		case wString:
			if id, ok := x.exact[v.str]; ok {
				found(id)
			}
			if x.prefix != nil {
				x.prefix.find(v.str, one)
			}
			if x.suffix != nil {
				x.suffix.find(v.str, one)
			}
			if x.inside != nil {
				x.inside.find(v.str, found)
			}
			if x.nets != nil {
				if a, ok := v.addr(); ok {
					for bits, used := range x.bits {
						if used {
							net, _ := a.Prefix(bits)
							if id, ok := x.nets[net]; ok {
								found(id)
							}
						}
					}
				}
			}
		case wNumber:
			if id, ok := x.numbers[v.num]; ok {
				found(id)
			}
			if x.ranges != nil {
				x.ranges.find(v.num, one)
			}
		case wTrue, wFalse, wNull:
			if id := x.words[v.kind]; id >= 0 {
				found(id)
			}
		}
	}
	if len(x.buts) > 0 {
		x.findButs(values, excluded, found)
	}
}

// findButs finds the anything-buts: all but those that exclude every single value.
func (x *index) findButs(values []value, excluded []int32, found func(id int32) bool) {
	scalars := int32(0)
	exclude := func(add int32) {
		scalars = 0
		count := func(id int32) { excluded[id] += add }
		for i := range values {
			v := &values[i]
			if v.kind == wComposite {
				continue
			}
			scalars++
			switch v.kind {
			case wString:
				for _, id := range x.butText[v.str] {
					count(id)
				}
				if x.butStart != nil {
					x.butStart.find(v.str, count)
				}
			case wNumber:
				for _, id := range x.butNum[v.num] {
					count(id)
				}
			}
		}
	}
	exclude(1)
	for _, id := range x.buts {
		if excluded[id] < scalars {
			found(id)
		}
	}
	exclude(-1)
}
