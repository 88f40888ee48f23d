package oss

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// requestIDs makes request ids: 24 upper-case hex digits, the first 8 of which are the
// unix time. The rest is a counter sent through a bijection, from a random start: unique
// within a process, without asking the kernel for randomness on every request.
type requestIDs struct{ n atomic.Uint64 }

func newRequestIDs() *requestIDs {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	r := &requestIDs{}
	r.n.Store(binary.LittleEndian.Uint64(b[:]))
	return r
}

func (r *requestIDs) next(now time.Time) string {
	z := r.n.Add(0x9e3779b97f4a7c15) // splitmix64
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	var b [24]byte
	s := uint32(now.Unix())
	for i := range 8 {
		b[i] = upperHex[s>>(28-4*i)&15]
	}
	for i := range 16 {
		b[8+i] = upperHex[z>>(60-4*i)&15]
	}
	return string(b[:])
}
