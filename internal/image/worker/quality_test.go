//go:build cgo

package worker

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
)

func TestJPEGQuality(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	for q := 1; q <= 100; q++ {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: q}); err != nil {
			t.Fatal(err)
		}
		// Below 2 all tables are alike.
		if got := jpegQuality(b.Bytes()); got != max(q, 2) && got != q {
			t.Errorf("a JPEG of quality %d is taken for %d", q, got)
		}
	}
	for _, s := range []string{"", "\xff\xd8", "\xff\xd8\xff\xdb\x00\x43", "\xff\xd8\xff\xda\x00\x02", "\xff\xd8\xff\xdb\x00\x02"} {
		if got := jpegQuality([]byte(s)); got != 0 {
			t.Errorf("%q has quality %d", s, got)
		}
	}
}

func FuzzJPEGQuality(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xdb\x00\x43\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q := jpegQuality(b); q < 0 || q > 100 {
			t.Fatal(q)
		}
	})
}
