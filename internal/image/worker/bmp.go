//go:build cgo

package worker

import (
	"bytes"
	goimage "image"
	"image/color"

	"golang.org/x/image/bmp"

	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/vips"
)

// BMP is read and written in Go: libvips does it only through ImageMagick, a loader that
// it mistrusts itself.

// bmpSize reads the header and refuses one that promises more pixels than the file can
// hold, since the decoder makes room for them first.
func bmpSize(b []byte) (width, height int, err error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return 0, 0, damaged(err)
	}
	if err := image.CheckSource(image.BMP, c.Width, c.Height, 1); err != nil {
		return 0, 0, err
	}
	if c.Width < 1 || c.Height < 1 || int64(c.Width)*int64(c.Height)/8 > int64(len(b)) {
		return 0, 0, image.NotAnImage("The image is shorter than its header says.")
	}
	return c.Width, c.Height, nil
}

func loadBMP(s *vips.Session, b []byte) (*vips.Image, error) {
	m, err := bmp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, damaged(err)
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	switch m := m.(type) {
	case *goimage.NRGBA:
		return fromPixels(s, m.Pix, w, h, 4)
	case *goimage.RGBA: // the decoder's type for 24 and 32 bits without alpha
		return fromPixels(s, withoutAlpha(m.Pix), w, h, 3)
	case *goimage.Paletted:
		pix := make([]byte, 0, 3*w*h)
		for _, i := range m.Pix {
			c := color.RGBA{A: 255}
			if int(i) < len(m.Palette) {
				c = color.RGBAModel.Convert(m.Palette[i]).(color.RGBA)
			}
			pix = append(pix, c.R, c.G, c.B)
		}
		return fromPixels(s, pix, w, h, 3)
	}
	return nil, image.NotAnImage("This kind of BMP is not supported.")
}

func withoutAlpha(pix []byte) []byte {
	n := 0
	for i := 0; i+3 < len(pix); i += 4 {
		n += copy(pix[n:], pix[i:i+3])
	}
	return pix[:n]
}

func fromPixels(s *vips.Session, pix []byte, w, h, bands int) (*vips.Image, error) {
	img, err := s.FromPixels(pix, w, h, bands)
	if err != nil {
		return nil, err
	}
	// Raw pixels have no colour space yet.
	space := vips.InterpretationSRGB
	if bands < 3 {
		space = vips.InterpretationBW
	}
	return img.Retag(space)
}

// saveBMP encodes an 8-bit image with 1 to 4 bands.
func saveBMP(img *vips.Image) ([]byte, error) {
	w, h, bands := img.Width(), img.Height(), img.Bands()
	pix, err := img.Pixels()
	if err != nil {
		return nil, damaged(err)
	}
	out := goimage.NewNRGBA(goimage.Rect(0, 0, w, h))
	for i, o := 0, 0; o < len(out.Pix); i, o = i+bands, o+4 {
		d := out.Pix[o : o+4 : o+4]
		switch bands {
		case 1:
			d[0], d[1], d[2], d[3] = pix[i], pix[i], pix[i], 255
		case 2:
			d[0], d[1], d[2], d[3] = pix[i], pix[i], pix[i], pix[i+1]
		case 3:
			d[0], d[1], d[2], d[3] = pix[i], pix[i+1], pix[i+2], 255
		default:
			copy(d, pix[i:i+4])
		}
	}
	var b bytes.Buffer
	if err := bmp.Encode(&b, out); err != nil {
		return nil, damaged(err)
	}
	return b.Bytes(), nil
}
