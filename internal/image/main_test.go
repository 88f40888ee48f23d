package image_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	goimage "image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/worker"
)

// The test binary is its own image worker, as the alcedo binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case "image-worker":
			err = worker.Main(context.Background(), os.Stdin, os.Stdout)
		case "image-worker-without-libvips":
			err = worker.Serve(context.Background(), os.Stdin, os.Stdout, "libvips-that-is-not-there.so")
		case "image-worker-that-dies":
			os.Exit(3)
		default:
			os.Exit(runTests(m))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	p := image.New(image.Options{Workers: 1})
	_, err := p.Check(context.Background())
	p.Close()
	if err != nil {
		fmt.Fprintf(os.Stderr, "internal/image needs libvips to be tested: apt install libvips42\n%v\n", err)
		return 1
	}
	code := m.Run()
	if sharedPool != nil {
		sharedPool.Close()
	}
	return code
}

var (
	sharedPool *image.Pool
	sharedOnce sync.Once
)

// pool is one pool for all tests that leave their workers whole.
func pool() *image.Pool {
	sharedOnce.Do(func() { sharedPool = image.New(image.Options{Workers: 2}) })
	return sharedPool
}

func source(b []byte) image.Source {
	return image.Source{Size: int64(len(b)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

func run(t testing.TB, process string, src []byte) (*image.Result, error) {
	t.Helper()
	proc, err := image.Parse(process)
	if err != nil {
		t.Fatalf("Parse(%q): %v", process, err)
	}
	return pool().Run(t.Context(), "", proc, source(src))
}

func mustRun(t testing.TB, process string, src []byte) *image.Result {
	t.Helper()
	r, err := run(t, process, src)
	if err != nil {
		t.Fatalf("%s: %v", process, err)
	}
	return r
}

// decode reads a result with Go's own decoders, independently of libvips.
func decode(t testing.TB, r *image.Result) goimage.Image {
	t.Helper()
	var m goimage.Image
	var err error
	b := bytes.NewReader(r.Data)
	switch r.Format {
	case "jpg":
		m, err = jpeg.Decode(b)
	case "png":
		m, err = png.Decode(b)
	case "gif":
		m, err = gif.Decode(b)
	case "bmp":
		m, err = bmp.Decode(b)
	case "tiff":
		m, err = tiff.Decode(b)
	case "webp":
		m, err = webp.Decode(b)
	default:
		err = errors.New("no decoder for " + r.Format)
	}
	if err != nil {
		t.Fatalf("result is no %s: %v", r.Format, err)
	}
	if s := m.Bounds().Size(); s.X != r.Width || s.Y != r.Height {
		t.Fatalf("result is %v but is said to be %d x %d", s, r.Width, r.Height)
	}
	return m
}

// reason checks an error's wire code and EC.
func wantFault(t testing.TB, err error, reason, ec string) *fault.Error {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a fault %s", err, reason)
	}
	if string(e.Reason) != reason || e.Params["EC"] != ec {
		t.Fatalf("got %s (EC %q): %v; want %s (EC %q)", e.Reason, e.Params["EC"], e, reason, ec)
	}
	return e
}

const jpegQuality = 90

// Sources. quadrants has red, green, blue and black quarters, so that turns and mirrors
// show; photo is noisy, so that it compresses like one.

var quarters = [4]color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {0, 0, 0, 255}}

func quadrants(w, h int) *goimage.RGBA {
	m := goimage.NewRGBA(goimage.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, quarters[2*(2*y/h)+2*x/w])
		}
	}
	return m
}

func photo(w, h int) *goimage.RGBA {
	m := goimage.NewRGBA(goimage.Rect(0, 0, w, h))
	rnd := rand.New(rand.NewPCG(1, 2))
	wave := make([]float64, w)
	for x := range wave {
		wave[x] = 30 * math.Sin(float64(x)/9)
	}
	for y := range h {
		c := math.Cos(float64(y) / 11)
		for x := range w {
			n := 30 + int(rnd.Uint32()%16) + int(wave[x]*c)
			o := m.PixOffset(x, y)
			m.Pix[o], m.Pix[o+1], m.Pix[o+2], m.Pix[o+3] = uint8(n+x*150/w), uint8(n+y*150/h), uint8(n+(x+y)*150/(w+h)), 255
		}
	}
	return m
}

func encode(m goimage.Image, f string) []byte {
	var b bytes.Buffer
	var err error
	switch f {
	case "jpg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: jpegQuality})
	case "png":
		err = png.Encode(&b, m)
	case "bmp":
		err = bmp.Encode(&b, m)
	case "tiff":
		err = tiff.Encode(&b, m, nil)
	case "gif":
		err = gif.Encode(&b, m, nil)
	default:
		err = errors.New("cannot encode " + f)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

const camera = "Kingfisher 1"

// withOrientation inserts an EXIF segment into a JPEG.
func withOrientation(j []byte, o uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x03")
	exif = append(exif, 0x01, 0x10, 0, 2, 0, 0, 0, 13, 0, 0, 0, 58) // Model, stored at 58
	exif = append(exif, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(o>>8), byte(o), 0, 0)
	exif = append(exif, 0x01, 0x1a, 0, 5, 0, 0, 0, 1, 0, 0, 0, 50) // XResolution, stored at 50
	exif = append(exif, 0, 0, 0, 0, 0, 0, 0, 96, 0, 0, 0, 1)
	exif = append(exif, camera+"\x00"...)
	seg := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
	return append(append(append([]byte{}, j[:2]...), append(seg, exif...)...), j[2:]...)
}

func animatedGIF(w, h, frames int) []byte {
	g := &gif.GIF{}
	for i := range frames {
		m := goimage.NewPaletted(goimage.Rect(0, 0, w, h), color.Palette{quarters[0], quarters[1], quarters[2], quarters[3]})
		for j := range m.Pix {
			m.Pix[j] = uint8(i % 4)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10+i)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func near(a, b uint32, tolerance int) bool {
	d := int(a>>8) - int(b>>8)
	return d <= tolerance && -d <= tolerance
}

func wantColor(t testing.TB, m goimage.Image, x, y int, want color.Color, tolerance int) {
	t.Helper()
	r, g, b, a := m.At(x, y).RGBA()
	wr, wg, wb, wa := want.RGBA()
	if !near(r, wr, tolerance) || !near(g, wg, tolerance) || !near(b, wb, tolerance) || !near(a, wa, tolerance) {
		t.Errorf("pixel %d,%d is %v, want %v", x, y, m.At(x, y), want)
	}
}
