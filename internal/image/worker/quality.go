//go:build cgo

package worker

import "encoding/binary"

// stdLuminance is the luminance table of ITU T.81, annex K, in zigzag order, which the
// Independent JPEG Group's encoder, and nearly every other, scales by its quality.
var stdLuminance = [64]int{
	16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
	26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
	56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
	95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
}

// jpegQuality estimates with which quality, 1 to 100, a JPEG was encoded: the one whose
// scaled table is nearest to the file's. It returns 0 when there is no table.
func jpegQuality(b []byte) int {
	table, ok := luminanceTable(b)
	if !ok {
		return 0
	}
	best, bestDistance := 0, 1<<30
	for q := 1; q <= 100; q++ {
		scale := 200 - 2*q
		if q < 50 {
			scale = 5000 / q
		}
		distance := 0
		for i, std := range stdLuminance {
			d := min(max((std*scale+50)/100, 1), 255) - table[i]
			distance += max(d, -d)
		}
		if distance <= bestDistance {
			best, bestDistance = q, distance
		}
	}
	return best
}

// luminanceTable finds quantization table 0 in the segments before the first scan.
func luminanceTable(b []byte) (table [64]int, ok bool) {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		if marker == 0xff { // fill bytes
			at++
			continue
		}
		n := int(binary.BigEndian.Uint16(b[at+2:]))
		if marker == 0xda || n < 2 || at+2+n > len(b) {
			return table, ok
		}
		if seg := b[at+4 : at+2+n]; marker == 0xdb {
			for len(seg) > 0 {
				wide, id := seg[0]>>4 != 0, seg[0]&15
				size := 64
				if wide {
					size = 128
				}
				if len(seg) < 1+size {
					return table, ok
				}
				if id == 0 {
					for i := range table {
						if wide {
							table[i] = int(binary.BigEndian.Uint16(seg[1+2*i:]))
						} else {
							table[i] = int(seg[1+i])
						}
					}
					ok = true
				}
				seg = seg[1+size:]
			}
		}
		at += 2 + n
	}
	return table, ok
}
