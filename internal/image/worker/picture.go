//go:build cgo

package worker

import (
	"fmt"
	"math"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/vips"
)

var (
	white       = []float64{255, 255, 255}
	transparent = []float64{0, 0, 0, 0}
)

// picture is an image on its way through the steps of a process.
type picture struct {
	*vips.Image
	s        *vips.Session
	out      image.Format
	random   bool // pixels may be read in any order and more than once
	animated bool // this is a frame of an animation, which is never enlarged

	// The source's size as stored, until the first resize: it plans from that, since
	// shrink-on-load has rounded what is in Image.
	fullWidth, fullHeight int
}

// apply takes the result of an operation over.
func (p *picture) apply(img *vips.Image, err error) error {
	if err != nil {
		return damaged(err)
	}
	p.Image = img
	return nil
}

// inMemory decodes the picture so that what follows may read pixels in any order; until
// then they come from the decoder from top to bottom, which takes less memory.
func (p *picture) inMemory() error {
	if p.random {
		return nil
	}
	p.random = true
	return p.apply(p.ToMemory())
}

// do runs the steps. When the picture has to be turned upright, a resize that comes
// first is done before the turn, on swapped sides: turning less is faster.
func (p *picture) do(u upright, steps []image.Action) error {
	if u.turn {
		first, ok := image.Action(nil), false
		if len(steps) > 0 {
			first = steps[0]
			_, ok = first.(image.Resize)
		}
		if ok {
			sc, err := p.plan(first.(image.Resize), u.swapped)
			if err != nil {
				return err
			}
			w, h := sc.Width, sc.Height
			if u.swapped {
				w, h = h, w
			}
			if err := p.scale(w, h); err != nil {
				return err
			}
			if err := p.turnUpright(); err != nil {
				return err
			}
			if err := p.box(sc, first.(image.Resize).Color); err != nil {
				return err
			}
			steps = steps[1:]
		} else if err := p.turnUpright(); err != nil {
			return err
		}
	}
	for _, a := range steps {
		if err := p.step(a); err != nil {
			return err
		}
	}
	return nil
}

func (p *picture) turnUpright() error {
	if err := p.inMemory(); err != nil {
		return err
	}
	return p.apply(p.AutoRotate())
}

func (p *picture) step(a image.Action) error {
	switch a := a.(type) {
	case image.Resize:
		return p.resize(a)
	case image.Crop:
		area, err := a.Area(p.Width(), p.Height())
		if err != nil {
			return err
		}
		return p.cut(area)
	case image.IndexCrop:
		return p.cut(a.Area(p.Width(), p.Height()))
	case image.Circle:
		return p.circle(a.R)
	case image.RoundedCorners:
		return p.roundedCorners(a.R)
	case image.Rotate:
		return p.rotate(a.Degrees)
	case image.Flip:
		return p.flip(a)
	case image.Blur:
		return p.colours(func() error { return p.apply(p.Convolve(gaussian(a.R, float64(a.S)))) })
	case image.Bright:
		return p.linear(1, float64(a.V)*255/100)
	case image.Contrast:
		slope := 1 + float64(a.V)/100
		return p.linear(slope, 128*(1-slope))
	case image.Sharpen:
		return p.colours(func() error { return p.apply(p.Sharpen(3 * float64(a.V) / 100)) })
	}
	return fault.New(fault.Unsupported, "NotImplemented", "The image action %q is not implemented.", a.Name())
}

// normalise makes the picture 8 bits per band in sRGB or grey, with or without alpha.
func (p *picture) normalise() error {
	space := p.Interpretation()
	switch {
	case p.Bytes8() && (space == vips.InterpretationSRGB || space == vips.InterpretationBW):
	case space == vips.InterpretationCMYK && p.HasField("icc-profile-data"):
		if err := p.apply(p.ICCToSRGB()); err != nil {
			return err
		}
	case space == vips.InterpretationGrey:
		if err := p.apply(p.Colourspace(vips.InterpretationBW)); err != nil {
			return err
		}
	case space != vips.InterpretationBW:
		if err := p.apply(p.Colourspace(vips.InterpretationSRGB)); err != nil {
			return err
		}
	}
	if p.Bands() > 4 {
		if err := p.apply(p.ExtractBands(0, 4)); err != nil {
			return err
		}
	}
	if !p.Bytes8() {
		return p.apply(p.CastBytes())
	}
	return nil
}

// toRGB gives a grey picture three bands.
func (p *picture) toRGB() error {
	if err := p.normalise(); err != nil || p.Bands() >= 3 {
		return err
	}
	if p.HasField("icc-profile-data") { // a profile for grey would not fit any more
		return p.apply(p.ICCToSRGB())
	}
	return p.apply(p.Colourspace(vips.InterpretationSRGB))
}

func (p *picture) plan(r image.Resize, swapped bool) (image.Scaling, error) {
	w, h := p.Width(), p.Height()
	if p.fullWidth > 0 {
		w, h = p.fullWidth, p.fullHeight
		p.fullWidth, p.fullHeight = 0, 0
	}
	if swapped {
		w, h = h, w
	}
	r.Enlarge = r.Enlarge && !p.animated
	return r.Scale(w, h)
}

func (p *picture) resize(r image.Resize) error {
	sc, err := p.plan(r, false)
	if err != nil {
		return err
	}
	if err := p.scale(sc.Width, sc.Height); err != nil {
		return err
	}
	return p.box(sc, r.Color)
}

// box cuts or fills to the box of a resize.
func (p *picture) box(sc image.Scaling, color [3]uint8) error {
	w, h := sc.BoxWidth, sc.BoxHeight
	switch {
	case sc.Cut:
		return p.cut(image.Rect{X: (sc.Width - w) / 2, Y: (sc.Height - h) / 2, W: w, H: h})
	case sc.Canvas && (sc.Width != w || sc.Height != h):
		if err := p.toRGB(); err != nil {
			return err
		}
		background := []float64{float64(color[0]), float64(color[1]), float64(color[2])}
		if p.HasAlpha() {
			background = append(background, 255)
		}
		return p.apply(p.Embed((w-sc.Width)/2, (h-sc.Height)/2, w, h, background))
	}
	return nil
}

// scale makes the picture exactly w x h pixels. Colours are weighed by alpha, or else
// the hidden colours of transparent pixels would show at edges.
func (p *picture) scale(w, h int) error {
	if p.Width() == w && p.Height() == h {
		return nil
	}
	if err := p.normalise(); err != nil {
		return err
	}
	alpha := p.HasAlpha()
	if alpha {
		if err := p.apply(p.Premultiply()); err != nil {
			return err
		}
	}
	if err := p.apply(p.Resize(float64(w)/float64(p.Width()), float64(h)/float64(p.Height()))); err != nil {
		return err
	}
	if p.Width() != w || p.Height() != h {
		return fmt.Errorf("resize made %d x %d pixels instead of %d x %d", p.Width(), p.Height(), w, h)
	}
	if alpha {
		if err := p.apply(p.Unpremultiply()); err != nil {
			return err
		}
		return p.apply(p.CastBytes())
	}
	return nil
}

func (p *picture) cut(r image.Rect) error {
	if r.X == 0 && r.Y == 0 && r.W == p.Width() && r.H == p.Height() {
		return nil
	}
	return p.apply(p.Extract(r.X, r.Y, r.W, r.H))
}

func (p *picture) rotate(degrees int) error {
	if p.Width() > image.MaxRotateSide || p.Height() > image.MaxRotateSide {
		return fault.New(fault.Invalid, "BadRequest", "Picture exceed the maximum allowable rotation range").
			WithHint("The image to rotate is %d x %d pixels; no side may be longer than %d. Resize it first.", p.Width(), p.Height(), image.MaxRotateSide)
	}
	if err := p.inMemory(); err != nil {
		return err
	}
	if degrees %= 360; degrees%90 == 0 {
		return p.apply(p.QuarterTurns(degrees / 90))
	}
	if err := p.toRGB(); err != nil {
		return err
	}
	// What the larger canvas adds is transparent, or white where there is no such thing.
	if p.out == image.JPG {
		if p.HasAlpha() {
			if err := p.apply(p.Flatten(white)); err != nil {
				return err
			}
		}
		return p.apply(p.Rotate(float64(degrees), white))
	}
	if err := p.ensureAlpha(); err != nil {
		return err
	}
	if err := p.apply(p.Premultiply()); err != nil {
		return err
	}
	if err := p.apply(p.Rotate(float64(degrees), transparent)); err != nil {
		return err
	}
	if err := p.apply(p.Unpremultiply()); err != nil {
		return err
	}
	return p.apply(p.CastBytes())
}

func (p *picture) flip(f image.Flip) error {
	if err := p.inMemory(); err != nil {
		return err
	}
	if f.Horizontal {
		if err := p.apply(p.Flip(false)); err != nil {
			return err
		}
	}
	if f.Vertical {
		return p.apply(p.Flip(true))
	}
	return nil
}

func (p *picture) ensureAlpha() error {
	if p.HasAlpha() {
		return nil
	}
	return p.apply(p.AddAlpha())
}

// colours runs fn on the colour bands alone and keeps alpha as it is.
func (p *picture) colours(fn func() error) error {
	if err := p.normalise(); err != nil {
		return err
	}
	if err := p.inMemory(); err != nil {
		return err
	}
	var alpha *vips.Image
	if p.HasAlpha() {
		n := p.Bands() - 1
		var err error
		if alpha, err = p.ExtractBands(n, 1); err != nil {
			return damaged(err)
		}
		if err := p.apply(p.ExtractBands(0, n)); err != nil {
			return err
		}
	}
	space := p.Interpretation()
	if err := fn(); err != nil {
		return err
	}
	if err := p.apply(p.CastBytes()); err != nil {
		return err
	}
	if alpha != nil {
		if err := p.apply(p.JoinBands(alpha)); err != nil {
			return err
		}
	}
	return p.apply(p.Retag(space))
}

func (p *picture) linear(slope, offset float64) error {
	return p.colours(func() error {
		a, b := make([]float64, p.Bands()), make([]float64, p.Bands())
		for i := range a {
			a[i], b[i] = slope, offset
		}
		return p.apply(p.Linear(a, b))
	})
}

// gaussian returns a normalised kernel of 2r+1 weights.
func gaussian(r int, sigma float64) []float64 {
	k := make([]float64, 2*r+1)
	sum := 0.0
	for i := range k {
		d := float64(i - r)
		k[i] = math.Exp(-d * d / (2 * sigma * sigma))
		sum += k[i]
	}
	for i := range k {
		k[i] /= sum
	}
	return k
}

// circle keeps a disc from the centre, in a square of twice its radius.
func (p *picture) circle(r int) error {
	r = min(r, p.Width()/2, p.Height()/2)
	if r == 0 {
		return nil
	}
	if err := p.cut(image.Rect{X: (p.Width() - 2*r) / 2, Y: (p.Height() - 2*r) / 2, W: 2 * r, H: 2 * r}); err != nil {
		return err
	}
	return p.round(r)
}

func (p *picture) roundedCorners(r int) error {
	if r = min(r, p.Width()/2, p.Height()/2); r == 0 {
		return nil
	}
	return p.round(r)
}

// round makes what lies outside of corners of radius r transparent. JPG outputs show
// white there, since alpha is flattened on white when they are saved.
func (p *picture) round(r int) error {
	if err := p.normalise(); err != nil {
		return err
	}
	if err := p.inMemory(); err != nil {
		return err
	}
	if err := p.ensureAlpha(); err != nil {
		return err
	}
	w, h, n := p.Width(), p.Height(), p.Bands()-1
	mask := make([]byte, w*h)
	for i := range mask {
		mask[i] = 255
	}
	for y := range r {
		for x := range r {
			dx, dy := float64(r)-float64(x)-0.5, float64(r)-float64(y)-0.5
			cover := byte(255*min(max(float64(r)-math.Sqrt(dx*dx+dy*dy)+0.5, 0), 1) + 0.5)
			mask[y*w+x], mask[y*w+w-1-x] = cover, cover
			mask[(h-1-y)*w+x], mask[(h-1-y)*w+w-1-x] = cover, cover
		}
	}
	m, err := p.s.FromPixels(mask, w, h, 1)
	if err != nil {
		return damaged(err)
	}
	space := p.Interpretation()
	alpha, err := p.ExtractBands(n, 1)
	if err == nil {
		alpha, err = alpha.Multiply(m)
	}
	if err == nil {
		alpha, err = alpha.Linear([]float64{1.0 / 255}, []float64{0.5})
	}
	if err == nil {
		alpha, err = alpha.CastBytes()
	}
	if err != nil {
		return damaged(err)
	}
	if err := p.apply(p.ExtractBands(0, n)); err != nil {
		return err
	}
	if err := p.apply(p.JoinBands(alpha)); err != nil {
		return err
	}
	return p.apply(p.Retag(space))
}

// averageHue answers the mean colour over white, as the current interface prints it.
func (r *renderer) averageHue() (output, error) {
	img, _, err := r.load(false)
	if err != nil {
		return output{}, err
	}
	p := &picture{s: r.s, Image: img, out: image.JSON}
	if err := p.toRGB(); err != nil {
		return output{}, err
	}
	if p.HasAlpha() {
		if err := p.apply(p.Flatten(white)); err != nil {
			return output{}, err
		}
	}
	if err := p.inMemory(); err != nil {
		return output{}, err
	}
	var rgb [3]int
	for i := range rgb {
		band, err := p.ExtractBands(i, 1)
		if err != nil {
			return output{}, damaged(err)
		}
		mean, err := band.Average()
		if err != nil {
			return output{}, damaged(err)
		}
		rgb[i] = int(mean + 0.5)
	}
	return output{data: fmt.Appendf(nil, `{"RGB": "0x%02x%02x%02x"}`, rgb[0], rgb[1], rgb[2]), format: image.JSON}, nil
}
