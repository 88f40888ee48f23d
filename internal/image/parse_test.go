package image_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
)

func TestParseActions(t *testing.T) {
	white := [3]uint8{255, 255, 255}
	for process, want := range map[string][]image.Action{
		"image/resize,m_fixed,w_128,h_128": {image.Resize{Mode: image.Fixed, W: 128, H: 128, Color: white}},
		"image/resize,w_100/quality,q_80":  {image.Resize{Mode: image.Lfit, W: 100, Color: white}, image.Quality{Relative: true, Value: 80}},
		// Pairs in any order, the last of a repeated key, a trailing comma, unknown keys.
		"image/resize,h_7,w_1,w_5,m_pad,color_ff6a00,": {image.Resize{Mode: image.Pad, W: 5, H: 7, Color: [3]uint8{255, 0x6a, 0}}},
		"image/crop,w_100,h_100,x_100,y_100,r_1":       {image.Crop{W: 100, H: 100, X: 100, Y: 100}},
		"image/resize,l_100,limit_0":                   {image.Resize{Mode: image.Lfit, L: 100, Enlarge: true, Color: white}},
		"image/resize,p_50,e_1":                        {image.Resize{Mode: image.Mfit, P: 50, Color: white}},
		"image/quality,q_50,Q_90":                      {image.Quality{Value: 90}},
		"image/format,jpg/interlace,1/auto-orient,0":   {image.Convert{To: image.JPG}, image.Interlace{On: true}, image.AutoOrient{}},
		"image/crop,g_se":                              {image.Crop{G: image.Gravity{X: 2, Y: 2}}},
		"image/indexcrop,x_10,y_20,i_1":                {image.IndexCrop{Vertical: true, Size: 20, Index: 1}},
		"image/blur,r_3,s_2/bright,-50/contrast,100":   {image.Blur{R: 3, S: 2}, image.Bright{V: -50}, image.Contrast{V: 100}},
		"image/rotate,90/sharpen,100/circle,r_100/":    {image.Rotate{Degrees: 90}, image.Sharpen{V: 100}, image.Circle{R: 100}},
		"image/rounded-corners,r_30/flip,v_1":          {image.RoundedCorners{R: 30}, image.Flip{Vertical: true}},
		"image/info":                                   {image.Info{}},
		"image/average-hue":                            {image.AverageHue{}},
	} {
		p, err := image.Parse(process)
		if err != nil {
			t.Errorf("%s: %v", process, err)
		} else if !reflect.DeepEqual(p.Actions, want) || p.SaveAs != nil || p.Style != "" || p.String() != process {
			t.Errorf("%s: got %+v, want %+v", process, p.Actions, want)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		process, reason, ec, message string
	}{
		{"", "InvalidArgument", "", ""},
		{"resize,w_100", "InvalidArgument", "", ""},
		{"image/", "MissingArgument", "", ""},
		{"image/resize", "MissingArgument", "", ""},
		{"image/resize,m_lfit", "MissingArgument", "", ""},
		{"image/resize,w_0", "InvalidArgument", "0040-00000312", "The value: 0 of parameter: w is invalid."},
		{"image/resize,w_16385", "InvalidArgument", "0040-00000312", "The value: 16385 of parameter: w is invalid."},
		{"image/resize,w_+5", "InvalidArgument", "0040-00000312", "The value: +5 of parameter: w is invalid."},
		{"image/resize,w_", "InvalidArgument", "0040-00000312", "The value:  of parameter: w is invalid."},
		{"image/resize,w_0,h_0", "InvalidArgument", "0040-00000321", ""},
		{"image/resize,m_abc,w_1", "InvalidArgument", "0040-00000311", "The value: abc of parameter: m is invalid."},
		{"image/resize,w_1,limit_2", "InvalidArgument", "0040-00000319", "The value: 2 of parameter: limit is invalid."},
		{"image/resize,p_1001", "InvalidArgument", "", "The value: 1001 of parameter: p is invalid."},
		{"image/resize,m_pad,w_1,color_red", "InvalidArgument", "", ""},
		{"image/quality", "MissingArgument", "", ""},
		{"image/quality,q_0", "InvalidArgument", "", "The value: 0 of parameter: q is invalid."},
		{"image/format,f_png", "InvalidArgument", "0040-00000206", ""},
		{"image/format,svg", "InvalidArgument", "0040-00000206", ""},
		{"image/rotate,a_90", "InvalidArgument", "0040-00000217", ""},
		{"image/rotate,361", "InvalidArgument", "0040-00000217", ""},
		{"image/auto-orient,2", "InvalidArgument", "", ""},
		{"image/blur,r_3", "MissingArgument", "", ""},
		{"image/crop,g_middle", "InvalidArgument", "", ""},
		{"image/crop,g_face", "NotImplemented", "", ""},
		{"image/watermark,text_SGVsbG8", "NotImplemented", "", `The image action "watermark" is not implemented.`},
		{"image/teleport,1", "NotImplemented", "", ""},
		{"video/snapshot,t_1000", "NotImplemented", "", ""},
		{"image/info/resize,w_1", "InvalidArgument", "", ""},
		{"style/", "InvalidArgument", "", ""},
		{"style/a b", "InvalidArgument", "", ""},
		{"sys/saveas,o_YQ", "InvalidArgument", "", ""},
		{"image/resize,w_1|sys/saveas,o_!!", "BadRequest", "", "Input is not base64 decoding."},
		{"image/resize,w_1|sys/saveas,b_YQ", "MissingArgument", "", ""},
		{"image/resize,w_1|image/resize,w_2", "InvalidArgument", "", ""},
		{"image/resize,w_1" + strings.Repeat(",", 9000), "InvalidArgument", "0017-00000288", ""},
		{"image" + strings.Repeat("/bright,1", 100), "InvalidArgument", "", ""},
	} {
		p, err := image.Parse(c.process)
		if err == nil {
			t.Errorf("%.60s: got %+v, want %s", c.process, p, c.reason)
			continue
		}
		e := wantFault(t, err, c.reason, c.ec)
		if c.message != "" && e.Message != c.message {
			t.Errorf("%.60s: message %q, want %q", c.process, e.Message, c.message)
		}
		if want := map[string]fault.Kind{"NotImplemented": fault.Unsupported}[c.reason]; want != 0 && e.Kind != want {
			t.Errorf("%.60s: kind %v", c.process, e.Kind)
		}
	}
}

func TestParseSaveAsEncodings(t *testing.T) {
	const key, bucket = "processed/图片?>~ü.jpg", "dest-bucket"
	if s := base64.StdEncoding.EncodeToString([]byte(key)); !strings.ContainsAny(s, "+/") {
		t.Fatalf("the key %q does not tell the alphabets apart", s)
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		o, b := enc.EncodeToString([]byte(key)), enc.EncodeToString([]byte(bucket))
		for _, head := range []string{"image/resize,m_fixed,w_128,h_128", "style/thumb"} {
			p, err := image.Parse(head + "|sys/saveas,o_" + o + ",b_" + b)
			if err != nil || *p.SaveAs != (image.SaveAs{Bucket: bucket, Key: key}) {
				t.Errorf("%s: %+v, %v", o, p, err)
			}
			p, err = image.Parse(head + "|sys/saveas,o_" + o)
			if err != nil || *p.SaveAs != (image.SaveAs{Key: key}) {
				t.Errorf("%s without bucket: %+v, %v", o, p, err)
			}
			if (head[0] == 's') != (p.Style == "thumb") {
				t.Errorf("style is %q", p.Style)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"image/resize,m_fixed,w_128,h_128/quality,q_80|sys/saveas,o_YWJj,b_ZGVm", "style/a|sys/saveas,o_YQ==", "image/info",
		"image/resize,p_50,limit_0,color_FFffFF,/crop,g_se,x_1/rotate,45/format,webp", "image/watermark,text_a", "|", "image/resize,_,__,w_1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := image.Parse(s)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("%q: a request cannot be our fault: %v", s, err)
			}
			return
		}
		if (p.Style == "") == (len(p.Actions) == 0) {
			t.Fatalf("%q: neither or both of style and actions: %+v", s, p)
		}
		if p.SaveAs != nil && p.SaveAs.Key == "" {
			t.Fatalf("%q: no key", s)
		}
		if p.Style == "" {
			// A worker gets String and parses it again.
			if q, err := image.Parse(p.String()); err != nil || !reflect.DeepEqual(q.Actions, p.Actions) {
				t.Fatalf("%q does not survive String: %v", s, err)
			}
		}
		for _, a := range p.Actions {
			for _, size := range [][2]int{{1, 1}, {200, 100}, {30000, 1}, {1, 30000}, {15000, 15000}} {
				switch a := a.(type) {
				case image.Resize:
					if sc, err := a.Scale(size[0], size[1]); err == nil {
						w, h := sc.Output()
						if w < 1 || h < 1 || (sc.Cut && (w > sc.Width || h > sc.Height)) || (sc.Canvas && (w < sc.Width || h < sc.Height)) {
							t.Fatalf("%q of %v: %+v", s, size, sc)
						}
					}
				case image.Crop:
					if r, err := a.Area(size[0], size[1]); err == nil && !inside(r, size) {
						t.Fatalf("%q of %v: %+v", s, size, r)
					}
				case image.IndexCrop:
					if r := a.Area(size[0], size[1]); !inside(r, size) {
						t.Fatalf("%q of %v: %+v", s, size, r)
					}
				}
			}
		}
	})
}

func inside(r image.Rect, size [2]int) bool {
	return r.X >= 0 && r.Y >= 0 && r.W >= 1 && r.H >= 1 && r.X+r.W <= size[0] && r.Y+r.H <= size[1]
}
