package exif

import (
	"encoding/binary"
	"reflect"
	"testing"
)

type entry struct {
	tag, kind uint16
	count     uint32
	data      []byte // in place when it has 4 bytes, else stored behind
}

// block builds an EXIF block of consecutive directories; next links the first to the last.
func block(o binary.AppendByteOrder, mark string, dirs [][]entry) []byte {
	b := append([]byte("Exif\x00\x00"), mark...)
	b = o.AppendUint32(b, 8)
	for i, d := range dirs {
		extra := len(b) - 6 + 2 + 12*len(d) + 4
		b = o.AppendUint16(b, uint16(len(d)))
		var behind []byte
		for _, e := range d {
			b = o.AppendUint32(o.AppendUint16(o.AppendUint16(b, e.tag), e.kind), e.count)
			if len(e.data) == 4 {
				b = append(b, e.data...)
			} else {
				b = o.AppendUint32(b, uint32(extra+len(behind)))
				behind = append(behind, e.data...)
			}
		}
		next := uint32(0)
		if i+1 < len(dirs) {
			next = uint32(extra + len(behind))
		}
		b = append(o.AppendUint32(b, next), behind...)
	}
	return b
}

func sample(o binary.AppendByteOrder, mark string) []byte {
	short := func(v uint16) []byte { return append(o.AppendUint16(nil, v), 0, 0) }
	return block(o, mark, [][]entry{{
		{0x0112, 3, 1, short(7)},
		{0x011a, 5, 1, o.AppendUint32(o.AppendUint32(nil, 96), 1)},
		{0x0131, 2, 11, []byte("Kingfisher\x00")},
		{0x9000, 7, 4, []byte("0221")},
		{0x9204, 10, 1, o.AppendUint32(o.AppendUint32(nil, 0xffffffff), 3)},
		{0x0102, 3, 3, o.AppendUint16(o.AppendUint16(o.AppendUint16(nil, 8), 8), 9)},
		{0x0132, 2, 1000, []byte("a value that is cut off")},
		{0xdead, 3, 1, short(1)},
	}, {
		{0x0103, 3, 1, short(6)},
	}})
}

func read(b []byte) map[string]string {
	m := map[string]string{}
	Read(b, func(name, value string) { m[name] = value })
	return m
}

func TestRead(t *testing.T) {
	want := map[string]string{"Orientation": "7", "XResolution": "96/1", "Software": "Kingfisher", "ExifVersion": "0221", "ExposureBiasValue": "-1/3", "BitsPerSample": "8 8 9", "Compression": "6"}
	little, big := sample(binary.LittleEndian, "II*\x00"), sample(binary.BigEndian, "MM\x00*")
	for _, b := range [][]byte{little, big, little[6:]} {
		if got := read(b); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestReadFollowsGPSOnce(t *testing.T) {
	// The GPS pointer leads back to the first directory, whose entries are then taken for
	// GPS tags, and no further.
	o := binary.BigEndian
	b := block(o, "MM\x00*", [][]entry{{{gpsPointer, 4, 1, o.AppendUint32(nil, 8)}, {0x0001, 2, 2, []byte("N\x00\x00\x00")}}})
	if got, want := read(b), (map[string]string{"GPSTag": "8", "GPSLatitudeRef": "N"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(binary.LittleEndian, "II*\x00"))
	f.Add(sample(binary.BigEndian, "MM\x00*"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		Read(b, func(name, value string) {
			if n++; name == "" || len(value) > maxValue+64 || n > 4*maxEntries {
				t.Fatalf("%q has %d bytes, entry %d", name, len(value), n)
			}
		})
	})
}
