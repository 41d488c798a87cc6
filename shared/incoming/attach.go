package incoming

import (
	"fmt"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// keptFields are the fields that new metadata never replaces: those that the
// audio itself supplies, and those that users write.
var keptFields = []string{"content_type", "duration", "duration_ms", "media_type", "user_metadata"}

// AddMetadata adds the reported fields of a call to an existing recording. A
// recording that was created from its audio alone takes every reported field. A
// recording that a client created keeps its own fields and takes only the missing
// ones.
func AddMetadata(r *recording.Recording, reported recording.Document) {
	if r.Made == recording.MadeOfAudio {
		d := reported.Under(r.Document, keptFields...).Renumber(r.Document)
		r.Document = recording.Complete(d, r.ID, r.Created)
	} else {
		r.Document = r.Document.Enrich(reported)
	}
	r.Owner = r.Document.Owner()
}

// CorrectMetadata replaces fields of an existing recording with the reported
// values, even if a client created the recording. Fields that are not reported stay
// unchanged. If Created was derived from the call, and the start is reported, Created
// is derived again, as [Compose] does. The ID stays, month included, because clients
// keep IDs.
func CorrectMetadata(r *recording.Recording, reported recording.Document, now recording.Seconds) {
	before := r.Document
	derived := isDerived(r)
	d := reported.Under(before, keptFields...).Renumber(before)
	r.Document = recording.Complete(d, r.ID, r.Created)
	r.Owner = r.Document.Owner()
	ended := Ended(r.Document, 0)
	switch _, given := Number(reported, "start"); {
	case !derived, !given, ended == 0:
	case ended <= now:
		r.Created = ended
	case ended != Ended(before, 0): // it lies in the future
		r.Created = now
	}
}

// isDerived reports whether the creation time of a recording was derived from its call
// or its audio. Otherwise it is the time of a client's PUT (contract, List).
func isDerived(r *recording.Recording) bool {
	imported := strings.HasPrefix(r.Audio.Key, recording.ImportedKey(r.Account, r.ID))
	return r.Made == recording.MadeOfAudio || r.Made == "" && (imported || r.Created == Ended(r.Document, 0))
}

// NeedsAudio reports whether audio may still be added to a recording. The recording
// must have no audio, and no audio may have been rejected, except for its size,
// because that limit may change. External audio does not count as audio: a PBX may
// save the document first, with the URL that the audio will be uploaded to.
func NeedsAudio(a recording.Audio) bool {
	return a.Place != recording.Managed && (a.State == "" || a.Reason == recording.TooLarge)
}

// MayHave reports whether the audio of r may be the announced audio: r has no audio
// yet, or audio in the bucket with the same size and checksum. If r states no size or
// no checksum, any size or checksum matches.
func MayHave(r *recording.Recording, announced recording.Upload) bool {
	if r.Audio.Place != recording.Managed {
		return r.Audio.Place == recording.Nowhere
	}
	return (r.Audio.Size == 0 || r.Audio.Size == announced.Size) &&
		(r.Audio.SHA256 == "" || r.Audio.SHA256 == announced.SHA256)
}

// Await makes an existing recording wait for announced audio, and adds the fields
// that were reported with the audio. It clears an earlier rejection. Error:
// store.ErrExists if the recording has audio or waits for other audio.
func Await(r *recording.Recording, upload recording.Upload, reported recording.Document) error {
	if r.Audio.Place != recording.Nowhere || Mismatch(r.Upload, upload) != "" {
		return fmt.Errorf("%w: with other audio", store.ErrExists)
	}
	AddMetadata(r, reported)
	r.Audio, r.Upload = recording.Audio{}, upload
	return nil
}

// MayTakeOver reports whether a new recording may take over one that was created
// from its audio alone. The announced audio must be the stored audio, unless that was
// rejected, and the audio must not be kept at a URL elsewhere.
func MayTakeOver(announced recording.Upload, url string, existing *recording.Recording) bool {
	if existing.Made != recording.MadeOfAudio || url != "" {
		return false
	}
	stored := recording.Upload{ContentType: existing.Audio.ContentType, Size: existing.Audio.Size, SHA256: existing.Audio.SHA256}
	return existing.Audio.Place == recording.Nowhere || Mismatch(announced, stored) == ""
}

// MovesKey reports whether a recording that waits for audio states another key than
// its own: that of a rejected file in an inbox, or the one that an import chose. A
// request cannot store audio there: the rejected file occupies its key, and audio of
// an import is never judged.
func MovesKey(r *recording.Recording) bool {
	return r.Audio.Place == recording.Nowhere && r.AudioKey() != recording.AudioKey(r.Account, r.ID)
}
