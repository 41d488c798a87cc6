package incoming

import (
	"fmt"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// keptFields are the fields that new metadata never replaces: those that the
// audio itself supplies, and those that users write.
var keptFields = []string{"content_type", "duration", "duration_ms", "media_type", "user_metadata"}

// AddMetadata adds the reported fields of a call to an existing recording.
// A recording that was made of its audio alone takes every reported field. One
// that a client created keeps its own fields and gains those that it lacks.
func AddMetadata(r *recording.Recording, reported recording.Document) {
	if r.Made == recording.MadeOfAudio {
		d := reported.Under(r.Document, keptFields...).Renumber(r.Document)
		r.Document = recording.Complete(d, r.ID, r.Created)
	} else {
		r.Document = r.Document.Enrich(reported)
	}
	r.Owner = r.Document.Owner()
}

// CorrectMetadata replaces fields of an existing recording by the reported ones, even
// if a client created the recording. Fields without a report stay.
func CorrectMetadata(r *recording.Recording, reported recording.Document) {
	r.Document = recording.Complete(reported.Under(r.Document, keptFields...), r.ID, r.Created)
	r.Owner = r.Document.Owner()
}

// NeedsAudio reports whether audio may still be added to a recording: it has
// none, and none was rejected, except for its size, since that limit may change.
// External audio counts as none: a PBX may save the document first, with the URL
// that the audio is about to go to.
func NeedsAudio(a recording.Audio) bool {
	return a.Place != recording.Managed && (a.State == "" || a.Reason == recording.TooLarge)
}

// Await makes a recording that exists wait for announced audio, and adds what
// was reported with it. It forgets audio that was rejected before. Error:
// store.ErrExists if the recording has audio or waits for other audio.
func Await(r *recording.Recording, upload recording.Upload, reported recording.Document) error {
	if r.Audio.Place != recording.Nowhere || Mismatch(r.Upload, upload) != "" {
		return fmt.Errorf("%w: with other audio", store.ErrExists)
	}
	AddMetadata(r, reported)
	r.Audio, r.Upload = recording.Audio{}, upload
	return nil
}

// MayTakeOver reports whether a new recording may take over one that was made of its
// audio alone: the announced audio is the audio that is stored, and the audio is
// not kept at a URL elsewhere.
func MayTakeOver(announced recording.Upload, url string, existing *recording.Recording) bool {
	stored := recording.Upload{ContentType: existing.Audio.ContentType, Size: existing.Audio.Size, SHA256: existing.Audio.SHA256}
	return existing.Made == recording.MadeOfAudio && url == "" && Mismatch(announced, stored) == ""
}
