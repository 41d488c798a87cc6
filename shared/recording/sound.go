package recording

import (
	"strconv"
	"time"
)

// Sound is what audio says of itself; see package audiofile, whose Info it is.
type Sound struct {
	// ContentType is the media type, Extension the usual end of such a file's
	// name; "" where they are not known.
	ContentType, Extension string
	// Duration of the sound; 0 unless Known.
	Duration time.Duration
	// Known reports whether the length was found.
	Known bool
}

// Describe returns d with what its audio says of itself, over what was there.
func (d Document) Describe(s Sound) Document {
	for _, fact := range []struct {
		name, value string
		known       bool
	}{
		{"content_type", Quote(s.ContentType), s.ContentType != ""},
		{"duration", strconv.FormatInt(int64(s.Duration/time.Second), 10), s.Known},
		{"duration_ms", strconv.FormatInt(s.Duration.Milliseconds(), 10), s.Known},
		{"media_type", Quote(s.Extension), s.Extension != ""},
	} {
		if fact.known {
			d = d.with(fact.name, fact.value)
		}
	}
	return d
}

// Owner is the user whose recording it is: its owner_id, "" where that is none
// that could be a user's (contract, Routes).
func (d Document) Owner() string {
	owner, _ := d.Text(ownerField)
	if !isName(owner) {
		return ""
	}
	return owner
}
