package recording

import "time"

// gregorianEpoch is the number of seconds from 0000-01-01 to 1970-01-01, as
// Erlang's calendar module counts them (contract, The document).
const gregorianEpoch = 62167219200

// Seconds is a time in Gregorian seconds: seconds since the year 0 in UTC, as
// in Kazoo's API. The zero value means "not set".
type Seconds int64

// Day is the length of a day in seconds. Days are those of UTC, and begin when a number of
// Gregorian seconds is a multiple of Day.
const Day = 24 * 60 * 60

// MaxDuration is the longest plausible duration of a call, in seconds. Clients may store a longer
// one without an error, but sums count it as MaxDuration, so that they cannot overflow.
const MaxDuration = 366 * Day

// SecondsOf converts t. It drops the fraction of a second.
func SecondsOf(t time.Time) Seconds { return Seconds(t.Unix() + gregorianEpoch) }

// SecondsIn returns how many seconds d has. It drops the fraction of a second.
func SecondsIn(d time.Duration) Seconds { return Seconds(d / time.Second) }

// Time converts s to a time in UTC.
func (s Seconds) Time() time.Time { return time.Unix(int64(s)-gregorianEpoch, 0).UTC() }

// RFC3339 returns s as text, in UTC, such as 2026-01-15T10:31:04Z.
func (s Seconds) RFC3339() string { return s.Time().Format(time.RFC3339) }
