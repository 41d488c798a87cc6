package incoming

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Draft holds the known facts about a recording that is not stored yet.
type Draft struct {
	// Account and ID name the recording. Both have been checked.
	Account, ID string
	// Document holds the public fields that were reported.
	Document recording.Document
	// Exact marks the copy of a complete document. Compose adds no neutral values and
	// no facts from the audio to it.
	Exact bool
	// Created is the creation time if the caller knows it. If zero, it is derived from
	// the call.
	Created recording.Seconds
	// Stored is when the audio was stored, or 0 if unknown. It is used as the start of the call if
	// that is unknown.
	Stored recording.Seconds
	// Modified is the time of the last change. If it is before Created, Created is
	// used.
	Modified recording.Seconds
	// Upload is the announced audio, for a recording that waits for it.
	Upload recording.Upload
	// Made is the fingerprint of the request; see [recording.Recording].
	Made string
	// Audio describes the stored audio, as returned by [Judgment.Audio], or the place
	// and the key of audio that will be stored later.
	Audio recording.Audio
	// Sound holds the facts read from the audio. The zero value means unknown.
	Sound recording.Sound
}

// Compose makes the recording of a draft:
//
//   - Facts from the audio replace reported ones (contract, Audio that
//     arrives).
//   - Created is the end of the call. If its start is unknown, it is when the
//     audio was stored, or else now; never in the future (contract, List).
//   - Fields that interfaces rely on get neutral values (contract, The document).
//   - The owner is the document's owner_id if it can name a user.
func Compose(d Draft, now recording.Seconds) *recording.Recording {
	r := &recording.Recording{
		Account: d.Account, ID: d.ID, Created: d.Created,
		Document: d.Document, Upload: d.Upload, Made: d.Made, Audio: d.Audio,
	}
	if !d.Exact {
		r.Document = r.Document.Describe(d.Sound)
	}
	if r.Created == 0 {
		at := cmp.Or(Ended(r.Document, d.Sound.Duration), d.Stored, now)
		r.Created = min(now, at)
	}
	if !d.Exact {
		r.Document = recording.Complete(r.Document, r.ID, r.Created)
	}
	r.Modified = max(d.Modified, r.Created)
	r.Owner = r.Document.Owner()
	return r
}

// Ended returns the end of a document's call: its start plus its duration, or plus
// the length of the audio if the document has no usable duration. It returns 0 if
// the start is unknown. It also accepts numbers that another system wrote as
// strings.
func Ended(d recording.Document, length time.Duration) recording.Seconds {
	start, ok := Number(d, "start")
	if !ok || start <= 0 || start > recording.MaxSeconds {
		return 0
	}
	duration, ok := Number(d, "duration")
	if !ok || duration < 0 || duration > recording.MaxDuration {
		duration = recording.SecondsIn(length)
	}
	return start + duration
}

// Duration returns the duration in a document, between 0 and 366 days; 0 if it
// is unknown.
func Duration(d recording.Document) time.Duration {
	seconds, _ := Number(d, "duration")
	return time.Duration(min(max(seconds, 0), recording.MaxDuration)) * time.Second
}

// Number returns the value of a field that is a whole number, or a string of
// decimal digits as older systems write it. A fraction in the string is dropped. It
// returns false for any other value.
func Number(d recording.Document, field string) (recording.Seconds, bool) {
	if n, ok := d.Int(field); ok {
		return recording.Seconds(n), true
	}
	text, _ := d.Text(field)
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return recording.Seconds(n), err == nil
}
