package pattern

import "math"

// matching is the memory of one Match: what is known so far of the event's fields and of the
// constraints. Everything is worked out when a node of the tree first needs it.
type matching struct {
	s         *Set
	e         *Event
	hit       func(int)
	place     []int32   // by field of the set: its place in the event, plus one; 0: not there
	present   []int32   // the fields whose place is not 0
	looked    []bool    // by field: satisfied is complete
	satisfied [][]int32 // by field: the constraints that the event satisfies
	known     []uint32  // by constraint: round*4 + verdict
	seen      []uint32  // by alternative: round in which it was found
	excluded  []int32   // see index.find
	round     uint32
	field     int32 // the one that found collects for
	found     func(id int32) bool
	steps     int // nodes, constraints and alternatives looked at: what tests hold against the rules
}

// Verdicts on a constraint; 0 is none yet.
const (
	refused  = 1
	accepted = 2
	listed   = 3 // accepted, and in matching.satisfied
)

func (s *Set) newMatching() *matching {
	m := &matching{
		s:         s,
		place:     make([]int32, len(s.fields)),
		looked:    make([]bool, len(s.fields)),
		satisfied: make([][]int32, len(s.fields)),
		known:     make([]uint32, len(s.constraints)),
		seen:      make([]uint32, len(s.accepts)),
		excluded:  make([]int32, len(s.accepts)),
	}
	m.found = m.collect
	return m
}

// Match calls hit once, in no particular order, with the number of every pattern that matches
// the event.
func (s *Set) Match(e *Event, hit func(i int)) {
	m := s.pool.Get().(*matching)
	m.begin(e, hit)
	m.walk(s.root)
	m.end()
	s.pool.Put(m)
}

func (m *matching) begin(e *Event, hit func(i int)) {
	m.e, m.hit = e, hit
	if m.round++; m.round == math.MaxUint32/4 {
		clear(m.known)
		clear(m.seen)
		m.round = 1
	}
	s := m.s
	if len(s.fields) <= s.few {
		for f := range s.fields {
			m.locate(int32(f), e.index(s.fields[f].path))
		}
		return
	}
	for i := range e.fields {
		if f, ok := s.byPath[e.fields[i].path]; ok {
			m.locate(f, i)
		}
	}
}

func (m *matching) locate(field int32, place int) {
	if place >= 0 {
		m.place[field] = int32(place) + 1
		m.present = append(m.present, field)
	}
}

func (m *matching) end() {
	for _, f := range m.present {
		m.place[f], m.looked[f] = 0, false
		m.satisfied[f] = m.satisfied[f][:0]
	}
	m.present = m.present[:0]
	m.e, m.hit = nil, nil
}

// walk takes every edge that the event satisfies. It goes as deep as a pattern has fields.
func (m *matching) walk(n *setNode) {
	m.steps++
	for _, i := range n.rules {
		// Where arrays hold objects, the tree tells only what may match.
		if !m.e.nested || m.s.patterns[i].Match(m.e) {
			m.hit(int(i))
		}
	}
	if n.byField != nil && len(n.groups) > len(m.present) {
		for _, f := range m.present {
			if g, ok := n.byField[f]; ok {
				m.take(&n.groups[g])
			}
		}
	} else {
		for i := range n.groups {
			if m.place[n.groups[i].field] > 0 {
				m.take(&n.groups[i])
			}
		}
	}
	for i := range n.absent {
		if m.place[n.absent[i].field] == 0 {
			m.walk(n.absent[i].to)
		}
	}
}

// take goes on behind those of a group's edges that the event satisfies; its field is there.
func (m *matching) take(g *group) {
	if len(g.edges) > m.s.few {
		m.look(g.field)
		if satisfied := m.satisfied[g.field]; len(satisfied) < len(g.edges) || m.s.few == 0 {
			m.steps += len(satisfied)
			for _, c := range satisfied {
				if to, ok := g.to[c]; ok {
					m.walk(to)
				}
			}
			return
		}
	}
	for i := range g.edges {
		if m.accepts(g.edges[i].constraint, g.field) {
			m.walk(g.edges[i].to)
		}
	}
}

// accepts reports whether the event satisfies one constraint on a field that it has.
func (m *matching) accepts(c, field int32) bool {
	m.steps++
	if k := m.known[c]; k>>2 == m.round {
		return k&3 != refused
	}
	if m.looked[field] {
		return false
	}
	f := m.s.constraints[c].field
	verdict := uint32(refused)
	if satisfied(f.exprs, f.absentOK, m.e.valuesOf(int(m.place[field])-1)) {
		verdict = accepted
	}
	m.known[c] = m.round<<2 | verdict
	return verdict == accepted
}

// look lists all constraints on a field that the event satisfies.
func (m *matching) look(field int32) {
	if m.looked[field] {
		return
	}
	m.looked[field] = true
	m.field = field
	m.s.fields[field].index.find(m.e.valuesOf(int(m.place[field])-1), m.excluded, m.found)
}

func (m *matching) collect(alternative int32) bool {
	if m.seen[alternative] == m.round {
		return false
	}
	m.seen[alternative] = m.round
	for _, c := range m.s.accepts[alternative] {
		m.steps++
		if m.known[c] != m.round<<2|listed {
			m.known[c] = m.round<<2 | listed
			m.satisfied[m.field] = append(m.satisfied[m.field], c)
		}
	}
	return true
}
