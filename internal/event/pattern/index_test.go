package pattern

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Many short strings of two letters end in, begin with and hold one another.
var dense = rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 6, -1)

func TestStringIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := rapid.SliceOfNDistinct(dense, 1, 30, rapid.ID).Draw(t, "stored")
		prefix, suffix, inside := newRadix(false), newRadix(true), newSubstrings()
		for i, s := range stored {
			prefix.insert(s, int32(i))
			suffix.insert(s, int32(i))
			inside.insert(s, int32(i))
		}
		inside.link()
		for _, v := range rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 12, -1), 1, 10).Draw(t, "values") {
			check := func(kind string, holds func(v, s string) bool, got []int32) {
				var want []int32
				for i, s := range stored {
					if holds(v, s) {
						want = append(want, int32(i))
					}
				}
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("%s of %q in %q: %v, want %v", kind, v, stored, got, want)
				}
			}
			var p, s, c []int32
			prefix.find(v, func(id int32) { p = append(p, id) })
			suffix.find(v, func(id int32) { s = append(s, id) })
			inside.find(v, func(id int32) bool {
				if slices.Contains(c, id) {
					return false
				}
				c = append(c, id)
				return true
			})
			check("prefixes", strings.HasPrefix, p)
			check("suffixes", strings.HasSuffix, s)
			check("substrings", strings.Contains, c)
		}
	})
}

func TestIntervals(t *testing.T) {
	ops := rapid.SampledFrom([]bool{false, true})
	numbers := rapid.IntRange(-5, 5)
	rapid.Check(t, func(t *rapid.T) {
		var tree intervals
		var stored []expr
		for range rapid.IntRange(0, 30).Draw(t, "count") {
			x := expr{kind: numeric, lo: infinite(-1), hi: infinite(1)}
			lo := numbers.Draw(t, "lo")
			switch rapid.IntRange(0, 3).Draw(t, "shape") {
			case 0:
				x.lo, x.hi = float64(lo), float64(lo)
			case 1:
				x.lo, x.loOpen = float64(lo), ops.Draw(t, "open")
			case 2:
				x.hi, x.hiOpen = float64(lo), ops.Draw(t, "open")
			case 3:
				x.lo, x.loOpen = float64(lo), ops.Draw(t, "open")
				x.hi, x.hiOpen = float64(lo+rapid.IntRange(1, 4).Draw(t, "width")), ops.Draw(t, "open")
			}
			stored = append(stored, x)
		}
		for i := range stored {
			tree.items = append(tree.items, interval{&stored[i], int32(i)})
		}
		tree.link()
		for v := -6.0; v <= 10; v += 0.5 {
			var want, got []int32
			for i := range stored {
				if stored[i].test(&value{kind: wNumber, num: v}) {
					want = append(want, int32(i))
				}
			}
			tree.find(v, func(id int32) { got = append(got, id) })
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%v in %v: %v, want %v", v, stored, got, want)
			}
		}
	})
}
