package frames

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

func result(call uint32, status byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, call)
	b = append(b, status)
	return Append(nil, Result, append(b, body...))
}

func TestRead(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 6<<20)
	stream := bytes.Join([][]byte{
		Append(nil, Booted, nil), Append(nil, Loaded, []byte{Unhandled, '{', '}'}),
		result(7, Handled, []byte("no")), result(8, OK, big), result(9, OK, nil),
	}, nil)
	r := bufio.NewReader(bytes.NewReader(stream))
	for i, want := range []Frame{
		{Type: Booted}, {Type: Loaded, Status: Unhandled, Body: []byte("{}")},
		{Type: Result, Call: 7, Status: Handled, Body: []byte("no")},
		{Type: Result, Call: 8, Body: big}, {Type: Result, Call: 9},
	} {
		f, err := Read(r)
		if err != nil || f.Type != want.Type || f.Call != want.Call || f.Status != want.Status || !bytes.Equal(f.Body, want.Body) {
			t.Fatalf("frame %d: %c call %d status %d, %d bytes, %v", i, f.Type, f.Call, f.Status, len(f.Body), err)
		}
	}
	if _, err := Read(r); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"too large":    {[]byte{0xff, 0xff, 0xff, 0xff, 'R'}, ErrTooLarge},
		"empty":        {[]byte{0, 0, 0, 0, 'R'}, errShort},
		"short result": {[]byte{0, 0, 0, 3, 'R', 1, 2}, errShort},
		"cut":          {result(1, OK, []byte("abc"))[:11], io.ErrUnexpectedEOF},
		"cut head":     {[]byte{0, 0}, io.ErrUnexpectedEOF},
	} {
		if _, err := Read(bufio.NewReader(bytes.NewReader(c.in))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Read(bufio.NewReader(bytes.NewReader([]byte{0, 0, 0, 1, 'Z'}))); err == nil {
		t.Error("unknown type accepted")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(result(1, OK, []byte("hello")))
	f.Add([]byte{0, 0, 0, 1, 'B', 0, 0, 0, 2, 'L', 0})
	f.Add([]byte{0, 0xff, 0, 1, 'R', 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		for {
			fr, err := Read(r)
			if err != nil {
				return
			}
			if len(fr.Body) > len(b) {
				t.Fatalf("body of %d from %d bytes", len(fr.Body), len(b))
			}
		}
	})
}

func BenchmarkAppendInvoke(b *testing.B) {
	h := Head{RequestID: "1-64e70cf1-5cbef92ea8fc8c42899cf5d1"}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendInvoke(buf[:0], 1, &h, 500)
	}
}
