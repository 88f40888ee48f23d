//go:build cgo

package worker

import (
	"encoding/json"
	"strconv"

	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/exif"
	"github.com/alcedo-storage/alcedo/internal/image/vips"
)

type infoValue struct {
	Value string `json:"value"`
}

// info describes a source as the info action does: facts of the file, and its EXIF tags
// by name with their plain values ("7", "96/1"). Width and height are those of the file,
// whatever its orientation says. img may be nil, for formats without EXIF.
func info(f image.Format, size, width, height, frames int, img *vips.Image) ([]byte, error) {
	out := map[string]infoValue{}
	if img != nil {
		exif.Read(img.Blob("exif-data"), func(name, value string) {
			if _, have := out[name]; !have { // the image's tags come before its thumbnail's
				out[name] = infoValue{value}
			}
		})
	}
	for k, v := range map[string]int{"FileSize": size, "ImageWidth": width, "ImageHeight": height, "FrameCount": frames} {
		out[k] = infoValue{strconv.Itoa(v)}
	}
	out["Format"] = infoValue{string(f)}
	return json.MarshalIndent(out, "", "    ")
}
