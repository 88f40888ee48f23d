// Package exif reads the tags of an EXIF block into plain strings, for the info action.
//
// libvips offers tags too, but mixed with the mandatory ones that it adds itself when a
// file lacks them, and with resolutions that it has worked out.
package exif

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// Bounds of one block: what lies beyond is left out.
const (
	maxEntries = 256     // of one directory
	maxValue   = 1 << 10 // bytes of one value as a string
)

// Read calls fn with the name and value of every known tag in an EXIF block, with or
// without the leading "Exif\0\0", in the order of its directories: the image, its EXIF
// and GPS parts, and last the embedded thumbnail. Numbers are decimal, rationals have the
// form "96/1", several values are parted by spaces. A damaged block gives the tags that
// can be read.
func Read(b []byte, fn func(name, value string)) {
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00"))
	r := reader{b: b, fn: fn}
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		r.order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		r.order = binary.BigEndian
	default:
		return
	}
	if len(b) < 8 {
		return
	}
	var sub [2]uint32
	next := r.directory(r.order.Uint32(b[4:]), tags, &sub)
	// Pointers are followed from the first directory alone, so nothing can loop.
	r.directory(sub[0], tags, nil)
	r.directory(sub[1], gpsTags, nil)
	r.directory(next, tags, nil)
}

type reader struct {
	b     []byte
	order binary.ByteOrder
	fn    func(name, value string)
}

// Pointers to the EXIF and GPS directories. Their offsets are shown as values as well.
const (
	exifPointer = 0x8769
	gpsPointer  = 0x8825
)

// directory reads one directory and returns the offset of the next, 0 for none.
func (r *reader) directory(at uint32, names map[uint16]string, sub *[2]uint32) uint32 {
	if at < 8 || uint64(at)+2 > uint64(len(r.b)) {
		return 0
	}
	d := r.b[at:]
	n := int(r.order.Uint16(d))
	if n > maxEntries {
		return 0
	}
	d = d[2:]
	for ; n > 0 && len(d) >= 12; n, d = n-1, d[12:] {
		tag := r.order.Uint16(d)
		v, ok := r.value(d[:12])
		if !ok {
			continue
		}
		if sub != nil && tag == exifPointer {
			sub[0] = r.order.Uint32(d[8:])
		}
		if sub != nil && tag == gpsPointer {
			sub[1] = r.order.Uint32(d[8:])
		}
		if name := names[tag]; name != "" {
			r.fn(name, v)
		}
	}
	if n > 0 || len(d) < 4 {
		return 0
	}
	return r.order.Uint32(d)
}

var sizes = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8}

func (r *reader) value(e []byte) (string, bool) {
	kind, count := r.order.Uint16(e[2:]), uint64(r.order.Uint32(e[4:]))
	if kind == 0 || int(kind) >= len(sizes) {
		return "", false
	}
	n := count * sizes[kind]
	data := e[8:12]
	if n > 4 {
		at := uint64(r.order.Uint32(data))
		if at+n > uint64(len(r.b)) {
			return "", false
		}
		data = r.b[at : at+n]
	}
	data = data[:n]
	if kind == 2 {
		text, _, _ := bytes.Cut(data, []byte{0})
		return clean(text), true
	}
	if kind == 7 {
		if printable(data) { // versions, such as 0221
			return clean(data), true
		}
		kind = 1
	}
	var s strings.Builder
	for step := int(sizes[kind]); len(data) >= step && s.Len() < maxValue; data = data[step:] {
		if s.Len() > 0 {
			s.WriteByte(' ')
		}
		switch kind {
		case 1:
			s.WriteString(strconv.Itoa(int(data[0])))
		case 6:
			s.WriteString(strconv.Itoa(int(int8(data[0]))))
		case 3:
			s.WriteString(strconv.Itoa(int(r.order.Uint16(data))))
		case 8:
			s.WriteString(strconv.Itoa(int(int16(r.order.Uint16(data)))))
		case 4:
			s.WriteString(strconv.FormatUint(uint64(r.order.Uint32(data)), 10))
		case 9:
			s.WriteString(strconv.Itoa(int(int32(r.order.Uint32(data)))))
		case 5:
			s.WriteString(strconv.FormatUint(uint64(r.order.Uint32(data)), 10) + "/" + strconv.FormatUint(uint64(r.order.Uint32(data[4:])), 10))
		case 10:
			s.WriteString(strconv.Itoa(int(int32(r.order.Uint32(data)))) + "/" + strconv.Itoa(int(int32(r.order.Uint32(data[4:])))))
		}
	}
	return s.String(), true
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func clean(b []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(string(b[:min(len(b), maxValue)]), "?"))
}
