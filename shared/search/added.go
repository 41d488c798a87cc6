package search

import (
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The names of the numbers for an operator's bill. They are in the counters of an account's
// days, beside those of the recordings that exist, so an ordinary recording needs no further write.
// Unlike the others, they count for the day when the index learns of a change, not for the day of
// Created. So a day does not change any more once it has passed.
const (
	// addedCount, addedSeconds and addedBytes only grow. They count each recording once, when it is
	// first indexed, and its later growth, such as audio that arrives.
	addedCount   = "new"
	addedSeconds = addedCount + inSeconds
	addedBytes   = addedCount + inBytes
	// storedBytes is by how much the bytes of all recordings changed.
	storedBytes = "stored"
)

// added has the numbers that the counters have added for one recording.
type added struct {
	Seconds int64 `json:"seconds,omitempty"`
	Bytes   int64 `json:"bytes,omitempty"`
}

// gone reports whether m is the marker of a recording that does not exist, and has only the
// numbers that the counters have added for it. It keeps a restored recording from being added
// again, and expires when no tombstone is left to restore it from.
func (m *marker) gone() bool {
	return m.Added != nil && m.Revision == "" && m.Counted == nil && !m.pending()
}

// expiry returns when the stored m stops existing; 0 for never.
func (r *run) expiry(m *marker) recording.Seconds {
	if !m.gone() {
		return 0
	}
	return max(r.now(), r.until) + store.TombstoneDays*recording.Day
}

// bill adds to the counters of now the recordings and bytes that a change from one marker to the
// next brings, and notes them in next.
func (d deltas) bill(was, next *marker, now recording.Seconds) {
	before := was.Added
	if before == nil && was.Counted != nil {
		// Earlier layouts do not count what was added. The month of Created is the best guess.
		before = &added{was.Counted.Seconds, was.Counted.Bytes}
		day := d.of(ofAccount + DayOf(was.Created))
		day[addedCount]++
		day[addedSeconds] += before.Seconds
		day[addedBytes] += before.Bytes
		day[storedBytes] += before.Bytes
	}
	today := d.of(ofAccount + DayOf(now))
	if was.Counted != nil {
		today[storedBytes] -= was.Counted.Bytes
	}
	if next.Added = before; next.Counted == nil {
		return
	}
	today[storedBytes] += next.Counted.Bytes
	if before == nil {
		before = &added{}
		today[addedCount]++
	}
	next.Added = &added{max(before.Seconds, next.Counted.Seconds), max(before.Bytes, next.Counted.Bytes)}
	today[addedSeconds] += next.Added.Seconds - before.Seconds
	today[addedBytes] += next.Added.Bytes - before.Bytes
}
