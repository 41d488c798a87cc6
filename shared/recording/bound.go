package recording

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxSeconds is the latest time that fits into the 11 digits of a sort key.
const MaxSeconds = 99_999_999_999

// absent are the values that user interfaces send for a missing time (contract,
// List).
var absent = []string{"", "undefined", "null", "NaN"}

// ParseBound parses a time in a query, in Gregorian seconds. It rounds fractions.
// ok is false for an absent time: empty, "undefined", "null", "NaN", zero or
// negative (contract, List). Times after [MaxSeconds] become MaxSeconds. For any
// other text it returns a [FieldError] with an empty Field, which the caller sets.
func ParseBound(s string) (at Seconds, ok bool, err error) {
	if slices.Contains(absent, s) {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	// ParseFloat also accepts "Inf", hexadecimals and underscores.
	if strings.Trim(s, "0123456789+-.eE") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false, wrongType("", "integer", Quote(s))
	}
	if f = math.Round(f); f <= 0 {
		return 0, false, nil
	}
	return Seconds(min(f, MaxSeconds)), true, nil
}
