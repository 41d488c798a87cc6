package recording

import (
	"strconv"
	"time"
)

// Sound holds the facts read from the bytes of audio. Its fields are those of
// audiofile.Info, so that neither package needs the other's type.
type Sound struct {
	// ContentType is the media type and Extension the usual extension of such a
	// file, without a dot; "" if unknown.
	ContentType, Extension string
	// Duration of the audio; 0 unless Known.
	Duration time.Duration
	// Known reports whether the duration is known.
	Known bool
}

// Describe returns d with the known facts about its audio, which replace
// reported ones.
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

// Owner returns the user that the recording belongs to: owner_id, or "" if it
// cannot be a user's ID (contract, Routes).
func (d Document) Owner() string {
	owner, _ := d.Text(ownerField)
	if !isName(owner) {
		return ""
	}
	return owner
}
