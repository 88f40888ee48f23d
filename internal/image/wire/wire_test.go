package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	e := fault.New(fault.TooLarge, "ImageTooLarge", "too large").WithHint("smaller").With("EC", "1").Because(errors.New("cause"))
	sent := Done{Fault: FromError(e), Format: "jpg", Width: 3}
	if err := WriteHeader(&b, sent, 5); err != nil {
		t.Fatal(err)
	}
	frame := bytes.Clone(b.Bytes())
	var got Done
	n, err := ReadHeader(&b, &got, 5)
	if err != nil || n != 5 || !reflect.DeepEqual(got, sent) {
		t.Fatalf("%+v, %d, %v", got, n, err)
	}
	if back := got.Fault.Error(); back.Error() != e.Error() || back.Kind != e.Kind || back.Reason != e.Reason || back.Params["EC"] != "1" {
		t.Errorf("fault became %+v", back)
	}
	if _, err := ReadHeader(bytes.NewReader(frame), &got, 4); err == nil {
		t.Error("a payload over the limit was accepted")
	}
	for i := range frame {
		if _, err := ReadHeader(bytes.NewReader(frame[:i]), &got, 5); err == nil || (err == io.EOF) != (i == 0) {
			t.Errorf("a frame cut at %d: %v", i, err)
		}
	}
	if (&Fault{Kind: 255}).Error().Kind != fault.Internal {
		t.Error("an unknown kind is not internal")
	}
	if WriteHeader(io.Discard, Job{Process: strings.Repeat("x", MaxHeader)}, 0) == nil {
		t.Error("a header over the limit was written")
	}
}

func FuzzReadHeader(f *testing.F) {
	var b bytes.Buffer
	WriteHeader(&b, Done{Format: "jpg"}, 3)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Done
		if n, err := ReadHeader(bytes.NewReader(b), &d, 100); err == nil && (n < 0 || n > 100) {
			t.Fatal(n)
		}
	})
}
