package oss

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Bounds of XML request bodies. A CompleteMultipartUpload of 10,000 parts, or a
// DeleteMultipleObjects of 1,000 keys of full length, stays below maxXMLBody.
const (
	maxXMLBody  = 2 << 20
	maxXMLDepth = 8
)

// timeFormat has milliseconds that are always zero: OSS shows whole seconds, and oss2
// refuses to parse anything else.
const timeFormat = "2006-01-02T15:04:05"

// xmlWriter builds a response without reflection.
type xmlWriter struct {
	b      []byte
	urlEnc bool // encoding-type=url: key percent-encodes
}

var xmlPool = sync.Pool{New: func() any { return &xmlWriter{b: make([]byte, 0, 4096)} }}

func newXML() *xmlWriter {
	x := xmlPool.Get().(*xmlWriter)
	x.b = append(x.b[:0], "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"...)
	x.urlEnc = false
	return x
}

func (x *xmlWriter) free() {
	if cap(x.b) <= 1<<20 {
		xmlPool.Put(x)
	}
}

func (x *xmlWriter) open(name string) {
	x.b = append(append(append(x.b, '<'), name...), '>')
}

func (x *xmlWriter) close(name string) {
	x.b = append(append(append(x.b, '<', '/'), name...), '>', '\n')
}

func (x *xmlWriter) text(name, value string) {
	x.open(name)
	x.b = appendXMLText(x.b, value)
	x.close(name)
}

// key writes a key, prefix, marker or delimiter: what encoding-type=url encodes.
func (x *xmlWriter) key(name, value string) {
	x.open(name)
	if x.urlEnc {
		x.b = appendEscaped(x.b, value, true)
	} else {
		x.b = appendXMLText(x.b, value)
	}
	x.close(name)
}

func (x *xmlWriter) int(name string, v int64) {
	x.open(name)
	x.b = strconv.AppendInt(x.b, v, 10)
	x.close(name)
}

func (x *xmlWriter) bool(name string, v bool) {
	x.open(name)
	x.b = strconv.AppendBool(x.b, v)
	x.close(name)
}

func (x *xmlWriter) time(name string, t time.Time) {
	x.open(name)
	x.b = append(t.UTC().AppendFormat(x.b, timeFormat), ".000Z"...)
	x.close(name)
}

func (x *xmlWriter) etag(name, etag string) {
	x.open(name)
	x.b = append(x.b, '"')
	x.b = appendXMLText(x.b, etag)
	x.b = append(x.b, '"')
	x.close(name)
}

func (x *xmlWriter) owner(id string) {
	x.open("Owner")
	x.text("ID", id)
	x.text("DisplayName", id)
	x.close("Owner")
}

// encodingType writes the element if the client asked for an encoding.
func (x *xmlWriter) encodingType() {
	if x.urlEnc {
		x.text("EncodingType", "url")
	}
}

// appendXMLText escapes s. Characters that XML 1.0 cannot hold become U+FFFD: clients
// that may have them in keys ask for encoding-type=url.
func appendXMLText(b []byte, s string) []byte {
	last := 0
	for i := 0; i < len(s); {
		var esc string
		c := s[i]
		n := 1
		switch {
		case c == '&':
			esc = "&amp;"
		case c == '<':
			esc = "&lt;"
		case c == '>':
			esc = "&gt;"
		case c == '\r':
			esc = "&#xD;"
		case c == '\n':
			esc = "&#xA;"
		case c == '\t':
			esc = "&#x9;"
		case c < 0x20:
			esc = "\uFFFD"
		case c < utf8.RuneSelf:
			i++
			continue
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			if !(r == utf8.RuneError && n == 1) && r != 0xFFFE && r != 0xFFFF {
				i += n
				continue
			}
			esc = "\uFFFD"
		}
		b = append(append(b, s[last:i]...), esc...)
		i += n
		last = i
	}
	return append(b, s[last:]...)
}

func malformedXML(hint string) error {
	return fault.New(fault.Invalid, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema.").WithHint("%s", hint)
}

// walkXML parses a bounded document and calls leaf with the path of each element that
// holds text only ("CompleteMultipartUpload/Part/ETag"), and end with the path of each
// other element when it closes. Namespaces are dropped.
func walkXML(data []byte, leaf func(path, text string) error, end func(path string) error) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	var (
		stack [maxXMLDepth]int // length of path before each open element
		depth int
		path  []byte
		text  []byte
		inner bool // the innermost open element has had children
		root  bool
	)
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if depth != 0 || !root {
				return malformedXML("The document ends too early.")
			}
			return nil
		}
		if err != nil {
			return malformedXML("It cannot be parsed.")
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth == maxXMLDepth {
				return malformedXML("It is nested too deeply.")
			}
			if depth == 0 {
				if root {
					return malformedXML("It has more than one root element.")
				}
				root = true
			}
			stack[depth] = len(path)
			depth++
			if len(path) > 0 {
				path = append(path, '/')
			}
			path = append(path, t.Name.Local...)
			text = text[:0]
			inner = false
		case xml.EndElement:
			if depth == 0 {
				return malformedXML("An element is closed that was not opened.")
			}
			start := stack[depth-1]
			name := path[start:]
			if start > 0 {
				name = name[1:]
			}
			if string(name) != t.Name.Local {
				return malformedXML("An element is closed that was not opened.")
			}
			if inner {
				err = end(string(path))
			} else {
				err = leaf(string(path), string(text))
			}
			if err != nil {
				return err
			}
			depth--
			path = path[:start]
			text = text[:0]
			inner = true
		case xml.CharData:
			if depth > 0 {
				text = append(text, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return malformedXML("There is text outside the root element.")
			}
		case xml.Directive:
			return malformedXML("Document type definitions are not accepted.")
		}
	}
}
