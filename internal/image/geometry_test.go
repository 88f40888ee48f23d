package image_test

import (
	"testing"

	"github.com/alcedo-storage/alcedo/internal/image"
)

func resizeOf(t *testing.T, params string) image.Resize {
	t.Helper()
	p, err := image.Parse("image/resize," + params)
	if err != nil {
		t.Fatal(err)
	}
	return p.Actions[0].(image.Resize)
}

func TestResizeOutputSizes(t *testing.T) {
	for _, c := range []struct {
		params string
		sw, sh int
		w, h   int
	}{
		// The documentation's own numbers.
		{"m_lfit,w_150,h_80", 200, 100, 150, 75},
		{"m_mfit,w_150,h_80", 200, 100, 160, 80},
		{"m_fill,w_150,h_80", 200, 100, 150, 80},
		{"m_pad,w_150,h_80", 200, 100, 150, 80},
		{"m_fixed,w_150,h_80", 200, 100, 150, 80},
		{"p_50", 2500, 1875, 1250, 938},
		{"h_100", 2500, 1875, 133, 100},
		{"s_200", 2500, 1875, 267, 200},
		{"h_100", 256, 144, 178, 100},
		// One side alone keeps the ratio, but makes a square box for pad and fill.
		{"w_100", 200, 100, 100, 50},
		{"m_mfit,w_100", 200, 100, 100, 50},
		{"m_fixed,w_100", 200, 100, 100, 50},
		{"m_fixed,h_10", 200, 100, 20, 10},
		{"m_pad,w_50", 200, 100, 50, 50},
		{"m_fill,h_50", 200, 100, 50, 50},
		// Long and short sides.
		{"l_100", 200, 100, 100, 50},
		{"l_100", 100, 200, 50, 100},
		{"s_50", 100, 200, 50, 100},
		{"m_pad,l_100", 200, 100, 100, 50},
		{"l_100,s_40", 200, 100, 80, 40},
		{"l_100,s_40", 100, 200, 40, 80},
		{"m_fill,l_100,s_40", 100, 200, 40, 100},
		{"w_100,l_10", 200, 100, 100, 50},
		// limit_1, the default, does not enlarge; p does.
		{"w_400", 200, 100, 200, 100},
		{"w_400,limit_0", 200, 100, 400, 200},
		{"m_fixed,w_400,h_50", 200, 100, 200, 100},
		{"m_fixed,w_400,h_50,limit_0", 200, 100, 400, 50},
		{"m_pad,w_400,h_400", 200, 100, 200, 100},
		{"m_pad,w_150,h_150", 200, 100, 150, 150},
		{"m_fill,w_100,h_150", 200, 100, 200, 100},
		{"m_fill,w_100,h_150,limit_0", 200, 100, 100, 150},
		{"p_200", 200, 100, 400, 200},
		{"p_1", 10, 10, 1, 1},
		// Nothing becomes smaller than a pixel.
		{"w_1", 30000, 2, 1, 1},
		{"m_fixed,w_16384,h_1024,limit_0", 10, 10, 16384, 1024},
		// A source beyond a resize's limits may stay as it is.
		{"w_16384", 10000, 9000, 10000, 9000},
	} {
		sc, err := resizeOf(t, c.params).Scale(c.sw, c.sh)
		if w, h := sc.Output(); err != nil || w != c.w || h != c.h {
			t.Errorf("resize,%s of %d x %d: got %d x %d, %v; want %d x %d", c.params, c.sw, c.sh, w, h, err, c.w, c.h)
		}
	}
	for _, params := range []string{"w_16384,h_16384,m_fixed,limit_0", "p_1000", "w_5000,limit_0", "m_fill,w_16000,h_1,limit_0"} {
		_, err := resizeOf(t, params).Scale(2000, 2000)
		wantFault(t, err, "ImageTooLarge", "0040-00000007")
	}
}

func TestCropAreas(t *testing.T) {
	for process, want := range map[string]image.Rect{
		"image/crop,w_100,h_50":                    {X: 0, Y: 0, W: 100, H: 50},
		"image/crop,x_100,y_50":                    {X: 100, Y: 50, W: 300, H: 217},
		"image/crop,w_100,h_100,x_100,y_100,r_1":   {X: 100, Y: 100, W: 100, H: 100},
		"image/crop,w_100,h_100,g_se":              {X: 300, Y: 167, W: 100, H: 100},
		"image/crop,w_100,h_100,g_center":          {X: 150, Y: 83, W: 100, H: 100},
		"image/crop,w_100,h_100,g_north,x_10,y_20": {X: 160, Y: 20, W: 100, H: 100},
		"image/crop,w_100,h_100,g_se,x_60":         {X: 360, Y: 167, W: 40, H: 100},
		"image/crop,w_9000":                        {X: 0, Y: 0, W: 400, H: 267},
		"image/indexcrop,x_100,i_3":                {X: 300, Y: 0, W: 100, H: 267},
		"image/indexcrop,y_100,i_2":                {X: 0, Y: 200, W: 400, H: 67},
		"image/indexcrop,x_100,i_4":                {X: 0, Y: 0, W: 400, H: 267},
		"image/indexcrop,x_500,i_0":                {X: 0, Y: 0, W: 400, H: 267},
	} {
		p, err := image.Parse(process)
		if err != nil {
			t.Fatal(err)
		}
		var got image.Rect
		switch a := p.Actions[0].(type) {
		case image.Crop:
			got, err = a.Area(400, 267)
		case image.IndexCrop:
			got = a.Area(400, 267)
		}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", process, got, err, want)
		}
	}
	_, err := image.Crop{X: 400}.Area(400, 267)
	if e := wantFault(t, err, "CutEdgeExceedRange", ""); e.Message != "Advance cut's position is out of image." {
		t.Error(e.Message)
	}
}

func TestSniff(t *testing.T) {
	for want, heads := range map[image.Format][]string{
		image.JPG:  {"\xff\xd8\xff\xe0"},
		image.PNG:  {"\x89PNG\r\n\x1a\n"},
		image.GIF:  {"GIF87a", "GIF89a"},
		image.WebP: {"RIFF\x01\x02\x03\x04WEBPVP8 "},
		image.TIFF: {"II*\x00", "MM\x00*"},
		image.BMP:  {"BM............\x28\x00\x00\x00"},
		image.AVIF: {"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1miaf", "\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif"},
		image.HEIC: {"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00heic"},
		"":         {"", "BM", "BM............\xff\x00\x00\x00", "<svg xmlns=", "%PDF-1.7", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", "RIFF\x01\x02\x03\x04WAVE", "\x1f\x8b", "II+\x00"},
	} {
		for _, h := range heads {
			if got := image.Sniff([]byte(h)); got != want {
				t.Errorf("%q: got %q, want %q", h, got, want)
			}
		}
	}
}
