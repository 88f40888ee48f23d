package console

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func (r *request) param(name string) string { return r.URL.Query().Get(name) }

// limit reads the parameter limit: 1 to 1000, 100 if it is not given.
func (r *request) limit() (int, error) {
	v := r.param("limit")
	if v == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 1000 {
		return 0, fault.New(fault.Invalid, "InvalidArgument", "limit %q is not a number from 1 to 1000.", v)
	}
	return n, nil
}

// when reads a time, in RFC 3339; the zero time if it is not given.
func (r *request) when(name string) (time.Time, error) {
	v := r.param(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return t, fault.New(fault.Invalid, "InvalidArgument", "%s %.40q is not a time.", name, v).WithHint("Write it as 2006-01-02T15:04:05Z.")
	}
	return t, nil
}

// span reads the times since and until.
func (r *request) span() (since, until time.Time, err error) {
	if since, err = r.when("since"); err == nil {
		until, err = r.when("until")
	}
	return since, until, err
}

// cursor reads where to go on in a list whose cursors are bytes.
func (r *request) cursor(name string) ([]byte, error) {
	at, err := hex.DecodeString(r.param(name))
	if err != nil {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "%s %q is not a cursor.", name, r.param(name)).WithHint("Give the next of an earlier answer, as it was.")
	}
	return at, nil
}

// position reads a parameter that an earlier answer gave; 0 if it is not there.
func (r *request) position(name string) (int, error) {
	v := r.param(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "InvalidArgument", "%s %q is not a number.", name, v).WithHint("Give what an earlier answer said.")
	}
	return n, nil
}
