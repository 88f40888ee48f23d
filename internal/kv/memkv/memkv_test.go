package memkv

import (
	"testing"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/kvtest"
)

func TestSuite(t *testing.T) {
	kvtest.Test(t, func(*testing.T) kv.Store { return New() })
}
