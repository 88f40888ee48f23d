package console

import (
	"context"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// waiting reads the parameter wait, a number of seconds, and returns a context that ends
// when they have passed; without it, may is false.
func (r *request) waiting() (ctx context.Context, cancel context.CancelFunc, may bool, err error) {
	s := r.param("wait")
	if s == "" {
		return r.Context(), func() {}, false, nil
	}
	sec, err := strconv.Atoi(s)
	if err != nil || sec < 0 || sec > 60 {
		return nil, nil, false, fault.New(fault.Invalid, "InvalidArgument", "wait %q is not a number of seconds from 0 to 60.", s)
	}
	ctx, cancel = context.WithTimeout(r.Context(), time.Duration(sec)*time.Second)
	return ctx, cancel, true, nil
}

// awaited answers with what look finds: at once, or with wait=SECONDS when it is enough or
// that time is over. It looks again whenever the channel is closed that look returned.
func (r *request) awaited(look func() (out any, changed <-chan struct{}, enough bool, err error)) (any, error) {
	ctx, cancel, wait, err := r.waiting()
	if err != nil {
		return nil, err
	}
	defer cancel()
	for {
		out, changed, enough, err := look()
		if err != nil {
			return nil, err
		}
		if enough || !wait {
			return out, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return out, nil
		}
	}
}

// awaitVersion returns at once, or with wait=SECONDS when now is another than after=VERSION,
// or that time is over. Nobody is told of a count, which is on the path of every write: it
// looks twice a second.
func (r *request) awaitVersion(now func() string) error {
	ctx, cancel, wait, err := r.waiting()
	if err != nil || !wait {
		return err
	}
	defer cancel()
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for after := r.param("after"); now() == after; {
		select {
		case <-ctx.Done():
			return r.Context().Err()
		case <-t.C:
		}
	}
	return r.Context().Err()
}
