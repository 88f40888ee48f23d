package pattern

import (
	"math"
	"slices"
)

// intervals finds which of many numeric ranges hold a number, in the logarithm of their count
// and the number of those found: a balanced tree by lower bound that knows, of every subtree,
// the highest upper bound.
type intervals struct {
	items   []interval // ordered by x.lo; the tree's root is the middle
	highest []float64  // of the subtree whose root is here
}

type interval struct {
	x  *expr
	id int32
}

func (t *intervals) link() {
	slices.SortFunc(t.items, func(a, b interval) int {
		switch {
		case a.x.lo < b.x.lo:
			return -1
		case a.x.lo > b.x.lo:
			return 1
		}
		return 0
	})
	t.highest = make([]float64, len(t.items))
	t.measure(0, len(t.items))
}

func (t *intervals) measure(from, to int) float64 {
	if from == to {
		return math.Inf(-1)
	}
	mid := (from + to) / 2
	t.highest[mid] = max(t.items[mid].x.hi, t.measure(from, mid), t.measure(mid+1, to))
	return t.highest[mid]
}

func (t *intervals) find(v float64, found func(id int32)) { t.search(0, len(t.items), v, found) }

func (t *intervals) search(from, to int, v float64, found func(id int32)) {
	if from == to {
		return
	}
	mid := (from + to) / 2
	if t.highest[mid] < v {
		return
	}
	t.search(from, mid, v, found)
	if i := &t.items[mid]; i.x.lo <= v {
		if i.x.within(v) {
			found(i.id)
		}
		t.search(mid+1, to, v, found)
	}
}
