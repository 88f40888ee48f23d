// Package row encodes the values that rooms keep in kv: CBOR with small integer keys
// (RFC 8949), which is compact, self-describing and tolerates added fields, so a newer
// server reads an older one's rows. Rows are structs with `cbor:"N,keyasint,omitempty"`
// tags; a number, once given, keeps its meaning for ever.
//
// Times come back exactly, in UTC. (Rows of older servers hold them as floating-point
// seconds, which decode too, some 100 ns off.)
package row

import (
	"encoding/binary"

	"github.com/fxamacker/cbor/v2"
)

var (
	enc = must(cbor.EncOptions{Sort: cbor.SortNone, Time: cbor.TimeRFC3339NanoUTC, TimeTag: cbor.EncTagNone}.EncMode())
	dec = must(cbor.DecOptions{MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only wrong options, found by any test
	}
	return v
}

// Encode returns the row's bytes. It panics only for types that cannot be encoded,
// which is a programming error.
func Encode(v any) []byte {
	b, err := enc.Marshal(v)
	if err != nil {
		panic("row: " + err.Error())
	}
	return b
}

// Decode fills v, a pointer, from bytes made by Encode.
func Decode(b []byte, v any) error { return dec.Unmarshal(b, v) }

// U64 returns v as 8 big-endian bytes, which sort as the number does.
func U64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// ParseU64 reads the first 8 bytes of b; 0 if there are fewer.
func ParseU64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Key joins a table's one-byte-or-more prefix and the parts of a key. Every part but
// the last is followed by a zero byte, so parts that can hold a zero byte (object
// keys) must come last, or be encoded.
func Key(table string, parts ...string) []byte {
	n := len(table)
	for _, p := range parts {
		n += len(p) + 1
	}
	k := make([]byte, 0, n)
	k = append(k, table...)
	for i, p := range parts {
		if i > 0 {
			k = append(k, 0)
		}
		k = append(k, p...)
	}
	return k
}
