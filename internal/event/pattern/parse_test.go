package pattern

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func parse(t testing.TB, text string) *Pattern {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func TestParseCanonical(t *testing.T) {
	tests := []struct{ text, want string }{
		{` { } `, `{}`},
		{`{"source":["acs.oss"]}`, `{"source":["acs.oss"]}`},
		{`{ "b":["x",1.50,-0,1e3,true] , "a":{"n":[null,"",false]}}`, `{"b":["x",1.5,0,1000,true],"a":{"n":[null,"",false]}}`},
		{`{"a":[{"prefix":"x"},{"suffix":"<&>"},{"contains":"\u0001"}]}`, `{"a":[{"prefix":"x"},{"suffix":"<&>"},{"contains":"\u0001"}]}`},
		{`{"a":[{"anything-but":["x"]},{"anything-but":[2,"x"]},{"anything-but":5},{"anything-but":{"prefix":"p"}}]}`, `{"a":[{"anything-but":"x"},{"anything-but":["x",2]},{"anything-but":5},{"anything-but":{"prefix":"p"}}]}`},
		{`{"a":[{"numeric":["=",5]},{"numeric":[">",0,"<=",5.25]},{"numeric":["<",3,">=",-1]},{"numeric":[">",7]},{"numeric":["<=",1e9]}]}`, `{"a":[{"numeric":["=",5]},{"numeric":[">",0,"<=",5.25]},{"numeric":[">=",-1,"<",3]},{"numeric":[">",7]},{"numeric":["<=",1000000000]}]}`},
		{`{"a":[{"cidr":"10.0.0.9/24"},{"exists":true},{"exists":false}]}`, `{"a":[{"cidr":"10.0.0.0/24"},{"exists":true},{"exists":false}]}`},
		{`{"a":[164901546557]}`, `{"a":[164901546557]}`},
		{`{"a.b":["x"],"a":{"b":["y"]}}`, `{"a.b":["x"],"a":{"b":["y"]}}`},
		{`{"data":{"prefix":["x"],"exists":{"a":[1]}}}`, `{"data":{"prefix":["x"],"exists":{"a":[1]}}}`}, // fields may be called so
		{`{"a":[0.000001,1e-7,1e21]}`, `{"a":[0.000001,1e-07,1e+21]}`},
	}
	for _, tt := range tests {
		p := parse(t, tt.text)
		if got := p.String(); got != tt.want {
			t.Errorf("%s\n is %s\nwant %s", tt.text, got, tt.want)
		}
		if again := parse(t, p.String()); !reflect.DeepEqual(again, p) {
			t.Errorf("%s: reading it again gives %s", tt.text, again)
		}
	}
}

// Every complaint names the field, what stands there, and what to write.
func TestParseErrors(t *testing.T) {
	deep := strings.Repeat(`{"a":`, MaxDepth+1) + `["x"]` + strings.Repeat("}", MaxDepth+1)
	tests := []struct {
		text string
		want []string
	}{
		{``, []string{"is empty", "{}"}},
		{`{"a":["x"],}`, []string{"not JSON", "at byte 12"}},
		{`{"a":["x"]} {}`, []string{"not JSON"}},
		{`{"a":["x"`, []string{"not JSON"}},
		{"{\"a\":[\"\xff\"]}", []string{"not UTF-8"}},
		{`["a"]`, []string{"is an array", "must be an object"}},
		{`"a"`, []string{`the string "a"`}},
		{strings.Repeat("[", 5000) + strings.Repeat("]", 5000), []string{"nested more than"}},
		{deep, []string{"nested more than 32 levels"}},
		{`{"a":["` + strings.Repeat("x", MaxText) + `"]}`, []string{"bytes", "10240"}},
		{`{"` + strings.Repeat("n", MaxPath) + `":["x"]}`, []string{"names of", "1024"}},
		{`{"source":"acs.oss"}`, []string{"field source", `the string "acs.oss"`, `write "source":["acs.oss"]`}},
		{`{"data":{"size":5}}`, []string{"field data.size", "the number 5", `"size":[5]`}},
		{`{"a":null}`, []string{"field a is null", `"a":[null]`}},
		{`{"a":[]}`, []string{"field a is an empty array", `[{"exists":true}]`}},
		{`{"a":{}}`, []string{"field a is an empty object", `"a":[{"exists":true}]`}},
		{`{"a":["x"],"a":["y"]}`, []string{"field a stands there twice", "one array"}},
		{`{"a":[1,2,3,4,5,6]}`, []string{"field a has 6 expressions", "At most 5"}},
		{`{"a":[["x"]]}`, []string{"field a has an array in its array"}},
		{`{"a":[{}]}`, []string{"empty object", "Known matchers"}},
		{`{"a":[{"prefix":"x","suffix":"y"}]}`, []string{`"prefix" and "suffix"`, "own object"}},
		{`{"a":[{"prefix":"x","prefix":"y"}]}`, []string{"twice"}},
		{`{"a":{"prefix":"x"}}`, []string{"field a is a matcher that is not in an array", `"a":[{"prefix":…}]`}},
		{`{"a":{"numeric":[">",5]}}`, []string{"not in an array"}},
		{`{"a":{"anything-but":{"prefix":"x"}}}`, []string{"not in an array"}},
		{`{"a":[{"Prefix":"x"}]}`, []string{`unknown matcher "Prefix"`, `written "prefix"`}},
		{`{"a":[{"anything_but":"x"}]}`, []string{`written "anything-but"`}},
		{`{"a":[{"wildcard":"*.png"}]}`, []string{"wildcard", "suffix"}},
		{`{"a":[{"b":["x"]}]}`, []string{`unknown matcher "b"`, "nested field"}},
		{`{"a":[{"prefix":5}]}`, []string{`"prefix" with the number 5`, `{"prefix":"…"}`}},
		{`{"a":[{"suffix":["x","y"]}]}`, []string{`"suffix" with an array`, "its own object"}},
		{`{"a":[{"contains":null}]}`, []string{`"contains" with null`}},
		{`{"a":[{"exists":"true"}]}`, []string{`exists with the string "true"`, `{"exists":true}`}},
		{`{"a":[{"anything-but":[]}]}`, []string{"empty array"}},
		{`{"a":[{"anything-but":true}]}`, []string{"anything-but with true"}},
		{`{"a":[{"anything-but":[["x"]]}]}`, []string{"anything-but with an array"}},
		{`{"a":[{"anything-but":{"suffix":"x"}}]}`, []string{"not one prefix"}},
		{`{"a":[{"anything-but":{"prefix":["x"]}}]}`, []string{"not one prefix"}},
		{`{"a":[{"anything-but":[1.2345678901234567]}]}`, []string{"17 significant digits"}},
		{`{"a":[{"numeric":5}]}`, []string{"numeric with the number 5", `["=",5]`}},
		{`{"a":[{"numeric":[]}]}`, []string{"an empty array"}},
		{`{"a":[{"numeric":[">"]}]}`, []string{"1 elements"}},
		{`{"a":[{"numeric":[5,">"]}]}`, []string{"where an operator and a number should stand"}},
		{`{"a":[{"numeric":["==",5]}]}`, []string{`unknown operator "=="`, "Known are"}},
		{`{"a":[{"numeric":["!=",5]}]}`, []string{`{"anything-but":5}`}},
		{`{"a":[{"numeric":[">",1,">=",2]}]}`, []string{"two bounds on the same side"}},
		{`{"a":[{"numeric":["=",1,"<",2]}]}`, []string{"two bounds"}},
		{`{"a":[{"numeric":["<",1,"=",2]}]}`, []string{"two bounds"}},
		{`{"a":[{"numeric":[">",5,"<",3]}]}`, []string{"holds no number"}},
		{`{"a":[{"numeric":[">",5,"<=",5]}]}`, []string{"holds no number"}},
		{`{"a":[{"numeric":[">",1000000001]}]}`, []string{"1000000001", "outside of"}},
		{`{"a":[{"numeric":["<",-1e9,">",-1e10]}]}`, []string{"-1e10", "outside of"}},
		{`{"a":[{"numeric":[">",0.1234567]}]}`, []string{"7 digits behind the point"}},
		{`{"a":[{"numeric":[">",1e-7]}]}`, []string{"7 digits behind the point"}},
		{`{"a":[{"numeric":[">",1234567890.123456]}]}`, []string{"16 significant digits"}},
		{`{"a":[1234567890123456]}`, []string{"16 significant digits"}},
		{`{"a":[1e999]}`, []string{"too large or too small"}},
		{`{"a":[1e-999999999999999999999]}`, []string{"too large or too small"}},
		{`{"a":[{"cidr":5}]}`, []string{"cidr with the number 5"}},
		{`{"a":[{"cidr":"10.0.0.1"}]}`, []string{"single address", "10.0.0.1/32"}},
		{`{"a":[{"cidr":"10.0.0.0/33"}]}`, []string{"no address range", "10.0.0.0/24"}},
		{`{"a":[{"cidr":"2001:db8::/32"}]}`, []string{"IPv6", "prefix"}},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.text))
		if err == nil {
			t.Errorf("%.200s: no error, want %q", tt.text, tt.want)
			continue
		}
		f := fault.As(err)
		if f.Kind != fault.Invalid && f.Kind != fault.TooLarge || f.Reason != "InvalidArgument" || f.Hint == "" {
			t.Errorf("%.200s: %+v, want an invalid argument with a hint", tt.text, f)
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%.200s: %v\nwant %q in it", tt.text, err, w)
			}
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%.200s: an error of %d bytes", tt.text, len(err.Error()))
		}
	}
}

func TestParseAllowsTheLimits(t *testing.T) {
	depth := strings.Repeat(`{"a":`, MaxDepth) + `["x"]` + strings.Repeat("}", MaxDepth)
	for _, text := range []string{
		depth,
		`{"` + strings.Repeat("n", MaxPath-1) + `":["x"]}`,
		`{"a":["` + strings.Repeat("x", MaxText-len(`{"a":[""]}`)) + `"]}`,
		`{"a":[1,2,3,4,5]}`,
		`{"a":[{"numeric":[">=",-1000000000,"<=",1000000000]},{"numeric":["=",123456789.123456]},{"numeric":["=",0.000001]},{"numeric":["=",1.500000000000000000000]}]}`,
		`{"a":[123456789012345000000]}`,
	} {
		parse(t, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"source":["acs.oss"],"subject":[{"prefix":"acs:oss:"},{"suffix":".png"}],"data":{"oss":{"object":{"size":[{"numeric":[">",0,"<=",5]}]}}}}`,
		`{"a":[{"anything-but":["x",1e300,-0.0]},{"anything-but":{"prefix":""}},{"cidr":"1.2.3.4/0"},{"exists":false},null]}`,
		`{"a":{"a":{"":[true]}},"\ud800":["\u0000"]}`, `{"a":[1e-7,123456789012345,5e-324,{"numeric":["=",1E+2]}]}`, `{"a":[[[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			if fault.As(err).Reason != "InvalidArgument" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		canonical := p.String()
		if len(canonical) > MaxText {
			return // a short escape may have become a longer number or quote
		}
		again, err := Parse([]byte(canonical))
		if err != nil {
			t.Fatalf("%q: its canonical text %q: %v", text, canonical, err)
		}
		if !reflect.DeepEqual(again, p) {
			t.Fatalf("%q: its canonical text %q reads as %q", text, canonical, again)
		}
	})
}

func ExampleParse() {
	_, err := Parse([]byte(`{"source":["acs.oss"],"data":{"oss":{"object":{"size":[">100"],"key":[{"prefix":"a","suffix":"b"}]}}}}`))
	fmt.Println(err)
	// Output:
	// In the event pattern, field data.oss.object.key has a matcher with 2 names, "prefix" and "suffix". Give each its own object; one of them is then enough to match. For "both", ask it of two fields: {"subject":[{"prefix":…}],"data":{"oss":{"object":{"key":[{"suffix":…}]}}}}.
}
