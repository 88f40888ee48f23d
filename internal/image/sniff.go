package image

import (
	"bytes"
	"encoding/binary"
)

// SniffLen is how many leading bytes [Sniff] looks at, at most.
const SniffLen = 64

// Sniff tells the format of an image by its first bytes. It returns "" for anything
// that is not of a format this package reads.
func Sniff(b []byte) Format {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return JPG
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case bytes.HasPrefix(b, []byte("GIF87a")), bytes.HasPrefix(b, []byte("GIF89a")):
		return GIF
	case len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return WebP
	case bytes.HasPrefix(b, []byte("II*\x00")), bytes.HasPrefix(b, []byte("MM\x00*")):
		return TIFF
	case len(b) >= 18 && b[0] == 'B' && b[1] == 'M':
		// Two letters are a weak mark, so the size of the second header must be known too.
		switch binary.LittleEndian.Uint32(b[14:]) {
		case 12, 40, 52, 56, 64, 108, 124:
			return BMP
		}
	case len(b) >= 16 && string(b[4:8]) == "ftyp":
		return sniffBrands(b)
	}
	return ""
}

// sniffBrands reads the ISO base media "ftyp" box: AVIF wins over the general brands
// mif1 and msf1, which both families carry.
func sniffBrands(b []byte) Format {
	end := min(uint64(binary.BigEndian.Uint32(b)), uint64(len(b)))
	found := Format("")
	for at := uint64(8); at+4 <= end; at += 4 {
		if at == 12 {
			continue // the minor version
		}
		switch string(b[at : at+4]) {
		case "avif", "avis":
			return AVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			found = HEIC
		}
	}
	return found
}
