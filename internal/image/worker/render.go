//go:build cgo

package worker

import (
	"slices"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/vips"
)

// Qualities of outputs without a quality action. OSS does not print its own; 80 is what
// most image services use for JPG and WebP, and 50 is libheif's for the newer two.
const (
	defaultQuality     = 80
	defaultHEIFQuality = 50
)

// output is what a job makes.
type output struct {
	data          []byte
	format        image.Format
	width, height int // of one frame; 0 for JSON
}

// plan is a process with its settings told apart from its steps.
type plan struct {
	steps      []image.Action // what changes pixels, in order
	alone      image.Action   // info or average-hue
	out        image.Format
	quality    image.Quality // Value 0: none given
	autoOrient bool
	interlace  bool
}

func makePlan(actions []image.Action, source image.Format) plan {
	p := plan{out: source, autoOrient: true}
	for _, a := range actions {
		switch a := a.(type) {
		case image.Info, image.AverageHue:
			p.alone = a
		case image.AutoOrient:
			p.autoOrient = a.On
		case image.Quality:
			p.quality = a
		case image.Interlace:
			p.interlace = a.On
		case image.Convert:
			if a.To != image.GIF || source == image.GIF { // a GIF can only be made of a GIF
				p.out = a.To
			}
		default:
			p.steps = append(p.steps, a)
		}
	}
	return p
}

// keepsFrames reports whether an animation stays one: only resizing (but not by percent)
// and cropping treat every frame.
func (p plan) keepsFrames() bool {
	return p.out.Animated() && p.alone == nil && !slices.ContainsFunc(p.steps, func(a image.Action) bool {
		switch a := a.(type) {
		case image.Resize:
			return a.Percent()
		case image.Crop:
			return false
		}
		return true
	})
}

var codecs = map[image.Format]vips.Codec{
	image.JPG: vips.JPG, image.PNG: vips.PNG, image.GIF: vips.GIF, image.WebP: vips.WebP,
	image.TIFF: vips.TIFF, image.HEIC: vips.HEIC, image.AVIF: vips.AVIF,
}

// render runs a process on a source in memory from vips.Alloc. What it returns may live
// in the session.
func render(s *vips.Session, process string, buf []byte) (output, error) {
	proc, err := image.Parse(process)
	if err != nil {
		return output{}, err
	}
	f := image.Sniff(buf)
	if f == "" {
		return output{}, image.NotAnImage("")
	}
	r := &renderer{s: s, buf: buf, source: f, plan: makePlan(proc.Actions, f)}
	if err := r.open(); err != nil {
		return output{}, err
	}
	switch r.plan.alone.(type) {
	case image.Info:
		b, err := info(f, len(buf), r.width, r.height, r.frames, r.header)
		return output{data: b, format: image.JSON}, err
	case image.AverageHue:
		return r.averageHue()
	}
	return r.render()
}

// renderer is one job.
type renderer struct {
	s      *vips.Session
	buf    []byte
	source image.Format
	plan   plan

	header        *vips.Image // nil for BMP
	width, height int         // of one frame, as stored in the file
	frames        int
}

// open reads the header and checks it, before any pixel is decoded.
func (r *renderer) open() error {
	if r.frames = 1; r.source == image.BMP {
		var err error
		r.width, r.height, err = bmpSize(r.buf)
		return err
	}
	h, err := r.s.Load(codecs[r.source], r.buf, vips.LoadOptions{Sequential: true})
	if err != nil {
		return damaged(err)
	}
	if n, ok := h.Int("n-pages"); ok && r.source.Animated() && n > 1 {
		r.frames = n
	}
	r.header, r.width, r.height = h, h.Width(), h.Height()
	return image.CheckSource(r.source, r.width, r.height, r.frames)
}

func (r *renderer) render() (output, error) {
	if err := canWrite(r.plan.out); err != nil {
		return output{}, err
	}
	animated := r.frames > 1 && r.plan.keepsFrames()
	img, upright, err := r.load(animated)
	if err != nil {
		return output{}, err
	}
	p := &picture{s: r.s, Image: img, out: r.plan.out}
	if !animated {
		if len(r.plan.steps) > 0 {
			if _, ok := r.plan.steps[0].(image.Resize); ok {
				p.fullWidth, p.fullHeight = r.width, r.height
			}
		}
		if err := p.do(upright, r.plan.steps); err != nil {
			return output{}, err
		}
		return r.save(p.Image, p.Height())
	}
	return r.renderFrames(p)
}

// renderFrames runs the steps on each frame of an animation. Frames lie below each other
// in one image; each is cut out first, so that none bleeds into its neighbours.
func (r *renderer) renderFrames(whole *picture) (output, error) {
	if err := whole.inMemory(); err != nil {
		return output{}, err
	}
	frames := make([]*vips.Image, r.frames)
	var height int
	for i := range frames {
		cut, err := whole.Extract(0, i*r.height, r.width, r.height)
		if err != nil {
			return output{}, damaged(err)
		}
		p := &picture{s: r.s, Image: cut, out: r.plan.out, random: true, animated: true}
		if err := p.do(upright{}, r.plan.steps); err != nil {
			return output{}, err
		}
		frames[i], height = p.Image, p.Height()
	}
	joined, err := r.s.JoinDown(frames)
	if err != nil {
		return output{}, damaged(err)
	}
	return r.save(joined, height)
}

// upright is what is left to do about EXIF orientation.
type upright struct {
	turn    bool
	swapped bool // the stored sides are the other way round
}

// load opens the source for its pixels, at a fraction of its size when the first step
// only needs that: decoding less is most of what makes thumbnails fast.
func (r *renderer) load(animated bool) (*vips.Image, upright, error) {
	var u upright
	if r.source == image.BMP {
		img, err := loadBMP(r.s, r.buf)
		return img, u, err
	}
	if o := r.header.Orientation(); r.plan.autoOrient && o > 1 && !animated {
		u = upright{turn: true, swapped: o >= 5}
	}
	o := vips.LoadOptions{Sequential: true, AllFrames: animated}
	if !animated && len(r.plan.steps) > 0 {
		if first, ok := r.plan.steps[0].(image.Resize); ok {
			if err := r.shrinkOnLoad(first, u, &o); err != nil {
				return nil, u, err
			}
		}
	}
	if o == (vips.LoadOptions{Sequential: true}) {
		return r.header, u, nil // its pixels have not been read yet
	}
	img, err := r.s.Load(codecs[r.source], r.buf, o)
	if err != nil {
		return nil, u, damaged(err)
	}
	return img, u, nil
}

// shrinkOnLoad sets how much of the source the decoder itself may leave out. JPEG can
// shrink by powers of two, taken as far as leaves the rest for the resampler (libvips'
// own thumbnailer stops one power earlier, which costs 1.2 to 1.5 times the time).
func (r *renderer) shrinkOnLoad(first image.Resize, u upright, o *vips.LoadOptions) error {
	w, h := r.width, r.height
	if u.swapped {
		w, h = h, w
	}
	sc, err := first.Scale(w, h)
	if err != nil {
		return err
	}
	factor := min(float64(w)/float64(sc.Width), float64(h)/float64(sc.Height))
	switch r.source {
	case image.JPG:
		for o.Shrink = 1; o.Shrink < 8 && factor >= float64(2*o.Shrink); o.Shrink *= 2 {
		}
		if o.Shrink == 1 {
			o.Shrink = 0
		}
	case image.WebP:
		if factor > 1 {
			o.Scale = 1 / factor
		}
	}
	return nil
}

// save encodes an image whose frames are frameHeight pixels high.
func (r *renderer) save(img *vips.Image, frameHeight int) (output, error) {
	out := output{format: r.plan.out, width: img.Width(), height: frameHeight}
	if err := image.CheckOutput(out.format, out.width, out.height); err != nil {
		return out, err
	}
	p := &picture{s: r.s, Image: img, out: out.format}
	if err := p.normalise(); err != nil {
		return out, err
	}
	if out.format == image.JPG && p.HasAlpha() {
		if err := p.apply(p.Flatten(white)); err != nil {
			return out, err
		}
	}
	if out.format == image.BMP {
		if int64(out.width)*int64(out.height)*4 > image.MaxOutput {
			return out, fault.New(fault.TooLarge, "ImageTooLarge", "A BMP image of %d x %d pixels would be too large.", out.width, out.height).With("EC", "0040-00000007")
		}
		var err error
		out.data, err = saveBMP(p.Image)
		return out, err
	}
	// Results carry no EXIF, XMP or IPTC data: what a camera wrote (where a picture was
	// taken, and a second thumbnail) is not for those who get a thumbnail, and orientation
	// is in the pixels by now. The colour profile stays, since colours depend on it.
	icc := p.HasField("icc-profile-data")
	err := p.apply(p.WithoutFields(func(name string) bool {
		return strings.HasPrefix(name, "exif-") || name == "xmp-data" || name == "iptc-data" ||
			name == "photoshop-data" || name == "orientation" || strings.HasPrefix(name, "png-comment-")
	}, map[string]int{"page-height": frameHeight}))
	if err != nil {
		return out, err
	}
	out.data, err = p.Save(codecs[out.format], vips.SaveOptions{Quality: r.quality(), Interlace: r.plan.interlace, Strip: !icc})
	if err != nil {
		return out, damaged(err)
	}
	return out, nil
}

// quality decides the quality of the output. An absolute one (Q) never exceeds that of a
// JPG source; a relative one (q) is a percentage of it, and the same as Q for other
// sources.
func (r *renderer) quality() int {
	q := r.plan.quality
	if q.Value == 0 {
		if r.plan.out == image.HEIC || r.plan.out == image.AVIF {
			return defaultHEIFQuality
		}
		return defaultQuality
	}
	source := 0
	if r.source == image.JPG && r.plan.out == image.JPG {
		source = jpegQuality(r.buf)
	}
	switch {
	case source == 0:
		return q.Value
	case q.Relative:
		return max((q.Value*source+50)/100, 1)
	}
	return min(q.Value, source)
}

// canWrite refuses formats that the installed libvips cannot encode.
func canWrite(f image.Format) error {
	op := map[image.Format]string{
		image.JPG: "jpegsave_buffer", image.PNG: "pngsave_buffer", image.GIF: "gifsave_buffer", image.WebP: "webpsave_buffer",
		image.TIFF: "tiffsave_buffer", image.HEIC: "heifsave_buffer", image.AVIF: "heifsave_buffer",
	}[f]
	if op == "" || vips.Has(op) {
		return nil
	}
	return cannotWrite(string(f), nil)
}

func cannotWrite(format string, err error) error {
	return fault.New(fault.Unsupported, "NotImplemented", "The libvips on this server cannot write %s images.", format).
		WithHint("Choose another format, for example format,jpg.").Because(err)
}

// damaged turns what libvips says about a source into a fault.
func damaged(err error) error {
	msg := err.Error()
	switch {
	case strings.Contains(msg, "out of memory"), strings.Contains(msg, "cannot allocate"):
		return outOfMemory(err)
	case strings.Contains(msg, "Unsupported compression"), strings.Contains(msg, "Unsupported codec"):
		return cannotWrite("such", err)
	}
	return image.NotAnImage("The image is damaged, truncated or of a kind that cannot be read.").Because(err)
}
