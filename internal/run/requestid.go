package run

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// NewRequestID makes a request id of FC's form: "1-", the unix time in hex, "-", 8 hex
// digits, "-", 12 hex digits. 80 bits are random.
func NewRequestID(now time.Time) string {
	var b [40]byte
	out := append(b[:0], '1', '-')
	out = strconv.AppendUint(out, uint64(now.Unix()), 16)
	out = appendHex(append(out, '-'), rand.Uint64(), 8)
	out = appendHex(append(out, '-'), rand.Uint64(), 12)
	return string(out)
}

func appendHex(b []byte, v uint64, digits int) []byte {
	const hex = "0123456789abcdef"
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hex[v>>(4*i)&15])
	}
	return b
}
