package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// size is a flag for a number of bytes: 1000, 64KiB, 256MiB, 10GiB, 1TiB.
type size int64

var sizeUnits = []struct {
	name  string
	shift uint
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}

func (s *size) Set(v string) error {
	shift := uint(0)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(v, u.name); ok {
			v, shift = strings.TrimSpace(rest), u.shift
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return errors.New("want a number of bytes, as 1000, 64KiB, 256MiB or 10GiB")
	}
	*s = size(n << shift)
	return nil
}

// String gives the largest unit that divides it; negative is the default that the flag's
// help describes.
func (s *size) String() string {
	if *s < 0 {
		return ""
	}
	for i := len(sizeUnits) - 1; i >= 0; i-- {
		if u := sizeUnits[i]; *s > 0 && *s%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(*s>>u.shift), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *size) Type() string { return "size" }
