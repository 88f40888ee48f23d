package function

import (
	"context"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/kv"
)

// What the transaction is told is what the row says in it, whatever was kept in memory.
func TestAsyncConfigIn(t *testing.T) {
	ctx, h := context.Background(), open(t)
	h.create(t, "f")
	in := func() (c *AsyncConfig) {
		t.Helper()
		if err := h.kv.Update(ctx, func(tx kv.Txn) (err error) {
			c, err = h.AsyncConfigIn(tx, "f", "")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := in(); c.Task || c.Function != "f" || c.Qualifier != Latest || c.MaxRetries() != DefaultAsyncRetries {
		t.Fatalf("defaults: %+v", c)
	}
	_ = h.kv.Update(ctx, func(tx kv.Txn) error {
		a, _ := h.AsyncConfigIn(tx, "f", "")
		if b, _ := h.AsyncConfigIn(tx, "f", Latest); a == nil || a != b {
			t.Error("the settings are read again although nothing changed")
		}
		return nil
	})
	ok[*AsyncConfig](t)(h.PutAsyncConfig(ctx, AsyncConfig{Function: "f", Task: true, OnSuccess: "x"}))
	if c := in(); !c.Task || c.OnSuccess != "x" {
		t.Fatalf("after a change: %+v", c)
	}
	if err := h.DeleteAsyncConfig(ctx, "f", ""); err != nil {
		t.Fatal(err)
	}
	if c := in(); c.Task {
		t.Fatalf("after it was deleted: %+v", c)
	}
}

func BenchmarkAsyncConfigIn(b *testing.B) {
	ctx, h := context.Background(), open(b)
	h.create(b, "f")
	b.ReportAllocs()
	_ = h.kv.Update(ctx, func(tx kv.Txn) error {
		for b.Loop() {
			if _, err := h.AsyncConfigIn(tx, "f", Latest); err != nil {
				b.Fatal(err)
			}
		}
		return nil
	})
}
