//go:build cgo

// Package worker is the inside of an image worker process: it serves image jobs on its
// standard input and output until the input ends. See the package image.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/image/vips"
	"github.com/alcedo-storage/alcedo/internal/image/wire"
)

// maxSource bounds what a worker believes about the length of a source; the pool has
// applied the limit that is configured.
const maxSource = 1 << 30

// Main is a whole worker process: it loads libvips, caps the process's memory and serves
// jobs one after another. It returns nil when in ends between two jobs, and an error
// when the process cannot serve (which the pool has been told) or the pool broke off.
// ctx is looked at between jobs.
func Main(ctx context.Context, in io.Reader, out io.Writer) error {
	return Serve(ctx, in, out, vips.DefaultLibrary)
}

// Serve is Main with the name or path of the libvips library.
func Serve(ctx context.Context, in io.Reader, out io.Writer, library string) error {
	runtime.LockOSThread() // libvips keeps things by thread
	defer runtime.UnlockOSThread()
	var hello wire.Hello
	if _, err := wire.ReadHeader(in, &hello, 0); err != nil {
		return fmt.Errorf("image worker: no greeting: %w; it is started by the server, not by hand", err)
	}
	if err := limit(hello.Memory); err != nil {
		return fmt.Errorf("image worker: %w", err)
	}
	if err := vips.Open(library); err != nil {
		f := fault.New(fault.Unavailable, "ServiceUnavailable", "Images cannot be processed: libvips could not be loaded.").
			WithHint("Install libvips 8.13 or newer on the server (Debian and Ubuntu: apt install libvips42).").Because(err)
		return errors.Join(f, wire.WriteHeader(out, wire.Ready{Fault: wire.FromError(f)}, 0))
	}
	if err := wire.WriteHeader(out, wire.Ready{Version: vips.Version()}, 0); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := serveOne(in, out); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("image worker: %w", err)
		}
	}
	return ctx.Err()
}

func serveOne(in io.Reader, out io.Writer) error {
	var job wire.Job
	n, err := wire.ReadHeader(in, &job, maxSource)
	if err != nil {
		return err
	}
	buf := vips.Alloc(int(n))
	defer vips.Free(buf)
	if buf == nil {
		if _, err := io.CopyN(io.Discard, in, n); err != nil {
			return err
		}
		return wire.WriteHeader(out, wire.Done{Fault: wire.FromError(outOfMemory(nil))}, 0)
	}
	if _, err := io.ReadFull(in, buf); err != nil {
		return err
	}
	s := &vips.Session{}
	defer s.Close()
	res, err := render(s, job.Process, buf)
	if err == nil && len(res.data) > image.MaxOutput {
		err = fault.New(fault.TooLarge, "ImageTooLarge", "The result has %d bytes; at most %d are allowed.", len(res.data), image.MaxOutput).With("EC", "0040-00000007")
	}
	if err != nil {
		return wire.WriteHeader(out, wire.Done{Fault: wire.FromError(err)}, 0)
	}
	if err := wire.WriteHeader(out, wire.Done{Format: string(res.format), Width: res.width, Height: res.height}, int64(len(res.data))); err != nil {
		return err
	}
	_, err = out.Write(res.data)
	return err
}

func outOfMemory(err error) *fault.Error {
	return fault.New(fault.TooLarge, "ImageTooLarge", "The image needs more memory than may be used for one image.").Because(err)
}
