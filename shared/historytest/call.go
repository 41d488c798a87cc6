package historytest

import "fmt"

// Kind is the kind of a call.
type Kind string

// The kinds of calls.
const (
	// Create creates the recording, or returns it if the same request created it before.
	Create Kind = "create"
	// Get reads the document.
	Get Kind = "get"
	// Patch sets one tag of user_metadata.
	Patch Kind = "patch"
	// Delete deletes the recording.
	Delete Kind = "delete"
	// Restore brings a deleted recording back.
	Restore Kind = "restore"
	// Hold places a legal hold on the recording.
	Hold Kind = "hold"
	// Release releases a hold.
	Release Kind = "release"
	// Complete reports that the audio arrived.
	Complete Kind = "complete"
	// claim reserves an ID for an idempotency key. It is the first step of Create and
	// may take effect without the rest.
	claim Kind = "claim"
)

// slots is the number of tags in a document.
const slots = 3

// Input is a call.
type Input struct {
	Kind Kind
	// Key names the recording in the history. It is the last part of its ID, or the
	// idempotency key if Keyed is true.
	Key   string
	Keyed bool
	// ID is the recording's ID. It is "" for Create with an idempotency key.
	ID string
	// Body distinguishes requests of Create: equal bodies make equal requests. The new
	// document has it as its first tag.
	Body string
	// Slot and Value are the tag that Patch sets.
	Slot  int
	Value string
	// IfMatch is the revision that Patch and Delete require, "" for any.
	IfMatch string
	// Restorable is true if what Delete deletes can be restored.
	Restorable bool
	// Case names the hold that Hold places or Release releases. It is unique in the
	// history. HoldID is the ID of that hold, for Release.
	Case, HoldID string
}

// String implements [fmt.Stringer].
func (in Input) String() string {
	text := string(in.Kind) + " " + in.Key
	switch in.Kind {
	case Create, claim:
		text += " with body " + in.Body
	case Patch:
		text += fmt.Sprintf(" tag %d = %s", in.Slot, in.Value)
	case Hold, Release:
		text += " case " + in.Case
	}
	if in.IfMatch != "" {
		text += " if " + in.IfMatch
	}
	return text
}

// Result is how a call ended.
type Result string

// The results of calls.
const (
	// Done is success (200, 201).
	Done Result = "done"
	// Missing means that the recording does not exist, or was deleted (404).
	Missing Result = "missing"
	// Mismatch means that If-Match was not met (412).
	Mismatch Result = "mismatch"
	// Conflict means that another recording has the ID or the key, or that retries
	// could not settle a concurrent change (409). The call had no effect.
	Conflict Result = "conflict"
	// Held means that a legal hold forbids a Delete (409).
	Held Result = "held"
	// Unchanged means that Complete found the audio noted already.
	Unchanged Result = "unchanged"
	// Gone means that Complete found no audio, and changed nothing.
	Gone Result = "gone"
	// Unknown means that the call may have taken effect, or may still do so (503).
	Unknown Result = "unknown"
)

// Output is the answer to a call.
type Output struct {
	Result Result
	// Err is an answer that no call may have; nil for none. It fails the test.
	Err error
	// ID, Revision and Document are those of the answer, after Done. Delete answers
	// with the recording as it was. Revision is "" if the answer has none. ID is that of the
	// hold after Hold.
	ID, Revision string
	Document     Document
}

// String implements [fmt.Stringer].
func (out Output) String() string {
	if out.Result != Done {
		return string(out.Result)
	}
	return fmt.Sprintf("%s, revision %q, tags %q, ready %v", out.Result, out.Revision, out.Document.Tags, out.Document.Ready)
}

// Document is the part of a document that the model knows.
type Document struct {
	Tags [slots]string
	// Ready is true once the audio has arrived.
	Ready bool
}
