package run

import (
	"context"

	"github.com/alcedo-storage/alcedo/internal/runner"
)

// Hooks tell somebody who stands above the caller of Invoke how a run goes while it goes,
// as net/http/httptrace does for requests. Each may be nil; none may block or keep what
// it is given.
type Hooks struct {
	Begun func(requestID, version string) // the function was found and may run
	Start func(runner.Start)              // an instance has the event
	Log   func(chunk []byte)              // a piece of output, as it came
}

type hooksKey struct{}

// WithHooks returns a context whose Invoke tells h, beside what its Call says.
func WithHooks(ctx context.Context, h *Hooks) context.Context {
	return context.WithValue(ctx, hooksKey{}, h)
}

// hook adds the context's hooks to a request.
func hook(ctx context.Context, req *runner.Request) {
	h, _ := ctx.Value(hooksKey{}).(*Hooks)
	if h == nil {
		return
	}
	if h.Begun != nil {
		h.Begun(req.RequestID, req.Function.Version)
	}
	req.OnStart, req.OnLog = both(h.Start, req.OnStart), both(h.Log, req.OnLog)
}

func both[T any](f, g func(T)) func(T) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(v T) { f(v); g(v) }
}
