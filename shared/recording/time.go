package recording

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// gregorianFrom is the smallest number that means Gregorian seconds. As Unix
	// seconds it would lie past the year 3000.
	gregorianFrom = 32_503_680_000
	// fractionFrom is the smallest Unix time that may have a fraction: 1973. A
	// smaller number with a fraction is more likely a duration.
	fractionFrom = 100_000_000
	// lastYear is the last year that fits into the month of an ID.
	lastYear = 9999
)

// errTime means that a string is not a time.
var errTime = errors.New("want a time such as 2026-01-31T09:30:00Z, or Unix or Gregorian seconds")

// ParseTime reads a time in the forms that people and PBXs use: Unix seconds, which
// may have a fraction, Gregorian seconds, or RFC 3339 with a "T" or a space before
// the time and an optional colon in the offset.
func ParseTime(s string) (Seconds, error) {
	at, ok := parseNumber(s)
	if !ok {
		at, ok = parseDate(s, nil)
	}
	if !ok || at.Unix() <= 0 || at.Year() > lastYear {
		return 0, errTime
	}
	return SecondsOf(at), nil
}

// ParseTimeIn is like ParseTime, but the offset may be missing. The time is then local
// time in the zone; nil stands for UTC.
func ParseTimeIn(s string, zone *time.Location) (Seconds, error) {
	if at, err := ParseTime(s); err == nil {
		return at, nil
	}
	at, err := parseLocal(s, zone)
	if err != nil {
		return 0, err
	}
	return SecondsOf(at), nil
}

// parseLocal reads a date and a time, which may have no offset, in the years of
// ParseTime.
func parseLocal(s string, zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	at, ok := parseDate(s, zone)
	if !ok || at.Unix() <= 0 || at.Year() > lastYear {
		return time.Time{}, errTime
	}
	return at, nil
}

// parseNumber reads Unix or Gregorian seconds.
func parseNumber(s string) (time.Time, bool) {
	whole, fraction, fractional := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case err != nil, fractional && (fraction == "" || strings.Trim(fraction, "0123456789") != "" || n < fractionFrom):
		return time.Time{}, false
	case n >= gregorianFrom:
		return Seconds(n).Time(), true
	}
	return time.Unix(n, 0), true
}

// wallClock is the layout of a time without a zone.
const wallClock = "2006-01-02T15:04:05"

// parseDate reads a date and a time. Without an offset, they are local time in the
// zone. If zone is nil, the offset is required.
func parseDate(s string, zone *time.Location) (time.Time, bool) {
	if len(s) > len("2006-01-02") && s[len("2006-01-02")] == ' ' {
		s = s[:len("2006-01-02")] + "T" + strings.TrimLeft(s[len("2006-01-02"):], " ")
	}
	s = strings.Replace(s, " ", "", 1) // before the offset
	for _, layout := range []string{time.RFC3339, wallClock + "Z0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	if zone == nil {
		return time.Time{}, false
	}
	at, err := time.ParseInLocation(wallClock, s, zone)
	return at, err == nil
}

// In returns c with its start in Gregorian seconds. A start without an offset is
// local time in the zone; nil stands for UTC. If that local time occurs twice, in
// autumn, the call ID decides, provided that it begins with the Unix time of the
// call, as Asterisk's unique IDs do. If c has no start, In returns c unchanged. If
// the start cannot be parsed, In returns c unchanged and an error.
func (c Call) In(zone *time.Location) (Call, error) {
	start, given := c["start"]
	if _, err := ParseTime(start); !given || err == nil {
		return c, nil
	}
	at, err := parseLocal(start, zone)
	if err != nil {
		return c, err
	}
	if id, ok := parseNumber(c["call_id"]); ok && strings.Contains(c["call_id"], ".") {
		at = nearest(at, id)
	}
	return Call{"start": strconv.FormatInt(int64(SecondsOf(at)), 10)}.Under(c), nil
}

// nearest returns the time nearest to hint among the times with the same local time
// as at, in at's zone. Clocks change by 30 or 60 minutes.
func nearest(at, hint time.Time) time.Time {
	best, distance := at, time.Duration(math.MaxInt64)
	for _, shift := range []time.Duration{0, -time.Hour, time.Hour, -time.Hour / 2, time.Hour / 2} {
		other := at.Add(shift)
		if other.Format(wallClock) == at.Format(wallClock) && hint.Sub(other).Abs() < distance {
			best, distance = other, hint.Sub(other).Abs()
		}
	}
	return best
}
