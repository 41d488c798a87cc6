package incoming

import (
	"cmp"

	"github.com/callrecordings/api/shared/recording"
)

// Judgment is the result of reading the bytes of a recording's audio.
type Judgment struct {
	// Sound holds the media type, the extension and the duration, where known.
	recording.Sound
	// Size in bytes.
	Size int64
	// SHA256 in lower-case hex, if the object store or the source checked it.
	SHA256 string
	// Reason is why the audio cannot be served; "" accepts it.
	Reason recording.Reason
}

// Accepted reports whether the audio can be served.
func (j Judgment) Accepted() bool { return j.Reason == "" }

// Audio describes this audio as a recording stores it, under an object key
// ("" for the recording's own). Audio that is known to last 0 s is empty.
func (j Judgment) Audio(key string) recording.Audio {
	if !j.Accepted() {
		return recording.Audio{Key: key, Size: j.Size, State: recording.Failed, Reason: j.Reason}
	}
	a := recording.Audio{Place: recording.Managed, Key: key, ContentType: j.ContentType, Size: j.Size, SHA256: j.SHA256}
	if j.Known && j.Duration == 0 {
		a.State = recording.Empty
	}
	return a
}

// Attach records in r that its audio arrived. Accepted audio completes the
// recording. For rejected audio, Attach stores the reason and keeps the announced
// upload for the next attempt.
func (j Judgment) Attach(r *recording.Recording, sequencer string, now recording.Seconds) {
	before := r.Audio
	r.Audio = j.Audio(before.Key)
	r.Audio.Sequencer = sequencer
	r.Modified = max(now, r.Modified, r.Created)
	if !j.Accepted() {
		return
	}
	r.Audio.Sequencer = cmp.Or(sequencer, before.Sequencer)
	if r.Upload.SHA256 == "" {
		r.Audio.SHA256 = "" // needed only if the client announced one
	}
	r.Upload = recording.Upload{}
	r.Document = r.Document.Describe(j.Sound)
}

// Mismatch compares audio with the upload that a client announced. It returns the
// reason if they differ, and otherwise "". A property that was not announced, or is
// unknown for the audio, always matches. Media types match if they are served under
// the same name.
func Mismatch(announced, audio recording.Upload) recording.Reason {
	wanted, _ := recording.AudioType(announced.ContentType)
	kind, _ := recording.AudioType(audio.ContentType)
	switch {
	case announced.Size > 0 && announced.Size != audio.Size:
		return recording.OtherSize
	case announced.SHA256 != "" && audio.SHA256 != "" && announced.SHA256 != audio.SHA256:
		return recording.OtherChecksum
	case wanted != "" && kind != "" && wanted != kind:
		return recording.OtherType
	}
	return ""
}
