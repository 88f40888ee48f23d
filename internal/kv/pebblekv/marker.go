package pebblekv

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markers syncs a directory before Pebble makes a marker in it. Pebble syncs a new
// manifest, makes the marker that names it, and then syncs the directory once for both. A
// disk that loses its power in between, and keeps the marker's name but not the
// manifest's, would leave a store that cannot be opened.
type markers struct{ vfs.FS }

func (fs markers) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(fs.PathBase(name), "marker.") {
		d, err := fs.OpenDir(fs.PathDir(name))
		if err != nil {
			return nil, err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return nil, err
		}
	}
	return fs.FS.Create(name, category)
}

func (fs markers) Unwrap() vfs.FS { return fs.FS }
