package history

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Levels of what runs print, the gravest first, as a RunQuery asks for them.
var Levels = []string{"ERROR", "WARN", "INFO", "DEBUG"}

// MaxText bounds the text of a RunQuery, in bytes.
const MaxText = 800

// printed judges what runs printed by a query. It lets a run through that might show
// nothing of what is asked for, where only the page, which puts lines together, can tell;
// it never keeps one back that would.
type printed struct {
	text  string // in lower case
	raw   []byte // a row without it holds no such run; nil: nobody knows without decoding
	least int    // index in Levels; -1: any output will do
	low   []byte // of the row at hand
}

// newPrinted returns nil if a query asks for nothing that is printed.
func newPrinted(q *RunQuery) (*printed, error) {
	if q.Text == "" && q.Level == "" {
		return nil, nil
	}
	if len(q.Text) > MaxText {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The text to search for is longer than %d bytes.", MaxText)
	}
	p := &printed{text: strings.ToLower(q.Text), least: -1}
	if q.Level != "" {
		if p.least = slices.Index(Levels, strings.ToUpper(q.Level)); p.least < 0 {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "%q is not a level.", q.Level).WithHint("Levels are %s.", strings.Join(Levels, ", "))
		}
	}
	// An error is shown as "type: message", which stand apart in the row. Letters beyond
	// ASCII that have a case are lowered only where the text is known to be one.
	cased := strings.ContainsFunc(q.Text, func(r rune) bool { return r >= utf8.RuneSelf && unicode.ToLower(r) != unicode.ToUpper(r) })
	if p.text != "" && !cased && !strings.Contains(p.text, ": ") {
		p.raw = []byte(p.text)
	}
	return p, nil
}

// mayMatch looks at a row as it is stored. CBOR keeps texts as they are; what was printed in
// colours or is escaped in a result's JSON is decoded first.
func (p *printed) mayMatch(v []byte) bool {
	if p.raw == nil {
		return true
	}
	p.low = append(p.low[:0], v...)
	for i, c := range p.low {
		if c-'A' < 26 {
			p.low[i] = c + ('a' - 'A')
		}
	}
	return bytes.Contains(p.low, p.raw) || bytes.IndexByte(v, '\\') >= 0 || bytes.Contains(v, []byte("\x1b[")) || bytes.Contains(v, []byte("\x1b]"))
}

func (p *printed) match(r *Run) bool {
	text := ""
	if p.text != "" {
		text = plain(string(r.Log))
		if !strings.Contains(strings.ToLower(text), p.text) && !strings.Contains(strings.ToLower(plain(r.errorText())), p.text) {
			return false
		}
	}
	if p.least < 0 || !r.Succeeded() { // an error is told of with what failed
		return true
	}
	if text == "" {
		text = plain(string(r.Log))
	}
	for line := range strings.SplitSeq(text, "\n") {
		if at := levelOf(line); at >= 0 && at <= p.least {
			return true
		}
	}
	return false
}

// escapes are the sequences and characters that a page does not show of an output.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;:]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

func plain(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f }) {
		return s
	}
	return escapes.ReplaceAllLiteralString(s, "")
}

// errorText is what a page shows of a failure beside the output.
func (r *Run) errorText() string {
	switch {
	case r.ErrorType != "":
		var e struct {
			Type    any `json:"errorType"`
			Message any `json:"errorMessage"`
			Stack   any `json:"stackTrace"`
		}
		if json.Unmarshal(r.Payload, &e) != nil {
			return string(r.Payload)
		}
		var b strings.Builder
		typ, _ := e.Type.(string)
		message, _ := e.Message.(string)
		b.WriteString(typ)
		if typ != "" && message != "" {
			b.WriteString(": ")
		}
		b.WriteString(message)
		var stack func(v any)
		stack = func(v any) {
			switch v := v.(type) {
			case string:
				b.WriteString("\n" + v)
			case []any:
				for _, x := range v {
					stack(x)
				}
			}
		}
		stack(e.Stack)
		return b.String()
	case r.Fault != "":
		return r.Fault + ": " + r.Message
	}
	return ""
}

// How loggers and interpreters print: the page's rules (features/functions/logs/entries.ts),
// line by line. The two share a table of examples.
var (
	logged = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z? (?:\S+ )?\[(\w+)\]`)
	thrown = regexp.MustCompile(`^(?:Uncaught |Unhandled )?(?:[A-Za-z_$][\w$.]*(?:Error|Exception))(?:\b.*)?: |^Traceback \(most recent call last\)|^(?:PHP )?(?:Fatal error|Parse error)|^panic: |^FC (?:Invoke|Initialize) End RequestId: .*, Error: |^\s+at .+:\d+`)
	warned = regexp.MustCompile(`^(?:PHP )?(?:Warning|Deprecated|Notice): |^\S+:\d+: \w*Warning: |^\(node:\d+\) `)
	word   = regexp.MustCompile(`(?:^|[\s[("'=:|<])(ERROR|ERR|FATAL|CRITICAL|SEVERE|PANIC|WARN(?:ING)?|INFO|NOTICE|DEBUG|TRACE|VERBOSE)(?:$|[\s\]):,"'|>-])`)
)

var levelWords = map[string]int{
	"ERROR": 0, "ERR": 0, "FATAL": 0, "CRITICAL": 0, "SEVERE": 0, "PANIC": 0, "EMERGENCY": 0, "ALERT": 0,
	"WARN": 1, "WARNING": 1, "INFO": 2, "NOTICE": 2, "LOG": 2, "DEBUG": 3, "TRACE": 3, "VERBOSE": 3,
}

// levelOf returns a line's level, an index in Levels, or -1.
func levelOf(line string) int {
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return -1
	}
	of := func(w string) int {
		if n, ok := levelWords[strings.ToUpper(w)]; ok {
			return n
		}
		return -1
	}
	if c := line[0]; c >= '0' && c <= '9' {
		if m := logged.FindStringSubmatch(line); m != nil {
			return of(m[1])
		}
	}
	if thrown.MatchString(line) {
		return 0
	}
	if warned.MatchString(line) {
		return 1
	}
	if n := 0; len(line) > 120 {
		for i := range line {
			if n++; n > 120 {
				line = line[:i]
				break
			}
		}
	}
	if m := word.FindStringSubmatch(line); m != nil {
		return of(m[1])
	}
	return -1
}
