package image

import (
	"strconv"
	"strings"
)

// Action is one step of a process: one of the types below.
type Action interface{ Name() string }

// Mode is the m parameter of a resize.
type Mode string

// The modes of a resize.
const (
	Lfit  Mode = "lfit"  // inside the box, keeping the ratio
	Mfit  Mode = "mfit"  // around the box, keeping the ratio
	Fill  Mode = "fill"  // mfit, then cut to the box from the centre
	Pad   Mode = "pad"   // lfit, then centred on a canvas of the box's size
	Fixed Mode = "fixed" // exactly the box, whatever the ratio
)

// Resize scales. W, H, L, S and P are 0 when they were not given.
type Resize struct {
	Mode       Mode
	W, H, L, S int
	P          int // percent
	Enlarge    bool
	Color      [3]uint8
}

// Gravity is a place in the 3 by 3 grid: 0, 1 or 2 from left to right and top to bottom.
type Gravity struct{ X, Y int }

// Crop cuts a rectangle; W or H of 0 reaches to the edge.
type Crop struct {
	W, H, X, Y int
	G          Gravity
}

// IndexCrop cuts the image into slices of Size pixels and keeps slice Index.
type IndexCrop struct {
	Vertical bool // slices are counted from top to bottom (y), else left to right (x)
	Size     int
	Index    int
}

// The other actions; each has the range that its parser checks.
type (
	Circle         struct{ R int }       // 1 to 4096
	RoundedCorners struct{ R int }       // 1 to 4096
	Rotate         struct{ Degrees int } // clockwise, 0 to 360
	AutoOrient     struct{ On bool }
	Flip           struct{ Horizontal, Vertical bool }
	Quality        struct {
		Relative bool // Value is percent of the source's quality
		Value    int  // 1 to 100
	}
	Convert    struct{ To Format }
	Interlace  struct{ On bool }
	Blur       struct{ R, S int } // 1 to 50 each: radius, standard deviation
	Bright     struct{ V int }    // -100 to 100
	Contrast   struct{ V int }    // -100 to 100
	Sharpen    struct{ V int }    // 50 to 399
	Info       struct{}
	AverageHue struct{}
)

func (Resize) Name() string         { return "resize" }
func (Crop) Name() string           { return "crop" }
func (IndexCrop) Name() string      { return "indexcrop" }
func (Circle) Name() string         { return "circle" }
func (RoundedCorners) Name() string { return "rounded-corners" }
func (Rotate) Name() string         { return "rotate" }
func (AutoOrient) Name() string     { return "auto-orient" }
func (Flip) Name() string           { return "flip" }
func (Quality) Name() string        { return "quality" }
func (Convert) Name() string        { return "format" }
func (Interlace) Name() string      { return "interlace" }
func (Blur) Name() string           { return "blur" }
func (Bright) Name() string         { return "bright" }
func (Contrast) Name() string       { return "contrast" }
func (Sharpen) Name() string        { return "sharpen" }
func (Info) Name() string           { return "info" }
func (AverageHue) Name() string     { return "average-hue" }

// args are the parameters of one action. Of a key given twice the last value counts;
// unknown keys are kept and never asked for.
type args struct {
	action string
	bare   string // the last value without a key, as in rotate,90
	kv     map[string]string
}

func parseArgs(s string) args {
	name, rest, _ := strings.Cut(s, ",")
	a := args{action: name}
	for rest != "" {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		if k, v, ok := strings.Cut(item, "_"); ok {
			if a.kv == nil {
				a.kv = make(map[string]string, 4)
			}
			a.kv[k] = v
		} else if item != "" {
			a.bare = item
		}
	}
	return a
}

func (a args) has(key string) bool { _, ok := a.kv[key]; return ok }

// number reads an integer parameter; def is the answer when it is absent.
func (a args) number(key string, lo, hi, def int, ec string) (int, error) {
	v, ok := a.kv[key]
	if !ok {
		return def, nil
	}
	return inRange(v, key, lo, hi, ec)
}

func inRange(v, name string, lo, hi int, ec string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < lo || n > hi || v[0] == '+' {
		return 0, invalidValue(ec, v, name)
	}
	return n, nil
}

// bareNumber reads the value of an action that takes one value without a key.
func (a args) bareNumber(lo, hi int, ec string) (int, error) {
	if a.bare == "" {
		for k, v := range a.kv {
			return 0, invalidValue(ec, k+"_"+v, a.action)
		}
		return 0, missing(a.action, "a value")
	}
	return inRange(a.bare, a.action, lo, hi, ec)
}

func (a args) required(key string, lo, hi int) (int, error) {
	if !a.has(key) {
		return 0, missing(a.action, "the parameter "+key)
	}
	return a.number(key, lo, hi, 0, "")
}

func parseAction(s string) (Action, error) {
	a := parseArgs(s)
	switch a.action {
	case "resize":
		return parseResize(a)
	case "crop":
		return parseCrop(a)
	case "indexcrop":
		return parseIndexCrop(a)
	case "circle":
		r, err := a.required("r", 1, 4096)
		return Circle{r}, err
	case "rounded-corners":
		r, err := a.required("r", 1, 4096)
		return RoundedCorners{r}, err
	case "rotate":
		d, err := a.bareNumber(0, 360, "0040-00000217")
		return Rotate{d}, err
	case "auto-orient":
		v, err := a.bareNumber(0, 1, "")
		return AutoOrient{v == 1}, err
	case "flip":
		v, err := a.required("v", 0, 2)
		return Flip{Horizontal: v != 1, Vertical: v != 0}, err
	case "quality":
		return parseQuality(a)
	case "format":
		return parseFormat(a)
	case "interlace":
		v, err := a.bareNumber(0, 1, "")
		return Interlace{v == 1}, err
	case "blur":
		r, err := a.required("r", 1, 50)
		if err != nil {
			return nil, err
		}
		s, err := a.required("s", 1, 50)
		return Blur{r, s}, err
	case "bright":
		v, err := a.bareNumber(-100, 100, "")
		return Bright{v}, err
	case "contrast":
		v, err := a.bareNumber(-100, 100, "")
		return Contrast{v}, err
	case "sharpen":
		v, err := a.bareNumber(50, 399, "")
		return Sharpen{v}, err
	case "info":
		return Info{}, nil
	case "average-hue":
		return AverageHue{}, nil
	}
	return nil, notImplemented(a.action)
}

func parseResize(a args) (Action, error) {
	r := Resize{Mode: Lfit, Color: [3]uint8{255, 255, 255}}
	if a.kv["e"] == "1" { // the older interface's way to ask for mfit
		r.Mode = Mfit
	}
	if v, ok := a.kv["m"]; ok {
		switch r.Mode = Mode(v); r.Mode {
		case Lfit, Mfit, Fill, Pad, Fixed:
		default:
			return nil, invalidValue("0040-00000311", v, "m")
		}
	}
	if a.kv["w"] == "0" && a.kv["h"] == "0" {
		return nil, withEC(invalidValue("", "0", "w").WithHint("w and h must not both be 0; each may be 1 to %d.", MaxResizeSide), "0040-00000321")
	}
	var err error
	for _, p := range []struct {
		key string
		hi  int
		ec  string
		to  *int
	}{
		{"w", MaxResizeSide, "0040-00000312", &r.W},
		{"h", MaxResizeSide, "", &r.H},
		{"l", MaxResizeSide, "", &r.L},
		{"s", MaxResizeSide, "", &r.S},
		{"p", 1000, "", &r.P},
	} {
		if *p.to, err = a.number(p.key, 1, p.hi, 0, p.ec); err != nil {
			return nil, err
		}
	}
	limit, err := a.number("limit", 0, 1, 1, "0040-00000319")
	if err != nil {
		return nil, err
	}
	r.Enlarge = limit == 0
	if v, ok := a.kv["color"]; ok {
		n, err := strconv.ParseUint(v, 16, 32)
		if err != nil || len(v) != 6 {
			return nil, invalidValue("", v, "color")
		}
		r.Color = [3]uint8{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	}
	if r.W+r.H+r.L+r.S+r.P == 0 {
		return nil, missing("resize", "one of the parameters w, h, l, s and p")
	}
	return r, nil
}

var gravities = map[string]Gravity{
	"nw": {0, 0}, "north": {1, 0}, "ne": {2, 0},
	"west": {0, 1}, "center": {1, 1}, "east": {2, 1},
	"sw": {0, 2}, "south": {1, 2}, "se": {2, 2},
}

func parseCrop(a args) (Action, error) {
	var c Crop
	var err error
	for _, p := range []struct {
		key string
		lo  int
		to  *int
	}{{"w", 1, &c.W}, {"h", 1, &c.H}, {"x", 0, &c.X}, {"y", 0, &c.Y}} {
		if *p.to, err = a.number(p.key, p.lo, MaxSourceSide, 0, ""); err != nil {
			return nil, err
		}
	}
	if v, ok := a.kv["g"]; ok {
		if v == "face" || v == "auto" {
			return nil, notImplemented("crop,g_" + v)
		}
		if c.G, ok = gravities[v]; !ok {
			return nil, invalidValue("", v, "g")
		}
	}
	return c, nil
}

func parseIndexCrop(a args) (Action, error) {
	c := IndexCrop{Vertical: a.has("y")}
	key := "x"
	if c.Vertical {
		key = "y"
	} else if !a.has("x") {
		return nil, missing("indexcrop", "the parameter x or y")
	}
	var err error
	if c.Size, err = a.number(key, 1, MaxSourceSide, 0, ""); err != nil {
		return nil, err
	}
	c.Index, err = a.number("i", 0, 1<<30, 0, "")
	return c, err
}

func parseQuality(a args) (Action, error) {
	if a.has("Q") {
		v, err := a.number("Q", 1, 100, 0, "")
		return Quality{Value: v}, err
	}
	if !a.has("q") {
		return nil, missing("quality", "the parameter q or Q")
	}
	v, err := a.number("q", 1, 100, 0, "")
	return Quality{Relative: true, Value: v}, err
}

func parseFormat(a args) (Action, error) {
	const ec = "0040-00000206"
	switch f := Format(strings.ToLower(a.bare)); f {
	case JPG, PNG, BMP, GIF, WebP, TIFF, HEIC, AVIF:
		return Convert{f}, nil
	case "jpeg":
		return Convert{JPG}, nil
	case "":
		for k, v := range a.kv {
			return nil, invalidValue(ec, k+"_"+v, "format")
		}
		return nil, missing("format", "a value")
	}
	return nil, invalidValue(ec, a.bare, "format")
}
