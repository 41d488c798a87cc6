package recording

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxSeconds is the last time that fits into the 11 digits of a sort key.
const MaxSeconds = 99_999_999_999

// absent are the values that interfaces send for "nothing" (contract, List).
var absent = []string{"", "undefined", "null", "NaN"}

// ParseBound reads a time of a query in Gregorian seconds; a fraction is
// rounded. Empty, "undefined", "null", "NaN", zero and negative values are
// absent, which ok reports (contract, List). What lies beyond [MaxSeconds] is
// served as that. Error: a [FieldError] whose Field is open, for any other
// text.
func ParseBound(s string) (at Seconds, ok bool, err error) {
	if slices.Contains(absent, s) {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	// ParseFloat also takes "Inf", hexadecimals and underscores.
	if strings.Trim(s, "0123456789+-.eE") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false, wrongType("", "integer", Quote(s))
	}
	if f = math.Round(f); f <= 0 {
		return 0, false, nil
	}
	return Seconds(min(f, MaxSeconds)), true, nil
}
