//go:build !cgo

// Package worker is the inside of an image worker process. This build has no cgo, so it
// can only say that images cannot be processed.
package worker

import (
	"context"
	"errors"
	"io"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image/wire"
)

// Main tells the pool that this build cannot process images.
func Main(ctx context.Context, in io.Reader, out io.Writer) error {
	var hello wire.Hello
	if _, err := wire.ReadHeader(in, &hello, 0); err != nil {
		return err
	}
	f := fault.New(fault.Unavailable, "ServiceUnavailable", "Images cannot be processed: this program was built without cgo.").
		WithHint("Build it with CGO_ENABLED=1 and install libvips 8.13 or newer (Debian and Ubuntu: apt install libvips42).")
	return errors.Join(f, wire.WriteHeader(out, wire.Ready{Fault: wire.FromError(f)}, 0))
}
