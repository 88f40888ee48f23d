package function

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// page is one step through a table that is ordered by name.
type page[T any] struct {
	table   []byte // what the keys begin with; the rest of the key is ordered as the list is
	prefix  string // of the rest
	token   string
	limit   int
	reverse bool
	keep    func(*T) bool
	name    func(*T) string // the rest of the key of a row
}

// scanned bounds how many rows one List looks at when few of them match; the token
// then continues after the last one looked at.
const scanned = 10_000

func list[T any](ctx context.Context, store kv.Store, p page[T]) (out []*T, token string, err error) {
	limit, err := checkLimit(p.limit)
	if err != nil {
		return nil, "", err
	}
	rng := kv.Prefix(append(slices.Clone(p.table), p.prefix...))
	rng.Reverse = p.reverse
	if p.token != "" {
		after, err := ParseToken(p.token)
		if err != nil {
			return nil, "", err
		}
		at := append(slices.Clone(p.table), after...)
		if p.reverse {
			if rng.End == nil || bytes.Compare(at, rng.End) < 0 {
				rng.End = at
			}
		} else if at = append(at, 0); bytes.Compare(at, rng.Start) > 0 {
			rng.Start = at
		}
		if rng.End != nil && bytes.Compare(rng.Start, rng.End) >= 0 {
			return nil, "", nil
		}
	}
	err = store.View(ctx, func(r kv.Reader) error {
		out, token = nil, ""
		seen, last := 0, ""
		return r.Scan(rng, func(_, value []byte) error {
			if len(out) == limit || seen == scanned {
				token = Token(last)
				return kv.Stop
			}
			v := new(T)
			if err := row.Decode(value, v); err != nil {
				return err
			}
			seen++
			last = p.name(v)
			if p.keep == nil || p.keep(v) {
				out = append(out, v)
			}
			return nil
		})
	})
	return out, token, err
}

func checkLimit(n int) (int, error) {
	switch {
	case n == 0:
		return 20, nil
	case n < 1 || n > 100:
		return 0, fault.New(fault.Invalid, "InvalidArgument", "limit %d is out of range: it must be 1 to 100.", n)
	}
	return n, nil
}

// Token makes the opaque nextToken that continues a list after name: base64 with a
// mark in front, as FC's own tokens look ("1234#abc").
func Token(name string) string {
	return base64.StdEncoding.EncodeToString([]byte("1#" + name))
}

// ParseToken returns the name that a list continues after.
func ParseToken(token string) (string, error) {
	if len(token) <= 1024 {
		b, err := base64.StdEncoding.Strict().DecodeString(token)
		if name, ok := strings.CutPrefix(string(b), "1#"); err == nil && ok {
			return name, nil
		}
	}
	return "", fault.New(fault.Invalid, "InvalidArgument", "nextToken '%s' is invalid.", shown(token)).
		WithHint("Pass the nextToken of the previous answer unchanged, or none to start again.")
}
