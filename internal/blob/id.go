package blob

import (
	"encoding/hex"
	"io"
	"time"
)

// NewID makes a blob id: 32 hex digits, the first 12 of them the time in milliseconds,
// the rest random.
func NewID(now time.Time, rand io.Reader) (string, error) {
	var b [16]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	if _, err := io.ReadFull(rand, b[6:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

// IDTime returns the time that NewID put into id; the zero time if id is none.
func IDTime(id string) time.Time {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 {
		return time.Time{}
	}
	var ms int64
	for i := range 6 {
		ms = ms<<8 | int64(b[i])
	}
	return time.UnixMilli(ms)
}
