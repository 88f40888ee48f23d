package pattern

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// Set is many patterns, compiled to be matched at once. It is immutable and safe for
// concurrent use.
//
// Matching costs what reading the event costs, and then what is found, however many patterns
// there are, because nothing is looked at that the event does not lead to:
//
//   - What a pattern asks of one field is a constraint. Equal constraints of different
//     patterns are one, and equal expressions of different constraints are one alternative.
//   - An index per field leads from a value to the alternatives that it satisfies: a hash for
//     whole values, radix trees for prefixes and suffixes, an automaton for substrings, an
//     interval tree for numbers. anything-but is found by what it excludes.
//   - Patterns are paths in a tree whose edges are constraints; patterns that begin alike
//     share their way. Constraints that many patterns share come first in a path ("source" is
//     the same in all of them), telling ones next, then ranges, and those that nearly every event
//     satisfies (anything-but, exists) last. At a node, only the edges that the event satisfies are taken.
//
// So the work grows with the patterns that match, and with beginnings of paths that do.
type Set struct {
	few         int // see the constant; tests also look everything up
	patterns    []*Pattern
	fields      []setField
	byPath      map[string]int32
	constraints []constraint
	accepts     [][]int32 // by alternative: the constraints that it satisfies
	root        *setNode
	pool        sync.Pool // of *matching
}

type setField struct {
	path  string
	index *index
}

// constraint is what some patterns ask of one field.
type constraint struct {
	field *field
	order int32 // of the field in the set
}

type setNode struct {
	rules   []int32 // patterns that end here
	groups  []group
	byField map[int32]int32 // place in groups; nil if they are few
	absent  []edge          // also in groups: edges that a missing field satisfies
}

// group is a node's edges on one field.
type group struct {
	field int32
	edges []edge
	to    map[int32]*setNode // edges by constraint; nil if they are few
}

type edge struct {
	constraint int32
	field      int32
	to         *setNode
}

// few is how many things are faster to try one after the other than to look up.
const few = 8

// NewSet compiles patterns; their positions are the numbers that [Set.Match] reports. A nil
// pattern keeps its number and matches nothing.
func NewSet(patterns []*Pattern) *Set { return newSet(patterns, few) }

func newSet(patterns []*Pattern, few int) *Set {
	s := &Set{few: few, patterns: slices.Clone(patterns), byPath: map[string]int32{}, root: &setNode{}}
	rules := s.constrain()

	alternatives := map[string]int32{}
	for c := range s.constraints {
		f := &s.fields[s.constraints[c].order]
		for i := range s.constraints[c].field.exprs {
			x := &s.constraints[c].field.exprs[i]
			if x.kind == absent {
				continue
			}
			name := string(x.append([]byte(f.path + separator)))
			id, known := alternatives[name]
			if !known {
				id = int32(len(s.accepts))
				alternatives[name] = id
				s.accepts = append(s.accepts, nil)
				f.index.add(x, id)
			}
			s.accepts[id] = append(s.accepts[id], int32(c))
		}
	}
	for i := range s.fields {
		s.fields[i].index.link()
	}

	for i, rule := range rules {
		if s.patterns[i] != nil {
			s.root.insert(s, rule, int32(i))
		}
	}
	s.pool.New = func() any { return s.newMatching() }
	return s
}

// Len is how many patterns the set was made of.
func (s *Set) Len() int { return len(s.patterns) }

// constrain numbers fields and distinct constraints, and returns each pattern's constraints in
// the order of its path in the tree.
func (s *Set) constrain() [][]int32 {
	numbers := map[string]int32{}
	rules := make([][]int32, len(s.patterns))
	var rank []int // by field: how many distinct constraints it has
	for i, p := range s.patterns {
		if p == nil {
			continue
		}
		for j := range p.fields {
			f := &p.fields[j]
			name := f.path + separator + f.key()
			c, known := numbers[name]
			if !known {
				n, known := s.byPath[f.path]
				if !known {
					n = int32(len(s.fields))
					s.byPath[f.path] = n
					s.fields = append(s.fields, setField{f.path, newIndex()})
					rank = append(rank, 0)
				}
				rank[n]++
				c = int32(len(s.constraints))
				numbers[name] = c
				s.constraints = append(s.constraints, constraint{f, n})
			}
			rules[i] = append(rules[i], c)
		}
	}
	breadth := make([]int, len(s.constraints))
	for c := range s.constraints {
		for i := range s.constraints[c].field.exprs {
			breadth[c] = max(breadth[c], s.constraints[c].field.exprs[i].breadth())
		}
	}
	for _, rule := range rules {
		slices.SortFunc(rule, func(a, b int32) int {
			fa, fb := s.constraints[a].order, s.constraints[b].order
			return cmp.Or(cmp.Compare(breadth[a], breadth[b]), cmp.Compare(rank[fa], rank[fb]), cmp.Compare(fa, fb))
		})
	}
	return rules
}

// key is the same for fields that accept the same, whatever the order of their expressions.
func (f *field) key() string {
	var texts []string
	for i := range f.exprs {
		texts = append(texts, string(f.exprs[i].append(nil)))
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), ",")
}

func (n *setNode) insert(s *Set, rule []int32, number int32) {
	for _, c := range rule {
		n = n.follow(s.few, c, s.constraints[c].order, s.constraints[c].field.absentOK)
	}
	n.rules = append(n.rules, number)
}

// follow returns the node behind a constraint, and makes it if there is none.
func (n *setNode) follow(few int, c, field int32, absentOK bool) *setNode {
	g := -1
	if n.byField != nil {
		if i, ok := n.byField[field]; ok {
			g = int(i)
		}
	} else {
		g = slices.IndexFunc(n.groups, func(g group) bool { return g.field == field })
	}
	if g < 0 {
		g = len(n.groups)
		n.groups = append(n.groups, group{field: field})
		if n.byField != nil {
			n.byField[field] = int32(g)
		} else if len(n.groups) > few {
			n.byField = map[int32]int32{}
			for i := range n.groups {
				n.byField[n.groups[i].field] = int32(i)
			}
		}
	}
	at := &n.groups[g]
	if to, ok := at.behind(c); ok {
		return to
	}
	e := edge{c, field, &setNode{}}
	at.edges = append(at.edges, e)
	if at.to != nil {
		at.to[c] = e.to
	} else if len(at.edges) > few {
		at.to = make(map[int32]*setNode)
		for _, e := range at.edges {
			at.to[e.constraint] = e.to
		}
	}
	if absentOK {
		n.absent = append(n.absent, e)
	}
	return e.to
}

func (g *group) behind(c int32) (*setNode, bool) {
	if g.to != nil {
		to, ok := g.to[c]
		return to, ok
	}
	for i := range g.edges {
		if g.edges[i].constraint == c {
			return g.edges[i].to, true
		}
	}
	return nil, false
}
