package recording

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxSeconds is the latest time that fits into the 11 digits of a sort key.
const MaxSeconds = 99_999_999_999

// IsAbsent reports whether a parameter with this value counts as absent: user interfaces send
// "undefined" and "null" for missing values (contract, List).
func IsAbsent(value string) bool { return value == "" || value == "undefined" || value == "null" }

// ParseBound parses a time in a query: Gregorian seconds, or a date and a time with a
// zone (RFC 3339). It rounds fractions of a second.
// ok is false for an absent time: empty, "undefined", "null", "NaN", zero or
// negative (contract, List). Times after [MaxSeconds] become MaxSeconds. For any
// other text, and for a Unix time of this century in seconds or milliseconds, it returns
// a [FieldError] with an empty Field, which the caller sets.
func ParseBound(s string) (at Seconds, ok bool, err error) {
	if IsAbsent(s) || s == "NaN" {
		return 0, false, nil
	}
	if isDate(s) {
		return parseDateBound(s)
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

// isDate reports whether s begins with a date, 2026-01-31.
func isDate(s string) bool {
	const date = "2026-01-31"
	return len(s) >= len(date) && s[4] == '-' && s[7] == '-' && strings.Trim(s[:4]+s[5:7]+s[8:10], "0123456789") == ""
}

// parseDateBound is ParseBound for a date. The "+" of an offset may have become a space,
// because clients forget to escape it in a query.
func parseDateBound(s string) (at Seconds, ok bool, err error) {
	if n := len(s) - len(" 01:00"); n > len("2026-01-31") && s[n] == ' ' {
		s = s[:n] + "+" + s[n+1:]
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, false, FieldError{
			Field: "", Code: "wrong_format", Target: "RFC 3339", Value: json.RawMessage(Quote(s)),
			Message: "A date needs a time and a zone, such as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00+01:00",
		}
	}
	if at = SecondsOf(t.Add(time.Second / 2)); at <= 0 {
		return 0, false, nil
	}
	return at, true, nil
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
