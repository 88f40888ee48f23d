package memblob

import (
	"testing"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/blob/blobtest"
)

func TestSuite(t *testing.T) {
	blobtest.Test(t, func(*testing.T) blob.Store { return New() })
}
