package image

import "github.com/alcedo-storage/alcedo/internal/fault"

// Scaling says how a resize treats a source: first the whole source becomes Width x
// Height; then, when Cut or Canvas is set, a BoxWidth x BoxHeight part of it is cut from
// the centre or it is centred on a canvas of that size.
type Scaling struct {
	Width, Height       int
	BoxWidth, BoxHeight int
	Cut, Canvas         bool
}

// Output returns the size of the result.
func (s Scaling) Output() (width, height int) {
	if s.Cut || s.Canvas {
		return s.BoxWidth, s.BoxHeight
	}
	return s.Width, s.Height
}

// Scale plans a resize of a source of sw x sh pixels. Fractions of a pixel are rounded
// to the nearest, halves up, and no side becomes 0.
//
// Without Enlarge (limit_1) a source stays as it is when any of its sides would have to
// grow to follow the mode; p is exempt. A result larger than a resize may be is refused.
func (r Resize) Scale(sw, sh int) (Scaling, error) {
	s := r.scale(sw, sh)
	if (s.Width > sw || s.Height > sh) && !r.Enlarge && !r.percent() {
		return Scaling{Width: sw, Height: sh}, nil
	}
	for _, d := range [2][2]int{{s.Width, s.Height}, {s.BoxWidth, s.BoxHeight}} {
		if d[0] > MaxResizeSide || d[1] > MaxResizeSide || int64(d[0])*int64(d[1]) > MaxResizePixels {
			return s, tooLarge("0040-00000007", "The resized image would be %d x %d pixels; a side may have %d pixels and the whole %d.", d[0], d[1], MaxResizeSide, MaxResizePixels)
		}
	}
	return s, nil
}

// percent reports whether p decides: w, h, l and s come before it.
func (r Resize) percent() bool { return r.W+r.H+r.L+r.S == 0 }

// Percent reports whether the resize scales by p, which animated sources do not support:
// their first frame is used.
func (r Resize) Percent() bool { return r.percent() }

func (r Resize) scale(sw, sh int) Scaling {
	switch {
	case r.W > 0 && r.H > 0:
		return r.box(sw, sh, r.W, r.H)
	case r.W > 0 || r.H > 0:
		if side := max(r.W, r.H); r.Mode == Fill || r.Mode == Pad {
			return r.box(sw, sh, side, side)
		}
		if r.W > 0 {
			return byWidth(sw, sh, r.W)
		}
		return byHeight(sw, sh, r.H)
	case r.L > 0 && r.S > 0:
		if sw >= sh {
			return r.box(sw, sh, r.L, r.S)
		}
		return r.box(sw, sh, r.S, r.L)
	case r.L > 0:
		if sw >= sh {
			return byWidth(sw, sh, r.L)
		}
		return byHeight(sw, sh, r.L)
	case r.S > 0:
		if sw <= sh {
			return byWidth(sw, sh, r.S)
		}
		return byHeight(sw, sh, r.S)
	}
	return Scaling{Width: ratio(sw, r.P, 100), Height: ratio(sh, r.P, 100)}
}

func (r Resize) box(sw, sh, w, h int) Scaling {
	if r.Mode == Fixed {
		return Scaling{Width: w, Height: h}
	}
	widthDecides := int64(w)*int64(sh) <= int64(h)*int64(sw) // w/sw <= h/sh
	if r.Mode == Mfit || r.Mode == Fill {
		widthDecides = !widthDecides
	}
	var s Scaling
	if widthDecides {
		s = byWidth(sw, sh, w)
	} else {
		s = byHeight(sw, sh, h)
	}
	if r.Mode == Fill || r.Mode == Pad {
		s.BoxWidth, s.BoxHeight = w, h
		s.Cut, s.Canvas = r.Mode == Fill, r.Mode == Pad
	}
	return s
}

func byWidth(sw, sh, w int) Scaling  { return Scaling{Width: w, Height: ratio(sh, w, sw)} }
func byHeight(sw, sh, h int) Scaling { return Scaling{Width: ratio(sw, h, sh), Height: h} }

// ratio returns side*num/den, rounded to the nearest and at least 1.
func ratio(side, num, den int) int {
	d := int64(den)
	return int(max((int64(side)*int64(num)*2+d)/(2*d), 1))
}

// Rect is a part of an image.
type Rect struct{ X, Y, W, H int }

// Area returns what a crop of a w x h image keeps. A start outside of the image is
// refused with OSS's words.
func (c Crop) Area(w, h int) (Rect, error) {
	r := Rect{W: c.W, H: c.H}
	if r.W == 0 || r.W > w {
		r.W = w
	}
	if r.H == 0 || r.H > h {
		r.H = h
	}
	r.X = (w-r.W)*c.G.X/2 + c.X
	r.Y = (h-r.H)*c.G.Y/2 + c.Y
	if r.X >= w || r.Y >= h {
		return r, fault.New(fault.Invalid, "CutEdgeExceedRange", "Advance cut's position is out of image.")
	}
	r.W, r.H = min(r.W, w-r.X), min(r.H, h-r.Y)
	return r, nil
}

// Area returns what an indexcrop of a w x h image keeps: all of it when there is no
// such slice. The last slice may be smaller.
func (c IndexCrop) Area(w, h int) Rect {
	whole := Rect{W: w, H: h}
	side := w
	if c.Vertical {
		side = h
	}
	if c.Size > side || int64(c.Index)*int64(c.Size) >= int64(side) {
		return whole
	}
	at := c.Index * c.Size
	n := min(c.Size, side-at)
	if c.Vertical {
		return Rect{0, at, w, n}
	}
	return Rect{at, 0, n, h}
}
