package console

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// A disk that does not take writes is told, and is no reason to restart the server.
func TestHealthOfTheDisk(t *testing.T) {
	var trouble error
	h := &handler{Options: Options{Ready: func() bool { return true }, Trouble: func() error { return trouble }}}
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.health(w, nil)
		return w
	}
	if got := get(); got.Code != 200 || got.Body.String() != "ok\n" || got.Header().Get("X-Alcedo-State") != "ok" {
		t.Errorf("well: %d %q %v", got.Code, got.Body, got.Header())
	}
	trouble = fault.New(fault.Unavailable, "InsufficientStorage", "The disk is full.")
	if got := get(); got.Code != 200 || !strings.HasPrefix(got.Body.String(), "read-only: The disk is full.") || got.Header().Get("X-Alcedo-State") != "read-only" {
		t.Errorf("full: %d %q %v", got.Code, got.Body, got.Header())
	}
}
