package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Few names and few values, so that patterns and events meet.
var (
	someNames   = rapid.SampledFrom([]string{"a", "b", "c", "d"})
	someStrings = rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 4).Draw(t, "ip") == 0 {
			return fmt.Sprintf("10.0.%d.%d", rapid.IntRange(0, 2).Draw(t, "c"), rapid.IntRange(0, 2).Draw(t, "d"))
		}
		return rapid.StringOfN(rapid.RuneFrom([]rune("ab.")), 0, 5, -1).Draw(t, "s")
	})
	someNumbers = rapid.SampledFrom([]float64{-1, 0, 0.5, 1, 2, 3})
	someScalars = rapid.OneOf(someStrings.AsAny(), someNumbers.AsAny(), rapid.SampledFrom([]any{true, false, nil}))
)

func drawMatcher(t *rapid.T) any {
	one := func(name string, v any) any { return map[string]any{name: v} }
	switch k := rapid.SampledFrom([]string{"prefix", "suffix", "contains", "but", "buts", "butPrefix", "=", "<", ">", "range", "cidr", "exists"}).Draw(t, "matcher"); k {
	case "prefix", "suffix", "contains":
		return one(k, someStrings.Draw(t, "operand"))
	case "but":
		return one("anything-but", rapid.OneOf(someStrings.AsAny(), someNumbers.AsAny()).Draw(t, "operand"))
	case "buts":
		return one("anything-but", rapid.SliceOfN(rapid.OneOf(someStrings.AsAny(), someNumbers.AsAny()), 1, 4).Draw(t, "operands"))
	case "butPrefix":
		return one("anything-but", one("prefix", someStrings.Draw(t, "operand")))
	case "=", "<", ">":
		return one("numeric", []any{k, someNumbers.Draw(t, "than")})
	case "range":
		lo, hi := someNumbers.Draw(t, "lo"), someNumbers.Draw(t, "hi")
		if lo >= hi {
			lo, hi = hi-1, lo+1
		}
		return one("numeric", []any{rapid.SampledFrom([]string{">", ">="}).Draw(t, "op"), lo, rapid.SampledFrom([]string{"<", "<="}).Draw(t, "op"), hi})
	case "cidr":
		return one("cidr", fmt.Sprintf("10.0.%d.%d/%d", rapid.IntRange(0, 2).Draw(t, "c"), rapid.IntRange(0, 2).Draw(t, "d"), rapid.IntRange(20, 32).Draw(t, "bits")))
	}
	return one("exists", rapid.Bool().Draw(t, "exists"))
}

func drawPattern(t *rapid.T, depth int) map[string]any {
	p := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(someNames, 1, 3, rapid.ID).Draw(t, "names") {
		if depth < 3 && rapid.IntRange(0, 3).Draw(t, "nest") == 0 {
			p[name] = drawPattern(t, depth+1)
			continue
		}
		var exprs []any
		for range rapid.IntRange(1, 3).Draw(t, "count") {
			if rapid.Bool().Draw(t, "exact") {
				exprs = append(exprs, someScalars.Draw(t, "value"))
			} else {
				exprs = append(exprs, drawMatcher(t))
			}
		}
		p[name] = exprs
	}
	return p
}

func drawValue(t *rapid.T, depth int) any {
	switch rapid.IntRange(0, 9).Draw(t, "shape") {
	case 0, 1:
		if depth < 4 {
			return drawObject(t, depth+1)
		}
	case 2, 3:
		if depth < 4 {
			a := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "elements") {
				a = append(a, drawValue(t, depth+1))
			}
			return a
		}
	}
	return someScalars.Draw(t, "value")
}

func drawObject(t *rapid.T, depth int) map[string]any {
	o := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(someNames, 0, 4, rapid.ID).Draw(t, "names") {
		o[name] = drawValue(t, depth)
	}
	return o
}

// agree: a set finds what its patterns match one by one, each once; and a pattern matches when
// it has nothing to explain. Each event is matched twice, among others, since a set reuses memory.
func agree(t *rapid.T) {
	var patterns []*Pattern
	for range rapid.IntRange(1, 40).Draw(t, "patterns") {
		text, _ := json.Marshal(drawPattern(t, 0))
		p, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		patterns = append(patterns, p)
	}
	sets := []*Set{NewSet(patterns), newSet(patterns, 1), newSet(patterns, 0)}
	var events []*Event
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		text, _ := json.Marshal(drawObject(t, 0))
		e, err := ParseEvent(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		events = append(events, e)
	}
	for range 2 {
		for _, e := range events {
			var want, got []int
			for i, p := range patterns {
				why := p.Explain(e)
				if p.Match(e) {
					want = append(want, i)
				}
				if p.Match(e) != (why == nil) {
					t.Fatalf("%s: match %v, but explained by %q", p, p.Match(e), why)
				}
			}
			for _, set := range sets {
				got = got[:0]
				set.Match(e, func(i int) { got = append(got, i) })
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Fatalf("the set finds %v, one by one match %v\n%+v\n%v", got, want, e, patterns)
				}
			}
		}
	}
}

func TestSetAgreesWithPatterns(t *testing.T) { rapid.Check(t, agree) }

func FuzzSetAgreesWithPatterns(f *testing.F) {
	for seed := range uint64(4) { // the bytes are choices, not a format
		b := make([]byte, 4096)
		for i, r := 0, rand.New(rand.NewPCG(seed, 0)); i < len(b); i++ {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(rapid.MakeFuzz(agree))
}

// plainly matches a pattern as the language's description reads, in the shape of the JSON and
// with nothing of the package but its single expressions.
func plainly(p, at any, root map[string]any, path []string) bool {
	if exprs, ok := p.([]any); ok {
		if a, ok := at.([]any); ok && len(a) > 0 {
			return slices.ContainsFunc(a, func(v any) bool { return plainly(p, v, root, path) })
		}
		return slices.ContainsFunc(exprs, func(x any) bool {
			expression, err := newExpr(path, ordered(x))
			if err != nil {
				panic(err)
			}
			if f, ok := at.(float64); ok {
				at = json.Number(appendNumber(nil, f))
			}
			v := valueOf(at)
			return expression.test(&v)
		})
	}
	if a, ok := at.([]any); ok && slices.ContainsFunc(a, func(v any) bool { return plainly(p, v, root, path) }) {
		return true
	}
	o, _ := at.(map[string]any)
	for name, below := range p.(map[string]any) {
		under := append(slices.Clip(path), name)
		if v, ok := o[name]; ok {
			if !plainly(below, v, root, under) {
				return false
			}
		} else if !plainlyMissing(below, root, under) {
			return false
		}
	}
	return true
}

func plainlyMissing(p any, root map[string]any, path []string) bool {
	if exprs, ok := p.([]any); ok {
		return slices.ContainsFunc(exprs, func(x any) bool {
			m, ok := x.(map[string]any)
			return ok && m["exists"] == false
		}) && !named(root, path)
	}
	for name, below := range p.(map[string]any) {
		if !plainlyMissing(below, root, append(slices.Clip(path), name)) {
			return false
		}
	}
	return true
}

// named reports whether the event has a field anywhere.
func named(at any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch at := at.(type) {
	case []any:
		return slices.ContainsFunc(at, func(v any) bool { return named(v, path) })
	case map[string]any:
		v, ok := at[path[0]]
		return ok && named(v, path[1:])
	}
	return false
}

func ordered(v any) any {
	text, _ := json.Marshal(v)
	x, err := decode(text)
	if err != nil {
		panic(err)
	}
	return x
}

func TestMatchIsWhatTheDescriptionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, e := drawPattern(t, 0), drawObject(t, 0)
		ptext, _ := json.Marshal(p)
		etext, _ := json.Marshal(e)
		pattern, err := Parse(ptext)
		if err != nil {
			t.Fatal(err)
		}
		event, err := ParseEvent(etext)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := pattern.Match(event), plainly(p, e, e, nil); got != want {
			t.Fatalf("%s on %s: match %v, want %v", ptext, etext, got, want)
		}
	})
}

// A set must not take longer for what no rule can meet: one expression of each kind among
// thousands, found by a value that only it accepts.
func TestSetFindsOneOfMany(t *testing.T) {
	const n = 2000
	kinds := map[string]struct{ expr, value string }{
		"exact":    {`"v%05d"`, `"v%05d"`},
		"number":   {`%d`, `%d`},
		"prefix":   {`{"prefix":"v%05d/"}`, `"v%05d/x"`},
		"suffix":   {`{"suffix":"/v%05d"}`, `"x/v%05d"`},
		"contains": {`{"contains":"<%05d>"}`, `"x<%05d>y"`},
		"numeric":  {`{"numeric":["=",%d.5]}`, `%d.5`},
		"range":    {`{"numeric":[">=",%d,"<=",%[1]d.75]}`, `%d.5`},
	}
	for kind, k := range kinds {
		var patterns []*Pattern
		for i := range n {
			patterns = append(patterns, parse(t, `{"f":[`+fmt.Sprintf(k.expr, i)+`]}`))
		}
		set := NewSet(patterns)
		for i := 0; i < n; i += 97 {
			var got []int
			set.Match(parseEvent(t, `{"f":`+fmt.Sprintf(k.value, i)+`}`), func(i int) { got = append(got, i) })
			if !slices.Equal(got, []int{i}) {
				t.Fatalf("%s: %v, want %d", kind, got, i)
			}
		}
	}
}

func TestSetRoundsWrap(t *testing.T) {
	var patterns []*Pattern
	for i := range 3 * few {
		patterns = append(patterns, parse(t, fmt.Sprintf(`{"f":[{"prefix":"%d/"},{"exists":false}]}`, i)))
	}
	s := NewSet(patterns)
	m := s.newMatching()
	m.round = 1<<30 - 3
	for i := range 6 {
		var got []int
		m.begin(parseEvent(t, fmt.Sprintf(`{"f":"%d/"}`, i)), func(i int) { got = append(got, i) })
		m.walk(s.root)
		m.end()
		if !slices.Equal(got, []int{i}) {
			t.Fatalf("round %d: %v, want %d", m.round, got, i)
		}
	}
}

// steps is what one match looks at, and finds.
func steps(s *Set, e *Event) (steps, hits int) {
	m := s.newMatching()
	m.begin(e, func(int) { hits++ })
	m.walk(s.root)
	m.end()
	return m.steps, hits
}

// The work for an event does not grow with rules that have nothing to do with it, whatever
// they are made of.
func TestWorkDoesNotFollowTheRules(t *testing.T) {
	e := FromRecord(ossRecord(), time.Time{})
	make := func(n int, format string) *Set {
		var patterns []*Pattern
		for i := range n {
			patterns = append(patterns, parse(t, fmt.Sprintf(format, i)))
		}
		return NewSet(patterns)
	}
	for name, format := range map[string]string{
		"bucket and half-true sizes": `{"data":{"oss":{"object":{"size":[{"numeric":[">",%d]}]},"bucket":{"name":["bucket-%[1]d"]}}}}`,
		"bucket and anything-but":    `{"id":[{"anything-but":"x%d"}],"data":{"oss":{"bucket":{"name":["bucket-%[1]d"]}}}}`,
		"subject and absent fields":  `{"nothing-%d":[{"exists":false}],"subject":[{"prefix":"acs:oss:cn-hangzhou:123456789:bucket-%[1]d/"}]}`,
		"fields of their own":        `{"source":["acs.oss"],"other-%d":["x"]}`,
		"prefix or suffix":           `{"type":["oss:ObjectCreated:PutObject"],"subject":[{"prefix":"acs:oss:cn-hangzhou:123456789:bucket-%d/"},{"suffix":".%[1]d"}]}`,
		"another type":               `{"subject":[{"anything-but":"x%d"}],"type":["oss:ObjectRemoved:DeleteObject"]}`,
		"another type, true prefix":  `{"subject":[{"prefix":"acs:oss"},{"prefix":"x%d"}],"type":["oss:ObjectRemoved:DeleteObject"]}`,
		"substrings":                 `{"subject":[{"contains":":bucket-%d/"},{"contains":"<%[1]d>"}]}`,
	} {
		little, hits := steps(make(100, format), e)
		much, more := steps(make(3000, format), e)
		if hits != more || much > 2*little+10 {
			t.Errorf("%s: 100 rules take %d steps for %d hits, 3,000 take %d for %d", name, little, hits, much, more)
		}
	}
	little, _ := steps(NewSet(ossRules(t, 100)), e)
	much, _ := steps(NewSet(ossRules(t, 10_000)), e)
	t.Logf("rules as people write them: %d steps with 100, %d with 10,000", little, much)
	if much > 2*little+50 {
		t.Errorf("100 rules take %d steps, 10,000 take %d", little, much)
	}
}

// A constraint that was tried at a node with few edges is found again at one with many.
func TestSetTriesThenLooks(t *testing.T) {
	patterns := []*Pattern{parse(t, `{"a":[1],"f":["x"]}`), parse(t, `{"b":[1],"f":["x"]}`)}
	for i := range 2 * few {
		patterns = append(patterns, parse(t, fmt.Sprintf(`{"b":[1],"f":["y%d"]}`, i)))
	}
	var got []int
	NewSet(patterns).Match(parseEvent(t, `{"a":1,"b":1,"f":"x"}`), func(i int) { got = append(got, i) })
	slices.Sort(got)
	if !slices.Equal(got, []int{0, 1}) {
		t.Errorf("%v, want both rules on x", got)
	}
}

// What anything-but names twice excludes one value, not two.
func TestSetCountsExcludedOnce(t *testing.T) {
	for _, text := range []string{`{"f":[{"anything-but":["x","x"]}]}`, `{"f":[{"anything-but":[1,1]}]}`} {
		hits := 0
		newSet([]*Pattern{parse(t, text)}, 0).Match(parseEvent(t, `{"f":["x",1]}`), func(int) { hits++ })
		if hits != 1 {
			t.Errorf("%s: %d hits, since one of the values is another", text, hits)
		}
	}
}

// Rules that ask the same in another order share their constraints.
func TestSetShares(t *testing.T) {
	s := NewSet([]*Pattern{
		parse(t, `{"a":["x",{"prefix":"y"}],"b":[1]}`),
		parse(t, `{"b":[1.0],"a":[{"prefix":"y"},"x","x"]}`),
		parse(t, `{"a":["x"]}`),
	})
	if s.Len() != 3 || len(s.constraints) != 3 || len(s.accepts) != 3 || len(s.fields) != 2 {
		t.Errorf("%d patterns have %d constraints, %d alternatives and %d fields", s.Len(), len(s.constraints), len(s.accepts), len(s.fields))
	}
}

func TestEmptySet(t *testing.T) {
	NewSet(nil).Match(parseEvent(t, sample), func(int) { t.Error("a hit in an empty set") })
	hits := 0
	NewSet([]*Pattern{nil, parse(t, `{}`)}).Match(new(Event), func(i int) { hits += i })
	if hits != 1 {
		t.Errorf("%d hits of {} on an empty event", hits)
	}
}
