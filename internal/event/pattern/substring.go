package pattern

import "slices"

// substrings finds which of many distinct strings a value contains while reading it once
// (Aho and Corasick's automaton).
type substrings struct {
	nodes []substringNode // 0 is the root
}

type substringNode struct {
	next []transition // ordered by byte
	fail int32        // the longest proper suffix of this node's string that is a node
	dict int32        // the next node on the way of fail that ends a string; 0: none
	id   int32        // -1: no string ends here
}

type transition struct {
	on byte
	to int32
}

func newSubstrings() *substrings {
	return &substrings{nodes: []substringNode{{id: -1}}}
}

func (a *substrings) step(n int32, c byte) (int32, bool) {
	next := a.nodes[n].next
	i, ok := slices.BinarySearchFunc(next, c, func(t transition, c byte) int { return int(t.on) - int(c) })
	if !ok {
		return int32(i), false
	}
	return next[i].to, true
}

// insert adds a string; link must follow the last one.
func (a *substrings) insert(s string, id int32) {
	n := int32(0)
	for i := range len(s) {
		to, ok := a.step(n, s[i])
		if !ok {
			place := int(to)
			to = int32(len(a.nodes))
			a.nodes = append(a.nodes, substringNode{id: -1})
			a.nodes[n].next = slices.Insert(a.nodes[n].next, place, transition{s[i], to})
		}
		n = to
	}
	a.nodes[n].id = id
}

// link computes where to go on when a string breaks off.
func (a *substrings) link() {
	queue := []int32{0}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, t := range a.nodes[n].next {
			queue = append(queue, t.to)
			if n == 0 {
				continue
			}
			to := &a.nodes[t.to]
			to.fail = a.follow(a.nodes[n].fail, t.on)
			if f := &a.nodes[to.fail]; f.id >= 0 && to.fail != 0 {
				to.dict = to.fail
			} else {
				to.dict = f.dict
			}
		}
	}
}

func (a *substrings) follow(n int32, c byte) int32 {
	for {
		if to, ok := a.step(n, c); ok {
			return to
		}
		if n == 0 {
			return 0
		}
		n = a.nodes[n].fail
	}
}

// find calls found with the number of every string that v contains, some of them several
// times. found returns false for a number it had before; the shorter strings that end in it
// are then known too.
func (a *substrings) find(v string, found func(id int32) bool) {
	if id := a.nodes[0].id; id >= 0 {
		found(id)
	}
	n := int32(0)
	for i := range len(v) {
		n = a.follow(n, v[i])
		at := n
		if a.nodes[at].id < 0 {
			at = a.nodes[at].dict
		}
		for at != 0 && found(a.nodes[at].id) {
			at = a.nodes[at].dict
		}
	}
}
