package row

import (
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

type stamped struct {
	At time.Time `cbor:"1,keyasint"`
}

// Times come back as they went in, to the nanosecond; those of older rows, which are
// floating-point seconds, to the microsecond.
func TestTimes(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(0, 0).UTC(), time.Unix(1_800_000_000, 913_000_000).UTC(), time.Unix(1_800_000_000, 123_456_789).UTC(),
	} {
		var got stamped
		if err := Decode(Encode(&stamped{at}), &got); err != nil || !got.At.Equal(at) || got.At.Location() != time.UTC {
			t.Errorf("%v came back as %v, %v", at, got.At, err)
		}
	}
	old, err := cbor.EncOptions{Time: cbor.TimeUnixMicro}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 913_001_000)
	b, err := old.Marshal(&stamped{at})
	if err != nil {
		t.Fatal(err)
	}
	var got stamped
	if err := Decode(b, &got); err != nil || !got.At.Round(time.Microsecond).Equal(at) {
		t.Errorf("an older row: %v, %v", got.At, err)
	}
}
