// Package image parses, plans and runs x-oss-process values for images, the way Object
// Storage Service (OSS) defines them.
//
// The calling process never decodes an image. [Pool] keeps worker processes, which are
// the same binary run again as "alcedo image-worker" (see image/worker), in a sandbox
// without network, with capped memory and a time limit per job; it sends a worker the
// bytes of one image and the actions, and gets the bytes of the result. A hostile image
// can end a worker and nothing else. Dimensions are checked from the header before any
// pixel is decoded.
//
// libvips is not linked: workers load it at run time through dlopen, nobody else does
// (see image/vips for why).
package image

import (
	"fmt"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Limits of OSS image processing. Sizes are in bytes, sides and areas in pixels.
const (
	DefaultMaxSource = 20 << 20 // of a source image, unless Options.MaxSource says otherwise
	MaxOutput        = 128 << 20

	MaxSourceSide   = 30_000
	MaxSourcePixels = 250_000_000 // width times height times frames
	MaxRotateSide   = 4_096       // of an image that is to be rotated
	MaxResizeSide   = 16_384
	MaxResizePixels = 16_777_216
	MaxAVIFSource   = 10_000 // a side of an AVIF source

	MaxJPEGSide   = 65_535
	MaxWebPSide   = 16_383
	MaxHEICSide   = 4_096
	MaxAVIFWidth  = 4_096
	MaxAVIFPixels = 9_437_184
)

// Format is an image format by the name OSS gives it in format and info actions.
type Format string

// The formats that may be read and written. Info results are JSON.
const (
	JPG  Format = "jpg"
	PNG  Format = "png"
	BMP  Format = "bmp"
	GIF  Format = "gif"
	WebP Format = "webp"
	TIFF Format = "tiff"
	HEIC Format = "heic"
	AVIF Format = "avif"
	JSON Format = "json"
)

var contentTypes = map[Format]string{
	JPG: "image/jpeg", PNG: "image/png", BMP: "image/bmp", GIF: "image/gif", WebP: "image/webp",
	TIFF: "image/tiff", HEIC: "image/heic", AVIF: "image/avif", JSON: "application/json",
}

// ContentType returns the media type of the format, or "" for an unknown one.
func (f Format) ContentType() string { return contentTypes[f] }

// Animated reports whether the format can hold several frames that are shown in turn.
func (f Format) Animated() bool { return f == GIF || f == WebP }

// CheckSource checks a source's dimensions as its header gives them. frames is 1 for
// a still image. Limits: OSS's "ImageTooLarge", with the error code of each limit.
func CheckSource(f Format, width, height, frames int) error {
	w, h, n := int64(width), int64(height), int64(max(frames, 1))
	switch {
	case w > MaxSourceSide || h > MaxSourceSide:
		return tooLarge("0040-00000009", "The source image is %d x %d pixels; no side may be longer than %d pixels.", w, h, MaxSourceSide)
	case w*h*n > MaxSourcePixels:
		return tooLarge("0040-00000012", "The source image has %d pixels; at most %d are allowed.", w*h*n, MaxSourcePixels)
	case f == AVIF && (w > MaxAVIFSource || h > MaxAVIFSource):
		return tooLarge("0040-00000014", "The AVIF source image is %d x %d pixels; no side may be longer than %d pixels.", w, h, MaxAVIFSource)
	}
	return nil
}

// CheckOutput checks the dimensions of a result against its format's limits.
func CheckOutput(f Format, width, height int) error {
	w, h := int64(width), int64(height)
	switch {
	case f == JPG && (w > MaxJPEGSide || h > MaxJPEGSide):
		return tooLarge("0040-00000019", "A JPG image of %d x %d pixels cannot be made; no side may be longer than %d pixels.", w, h, MaxJPEGSide)
	case f == WebP && (w > MaxWebPSide || h > MaxWebPSide):
		e := tooLarge("0040-00000011", "A WebP image of %d x %d pixels cannot be made; no side may be longer than %d pixels.", w, h, MaxWebPSide)
		e.Kind, e.Reason = fault.Invalid, "BadWebPImage"
		return e
	case f == HEIC && (w > MaxHEICSide || h > MaxHEICSide):
		return tooLarge("0040-00000013", "A HEIC image of %d x %d pixels cannot be made; no side may be longer than %d pixels.", w, h, MaxHEICSide)
	case f == AVIF && (w > MaxAVIFWidth || w*h > MaxAVIFPixels):
		return tooLarge("0040-00000014", "An AVIF image of %d x %d pixels cannot be made; it may be %d pixels wide and have %d pixels.", w, h, MaxAVIFWidth, MaxAVIFPixels)
	}
	return nil
}

func withEC(e *fault.Error, ec string) *fault.Error {
	if ec == "" {
		return e
	}
	return e.With("EC", ec)
}

// invalidValue is OSS's text for a parameter that has a wrong value.
func invalidValue(ec, value, param string) *fault.Error {
	if len(value) > 64 {
		value = value[:64] + "…"
	}
	return withEC(fault.New(fault.Invalid, "InvalidArgument", "The value: %s of parameter: %s is invalid.", value, param), ec)
}

func tooLarge(ec, format string, args ...any) *fault.Error {
	return withEC(fault.New(fault.TooLarge, "ImageTooLarge", format, args...), ec)
}

// NotAnImage is the fault for bytes that are no image of a supported format; hint may
// be empty.
func NotAnImage(hint string) *fault.Error {
	return fault.New(fault.Invalid, "BadRequest", "This image format is not supported.").WithHint("%s", hint).With("EC", "0040-00000005")
}

func notImplemented(action string) *fault.Error {
	return fault.New(fault.Unsupported, "NotImplemented", "The image action %s is not implemented.", quote(action))
}

func quote(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return fmt.Sprintf("%q", s)
}
