package function

import (
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestLoopLimit(t *testing.T) {
	h, ctx := open(t), t.Context()
	h.create(t, "f")
	if _, err := h.PublishVersion(ctx, "f", "", ""); err != nil {
		t.Fatal(err)
	}
	resolved := func(want int) {
		t.Helper()
		for _, q := range []string{"", "1"} { // versions share it
			r, _, err := h.Resolve(ctx, "f", q, 0)
			if err != nil || r.LoopLimit != want {
				t.Errorf("at %q: %d, %v; want %d", q, r.LoopLimit, err, want)
			}
		}
		if n, err := h.LoopLimit(ctx, "f"); err != nil || n != want {
			t.Errorf("%d, %v; want %d", n, err, want)
		}
	}
	resolved(LoopDefault)
	for _, n := range []int{3, MaxLoopLimit, LoopOff, LoopDefault, LoopDefault, 1} {
		if err := h.SetLoopLimit(ctx, "f", n); err != nil {
			t.Fatal(err)
		}
		resolved(n)
	}
	for _, n := range []int{-2, MaxLoopLimit + 1} {
		if err := h.SetLoopLimit(ctx, "f", n); !fault.Is(err, "InvalidArgument") {
			t.Errorf("%d: %v", n, err)
		}
	}
	resolved(1)
	if err := h.SetLoopLimit(ctx, "none", 3); !fault.Is(err, "FunctionNotFound") {
		t.Error(err)
	}
	if _, err := h.LoopLimit(ctx, "none"); !fault.Is(err, "FunctionNotFound") {
		t.Error(err)
	}
	// One that is made anew under the name has the default.
	if _, err := h.Delete(ctx, "f", "", nil); err != nil {
		t.Fatal(err)
	}
	h.create(t, "f")
	if n, err := h.LoopLimit(ctx, "f"); err != nil || n != LoopDefault {
		t.Errorf("%d, %v", n, err)
	}
}
