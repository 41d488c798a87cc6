package recording

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxSeconds is the latest time that fits into the 11 digits of a sort key.
const MaxSeconds = 99_999_999_999

// absent are the values that user interfaces send for a missing time (contract,
// List).
var absent = []string{"", "undefined", "null", "NaN"}

// ParseBound parses a time in a query, in Gregorian seconds. It rounds fractions.
// ok is false for an absent time: empty, "undefined", "null", "NaN", zero or
// negative (contract, List). Times after [MaxSeconds] become MaxSeconds. For any
// other text, and for a Unix time of this century in seconds or milliseconds, it returns
// a [FieldError] with an empty Field, which the caller sets.
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
	if meant, isUnix := unixTime(f); isUnix {
		return 0, false, FieldError{
			Field: "", Code: "wrong_format", Target: meant, Value: json.RawMessage(Quote(s)),
			Message: "This is a Unix time; in Gregorian seconds it is " + strconv.FormatInt(int64(meant), 10),
		}
	}
	return Seconds(min(f, MaxSeconds)), true, nil
}

// The Unix times that a bound may be mistaken for, both ends included. As Gregorian
// seconds they would lie before the year 131 or after the year 34000. Milliseconds begin
// later, because clients send 999999999999 for no bound.
const (
	unixFrom, unixTo     = 946_684_800, 4_102_444_800           // the years 2000 to 2100
	millisFrom, millisTo = 1_100_000_000_000, 4_102_444_800_000 // November 2004 to 2100
)

// unixTime returns the Gregorian seconds that a number means as a Unix time in seconds
// or milliseconds. isUnix is false for any other number.
func unixTime(n float64) (meant Seconds, isUnix bool) {
	switch {
	case n >= unixFrom && n <= unixTo:
		return SecondsOf(time.Unix(int64(n), 0)), true
	case n >= millisFrom && n <= millisTo:
		return SecondsOf(time.Unix(int64(n/1000), 0)), true
	}
	return 0, false
}
