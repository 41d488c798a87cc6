// Package recording holds the document of a call recording and its rules: IDs,
// Gregorian time, the public fields, filters, the merge of a PATCH, and the
// JSON that clients get. It does no I/O, reads no clock and does not depend on
// AWS.
//
// A [Recording] consists of a public [Document] and the few private values that
// the service needs to find, order and play it. The document is stored as the
// JSON text that clients get. So every store returns it byte for byte, and a
// list copies it instead of encoding it (docs/adr/001-store-keys.md).
package recording

// Recording is one stored recording of one account.
type Recording struct {
	// Account is the account that the recording belongs to.
	Account string
	// ID is YYYYMM-…, unique within the account.
	ID string
	// Owner is the document's owner_id, or "" if it has none. The list of a
	// user contains the recordings of that owner.
	Owner string
	// Created is the time of creation. It orders lists and never changes.
	// Clients do not see it (contract, List).
	Created Seconds
	// Modified is the time of the last change. The filters modified_from and
	// modified_to compare it.
	Modified Seconds
	// Revision changes with every write. Clients see it as the revision and as
	// the ETag of the document, and send it back in If-Match.
	Revision string
	// Audio describes the audio that has arrived.
	Audio Audio
	// Upload is the announcement of audio that has not arrived yet.
	Upload Upload
	// Made is the fingerprint of the request that created the recording, to recognize a retry;
	// MadeOfAudio if the audio arrived first; "" if retries are not detected.
	Made string
	// Document holds the public fields, without the ID.
	Document Document
	// Kept has the expiry and the holds of the recording; nil without either, or if the
	// reader does not know them. Stores neither store nor return it.
	Kept *Kept
	// Removal is set in a list of deleted recordings, and in the answer to a deletion that
	// can be reversed. Stores neither store nor return it.
	Removal *Removal
}

// Removal is a deletion that can be reversed. Clients see it in _read_only.
type Removal struct {
	// At is when the recording was deleted, and Until when it stops being restorable.
	At, Until Seconds
	// By is the ID of the user who deleted it; "" if it is unknown.
	By string
}

// Kept is how long a recording is kept. Clients see it in _read_only.
type Kept struct {
	// Expires is when the recording expires; 0 means never. Rule is the name of the rule
	// that decides.
	Expires Seconds
	Rule    string
	// Holds are the IDs of the legal holds that cover the recording.
	Holds []string
}

// MadeOfAudio is the Recording.Made of a recording that was created because its
// audio arrived first. The next request that creates it completes it.
const MadeOfAudio = "audio"

// Place is where the audio of a recording is kept.
type Place string

const (
	// Nowhere means that no audio has arrived yet.
	Nowhere Place = ""
	// Managed means that the audio is in this service's bucket.
	Managed Place = "managed"
	// External means that the audio is kept elsewhere, at the document's url.
	External Place = "external"
)

// Audio is the stored metadata of a recording's audio.
type Audio struct {
	// Place is where the audio is kept.
	Place Place
	// Key is the object's key in the bucket. "" stands for the result of
	// [AudioKey].
	Key string
	// ContentType is the media type of the stored bytes, such as "audio/mpeg".
	ContentType string
	// Size is the number of stored bytes, or 0 if it is unknown or the audio is
	// empty.
	Size int64
	// State is "" if it follows from Place; see Condition.
	State State
	// Reason explains why State is Failed.
	Reason Reason
	// SHA256 of the stored bytes in lowercase hex. It is "" unless the upload
	// announced one and the object store verified it.
	SHA256 string
	// Sequencer orders the arrivals of one key. The object store assigns it
	// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
	// It is "" if the audio did not arrive by an event.
	Sequencer string
}

// AudioKey returns the default key of managed audio in the bucket: account,
// month and ID, so that a prefix selects an account or a month. Audio.Key
// overrides it.
func AudioKey(account, id string) string {
	month := id
	if len(month) > 6 {
		month = month[:6]
	}
	return AudioPrefix + account + "/" + month + "/" + id
}

// AudioKey returns the key of the recording's managed audio.
func (r *Recording) AudioKey() string {
	if r.Audio.Key != "" {
		return r.Audio.Key
	}
	return AudioKey(r.Account, r.ID)
}

// Document is the public part of a recording, without its ID. It is a compact
// JSON object. Its top level contains no null, no "id", and no key that begins
// with "_" or "pvt_". Only [ParseDocument] and other constructors of this
// package make one. The zero value is the empty object.
type Document string
