package recording

// State says how far the audio of a recording has come; clients see it as
// _read_only.state (contract, Audio that arrives).
type State string

const (
	// Pending means: no audio has arrived yet.
	Pending State = "pending"
	// Ready means: the audio can be played.
	Ready State = "ready"
	// Empty means: the audio has arrived, and lasts for 0 s.
	Empty State = "empty"
	// Failed means: what has arrived cannot be served; a [Reason] says why. A right
	// upload mends it.
	Failed State = "failed"
)

// Reason says why a recording is Failed; clients see it as _read_only.reason.
type Reason string

const (
	// NotAudio means: the bytes are no audio of a type that is served.
	NotAudio Reason = "not_audio"
	// Damaged means: they begin as audio and do not go on so.
	Damaged Reason = "damaged"
	// OtherType means: they are audio of another type than was announced.
	OtherType Reason = "other_content_type"
	// OtherSize means: they are more or fewer than were announced.
	OtherSize Reason = "other_size"
	// OtherChecksum means: their SHA-256 is not the one that was announced.
	OtherChecksum Reason = "other_sha256"
	// TooLarge means: they are more than the service takes.
	TooLarge Reason = "too_large"
)

// Condition is the state of a: the stored one, else Pending while it is
// nowhere, and Ready wherever it is.
func (a Audio) Condition() State {
	switch {
	case a.State != "":
		return a.State
	case a.Place == Nowhere:
		return Pending
	}
	return Ready
}

// Upload is what a client announced of the audio that it is going to send.
// Zero fields were not announced.
type Upload struct {
	// ContentType is the media type, as the client wrote it.
	ContentType string
	// Size in bytes.
	Size int64
	// SHA256 of the bytes, 64 lower-case hex digits.
	SHA256 string
}

// Admits reports whether audio of that size and checksum is what u announced;
// what u left out admits all.
func (u Upload) Admits(audio Upload) bool {
	return (u.Size == 0 || u.Size == audio.Size) && (u.SHA256 == "" || u.SHA256 == audio.SHA256)
}
