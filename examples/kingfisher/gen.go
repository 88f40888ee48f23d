//go:build ignore

// Draws examples/kingfisher.png from shapes, so that the picture has no other origin
// than this file: go run examples/kingfisher/gen.go
package main

import (
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"
	"sort"
)

const (
	width, height = 640, 480
	sub           = 4 // samples per pixel and direction
)

type point struct{ x, y float64 }

type canvas struct{ pix []color.RGBA }

func rgb(v uint32) color.RGBA { return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255} }

func mix(a, b color.RGBA, t float64) color.RGBA {
	f := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + (float64(y)-float64(x))*t)) }
	return color.RGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

// fill paints a polygon by the even-odd rule; shade gives the colour of each row.
func (c *canvas) fill(poly []point, shade func(y float64) color.RGBA) {
	for row := range height * sub {
		y := (float64(row) + 0.5) / sub
		var cuts []float64
		for i, a := range poly {
			b := poly[(i+1)%len(poly)]
			if (a.y <= y) != (b.y <= y) {
				cuts = append(cuts, a.x+(y-a.y)/(b.y-a.y)*(b.x-a.x))
			}
		}
		sort.Float64s(cuts)
		col := shade(y)
		for i := 0; i+1 < len(cuts); i += 2 {
			from := max(0, int(math.Ceil(cuts[i]*sub-0.5)))
			to := min(width*sub, int(math.Ceil(cuts[i+1]*sub-0.5)))
			for x := from; x < to; x++ {
				c.pix[row*width*sub+x] = col
			}
		}
	}
}

func flat(v uint32) func(float64) color.RGBA { return func(float64) color.RGBA { return rgb(v) } }

func fade(top, bottom uint32, from, to float64) func(float64) color.RGBA {
	return func(y float64) color.RGBA {
		return mix(rgb(top), rgb(bottom), min(1, max(0, (y-from)/(to-from))))
	}
}

// curve is a closed path of cubic Béziers: a start, then triples of control, control, end.
func curve(v ...float64) []point {
	at := point{v[0], v[1]}
	poly := []point{at}
	for i := 2; i+5 < len(v); i += 6 {
		p1, p2, p3 := point{v[i], v[i+1]}, point{v[i+2], v[i+3]}, point{v[i+4], v[i+5]}
		for s := 1; s <= 24; s++ {
			t := float64(s) / 24
			u := 1 - t
			poly = append(poly, point{
				u*u*u*at.x + 3*u*u*t*p1.x + 3*u*t*t*p2.x + t*t*t*p3.x,
				u*u*u*at.y + 3*u*u*t*p1.y + 3*u*t*t*p2.y + t*t*t*p3.y,
			})
		}
		at = p3
	}
	return poly
}

func lines(v ...float64) (poly []point) {
	for i := 0; i < len(v); i += 2 {
		poly = append(poly, point{v[i], v[i+1]})
	}
	return poly
}

func ellipse(cx, cy, rx, ry float64) (poly []point) {
	for i := range 72 {
		s, c := math.Sincos(float64(i) * math.Pi / 36)
		poly = append(poly, point{cx + rx*c, cy + ry*s})
	}
	return poly
}

func main() {
	c := &canvas{make([]color.RGBA, width*height*sub*sub)}

	// Evening over still water.
	c.fill(lines(0, 0, width, 0, width, 330, 0, 330), fade(0xf6d9b0, 0xf3efe0, 0, 330))
	c.fill(ellipse(112, 236, 58, 58), flat(0xf9b66b))
	c.fill(curve(0, 300, 90, 262, 180, 282, 270, 296, 380, 268, 500, 262, 640, 292, 640, 310, 640, 330, 640, 340, 400, 340, 200, 340, 0, 340), flat(0xa9c3b4))
	c.fill(lines(0, 326, width, 326, width, height, 0, height), fade(0x7fb8bd, 0x2f6f84, 326, height))
	for _, r := range [][3]float64{{112, 346, 64}, {98, 366, 46}, {120, 388, 30}} {
		c.fill(ellipse(r[0], r[1], r[2], 3.2), flat(0xf3c58f))
	}
	for _, r := range [][4]float64{{520, 352, 70, 0x9fced0}, {300, 372, 90, 0x8fc4c9}, {560, 404, 60, 0x6fa9b5}, {210, 430, 110, 0x5c9aa9}, {470, 452, 90, 0x4f8fa0}} {
		c.fill(ellipse(r[0], r[1], r[2], 2.2), flat(uint32(r[3])))
	}

	// Reeds.
	for _, r := range [][3]float64{{556, 120, 14}, {586, 60, -16}, {612, 150, 12}, {34, 250, 12}, {58, 300, -8}} {
		x, top, lean := r[0], r[1], r[2]
		c.fill(curve(x-5, 480, x-5, 380, x-2+lean, top+120, x+lean, top, x+4+lean, top+120, x+5, 380, x+6, 480), fade(0x7d9a55, 0x3f6b4c, top, 480))
	}
	c.fill(ellipse(582, 128, 7, 30), flat(0x6d4a2f))

	// The branch.
	c.fill(curve(640, 330, 560, 352, 440, 366, 300, 372, 240, 374, 200, 378, 176, 386, 210, 390, 250, 390, 300, 389, 440, 386, 560, 376, 640, 360), fade(0x8a6242, 0x50372a, 330, 392))

	// Tail, belly, back and wing.
	c.fill(curve(446, 330, 470, 360, 486, 396, 500, 440, 482, 440, 466, 436, 452, 428, 440, 396, 426, 366, 418, 344), fade(0x1f7fc0, 0x124a86, 330, 440))
	c.fill(curve(280, 182, 236, 236, 240, 330, 306, 360, 356, 382, 420, 356, 426, 310, 430, 250, 390, 200, 340, 176), fade(0xf39a3d, 0xd96a1e, 180, 366))
	c.fill(curve(322, 132, 402, 150, 456, 232, 470, 312, 474, 340, 472, 362, 462, 384, 430, 372, 398, 346, 384, 320, 356, 286, 326, 246, 314, 200), fade(0x2b9ad6, 0x155a9c, 132, 384))
	c.fill(curve(362, 176, 408, 208, 440, 262, 452, 330, 440, 300, 420, 250, 392, 216), flat(0x6fe0ee))
	c.fill(curve(346, 222, 392, 242, 436, 300, 462, 384, 424, 376, 386, 346, 364, 306, 350, 280, 344, 250, 346, 222), fade(0x1c74b8, 0x0f3f78, 222, 384))
	for i, p := range [][2]float64{{366, 262}, {382, 276}, {398, 294}, {376, 296}, {392, 314}, {412, 322}, {408, 344}, {428, 346}} {
		r := 3.4 - 0.2*float64(i%3)
		c.fill(ellipse(p[0], p[1], r, r), flat(0x63cfe6))
	}

	// Bill.
	c.fill(lines(256, 138, 108, 174, 258, 162), fade(0x2b2f38, 0x16191f, 138, 174))
	c.fill(curve(258, 160, 220, 166, 160, 172, 118, 175, 170, 182, 220, 180, 264, 174), flat(0x8c3b22))

	// Head.
	c.fill(ellipse(304, 148, 62, 56), fade(0x34a3dc, 0x1b6fb2, 92, 204))
	c.fill(curve(256, 158, 290, 146, 330, 150, 348, 172, 338, 196, 300, 196, 262, 172), fade(0xf5a648, 0xe27a25, 146, 196))
	c.fill(curve(340, 156, 364, 158, 372, 180, 360, 206, 348, 200, 336, 190, 334, 180, 340, 172, 342, 164, 340, 156), flat(0xfdf8ee))
	c.fill(curve(260, 172, 284, 192, 318, 196, 336, 204, 320, 222, 284, 220, 268, 204, 262, 194, 258, 184, 260, 172), flat(0xfdf8ee))
	c.fill(curve(262, 164, 290, 176, 322, 184, 350, 190, 326, 198, 286, 190, 262, 172), flat(0x1b64a6))
	for _, p := range [][2]float64{{276, 108}, {292, 102}, {310, 100}, {328, 104}, {342, 114}, {284, 118}, {302, 114}, {320, 115}, {336, 126}, {352, 134}} {
		c.fill(ellipse(p[0], p[1], 3.2, 2.6), flat(0x8ee4f0))
	}
	c.fill(ellipse(275, 142, 10.5, 10.5), flat(0x17181c))
	c.fill(ellipse(271.5, 138.5, 3.2, 3.2), flat(0xffffff))

	// Feet.
	for _, x := range []float64{322, 352} {
		c.fill(curve(x, 356, x+2, 364, x+1, 370, x-2, 376, x+6, 380, x+14, 380, x+18, 376, x+14, 370, x+12, 364, x+12, 356), flat(0xc8452a))
	}

	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var r, g, b int
			for dy := range sub {
				for dx := range sub {
					p := c.pix[(y*sub+dy)*width*sub+x*sub+dx]
					r, g, b = r+int(p.R), g+int(p.G), b+int(p.B)
				}
			}
			const n = sub * sub
			img.SetRGBA(x, y, color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255})
		}
	}
	out, err := os.Create("examples/kingfisher.png")
	if err != nil {
		log.Fatal(err)
	}
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(out, img); err != nil {
		log.Fatal(err)
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}
