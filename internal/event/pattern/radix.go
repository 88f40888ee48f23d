package pattern

import "slices"

// radix holds distinct strings with a number each, and finds all those that a value starts
// with, or ends with, in the time it takes to read the value once.
type radix struct {
	backward bool // values are read from their end; strings are stored reversed
	root     *radixNode
}

type radixNode struct {
	label string
	id    int32        // -1: no string ends here
	next  []*radixNode // ordered by their label's first byte
}

func newRadix(backward bool) *radix {
	return &radix{backward: backward, root: &radixNode{id: -1}}
}

func (n *radixNode) child(c byte) (int, bool) {
	return slices.BinarySearchFunc(n.next, c, func(n *radixNode, c byte) int { return int(n.label[0]) - int(c) })
}

func (r *radix) insert(s string, id int32) {
	if r.backward {
		b := []byte(s)
		slices.Reverse(b)
		s = string(b)
	}
	n := r.root
	for s != "" {
		i, ok := n.child(s[0])
		if !ok {
			n.next = slices.Insert(n.next, i, &radixNode{label: s, id: id})
			return
		}
		c := n.next[i]
		shared := 0
		for shared < len(s) && shared < len(c.label) && s[shared] == c.label[shared] {
			shared++
		}
		if shared < len(c.label) {
			n.next[i] = &radixNode{label: c.label[:shared], id: -1, next: []*radixNode{c}}
			c.label = c.label[shared:]
		}
		n, s = n.next[i], s[shared:]
	}
	n.id = id
}

// find calls found with the number of every string that v starts (or ends) with.
func (r *radix) find(v string, found func(id int32)) {
	n := r.root
	at := 0 // bytes of v that are read
	for {
		if n.id >= 0 {
			found(n.id)
		}
		if at == len(v) {
			return
		}
		i, ok := n.child(r.byte(v, at))
		if !ok {
			return
		}
		n = n.next[i]
		if len(n.label) > len(v)-at {
			return
		}
		for j := range len(n.label) {
			if n.label[j] != r.byte(v, at+j) {
				return
			}
		}
		at += len(n.label)
	}
}

func (r *radix) byte(v string, i int) byte {
	if r.backward {
		return v[len(v)-1-i]
	}
	return v[i]
}
