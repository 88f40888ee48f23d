//go:build cgo

// Package vips reaches libvips through dlopen, behind a small C layer of our own.
//
// Nothing is loaded until [Open] is called, which only image worker processes do. The
// server, the command line and the init of every sandbox are the same binary; linking
// libvips would make each of their starts load about a hundred shared libraries, some
// 45 ms and tens of megabytes, and would make a machine without libvips unable to
// start any of them. It also keeps libvips and its headers out of the build.
//
// A [Session] owns every image made in it. None of this is safe for concurrent use: a
// worker does one thing at a time.
package vips

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"runtime"
	"strings"
	"unsafe"
)

// DefaultLibrary is the name under which the dynamic linker finds libvips.
var DefaultLibrary = map[string]string{"darwin": "libvips.42.dylib"}[runtime.GOOS]

func init() {
	if DefaultLibrary == "" {
		DefaultLibrary = "libvips.so.42"
	}
}

// Open loads library, initialises it with one thread and no operation cache, and turns
// off every loader but those of [Codec]. It must be called once, before anything else.
func Open(library string) error {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	var text [1024]C.char
	if C.alc_open(name, &text[0], C.size_t(len(text))) != 0 {
		return errors.New(strings.TrimSpace(C.GoString(&text[0])))
	}
	return nil
}

// Version returns the version of the opened library, for example "8.14.1".
func Version() string { return C.GoString(C.alc_version()) }

// Has reports whether the opened library has an operation, such as "heifsave_buffer".
func Has(operation string) bool {
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	return C.alc_has(name) != 0
}

// Codec is a format that libvips may read and write here.
type Codec C.int

// The codecs.
const (
	JPG  Codec = C.ALC_JPG
	PNG  Codec = C.ALC_PNG
	GIF  Codec = C.ALC_GIF
	WebP Codec = C.ALC_WEBP
	TIFF Codec = C.ALC_TIFF
	HEIC Codec = C.ALC_HEIC
	AVIF Codec = C.ALC_AVIF
)

// Numbers of libvips' interpretations that callers tell apart.
const (
	InterpretationBW   = 1
	InterpretationCMYK = 15
	InterpretationSRGB = 22
	InterpretationGrey = 26 // 16 bits
)

// Alloc returns n bytes outside Go's heap, which libvips may keep pointers into. It
// returns nil when memory is short. Free gives them back.
func Alloc(n int) []byte {
	if n == 0 {
		return nil
	}
	p := C.malloc(C.size_t(n))
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), n)
}

// Free releases what Alloc returned.
func Free(b []byte) {
	if cap(b) > 0 {
		C.free(unsafe.Pointer(unsafe.SliceData(b)))
	}
}

// Session owns images; Close releases them all.
type Session struct {
	images  []*C.VipsImage
	buffers []unsafe.Pointer
}

// Close releases every image and every saved buffer of the session.
func (s *Session) Close() {
	for i := len(s.images) - 1; i >= 0; i-- {
		C.alc_unref(s.images[i])
	}
	for _, b := range s.buffers {
		C.alc_free(b)
	}
	s.images, s.buffers = nil, nil
}

// Image is one image of a session; operations return new ones and read pixels lazily.
type Image struct {
	s *Session
	p *C.VipsImage
}

func lastError() error {
	var text [2048]C.char
	C.alc_error(&text[0], C.size_t(len(text)))
	msg := strings.TrimSpace(C.GoString(&text[0]))
	if msg == "" {
		msg = "libvips failed without saying why"
	}
	return errors.New(msg)
}

func (s *Session) keep(p *C.VipsImage, failed bool) (*Image, error) {
	if p == nil || failed {
		return nil, lastError()
	}
	s.images = append(s.images, p)
	return &Image{s, p}, nil
}

// LoadOptions say how to open an image. Zero values mean full size and first frame.
type LoadOptions struct {
	Shrink     int     // JPEG only: 1, 2, 4 or 8
	Scale      float64 // WebP only: 0 < Scale <= 1
	AllFrames  bool    // GIF and WebP only
	Sequential bool    // pixels will be read once, from top to bottom
}

// Load opens an encoded image, reading its header only. buf must come from [Alloc] and
// outlive the session. A truncated file fails, here or when its pixels are read.
func (s *Session) Load(c Codec, buf []byte, o LoadOptions) (*Image, error) {
	if o.Shrink == 0 {
		o.Shrink = 1
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	frames := C.int(1)
	if o.AllFrames {
		frames = -1
	}
	var out *C.VipsImage
	r := C.alc_load(C.int(c), unsafe.Pointer(unsafe.SliceData(buf)), C.size_t(len(buf)), C.int(o.Shrink), C.double(o.Scale), frames, flag(o.Sequential), &out)
	return s.keep(out, r != 0)
}

// FromPixels copies 8-bit pixels, bands interleaved, into a new image.
func (s *Session) FromPixels(pix []byte, width, height, bands int) (*Image, error) {
	p := C.alc_from_pixels(unsafe.Pointer(unsafe.SliceData(pix)), C.size_t(len(pix)), C.int(width), C.int(height), C.int(bands))
	return s.keep(p, false)
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Width returns the width in pixels.
func (i *Image) Width() int { return int(C.alc_width(i.p)) }

// Height returns the height in pixels, of all frames together.
func (i *Image) Height() int { return int(C.alc_height(i.p)) }

// Bands returns the number of bands, alpha included.
func (i *Image) Bands() int { return int(C.alc_bands(i.p)) }

// Interpretation returns libvips' number for the colour space.
func (i *Image) Interpretation() int { return int(C.alc_interpretation(i.p)) }

// Bytes8 reports whether every band is an unsigned byte.
func (i *Image) Bytes8() bool { return C.alc_band_format(i.p) == 0 }

// HasAlpha reports whether the last band is alpha.
func (i *Image) HasAlpha() bool { return C.alc_has_alpha(i.p) != 0 }

// Orientation returns the EXIF orientation, 1 to 8; 1 when there is none.
func (i *Image) Orientation() int { return int(C.alc_orientation(i.p)) }

// HasField reports whether the image carries a piece of metadata.
func (i *Image) HasField(name string) bool {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	return C.alc_has_field(i.p, n) != 0
}

// Int returns an integer piece of metadata.
func (i *Image) Int(name string) (int, bool) {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	var v C.int
	if C.alc_get_int(i.p, n, &v) != 0 {
		return 0, false
	}
	return int(v), true
}

// Blob returns a copy of a binary piece of metadata, nil when there is none.
func (i *Image) Blob(name string) []byte {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	var size C.size_t
	p := C.alc_blob(i.p, n, &size)
	if p == nil || size > 1<<30 {
		return nil
	}
	return C.GoBytes(p, C.int(size))
}

// WithoutFields returns i without the metadata for which drop answers true, and with
// the given integers set.
func (i *Image) WithoutFields(drop func(name string) bool, set map[string]int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_copy(i.p, &out)
	o, err := i.s.keep(out, r != 0)
	if err != nil {
		return nil, err
	}
	fields := C.alc_fields(o.p)
	defer C.alc_free_fields(fields)
	for p := fields; p != nil && *p != nil; p = (**C.char)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		if drop(C.GoString(*p)) {
			C.alc_remove(o.p, *p)
		}
	}
	for name, v := range set {
		n := C.CString(name)
		C.alc_set_int(o.p, n, C.int(v))
		C.free(unsafe.Pointer(n))
	}
	return o, nil
}

// ToMemory decodes all pixels, so that they may be read in any order.
func (i *Image) ToMemory() (*Image, error) { return i.s.keep(C.alc_to_memory(i.p), false) }

// Pixels returns all pixels, bands interleaved. They live outside Go's heap until the
// session closes.
func (i *Image) Pixels() ([]byte, error) {
	var n C.size_t
	p := C.alc_pixels(i.p, &n)
	if p == nil {
		return nil, lastError()
	}
	i.s.buffers = append(i.s.buffers, p)
	return unsafe.Slice((*byte)(p), int(n)), nil
}

// Resize scales by two factors; each side becomes its length times its factor, rounded.
func (i *Image) Resize(h, v float64) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_resize(i.p, &out, C.double(h), C.double(v))
	return i.s.keep(out, r != 0)
}

// Colourspace converts to the colour space with libvips' number.
func (i *Image) Colourspace(space int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_colourspace(i.p, &out, C.int(space))
	return i.s.keep(out, r != 0)
}

// Retag says that the pixels are of the colour space with libvips' number.
func (i *Image) Retag(space int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_retag(i.p, &out, C.int(space))
	return i.s.keep(out, r != 0)
}

// ICCToSRGB converts to sRGB by the profile in the image.
func (i *Image) ICCToSRGB() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_icc_to_srgb(i.p, &out)
	return i.s.keep(out, r != 0)
}

// Premultiply multiplies colours by alpha; the result has float pixels.
func (i *Image) Premultiply() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_premultiply(i.p, &out)
	return i.s.keep(out, r != 0)
}

// Unpremultiply undoes Premultiply.
func (i *Image) Unpremultiply() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_unpremultiply(i.p, &out)
	return i.s.keep(out, r != 0)
}

// CastBytes makes every band an unsigned byte, clipping.
func (i *Image) CastBytes() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_cast_uchar(i.p, &out)
	return i.s.keep(out, r != 0)
}

// Extract cuts an area out.
func (i *Image) Extract(x, y, w, h int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_extract_area(i.p, &out, C.int(x), C.int(y), C.int(w), C.int(h))
	return i.s.keep(out, r != 0)
}

func doubles(v []float64) (*C.double, C.int) {
	return (*C.double)(unsafe.Pointer(unsafe.SliceData(v))), C.int(len(v))
}

// Embed places the image at x, y on a canvas of w by h pixels of one colour.
func (i *Image) Embed(x, y, w, h int, background []float64) (*Image, error) {
	var out *C.VipsImage
	b, n := doubles(background)
	r := C.alc_embed(i.p, &out, C.int(x), C.int(y), C.int(w), C.int(h), b, n)
	return i.s.keep(out, r != 0)
}

// Flatten removes alpha by laying the image over a colour.
func (i *Image) Flatten(background []float64) (*Image, error) {
	var out *C.VipsImage
	b, n := doubles(background)
	r := C.alc_flatten(i.p, &out, b, n)
	return i.s.keep(out, r != 0)
}

// QuarterTurns rotates clockwise by n times 90 degrees, 0 <= n <= 3.
func (i *Image) QuarterTurns(n int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_rot(i.p, &out, C.int(n))
	return i.s.keep(out, r != 0)
}

// Rotate rotates clockwise and enlarges the canvas with a colour.
func (i *Image) Rotate(degrees float64, background []float64) (*Image, error) {
	var out *C.VipsImage
	b, n := doubles(background)
	r := C.alc_rotate(i.p, &out, C.double(degrees), b, n)
	return i.s.keep(out, r != 0)
}

// Flip mirrors top to bottom when vertical, else left to right.
func (i *Image) Flip(vertical bool) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_flip(i.p, &out, flag(vertical))
	return i.s.keep(out, r != 0)
}

// AutoRotate turns the image upright by its EXIF orientation and removes that.
func (i *Image) AutoRotate() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_autorot(i.p, &out)
	return i.s.keep(out, r != 0)
}

// JoinDown stacks images of one size; metadata comes from the first.
func (s *Session) JoinDown(images []*Image) (*Image, error) {
	ps := make([]*C.VipsImage, len(images))
	for i, m := range images {
		ps[i] = m.p
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(unsafe.SliceData(ps))
	var out *C.VipsImage
	r := C.alc_join_down(unsafe.SliceData(ps), &out, C.int(len(ps)))
	return s.keep(out, r != 0)
}

// JoinBands appends the bands of b.
func (i *Image) JoinBands(b *Image) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_bandjoin(i.p, b.p, &out)
	return i.s.keep(out, r != 0)
}

// AddAlpha appends an opaque alpha band.
func (i *Image) AddAlpha() (*Image, error) {
	var out *C.VipsImage
	r := C.alc_add_alpha(i.p, &out)
	return i.s.keep(out, r != 0)
}

// ExtractBands takes n bands from the given one on.
func (i *Image) ExtractBands(from, n int) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_extract_band(i.p, &out, C.int(from), C.int(n))
	return i.s.keep(out, r != 0)
}

// Multiply multiplies two images of one size, pixel by pixel, into wider numbers.
func (i *Image) Multiply(b *Image) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_multiply(i.p, b.p, &out)
	return i.s.keep(out, r != 0)
}

// Linear computes a*pixel+b with one pair of numbers per band; the result is float.
func (i *Image) Linear(a, b []float64) (*Image, error) {
	var out *C.VipsImage
	pa, n := doubles(a)
	pb, _ := doubles(b)
	r := C.alc_linear(i.p, &out, pa, pb, n)
	return i.s.keep(out, r != 0)
}

// Convolve applies a one-dimensional kernel in both directions.
func (i *Image) Convolve(kernel []float64) (*Image, error) {
	var out *C.VipsImage
	k, n := doubles(kernel)
	r := C.alc_blur(i.p, &out, k, n)
	return i.s.keep(out, r != 0)
}

// Sharpen sharpens; m2 is the slope in jaggy areas, 3 being libvips' default.
func (i *Image) Sharpen(m2 float64) (*Image, error) {
	var out *C.VipsImage
	r := C.alc_sharpen(i.p, &out, C.double(m2))
	return i.s.keep(out, r != 0)
}

// Average returns the mean of all pixels of all bands.
func (i *Image) Average() (float64, error) {
	var v C.double
	if C.alc_avg(i.p, &v) != 0 {
		return 0, lastError()
	}
	return float64(v), nil
}

// SaveOptions say how to encode.
type SaveOptions struct {
	Quality   int  // 1 to 100; for JPG, WebP, HEIC and AVIF
	Interlace bool // JPG only: progressive
	Strip     bool // leave out all metadata, the ICC profile too
}

// Save encodes the image. The bytes live outside Go's heap until the session closes.
func (i *Image) Save(c Codec, o SaveOptions) ([]byte, error) {
	var buf unsafe.Pointer
	var n C.size_t
	if C.alc_save(i.p, C.int(c), C.int(o.Quality), flag(o.Interlace), flag(o.Strip), &buf, &n) != 0 {
		if buf != nil {
			C.alc_free(buf)
		}
		return nil, lastError()
	}
	i.s.buffers = append(i.s.buffers, buf)
	return unsafe.Slice((*byte)(buf), int(n)), nil
}
