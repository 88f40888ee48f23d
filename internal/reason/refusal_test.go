package reason

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

//go:generate go test -run TestRefusalsHaveTexts -update .

var update = flag.Bool("update", false, "write console/src/locales/en/refused.json")

const locales = "../../console/src/locales/"

// english is a refusal's sentence as the pages' texts are written.
func (r *Refusal) english(t *testing.T) string {
	names := strings.Fields(r.Args)
	s := verb.ReplaceAllStringFunc(r.Format, func(v string) string {
		if v == "%%" {
			return "%"
		}
		if len(names) == 0 {
			t.Fatalf("%s names fewer arguments than its format has", r.Code)
		}
		n := names[0]
		names = names[1:]
		return "{{" + n + "}}"
	})
	if len(names) > 0 {
		t.Errorf("%s names more arguments than its format has: %v", r.Code, names)
	}
	return s
}

var hole = regexp.MustCompile(`\{\{(\w+)\}\}`)

func holes(s string) []string {
	var names []string
	for _, m := range hole.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// Every refusal has a text in both languages with the same arguments, the English one
// being the server's own.
func TestRefusalsHaveTexts(t *testing.T) {
	en := map[string]string{}
	formats := map[string]Code{}
	for i := range Refusals {
		r := &Refusals[i]
		if _, ok := en[string(r.Code)]; ok || r.Code == Verbatim {
			t.Errorf("the code %s stands twice", r.Code)
		}
		if _, ok := Known[r.Code]; ok {
			t.Errorf("%s is also why something is so", r.Code)
		}
		if other := formats[r.Format]; other != "" {
			t.Errorf("%s and %s have one sentence", other, r.Code)
		}
		en[string(r.Code)], formats[r.Format] = r.english(t), r.Code
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(en); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(locales+"en/refused.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(locales + "en/refused.json"); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("en/refused.json is not what Refusals say (%v): run go generate ./internal/reason", err)
	}
	b, err := os.ReadFile(locales + "zh/refused.json")
	if err != nil {
		t.Fatal(err)
	}
	var zh map[string]string
	if err := json.Unmarshal(b, &zh); err != nil {
		t.Fatal(err)
	}
	for code, text := range en {
		if zh[code] == "" {
			t.Errorf("%s has no text in Chinese", code)
		} else if a, b := holes(text), holes(zh[code]); !slices.Equal(a, b) {
			t.Errorf("%s tells %v in English and %v in Chinese", code, a, b)
		}
	}
	for code := range zh {
		if en[code] == "" {
			t.Errorf("the text %s in Chinese is of no refusal", code)
		}
	}
}

// raisers are the functions that make errors of a format, or parts of one; and which of
// their arguments it is. Packages in whole are those all of whose refusals have a code.
var (
	raisers = map[string]int{"Say": 0, "Word": 0, "WithHint": 0, "New": 2, "invalid": 0, "bad": 0, "badZip": 0, "badConfig": 0, "badRule": 0, "at": 1}
	whole   = []string{"delivery", "destination", "event", "event/pattern", "function", "history", "identity/policy", "medium", "replay", "run", "runner", "runner/runtimes", "trigger"}
	// What no page can bring about, or what is a fault of the server's.
	untold = map[string]bool{"The function store needs a directory for unpacked code.": true}
)

// What is told is what is raised: a sentence that is worded anew, or a new one of a
// package in whole, is found here.
func TestRefusalsAreRaised(t *testing.T) {
	texts := map[string]bool{}
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == "../reason/refusals.go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if s, ok := literal(e); ok {
					texts[s] = true
				}
			}
			c, ok := n.(*ast.CallExpr)
			if !ok || !slices.Contains(whole, pkg) {
				return true
			}
			name := ""
			switch f := c.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
				if x, ok := f.X.(*ast.Ident); name == "New" && (!ok || x.Name != "fault") {
					return true
				}
			}
			i, ok := raisers[name]
			if !ok || i >= len(c.Args) {
				return true
			}
			if s, ok := literal(c.Args[i]); ok && s != "%s" {
				seen++
				if byFormat[s] == nil && !untold[s] {
					t.Errorf("%s: nobody can be told %q: add it to Refusals, with its text in Chinese, or to untold", path, s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Refusals {
		if !texts[r.Format] {
			t.Errorf("nothing says %s any more: %q", r.Code, r.Format)
		}
	}
	if seen < 100 {
		t.Errorf("only %d sentences were found", seen)
	}
}

// literal is the value of a string that stands in the source.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.BinaryExpr:
		a, ok := literal(e.X)
		b, too := literal(e.Y)
		return a + b, ok && too && e.Op == token.ADD
	}
	return "", false
}

type doubt struct{ said fault.Sentence }

func (d doubt) Error() string        { return d.said.String() }
func (d doubt) Said() fault.Sentence { return d.said }

func TestOf(t *testing.T) {
	taken := fault.New(fault.Exists, "TriggerAlreadyExists", "trigger '%s' already exists in function '%s'.", "t", "f")
	for _, tt := range []struct {
		name string
		err  *fault.Error
		want string // JSON; empty: nothing is told
	}{
		{"arguments by name", taken, `{"reason":"TriggerExists","args":{"function":"f","trigger":"t"}}`},
		{"none", fault.New(fault.NotFound, "NoSuchBucket", "The specified bucket does not exist."), `{"reason":"NoSuchBucket"}`},
		{"as their verbs show them", fault.New(fault.Invalid, "", "Unknown OSS event %q.", "ä\n").WithHint("Known are: %s.", "a, b"),
			`{"reason":"ConfigEventUnknown","args":{"event":"\"ä\\n\""},"hint":{"reason":"ConfigEventsKnown","args":{"events":"a, b"}}}`},
		{"a percent sign of its own", fault.New(fault.Invalid, "", "cpu %v and memorySize %d do not fit: the ratio of vCPUs to GB of memory must be 1:1 to 1:4", 0.05, 4096),
			`{"reason":"CPUMemoryRatio","args":{"cpu":"0.05","memory":"4096"}}`},
		{"a sentence in a sentence", fault.New(fault.Invalid, "", "invalid OSS trigger config. %s", fault.Say("It names %s twice.", "oss:x")),
			`{"reason":"OSSConfigInvalid","args":{"why":{"reason":"ConfigEventTwice","args":{"event":"oss:x"}}}}`},
		{"that is unknown", fault.New(fault.Invalid, "", "invalid OSS trigger config. %s", fault.Say("Whim %d.", 3)),
			`{"reason":"OSSConfigInvalid","args":{"why":"Whim 3."}}`},
		{"as it was", fault.New(fault.Invalid, "", "%s", fault.Say("It names %s twice.", "oss:x")).WithHint("%s", "An instance was still starting; retry."),
			`{"reason":"ConfigEventTwice","args":{"event":"oss:x"},"hint":{"reason":"InstanceStarting"}}`},
		{"an error that says it", fault.New(fault.Invalid, "", "%s is not valid. %v", fault.Say("The trust policy of role %s", "r"), error(doubt{fault.Say(`Version must be "1".`)})),
			`{"reason":"PolicyInvalid","args":{"what":{"reason":"TrustPolicyOf","args":{"role":"r"}},"why":{"reason":"PolicyVersion"}}}`},
		{"another error", fault.New(fault.Invalid, "", "The event pattern is not JSON: %v.", errors.New("no")), `{"reason":"PatternNotJSON","args":{"why":"no"}}`},
		{"why something is so", fault.New(fault.Denied, "", "%s on %s is not allowed. %s", "a:b", "c", New(NoPolicyAllows, nil, "No attached policy allows it.")),
			`{"reason":"NotAllowed","args":{"action":"a:b","resource":"c","why":{"reason":"NoPolicyAllows"}}}`},
		{"only the hint", fault.New(fault.Internal, "", "A whim.").WithHint("Try again."), `{"reason":"Verbatim","args":{"text":"A whim."},"hint":{"reason":"TryAgain"}}`},
		{"only the message", taken.WithHint("As you like."), `{"reason":"TriggerExists","args":{"function":"f","trigger":"t"},"hint":{"reason":"Verbatim","args":{"text":"As you like."}}}`},
		{"a name is no word", fault.New(fault.NotFound, "", "The user does not exist: %s.", "objects"), `{"reason":"UserNotFound","args":{"user":"objects"}}`},
		{"a text that came whole", &fault.Error{Message: "The specified key does not exist."}, `{"reason":"NoSuchKey"}`},
		{"a message that was changed", &fault.Error{Message: "A whim."}, ""},
		{"unknown", fault.New(fault.Internal, "", "Whim %d.", 3), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got bytes.Buffer
			if w := Of(tt.err); w != nil {
				e := json.NewEncoder(&got)
				e.SetEscapeHTML(false)
				if err := e.Encode(w); err != nil {
					t.Fatal(err)
				}
			}
			if s := strings.TrimSpace(got.String()); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
			h := Header(tt.err)
			if strings.ContainsFunc(h, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("no header: %q", h)
			}
			var a, b any
			if tt.want != "" && (json.Unmarshal([]byte(h), &a) != nil || json.Unmarshal(got.Bytes(), &b) != nil || !maps.EqualFunc(a.(map[string]any), b.(map[string]any), same)) {
				t.Errorf("the header is another: %s", h)
			}
		})
	}
	long := fault.New(fault.NotFound, "", "The user does not exist: %s.", strings.Repeat("鸟🐦", 1000))
	if h := Header(long); h != "" {
		t.Errorf("a header of %d bytes", len(h))
	}
	if h := Header(fault.New(fault.NotFound, "", "The user does not exist: %s.", "鸟🐦")); h != `{"reason":"UserNotFound","args":{"user":"\u9e1f\ud83d\udc26"}}` {
		t.Error(h)
	}
	if taken.Error() != "trigger 't' already exists in function 'f'." {
		t.Error(taken)
	}
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
