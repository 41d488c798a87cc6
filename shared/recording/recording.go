// Package recording holds the document of a call recording and its rules:
// ids, Gregorian time, the public fields, filters, the merge of a PATCH and
// the encoding that clients see. It is pure: no I/O, no clock, no AWS.
//
// A [Recording] is a public [Document], kept as the very JSON text that a
// client gets, beside the few private values that the service needs to find,
// order and play it. Keeping the text means that what was stored is what is
// answered, byte for byte and whatever the driver, and that a list copies
// instead of encoding (docs/adr/001-store-keys.md).
package recording

// Recording is one stored recording of one account.
type Recording struct {
	// Account is the account that the recording belongs to.
	Account string
	// ID is the recording's id, YYYYMM-…, unique within its account.
	ID string
	// Owner is the document's owner_id, "" when there is none. Lists of a
	// user are those of one owner.
	Owner string
	// Created orders lists and is set once; it is private (contract, List).
	Created Seconds
	// Modified is the time of the last change; filters modified_from and
	// modified_to look at it.
	Modified Seconds
	// Revision changes with every write. Clients see it as the revision and
	// as the document's ETag, and send it back in If-Match.
	Revision string
	// Audio says where the sound is.
	Audio Audio
	// Upload is what was announced of audio that has not arrived yet.
	Upload Upload
	// Made is the fingerprint of the request that created the recording, by
	// which a repeat of it is known; MadeOfAudio where there was no request at
	// all; "" where repeats are not known.
	Made string
	// Document holds the public fields without the id.
	Document Document
}

// MadeOfAudio is Recording.Made of a recording that has nothing yet but its
// audio, which came first. What creates it next completes it.
const MadeOfAudio = "audio"

// Place says who keeps the audio of a recording.
type Place string

const (
	// Nowhere means that no audio has arrived yet.
	Nowhere Place = ""
	// Managed audio lies in this service's bucket.
	Managed Place = "managed"
	// External audio is kept by somebody else; the document's url says where.
	External Place = "external"
)

// Audio describes the sound of a recording as far as the metadata knows it.
type Audio struct {
	// Place says who keeps the audio.
	Place Place
	// Key is the object's key in the bucket; "" stands for [AudioKey].
	Key string
	// ContentType is the media type of the stored bytes, "audio/mpeg".
	ContentType string
	// Size is the length of the stored bytes; 0 when unknown or empty.
	Size int64
	// State is "" where Place says it all; see Condition.
	State State
	// Reason is why State is Failed.
	Reason Reason
	// SHA256 of the stored bytes in lower-case hex, where the upload announced
	// one and the object store checked it; else "".
	SHA256 string
	// Sequencer orders the arrivals of one key, as the object store counts them
	// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html);
	// "" when the audio came another way.
	Sequencer string
}

// AudioKey is where the managed audio of the recording lies in the bucket,
// unless Audio.Key says otherwise: account, month and id, so that an account
// or a month can be addressed by prefix.
func AudioKey(account, id string) string {
	month := id
	if len(month) > 6 {
		month = month[:6]
	}
	return keyPrefix + account + "/" + month + "/" + id
}

// AudioKey is the key of the recording's own audio.
func (r *Recording) AudioKey() string {
	if r.Audio.Key != "" {
		return r.Audio.Key
	}
	return AudioKey(r.Account, r.ID)
}

// Document is the public part of a recording without its id: a compact JSON
// object whose top level never holds a null, an "id", or a key that begins
// with "_" or "pvt_". Only [ParseDocument] and this package's other
// constructors make one; the zero value stands for the empty object.
type Document string
