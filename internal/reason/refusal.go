package reason

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Refusal is a sentence of an error, or a part of one, that a person can meet in the
// console. It is found by its format: who raises an error writes it in English only.
type Refusal struct {
	Code   Code
	Format string // as it is given to package fault
	Args   string // the names of what is filled in, in their order
}

// Verbatim is what has no code: its argument text, in English.
const Verbatim Code = "Verbatim"

// HeaderSaid is the header with which the wire protocols tell the console's own pages why a
// request was refused, beside what every client is told.
const HeaderSaid = "X-Alcedo-Said"

// maxSaid bounds the header's value, in bytes. What does not fit is not told: the pages
// then show the sentence in English.
const maxSaid = 4 << 10

var (
	verb = regexp.MustCompile(`%[-+# 0]*\d*(?:\.\d+)?[A-Za-z%]`)

	byFormat = func() map[string]*Refusal {
		m := make(map[string]*Refusal, len(Refusals))
		for i := range Refusals {
			m[Refusals[i].Format] = &Refusals[i]
		}
		return m
	}()
)

// Of returns why a request was refused: the error's message, with its hint; nil if neither
// has a code. Arguments are what the sentences in English show, no more.
func Of(f *fault.Error) *Why {
	message, hint := f.Said()
	why, known := told(message, 0)
	if hint.String() != "" {
		next, too := told(hint, 0)
		why.Hint, known = next, known || too
	}
	if !known {
		return nil
	}
	return why
}

// Header is the value of HeaderSaid for an error: JSON in printable ASCII. It is empty if
// there is nothing to tell, or too much.
func Header(f *fault.Error) string {
	w := Of(f)
	if w == nil {
		return ""
	}
	b, err := json.Marshal(w)
	if err != nil {
		return ""
	}
	var s strings.Builder
	for _, r := range string(b) {
		switch {
		case r >= ' ' && r <= '~':
			s.WriteByte(byte(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&s, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&s, `\u%04x`, r)
		}
	}
	if s.Len() > maxSaid {
		return ""
	}
	return s.String()
}

// deepest is how far sentences may stand in sentences.
const deepest = 4

func told(s fault.Sentence, depth int) (why *Why, known bool) {
	format, args := s.Made()
	if format == "%s" && len(args) == 1 && depth < deepest {
		if inner, ok := part(args[0], depth+1); ok {
			return inner, true
		}
		format, args = s.String(), nil
	}
	r := byFormat[format]
	if r == nil {
		return New(Verbatim, Args{"text": s.String()}, "%s", s), false
	}
	why = New(r.Code, nil, "%s", s)
	verbs := verb.FindAllString(r.Format, -1)
	for _, name := range strings.Fields(r.Args) {
		for len(verbs) > 0 && verbs[0] == "%%" {
			verbs = verbs[1:]
		}
		if len(verbs) == 0 || len(args) == 0 {
			break
		}
		if why.Args == nil {
			why.Args = Args{}
		}
		if inner, ok := part(args[0], depth+1); ok && depth < deepest && (verbs[0] == "%s" || verbs[0] == "%v") {
			why.Args[name] = inner
		} else {
			why.Args[name] = fmt.Sprintf(verbs[0], args[0])
		}
		verbs, args = verbs[1:], args[1:]
	}
	return why, true
}

// part is an argument that is a sentence itself, if it can be told.
func part(arg any, depth int) (*Why, bool) {
	switch a := arg.(type) {
	case fault.Sentence:
		return told(a, depth)
	case *Why:
		if a != nil {
			_, ok := Known[a.Code]
			return a, ok
		}
	case *fault.Error:
		message, _ := a.Said()
		if a.Hint == "" && a.Err == nil {
			return told(message, depth)
		}
	case interface{ Said() fault.Sentence }:
		return told(a.Said(), depth)
	}
	return nil, false
}
