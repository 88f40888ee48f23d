package object

import (
	"hash/crc64"
	"sync"
)

var ecma = crc64.MakeTable(crc64.ECMA)

// combineCRC returns the CRC-64/ECMA of a+b from a's and b's and b's length, as zlib's
// crc32_combine does: appending n zero bytes to a is a linear map over GF(2), applied by
// the binary digits of n.
func combineCRC(a, b uint64, lenB int64) uint64 {
	// MakeTable's CRC is complemented before and after; with both complements the
	// relation crc(a+b) = shift(crc(a), len(b)) ^ crc(b) holds as it does in zlib.
	for i := 0; lenB != 0; i, lenB = i+1, lenB>>1 {
		if lenB&1 != 0 {
			a = times(&powers()[i], a)
		}
	}
	return a ^ b
}

type matrix [64]uint64

func times(m *matrix, v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

// powers holds the maps for appending 2^i zero bytes.
var powers = sync.OnceValue(func() *[63]matrix {
	var p [63]matrix
	var bit matrix // one zero bit
	bit[0] = crc64.ECMA
	for i := 1; i < 64; i++ {
		bit[i] = 1 << (i - 1)
	}
	square := func(m *matrix) (s matrix) {
		for i := range m {
			s[i] = times(m, m[i])
		}
		return s
	}
	two := square(&bit)
	four := square(&two)
	p[0] = square(&four)
	for i := 1; i < len(p); i++ {
		p[i] = square(&p[i-1])
	}
	return &p
})
