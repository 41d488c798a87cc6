package kazoo

import (
	"iter"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// window is a range of the times when recordings were saved, both ends included.
type window struct{ from, to recording.Seconds }

// month holds the windows that together list every recording that was saved in a
// month.
type month struct {
	// name is the start of the IDs in the month's own database, such as "202601".
	name string
	// wide also touches the database of the previous month; wide.from is 0 if this
	// window is not needed. own touches only the database of this month.
	wide, own window
}

const (
	// overlap is how far a wide window reaches into the previous month, in seconds:
	// enough to touch that month's database, and little enough to stay within Kazoo's
	// widest window, even for the longest month (kazoo.md 3.1).
	overlap = recording.Seconds(1800)
	// late is the longest time, in seconds, between the start and the saving of a
	// recording that matters if since is on the first day of a month.
	late = recording.Seconds(24 * 3600)
	// narrow is the width, in seconds, below which a window is not halved.
	narrow = recording.Seconds(3600)
)

// beginning is a time before the first Kazoo.
var beginning = recording.SecondsOf(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC))

// months yields the months from since to until, the newest first. So an import without
// a since copies at once, instead of first reading years without a recording. If since
// is on the first day of a month, the range also extends into the previous month.
func months(since, until recording.Seconds) iter.Seq[month] {
	if since <= 0 {
		since = beginning
	}
	return func(yield func(month) bool) {
		at := until.Time()
		for first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC); ; first = first.AddDate(0, -1, 0) {
			begins, ends := recording.SecondsOf(first), recording.SecondsOf(first.AddDate(0, 1, 0))-1
			if ends < since || since > until {
				return
			}
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

// halves returns two windows that cover w. They share a second.
func (w window) halves() (window, window) {
	middle := w.from + (w.to-w.from)/2
	return window{w.from, middle}, window{middle, w.to}
}
