package main

import "testing"

func TestSize(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "1000": 1000, "64KiB": 64 << 10, "256 MiB": 256 << 20, "10GiB": 10 << 30, "1TiB": 1 << 40} {
		var s size
		if err := s.Set(in); err != nil || int64(s) != want {
			t.Errorf("%q is %d, %v; want %d", in, s, err, want)
		}
		again := size(-1)
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%q is written %q and read as %d, %v", in, s.String(), again, err)
		}
	}
	for _, in := range []string{"", "-1", "1.5GiB", "1MB", "MiB", "9999999999GiB"} {
		var s size
		if err := s.Set(in); err == nil {
			t.Errorf("%q is taken, as %d", in, s)
		}
	}
}
