package pattern

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The limits of numbers in patterns. A float64 tells any two numbers of 15 digits apart.
const (
	maxNumber   = 1e9 // numeric: from -maxNumber to maxNumber
	maxDigits   = 15
	maxDecimals = 6 // numeric: behind the point
)

func infinite(sign int) float64 { return math.Inf(sign) }

// number reads a number of a pattern; bounded adds the limits of numeric. The complaint is the
// end of a sentence that begins with the number; it is empty if there is none.
func number(n json.Number, bounded bool) (f float64, complaint string) {
	f, err := strconv.ParseFloat(string(n), 64)
	digits, decimals := precision(string(n))
	switch {
	case digits > maxDigits:
		return 0, fmt.Sprintf("has %d significant digits, and at most %d are kept apart", digits, maxDigits)
	case err != nil || f != 0 && (math.Abs(f) < 1e-300 || math.Abs(f) > 1e300) || f == 0 && digits > 0:
		return 0, "is too large or too small for a number"
	case bounded && math.Abs(f) > maxNumber:
		return 0, "is outside of -1000000000 … 1000000000"
	case bounded && decimals > maxDecimals:
		return 0, fmt.Sprintf("has %d digits behind the point, and at most %d are compared", decimals, maxDecimals)
	}
	return f + 0, "" // -0 becomes 0
}

// precision counts a JSON number's significant digits, and those behind the point.
func precision(s string) (digits, decimals int) {
	s = strings.TrimPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := strings.TrimRight(whole+fraction, "0")
	decimals = len(fraction) - (len(whole) + len(fraction) - len(all))
	if all = strings.TrimLeft(all, "0"); all == "" {
		return 0, 0
	}
	e, err := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
	if err != nil && exponent != "" {
		e = 0 // absurdly large either way; the value's own limits refuse it
	}
	return len(all), max(0, decimals-e)
}

// appendNumber prints f as JSON, the shortest text that reads back as f.
func appendNumber(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// appendQuoted prints s, which is UTF-8, as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] <= '~' && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var w strings.Builder
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // of a string: cannot fail
	return append(b, strings.TrimSuffix(w.String(), "\n")...)
}
