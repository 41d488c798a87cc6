package incoming

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"callrecordings/shared/recording"
)

// Draft is what one of the ways in knows about a recording that is not stored
// yet.
type Draft struct {
	// Account and ID name the recording. Both have been checked.
	Account, ID string
	// Document holds the public fields that were reported.
	Document recording.Document
	// Exact marks the copy of a document that is complete already. It stays as it
	// is: no neutral values, and no facts from the audio.
	Exact bool
	// Created is set by callers that know it; zero derives it from the call.
	Created recording.Seconds
	// Stored is the time at which the audio was stored; 0 if unknown. It replaces an
	// unknown start of the call.
	Stored recording.Seconds
	// Modified is the time of the last change. Times before Created are raised to
	// it.
	Modified recording.Seconds
	// Upload is the announced audio, for a recording that waits for it.
	Upload recording.Upload
	// Made is the fingerprint of the request; see [recording.Recording].
	Made string
	// Audio describes the stored audio, as [Judgment.Audio] returns it, or the
	// place and the key where it will be.
	Audio recording.Audio
	// Sound holds the facts in the audio's bytes; the zero value stands for unknown.
	Sound recording.Sound
}

// Compose makes the recording of a draft:
//
//   - Facts from the audio replace what was reported (contract, Audio that
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

// maxDuration bounds a document's duration, in seconds: longer ones are wrong.
const maxDuration = recording.Seconds(366 * 24 * 3600)

// Ended returns when the call of a document ended: its start plus its duration,
// or plus the length of the audio if the document has no usable duration. It
// returns 0 if the start is unknown. Numbers that another system wrote as
// strings count.
func Ended(d recording.Document, length time.Duration) recording.Seconds {
	start, ok := Number(d, "start")
	if !ok || start <= 0 || start > recording.MaxSeconds {
		return 0
	}
	duration, ok := Number(d, "duration")
	if !ok || duration < 0 || duration > maxDuration {
		duration = recording.Seconds(length / time.Second)
	}
	return start + duration
}

// Duration returns the duration in a document, between 0 and 366 days; 0 if it
// is unknown.
func Duration(d recording.Document) time.Duration {
	seconds, _ := Number(d, "duration")
	return time.Duration(min(max(seconds, 0), maxDuration)) * time.Second
}

// Number returns a field that is a whole number, or a string of decimal digits,
// as older systems write them; a fraction in the string is dropped. It returns
// false for anything else.
func Number(d recording.Document, field string) (recording.Seconds, bool) {
	if n, ok := d.Int(field); ok {
		return recording.Seconds(n), true
	}
	text, _ := d.Text(field)
	whole, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	return recording.Seconds(n), err == nil
}
