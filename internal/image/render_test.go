package image_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	goimage "image"
	"image/color"
	"image/gif"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
)

func TestResizeMakesExactSizes(t *testing.T) {
	jpg := encode(quadrants(200, 100), "jpg")
	for params, want := range map[string][2]int{
		"m_lfit,w_150,h_80":         {150, 75},
		"m_mfit,w_150,h_80":         {160, 80},
		"m_fill,w_150,h_80":         {150, 80},
		"m_pad,w_150,h_80":          {150, 80},
		"m_fixed,w_150,h_80":        {150, 80},
		"w_400":                     {200, 100},
		"w_400,limit_0":             {400, 200},
		"p_33":                      {66, 33},
		"m_fixed,w_1,h_1":           {1, 1},
		"m_fixed,w_7,h_99":          {7, 99},
		"m_fixed,w_333,h_1,limit_0": {333, 1},
	} {
		r := mustRun(t, "image/resize,"+params, jpg)
		if r.Format != "jpg" || r.ContentType != "image/jpeg" || r.Width != want[0] || r.Height != want[1] {
			t.Errorf("%s: got %s, %d x %d", params, r.ContentType, r.Width, r.Height)
		}
		decode(t, r)
	}
	// Odd sizes meet every power of shrink-on-load with a remainder.
	odd := encode(photo(997, 613), "jpg")
	for w := 1; w < 997; w += 37 {
		p := fmt.Sprintf("image/resize,w_%d", w)
		r := mustRun(t, p, odd)
		if want := max((w*613*2+997)/(2*997), 1); r.Width != w || r.Height != want {
			t.Errorf("%s: got %d x %d, want height %d", p, r.Width, r.Height, want)
		}
	}
}

func TestResizeKeepsThePicture(t *testing.T) {
	for _, f := range []string{"jpg", "png", "bmp", "tiff", "gif"} {
		src := encode(quadrants(400, 240), f)
		r := mustRun(t, "image/resize,m_fixed,w_80,h_80", src)
		if r.Format != f {
			t.Fatalf("%s became %s", f, r.Format)
		}
		m := decode(t, r)
		for i, at := range [4][2]int{{20, 20}, {60, 20}, {20, 60}, {60, 60}} {
			wantColor(t, m, at[0], at[1], quarters[i], 8)
		}
	}
	// The centre is cut, and the canvas is coloured around the picture.
	src := encode(quadrants(300, 100), "png")
	m := decode(t, mustRun(t, "image/resize,m_fill,w_50,h_50", src))
	wantColor(t, m, 5, 5, quarters[0], 4)
	wantColor(t, m, 45, 45, quarters[3], 4)
	m = decode(t, mustRun(t, "image/resize,m_pad,w_90,h_90,color_102030", src))
	wantColor(t, m, 45, 2, color.RGBA{0x10, 0x20, 0x30, 255}, 0)
	wantColor(t, m, 45, 88, color.RGBA{0x10, 0x20, 0x30, 255}, 0)
	wantColor(t, m, 20, 40, quarters[0], 4)
	gray := goimage.NewGray(goimage.Rect(0, 0, 100, 50))
	for i := range gray.Pix {
		gray.Pix[i] = 100
	}
	m = decode(t, mustRun(t, "image/resize,m_pad,w_50,h_50,color_FF0000", encode(gray, "png")))
	wantColor(t, m, 25, 2, quarters[0], 0)
	wantColor(t, m, 25, 25, color.Gray{100}, 1)
}

func TestTransparency(t *testing.T) {
	// The left half is transparent, and would be green if alpha were ignored.
	n := goimage.NewNRGBA(goimage.Rect(0, 0, 200, 100))
	for y := range 100 {
		for x := range 200 {
			n.SetNRGBA(x, y, color.NRGBA{0, 255, 0, 0})
			if x >= 100 {
				n.SetNRGBA(x, y, color.NRGBA{255, 0, 0, 255})
			}
		}
	}
	src := encode(n, "png")
	m := decode(t, mustRun(t, "image/resize,w_50", src))
	wantColor(t, m, 5, 10, color.Transparent, 0)
	wantColor(t, m, 40, 10, quarters[0], 2)
	if c := color.NRGBAModel.Convert(m.At(25, 10)).(color.NRGBA); c.G > 20 {
		t.Errorf("hidden colour shows at the edge: %v", c)
	}
	m = decode(t, mustRun(t, "image/resize,w_50/format,jpg", src))
	wantColor(t, m, 5, 10, color.White, 4)
	wantColor(t, m, 44, 10, quarters[0], 8)
	m = decode(t, mustRun(t, "image/resize,w_50/format,bmp", src))
	wantColor(t, m, 44, 10, quarters[0], 2)
}

func TestSixteenBitAndGreySources(t *testing.T) {
	g := goimage.NewGray16(goimage.Rect(0, 0, 64, 64))
	c := goimage.NewNRGBA64(g.Rect)
	for y := range 64 {
		for x := range 64 {
			g.SetGray16(x, y, color.Gray16{0x8000})
			c.SetNRGBA64(x, y, color.NRGBA64{0xffff, 0x8000, 0, 0xffff})
		}
	}
	for _, out := range []string{"png", "jpg", "webp", "bmp", "tiff"} {
		m := decode(t, mustRun(t, "image/resize,w_16/format,"+out, encode(g, "png")))
		wantColor(t, m, 8, 8, color.Gray{128}, 4)
		m = decode(t, mustRun(t, "image/resize,w_16/format,"+out, encode(c, "png")))
		tolerance := 8
		if out == "webp" { // Go's decoder takes its colours for full range
			tolerance = 24
		}
		wantColor(t, m, 8, 8, color.RGBA{255, 128, 0, 255}, tolerance)
	}
}

func TestFormats(t *testing.T) {
	src := encode(quadrants(64, 48), "jpg")
	for out, magic := range map[string]image.Format{"jpg": image.JPG, "png": image.PNG, "webp": image.WebP, "bmp": image.BMP, "tiff": image.TIFF, "avif": image.AVIF, "heic": image.HEIC, "gif": image.JPG} {
		r, err := run(t, "image/format,"+out, src)
		if out == "heic" && fault.Is(err, "NotImplemented") {
			continue // an encoder for it is not always installed
		}
		if err != nil {
			t.Errorf("%s: %v", out, err)
			continue
		}
		if got := image.Sniff(r.Data); got != magic || r.Format != string(magic) || r.ContentType != magic.ContentType() || r.Width != 64 || r.Height != 48 {
			t.Errorf("%s: got %q, %+v", out, got, r)
		}
		// And back, through the loader of that format.
		m := decode(t, mustRun(t, "image/resize,w_32/format,png", r.Data))
		wantColor(t, m, 6, 6, quarters[0], 16)
		wantColor(t, m, 26, 18, quarters[3], 16)
	}
	if r := mustRun(t, "image/format,gif", animatedGIF(8, 8, 2)); r.Format != "gif" {
		t.Errorf("gif became %s", r.Format)
	}
	if r := mustRun(t, "image/format,jpg", animatedGIF(8, 8, 2)); r.Format != "jpg" {
		t.Errorf("gif to jpg became %s", r.Format)
	} else {
		wantColor(t, decode(t, r), 4, 4, quarters[0], 8)
	}
}

func TestAutoOrient(t *testing.T) {
	// Where the red, green, blue and black quarters of the stored image are to be seen.
	places := map[uint16][4]int{1: {0, 1, 2, 3}, 2: {1, 0, 3, 2}, 3: {3, 2, 1, 0}, 4: {2, 3, 0, 1}, 5: {0, 2, 1, 3}, 6: {2, 0, 3, 1}, 7: {3, 1, 2, 0}, 8: {1, 3, 0, 2}}
	jpg := encode(quadrants(200, 100), "jpg")
	for o, quarter := range places {
		src := withOrientation(jpg, o)
		for process, size := range map[string][2]int{
			"image/resize,w_50":                          {50, 100},
			"image/quality,q_90":                         {100, 200},
			"image/resize,m_fixed,w_40,h_40":             {40, 40},
			"image/auto-orient,1/resize,m_fill,w_50":     {50, 50},
			"image/resize,m_pad,w_50,h_120/format,png":   {50, 120},
			"image/resize,w_60/auto-orient,1/format,bmp": {60, 120},
		} {
			if o < 5 {
				size = map[string][2]int{
					"image/resize,w_50": {50, 25}, "image/quality,q_90": {200, 100}, "image/resize,w_60/auto-orient,1/format,bmp": {60, 30},
				}[process]
				if size[0] == 0 {
					continue
				}
			}
			r := mustRun(t, process, src)
			if r.Width != size[0] || r.Height != size[1] {
				t.Errorf("orientation %d, %s: got %d x %d, want %v", o, process, r.Width, r.Height, size)
			}
			m := decode(t, r)
			w, h := r.Width, r.Height
			for i, at := range [4][2]int{{w / 4, h / 3}, {3 * w / 4, h / 3}, {w / 4, 2 * h / 3}, {3 * w / 4, 2 * h / 3}} {
				wantColor(t, m, at[0], at[1], quarters[quarter[i]], 24)
			}
		}
		m := decode(t, mustRun(t, "image/resize,w_50/auto-orient,0", src))
		if m.Bounds().Dx() != 50 || m.Bounds().Dy() != 25 {
			t.Errorf("orientation %d, auto-orient,0: %v", o, m.Bounds())
		}
		wantColor(t, m, 10, 5, quarters[0], 12)
	}
}

func TestResultsCarryNoExif(t *testing.T) {
	src := withOrientation(encode(quadrants(200, 100), "jpg"), 6)
	if !bytes.Contains(src, []byte(camera)) {
		t.Fatal("the source does not name its camera")
	}
	for _, process := range []string{"image/resize,w_50", "image/auto-orient,0", "image/format,png", "image/format,webp", "image/format,tiff"} {
		if r := mustRun(t, process, src); bytes.Contains(r.Data, []byte(camera)) {
			t.Errorf("%s: the result names the camera", process)
		}
	}
}

func TestQuality(t *testing.T) {
	src := encode(photo(400, 300), "jpg") // quality 90
	size := func(process string, src []byte) int { return len(mustRun(t, process, src).Data) }
	q30, q60, q90, q100 := size("image/quality,Q_30", src), size("image/quality,Q_60", src), size("image/quality,Q_90", src), size("image/quality,Q_100", src)
	if !(q30 < q60 && q60 < q90) {
		t.Errorf("sizes do not follow quality: %d, %d, %d", q30, q60, q90)
	}
	if q100 != q90 {
		t.Errorf("Q_100 made %d bytes of a source of quality 90, Q_90 %d", q100, q90)
	}
	if relative, absolute := size("image/quality,q_50", src), size("image/quality,Q_45", src); relative != absolute {
		t.Errorf("q_50 of quality 90 made %d bytes, Q_45 %d", relative, absolute)
	}
	png := encode(photo(100, 100), "png")
	if size("image/quality,q_50/format,jpg", png) != size("image/quality,Q_50/format,jpg", png) {
		t.Error("q differs from Q for a source that has no quality")
	}
	if size("image/quality,q_30/format,webp", src) >= size("image/quality,q_90/format,webp", src) {
		t.Error("quality does nothing for WebP")
	}
}

func TestInterlace(t *testing.T) {
	src := encode(quadrants(64, 64), "jpg")
	sof2 := []byte{0xff, 0xc2}
	if r := mustRun(t, "image/interlace,1", src); !bytes.Contains(r.Data, sof2) {
		t.Error("interlace,1 made no progressive JPEG")
	}
	if r := mustRun(t, "image/interlace,0", src); bytes.Contains(r.Data, sof2) {
		t.Error("interlace,0 made a progressive JPEG")
	}
}

func TestInfo(t *testing.T) {
	read := func(src []byte) map[string]string {
		r := mustRun(t, "image/info", src)
		if r.ContentType != "application/json" {
			t.Errorf("info is %s", r.ContentType)
		}
		var v map[string]map[string]string
		if err := json.Unmarshal(r.Data, &v); err != nil {
			t.Fatalf("%v in %s", err, r.Data)
		}
		flat := map[string]string{}
		for k, v := range v {
			flat[k] = v["value"]
		}
		return flat
	}
	src := withOrientation(encode(quadrants(200, 100), "jpg"), 6)
	got := read(src)
	for k, want := range map[string]string{"FileSize": fmt.Sprint(len(src)), "Format": "jpg", "ImageWidth": "200", "ImageHeight": "100", "FrameCount": "1", "Orientation": "6", "XResolution": "96/1", "Model": camera} {
		if got[k] != want {
			t.Errorf("%s is %q, want %q, in %v", k, got[k], want, got)
		}
	}
	if len(got) != 8 {
		t.Errorf("info tells what the file does not: %v", got)
	}
	got = read(animatedGIF(20, 10, 3))
	if got["Format"] != "gif" || got["FrameCount"] != "3" || got["ImageHeight"] != "10" {
		t.Errorf("animation: %v", got)
	}
	if got = read(encode(quadrants(20, 10), "bmp")); got["Format"] != "bmp" || got["ImageWidth"] != "20" {
		t.Errorf("bmp: %v", got)
	}
}

func TestAverageHue(t *testing.T) {
	m := goimage.NewRGBA(goimage.Rect(0, 0, 50, 50))
	for i := 0; i < len(m.Pix); i += 4 {
		copy(m.Pix[i:], []byte{0x5c, 0x78, 0x3a, 255})
	}
	if r := mustRun(t, "image/average-hue", encode(m, "png")); string(r.Data) != `{"RGB": "0x5c783a"}` {
		t.Errorf("got %s", r.Data)
	}
}

func TestAnimation(t *testing.T) {
	src := animatedGIF(100, 60, 4)
	for process, want := range map[string]struct{ w, h, frames int }{
		"image/resize,w_50":                      {50, 30, 4},
		"image/resize,m_pad,w_50,h_50":           {50, 50, 4},
		"image/resize,m_fill,w_30,h_30":          {30, 30, 4},
		"image/resize,w_50/crop,w_10,h_10":       {10, 10, 4},
		"image/resize,w_500,limit_0":             {100, 60, 4}, // never enlarged
		"image/resize,p_50":                      {50, 30, 1},  // as documented
		"image/rotate,90":                        {60, 100, 1},
		"image/resize,w_50/rotate,90/format,gif": {30, 50, 1},
	} {
		r := mustRun(t, process, src)
		g, err := gif.DecodeAll(bytes.NewReader(r.Data))
		if err != nil {
			t.Fatalf("%s: %v", process, err)
		}
		if len(g.Image) != want.frames || g.Config.Width != want.w || g.Config.Height != want.h || r.Width != want.w || r.Height != want.h {
			t.Errorf("%s: %d frames of %d x %d, said to be %d x %d", process, len(g.Image), g.Config.Width, g.Config.Height, r.Width, r.Height)
			continue
		}
		for i, f := range g.Image {
			if want.frames > 1 && g.Delay[i] != 10+i {
				t.Errorf("%s: frame %d is shown for %d", process, i, g.Delay[i])
			}
			if f.Bounds().Dx() == want.w { // unchanged parts may be left out
				wantColor(t, f, want.w/2, want.h/2, quarters[i%4], 4)
			}
		}
	}
	r := mustRun(t, "image/resize,w_50/format,webp", src)
	if r.Format != "webp" || r.Height != 30 || !bytes.Contains(r.Data[:64], []byte("ANIM")) {
		t.Errorf("webp: %d x %d, %q", r.Width, r.Height, r.Data[:64])
	}
	r = mustRun(t, "image/resize,w_25", r.Data)
	if r.Height != 15 || !bytes.Contains(r.Data[:64], []byte("ANIM")) {
		t.Errorf("webp to webp: %d x %d, %q", r.Width, r.Height, r.Data[:64])
	}
}

func TestTurnsAndCuts(t *testing.T) {
	src := encode(quadrants(120, 80), "png")
	for process, want := range map[string]struct {
		w, h  int
		first int // the quarter at the top left
	}{
		"image/crop,w_30,h_20,g_ne":         {30, 20, 1},
		"image/crop,x_60,y_40":              {60, 40, 3},
		"image/indexcrop,x_60,i_1":          {60, 80, 1},
		"image/indexcrop,y_40,i_1":          {120, 40, 2},
		"image/rotate,90":                   {80, 120, 2},
		"image/rotate,180":                  {120, 80, 3},
		"image/rotate,270":                  {80, 120, 1},
		"image/rotate,0":                    {120, 80, 0},
		"image/flip,v_0":                    {120, 80, 1},
		"image/flip,v_1":                    {120, 80, 2},
		"image/flip,v_2":                    {120, 80, 3},
		"image/rotate,90/resize,w_40":       {40, 60, 2},
		"image/crop,w_60,h_40/resize,w_30":  {30, 20, 0},
		"image/resize,w_60/crop,w_30,h_20,": {30, 20, 0},
		"image/resize,w_60/resize,w_30":     {30, 20, 0},
	} {
		r := mustRun(t, process, src)
		if r.Width != want.w || r.Height != want.h {
			t.Errorf("%s: got %d x %d, want %d x %d", process, r.Width, r.Height, want.w, want.h)
		}
		wantColor(t, decode(t, r), 3, 3, quarters[want.first], 4)
	}
	m := decode(t, mustRun(t, "image/rotate,45", src))
	if d := m.Bounds().Dx(); d < 140 || d > 143 {
		t.Errorf("rotate,45 is %d wide", d)
	}
	wantColor(t, m, 2, 2, color.Transparent, 0)
	m = decode(t, mustRun(t, "image/rotate,45/format,jpg", src))
	wantColor(t, m, 2, 2, color.White, 3)
	_, err := run(t, "image/crop,x_120", src)
	wantFault(t, err, "CutEdgeExceedRange", "")
	_, err = run(t, "image/rotate,90", encode(goimage.NewGray(goimage.Rect(0, 0, 5000, 10)), "png"))
	if e := wantFault(t, err, "BadRequest", ""); e.Message != "Picture exceed the maximum allowable rotation range" {
		t.Error(e.Message)
	}
}

func TestCornersAndEffects(t *testing.T) {
	src := encode(quadrants(120, 80), "png")
	r := mustRun(t, "image/circle,r_100", src)
	m := decode(t, r)
	if r.Width != 80 || r.Height != 80 {
		t.Errorf("circle is %d x %d", r.Width, r.Height)
	}
	wantColor(t, m, 1, 1, color.Transparent, 0)
	wantColor(t, m, 30, 20, quarters[0], 2)
	m = decode(t, mustRun(t, "image/circle,r_30/format,jpg", src))
	wantColor(t, m, 1, 1, color.White, 30)
	m = decode(t, mustRun(t, "image/rounded-corners,r_20", src))
	for _, at := range [4][2]int{{0, 0}, {119, 0}, {0, 79}, {119, 79}} {
		wantColor(t, m, at[0], at[1], color.Transparent, 0)
	}
	wantColor(t, m, 20, 20, quarters[0], 2)

	gray := goimage.NewGray(goimage.Rect(0, 0, 40, 40))
	for i := range gray.Pix {
		gray.Pix[i] = 100
	}
	flat := encode(gray, "png")
	for process, want := range map[string]uint8{
		"image/bright,0": 100, "image/bright,20": 151, "image/bright,-100": 0, "image/bright,100": 255,
		"image/contrast,0": 100, "image/contrast,-100": 128, "image/contrast,100": 72,
		"image/blur,r_10,s_5": 100, "image/sharpen,100": 100,
	} {
		wantColor(t, decode(t, mustRun(t, process, flat)), 20, 20, color.Gray{want}, 1)
	}
	edge := decode(t, mustRun(t, "image/blur,r_10,s_5/format,png", src))
	if r, g, _, _ := edge.At(60, 20).RGBA(); r>>8 < 60 || r>>8 > 190 || g>>8 < 60 || g>>8 > 190 {
		t.Errorf("blur leaves a sharp edge: %v", edge.At(60, 20))
	}
	n := goimage.NewNRGBA(goimage.Rect(0, 0, 30, 30))
	wantColor(t, decode(t, mustRun(t, "image/bright,50", encode(n, "png"))), 10, 10, color.Transparent, 0)
}

// pngOf is a PNG of w x h pixels with the given pixel data before compression, whatever
// that holds.
func pngOf(w, h uint32, depth, colour byte, raw []byte) []byte {
	var z bytes.Buffer
	c, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed)
	c.Write(raw)
	c.Close()
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		body := append([]byte(name), data...)
		b = binary.BigEndian.AppendUint32(append(b, body...), crc32.ChecksumIEEE(body))
	}
	chunk("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h), depth, colour, 0, 0, 0))
	chunk("IDAT", z.Bytes())
	chunk("IEND", nil)
	return b
}

// pngHeader is a PNG that promises w x h pixels and has none.
func pngHeader(w, h uint32) []byte { return pngOf(w, h, 8, 6, nil) }

// pngFlat is a black PNG with one bit a pixel, a thousandth of that as a file.
func pngFlat(w, h int) []byte { return pngOf(uint32(w), uint32(h), 1, 0, make([]byte, h*(1+(w+7)/8))) }

func TestBombs(t *testing.T) {
	bmpHeader := func(w, h uint32) []byte {
		b := append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, w), h)...)
		return append(append(b, "\x01\x00\x18\x00\x00\x00\x00\x00"...), make([]byte, 24)...)
	}
	gifHeader := func(w, h uint16, frames int) []byte {
		b := animatedGIF(1, 1, frames)
		binary.LittleEndian.PutUint16(b[6:], w)
		binary.LittleEndian.PutUint16(b[8:], h)
		// The sizes of the frames are what decoders believe.
		frame, patched := []byte{0x2c, 0, 0, 0, 0, 1, 0, 1, 0}, []byte{0x2c, 0, 0, 0, 0, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}
		if bytes.Count(b, frame) != frames {
			panic("frames not found")
		}
		b = bytes.ReplaceAll(b, frame, patched)
		return b
	}
	for name, c := range map[string]struct {
		src []byte
		ec  string
	}{
		"png 30000x30000":      {pngHeader(30000, 30000), "0040-00000012"},
		"png 30001x1":          {pngHeader(30001, 1), "0040-00000009"},
		"bmp 20000x20000":      {bmpHeader(20000, 20000), "0040-00000012"},
		"gif 9000x9000 by 4":   {gifHeader(9000, 9000, 4), "0040-00000012"},
		"gif of 40000 columns": {gifHeader(40000, 1, 1), "0040-00000009"},
	} {
		for _, process := range []string{"image/resize,w_10", "image/info", "image/average-hue", "image/rotate,90"} {
			if _, err := run(t, process, c.src); err == nil {
				t.Errorf("%s: %s was done", name, process)
			} else {
				wantFault(t, err, "ImageTooLarge", c.ec)
			}
		}
	}
	_, err := run(t, "image/resize,w_10", bmpHeader(9000, 9000))
	wantFault(t, err, "BadRequest", "0040-00000005")
	// Small as a file, large in memory, and yet within the limits: this is done.
	big := pngFlat(15000, 15000)
	if len(big) > 1<<20 {
		t.Fatalf("%d bytes are no bomb", len(big))
	}
	m := decode(t, mustRun(t, "image/resize,w_64", big))
	wantColor(t, m, 32, 32, color.Black, 0)
}

func TestWhatIsNoImage(t *testing.T) {
	whole := map[string][]byte{}
	for _, f := range []string{"jpg", "png", "bmp", "tiff", "gif"} {
		whole[f] = encode(photo(300, 200), f)
	}
	whole["webp"] = mustRun(t, "image/format,webp", whole["png"]).Data
	whole["avif"] = mustRun(t, "image/format,avif", whole["png"]).Data
	cases := map[string][]byte{
		"text":         []byte(strings.Repeat("no image at all ", 100)),
		"one byte":     {0xff},
		"empty":        nil,
		"svg":          []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>`),
		"pdf":          []byte("%PDF-1.7\n%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		"header alone": pngHeader(100, 100),
	}
	for f, b := range whole {
		cases[f+" cut in half"] = b[:len(b)/2]
		cases[f+" cut in its header"] = b[:20]
		garbled := bytes.Clone(b)
		for i := 30; i < len(garbled); i++ {
			garbled[i] ^= 0x5a
		}
		cases[f+" garbled"] = garbled
	}
	for name, src := range cases {
		r, err := run(t, "image/resize,m_fixed,w_32,h_32", src)
		if err == nil {
			t.Errorf("%s: made %d x %d", name, r.Width, r.Height)
			continue
		}
		if e := fault.As(err); e.Kind == fault.TooLarge {
			continue // a garbled header may promise anything
		}
		if e := wantFault(t, err, "BadRequest", "0040-00000005"); e.Message != "This image format is not supported." {
			t.Errorf("%s: %v", name, e)
		}
	}
}
