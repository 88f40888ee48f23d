//go:build !race

package sign

import (
	"net/http"
	"testing"
)

// Not under the race detector, where sync.Pool drops at random.
func TestNoAllocations(t *testing.T) {
	r, _ := http.NewRequest("PUT", "http://h/x?uploadId=1&partNumber=2", nil)
	r.Header = http.Header{"X-Oss-Date": {"20260102T030405Z"}, "X-Oss-Content-Sha256": {UnsignedPayload}, "Content-Type": {"t"}}
	key := V4Key("secret", Scope{"20260102", "cn-hangzhou", "oss"})
	for name, f := range map[string]func(s *Scratch){
		"V1": func(s *Scratch) { s.OSSV1(r, "d", "b", "k"); s.HMACSHA1("secret") },
		"V4": func(s *Scratch) {
			s.OSSV4(r, "b", "k", "", false, false)
			s.V4Sign(&key, "20260102T030405Z", Scope{"20260102", "cn-hangzhou", "oss"})
		},
		"ACS3": func(s *Scratch) {
			s.ACS3(r, "content-type;host", "abc", false, nil)
			s.HMACSHA256("secret")
		},
		"V4Key": func(s *Scratch) { V4Key("secret", Scope{"20260102", "cn-hangzhou", "oss"}) },
	} {
		if n := testing.AllocsPerRun(100, func() { s := Get(); f(s); s.Put() }); n > 0 {
			t.Errorf("%s allocates %.0f times", name, n)
		}
	}
}
