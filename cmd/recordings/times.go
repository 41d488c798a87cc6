package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/recording"
)

// timeFlag adds an option that takes a time: a day, which stands for its first
// second in UTC, any form that recording.ParseTime reads, or a duration, which
// stands for that long ago.
func (e env) timeFlag(fs *pflag.FlagSet, into *recording.Seconds, name, help string) {
	fs.Func(name, help, func(s string) (err error) {
		*into, err = parseTime(s, e.now())
		return err
	})
}

// parseTime reads the time of an option.
func parseTime(s string, now time.Time) (recording.Seconds, error) {
	if at, err := time.Parse(time.DateOnly, s); err == nil {
		return recording.SecondsOf(at), nil
	}
	if ago, err := parseDuration(s); err == nil && ago > 0 {
		return recording.SecondsOf(now.Add(-ago)), nil
	}
	at, err := recording.ParseTime(s)
	if err != nil {
		return 0, errors.New("want a time such as 2026-01-31, 2026-01-31T09:30:00Z or 7d (ago)")
	}
	return at, nil
}

// Days and weeks, which time.ParseDuration does not know.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

var errDuration = errors.New("want a duration such as 90m, 12h, 30d or 2w")

// parseDuration reads a duration as time.ParseDuration does. It may begin with weeks
// and days of 24 hours: 2w, 30d, 1d12h.
func parseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest := s
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", week}, {"d", day}} {
		number, after, ok := strings.Cut(rest, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n >= 0 && n <= float64(maxDuration/unit.length)) { // NaN is neither
			return 0, errDuration
		}
		total, rest = total+time.Duration(n*float64(unit.length)), after
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d > maxDuration || total > 0 && d < 0 {
		return 0, errDuration
	}
	return total + d, nil
}

// maxDuration bounds a duration, so that sums do not overflow.
const maxDuration = 100 * 365 * day

// durationValue is the value of an option that takes a duration.
type durationValue time.Duration

// Set parses s.
func (d *durationValue) Set(s string) error {
	v, err := parseDuration(s)
	*d = durationValue(v)
	return err
}

// String returns the duration as time.Duration prints it.
func (d *durationValue) String() string { return time.Duration(*d).String() }

// Type returns the name of the type.
func (*durationValue) Type() string { return "duration" }

// durationFlag adds an option that takes a duration.
func durationFlag(fs *pflag.FlagSet, into *time.Duration, name string, byDefault time.Duration, help string) {
	*into = byDefault
	fs.Var((*durationValue)(into), name, help)
}

// complete makes shells complete the values of an option.
func complete(c *cobra.Command, option string, values ...string) {
	err := c.RegisterFlagCompletionFunc(option, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the option does not exist
	}
}
