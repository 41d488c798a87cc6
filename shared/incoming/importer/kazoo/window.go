package kazoo

import (
	"iter"
	"time"

	"callrecordings/shared/recording"
)

// window is a span of the time of saving, both ends included.
type window struct{ from, to recording.Seconds }

// month is what is asked for to see all that was saved in a month.
type month struct {
	// name is what the ids of its own database begin with, "202601".
	name string
	// wide touches the database of the month before as well; its from is 0 where
	// that is not wanted. own touches that of this month alone.
	wide, own window
}

const (
	// overlap is what a wide window has of the month before: enough to touch its
	// database, and less than Kazoo's widest window has beside the longest month
	// (kazoo.md 3.1).
	overlap = recording.Seconds(1800)
	// late is how long after it began a recording may be saved, for what is wanted
	// since the first days of a month.
	late = recording.Seconds(24 * 3600)
	// narrow is the width below which a window is not halved.
	narrow = recording.Seconds(3600)
)

// beginning is before the first Kazoo.
var beginning = recording.SecondsOf(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC))

// months yields those in which something was saved from since to until, the
// oldest first. since is not exact: of the first day of a month it reaches back
// into the month before.
func months(since, until recording.Seconds) iter.Seq[month] {
	if since <= 0 {
		since = beginning
	}
	return func(yield func(month) bool) {
		at := since.Time()
		for first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC); recording.SecondsOf(first) <= until; first = first.AddDate(0, 1, 0) {
			begins, ends := recording.SecondsOf(first), recording.SecondsOf(first.AddDate(0, 1, 0))-1
			m := month{name: first.Format("200601"), own: window{max(begins, since), min(ends, until)}}
			if since <= begins+late {
				m.wide = window{begins - overlap, m.own.to}
			}
			if !yield(m) {
				return
			}
		}
	}
}

// halves are two windows in place of w. They share a second.
func (w window) halves() (window, window) {
	middle := w.from + (w.to-w.from)/2
	return window{w.from, middle}, window{middle, w.to}
}
