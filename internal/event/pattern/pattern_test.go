package pattern

import (
	"fmt"
	"strings"
	"testing"
)

func parseEvent(t testing.TB, text string) *Event {
	t.Helper()
	e, err := ParseEvent([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// sample has one field of every type.
const sample = `{"s":"acs:oss:b/dir/图.png","e":"","n":5,"f":-2.5,"big":6000000000,"t":true,"no":false,"z":null,"digits":"5",
"ip":"10.0.1.7","ip6":"::ffff:10.0.1.7","tags":["red","green",7],"none":[],"o":{"k":"v","in":{}},"a.b":"dotted","a":{"b":"nested"},
"list":[{"b":1,"c":0},{"b":0,"c":2,"d":[{"x":1},{"y":2}]}]}`

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern string
		want    string // empty: matches; else part of the explanation
	}{
		{`{}`, ``},
		{`{"s":["x","acs:oss:b/dir/图.png"]}`, ``},
		{`{"s":["acs:oss:b/dir/图"]}`, `s "acs:oss:b/dir/图.png" is not "acs:oss:b/dir/图"`},
		{`{"s":["x","y"]}`, `is none of "x", "y"`},
		{`{"s":["ACS:oss:b/dir/图.png"]}`, `only the case differs`},
		{`{"s":["acs:oss:*"]}`, `"*" stands for itself`},
		{`{"S":["x"]}`, `S is not in the event; s is`},
		{`{"e":[""]}`, ``},
		{`{"z":[""]}`, `z null is not ""`},
		{`{"n":[5]}`, ``},
		{`{"n":[5.0]}`, ``},
		{`{"n":["5"]}`, `n 5 is not "5"`},
		{`{"digits":["5"]}`, ``},
		{`{"digits":[5]}`, `digits "5" is not 5 (without quotes: not a string)`},
		{`{"digits":[{"numeric":["=",5]}]}`, `is no number = 5`},
		{`{"t":[true],"no":[false],"z":[null]}`, ``},
		{`{"t":[false]}`, `t true is not false`},
		{`{"e":[null]}`, `e "" is not null`},

		{`{"s":[{"prefix":"acs:oss:b/"}]}`, ``},
		{`{"s":[{"prefix":""}]}`, ``},
		{`{"n":[{"prefix":""}]}`, `n 5 does not start with ""`},
		{`{"s":[{"prefix":"b/"},{"prefix":"c/"},{"suffix":".jpg"}]}`, `has none of the prefixes "b/", "c/", and does not end with ".jpg"`},
		{`{"s":[{"prefix":"nothing"},{"suffix":".png"}]}`, ``}, // one array: or
		{`{"s":[{"suffix":".PNG"}]}`, `only the case differs`},
		{`{"s":[{"contains":"/dir/"}]}`, ``},
		{`{"s":[{"contains":"dir//"},{"contains":"q"}]}`, `contains none of "dir//", "q"`},

		{`{"s":[{"anything-but":"x"}]}`, ``},
		{`{"e":[{"anything-but":["x",""]}]}`, `e "" is excluded by anything-but "x", ""`},
		{`{"n":[{"anything-but":5}]}`, `excluded`},
		{`{"n":[{"anything-but":"5"}]}`, ``},
		{`{"z":[{"anything-but":"x"}],"t":[{"anything-but":1}]}`, ``},
		{`{"gone":[{"anything-but":"x"}]}`, `gone is not in the event`},
		{`{"s":[{"anything-but":{"prefix":"acs:"}}]}`, `has the excluded prefix "acs:"`},
		{`{"s":[{"anything-but":{"prefix":"oss:"}}],"n":[{"anything-but":{"prefix":"5"}}]}`, ``},
		{`{"tags":[{"anything-but":"red"}]}`, ``}, // green is
		{`{"tags":[{"anything-but":["red","green",7]}]}`, `excluded`},
		{`{"o":[{"anything-but":"x"}]}`, `(an object or an empty array)`},

		{`{"n":[{"numeric":["=",5]}]}`, ``},
		{`{"n":[{"numeric":[">",0,"<=",5]}]}`, ``},
		{`{"n":[{"numeric":[">",5]}]}`, `n 5 is no number > 5`},
		{`{"n":[{"numeric":["<",5]},{"numeric":[">",5,"<",9]}]}`, `is no number < 5, > 5 and < 9`},
		{`{"f":[{"numeric":[">=",-2.5,"<",-2.499999]}]}`, ``},
		{`{"big":[{"numeric":[">",1000000000]}]}`, ``},
		{`{"big":[6e9]}`, ``},

		{`{"ip":[{"cidr":"10.0.0.0/23"}]}`, ``},
		{`{"ip":[{"cidr":"10.0.0.0/24"}]}`, `ip "10.0.1.7" is no IPv4 address in 10.0.0.0/24`},
		{`{"ip":[{"cidr":"0.0.0.0/0"}]}`, ``},
		{`{"ip6":[{"cidr":"0.0.0.0/0"}]}`, `no IPv4`},
		{`{"s":[{"cidr":"0.0.0.0/0"}]}`, `no IPv4`},

		{`{"s":[{"exists":true}],"z":[{"exists":true}],"none":[{"exists":true}],"o":[{"exists":true}],"list":[{"exists":true}]}`, ``},
		{`{"gone":[{"exists":true}]}`, `gone is not in the event`},
		{`{"gone":[{"exists":false}],"o":{"gone":[{"exists":false}]},"s":{"t":[{"exists":false}]}}`, ``},
		{`{"s":[{"exists":false}]}`, `must not exist`},
		{`{"o":[{"exists":false}]}`, `must not exist`},
		{`{"none":[{"exists":false}]}`, `must not exist`},
		{`{"gone":[{"exists":false},"x"],"s":[{"exists":false},{"prefix":"acs"}]}`, ``},
		{`{"o":{"in":[{"exists":true}],"k":["v"]}}`, ``},

		{`{"tags":["blue","red"]}`, ``},
		{`{"tags":["blue"]}`, `tags "green", "red", 7 is not "blue"`},
		{`{"tags":[7]}`, ``},
		{`{"none":["x"]}`, `(an object or an empty array) is not "x"`},
		{`{"a.b":["dotted"],"a":{"b":["nested"]}}`, ``},
		{`{"a":{"b":["dotted"]}}`, `a.b "nested" is not "dotted"`},

		{`{"list":{"b":[1],"c":[0]}}`, ``},
		{`{"list":{"b":[0],"c":[2]}}`, ``},
		{`{"list":{"b":[1],"c":[2]}}`, `no single element`},
		{`{"list":{"d":{"x":[1]},"c":[2]}}`, ``},
		{`{"list":{"d":{"x":[1],"y":[2]}}}`, `no single element`},
		{`{"list":{"b":[1],"d":[{"exists":false}]}}`, `list.d`},
		{`{"list":{"b":[1],"q":[{"exists":false}]}}`, ``},
		{`{"list":{"b":[1],"q":[{"exists":false},"x"]},"s":[{"prefix":"acs"}]}`, ``},
		{`{"none":{"b":[{"exists":false}]}}`, ``},
		{`{"none":{"b":[1]}}`, `none.b is not in the event`},

		{`{"s":["x"],"n":["y"]}`, `s "acs`}, // the first one that is wrong
		{`{"n":["y"],"s":["x"]}`, `n 5`},
		{`{"s":[{"prefix":"acs"}],"o":{"k":["w"]}}`, `o.k "v" is not "w"`},
	}
	e := parseEvent(t, sample)
	for _, tt := range tests {
		p := parse(t, tt.pattern)
		w := p.Explain(e)
		why := w.String()
		if err := w.Check(); err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
		}
		if p.Match(e) != (tt.want == "") || (why == "") != (tt.want == "") || !strings.Contains(why, tt.want) {
			t.Errorf("%s: match %v, because %q; want %q", tt.pattern, p.Match(e), why, tt.want)
		}
		// A set of many others finds the same.
		hits := 0
		patterns := []*Pattern{nil, p, nil}
		for i := range 3 * few {
			patterns = append(patterns, parse(t, fmt.Sprintf(`{"s":["x%d"]}`, i)), parse(t, fmt.Sprintf(`{"other%d":["x"]}`, i)))
		}
		NewSet(patterns).Match(e, func(i int) {
			if hits++; i != 1 {
				t.Errorf("%s: hit %d", tt.pattern, i)
			}
		})
		if hits == 1 != (tt.want == "") || hits > 1 {
			t.Errorf("%s in a set: %d hits", tt.pattern, hits)
		}
	}
}

func TestParseEventKeepsDistinctValues(t *testing.T) {
	e := parseEvent(t, `{"a":["x",1,"x",[1.0,null],{"b":[2]},{"b":[2,3]}],"a.b":4}`)
	if a, b := e.find(join("a")), e.find(join("a", "b")); len(a) != 4 || len(b) != 2 {
		t.Errorf("a has %v, a.b has %v", a, b)
	}
}

func TestParseEventErrors(t *testing.T) {
	names := strings.Repeat(`{"`+strings.Repeat("n", 4000)+`":`, 60)
	for text, want := range map[string]string{
		``:           "not JSON",
		`{"a":1`:     "not JSON",
		`{"a":1}x`:   "followed by",
		`{"a":1} {}`: "followed by",
		`[]`:         "not a JSON object",
		`null`:       "not a JSON object",
		strings.Repeat(`{"a":`, MaxEventDepth+1) + "1" + strings.Repeat("}", MaxEventDepth+1): "nested",
		strings.Repeat("[", 200000):                                         "not JSON",
		`{"a":"` + strings.Repeat("x", MaxEvent) + `"}`:                     "bytes",
		names + `{"a":1,"b":1` + many(2000) + "}" + strings.Repeat("}", 60): "long names",
	} {
		if _, err := ParseEvent([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s…: %v, want %q", text, err, want)
		}
	}
	parseEvent(t, ` {"a":`+strings.Repeat("[", MaxEventDepth-1)+"1"+strings.Repeat("]", MaxEventDepth-1)+"} \n")
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	return b.String()
}

func FuzzParseEvent(f *testing.F) {
	for _, s := range []string{sample, `{}`, `{"a":[[[1e999]],{"a":[]}],"a":2}`, "{\"\xff\":\"\\ud800\"}", `{"a":{"a":{"a":[{"b":1},2,[{"b":3}]]}}}`} {
		f.Add([]byte(s))
	}
	p := parse(f, `{"a":{"b":[1,{"exists":false}],"c":[{"exists":false},{"anything-but":"x"}]}}`)
	all := parse(f, `{}`)
	set := NewSet([]*Pattern{p, all})
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseEvent(text)
		if err != nil {
			return
		}
		if !all.Match(e) || all.Explain(e) != nil {
			t.Fatalf("%q does not match {}", text)
		}
		if p.Match(e) != (p.Explain(e) == nil) || p.Explain(e).Check() != nil {
			t.Fatalf("%q: match %v, but %q", text, p.Match(e), p.Explain(e))
		}
		got := [2]int{}
		set.Match(e, func(i int) { got[i]++ })
		want := [2]int{0, 1}
		if p.Match(e) {
			want[0] = 1
		}
		if got != want {
			t.Fatalf("%q: set says %v, patterns %v", text, got, want)
		}
	})
}
