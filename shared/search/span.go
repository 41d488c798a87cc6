package search

import (
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// span is a range of days, or of months, both ends inclusive. "" leaves an end open.
type span struct{ from, to string }

// nothing is a span without a day.
var nothing = span{"~", "~"}

// common returns the beginning that all days or months of s have.
func (s span) common() string {
	n := 0
	for n < min(len(s.from), len(s.to)) && s.from[n] == s.to[n] {
		n++
	}
	return s.from[:n]
}

// has reports whether a day or month is in s.
func (s span) has(at string) bool {
	return s != nothing && at >= s.from && (s.to == "" || at <= s.to)
}

// days returns the days of r.
func (r *Range) days() span {
	var s span
	if r.From > 0 {
		s.from = DayOf(r.From)
	}
	if r.To > 0 {
		s.to = DayOf(r.To)
	}
	return s
}

// split divides r into the months that it has as a whole, and the days before and after
// them. If it has no whole month, all days are in before.
func (r *Range) split() (early, months, late span) {
	all := r.days()
	early, late = nothing, nothing
	if all.from != "" {
		if months.from = monthOf(r.From); all.from[len(monthLayout):] != "-01" {
			first := firstOfNext(r.From)
			months.from = monthOf(first)
			early = span{all.from, DayOf(first - recording.Day)}
		}
	}
	if all.to != "" {
		if months.to = monthOf(r.To); monthOf(r.To+recording.Day) == months.to {
			first := firstOf(r.To)
			months.to = monthOf(first - recording.Day)
			late = span{DayOf(first), all.to}
		}
	}
	if months.to != "" && months.from > months.to {
		return all, nothing, nothing
	}
	return early, months, late
}

// monthOf returns the month of a time.
func monthOf(at recording.Seconds) string { return at.Time().Format(monthLayout) }

// firstOf returns the beginning of the month of a time, and firstOfNext that of the month
// after it.
func firstOf(at recording.Seconds) recording.Seconds { return startOfMonth(at, 0) }

func firstOfNext(at recording.Seconds) recording.Seconds { return startOfMonth(at, 1) }

func startOfMonth(at recording.Seconds, later int) recording.Seconds {
	t := at.Time()
	return recording.SecondsOf(time.Date(t.Year(), t.Month()+time.Month(later), 1, 0, 0, 0, 0, time.UTC))
}
