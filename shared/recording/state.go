package recording

// State is the progress of a recording's audio. Clients see it as
// _read_only.state (contract, Audio that arrives).
type State string

const (
	// Pending means that no audio has arrived yet.
	Pending State = "pending"
	// Ready means that the audio can be played.
	Ready State = "ready"
	// Empty means that audio of zero length has arrived.
	Empty State = "empty"
	// Failed means that the audio that arrived cannot be served, for a
	// [Reason]. A valid upload replaces it.
	Failed State = "failed"
)

// Reason explains why a recording is Failed. Clients see it as
// _read_only.reason.
type Reason string

const (
	// NotAudio means that the bytes are not audio of an accepted format.
	NotAudio Reason = "not_audio"
	// Damaged means that the bytes begin like audio but are not valid.
	Damaged Reason = "damaged"
	// OtherType means that the media type differs from the announced one.
	OtherType Reason = "other_content_type"
	// OtherSize means that the size differs from the announced one.
	OtherSize Reason = "other_size"
	// OtherChecksum means that the SHA-256 differs from the announced one.
	OtherChecksum Reason = "other_sha256"
	// TooLarge means that the audio exceeds the size limit of the service.
	TooLarge Reason = "too_large"
)

// Condition returns the state of a. If none is stored, it is Pending while no
// audio has arrived, and otherwise Ready.
func (a Audio) Condition() State {
	switch {
	case a.State != "":
		return a.State
	case a.Place == Nowhere:
		return Pending
	}
	return Ready
}

// ManagedBytes returns the size in bytes of the audio that this service stores; 0 if it
// stores none.
func (a Audio) ManagedBytes() int64 {
	if a.Place != Managed {
		return 0
	}
	return a.Size
}

// Upload is the announcement of audio that a client will send. Zero fields were
// not announced.
type Upload struct {
	// ContentType is the media type in the client's spelling.
	ContentType string
	// Size in bytes.
	Size int64
	// SHA256 of the bytes, as 64 lowercase hex digits.
	SHA256 string
}
