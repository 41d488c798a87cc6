package incoming

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Arrival is an object that was reported as stored in the bucket.
type Arrival struct {
	// Key of the object in the bucket, decoded.
	Key string
	// Sequencer orders the events of one key. It is "" for an arrival that was found
	// without an event. Such an arrival counts as the latest.
	Sequencer string
}

// Outcome is the result of ingesting an arrival.
type Outcome string

const (
	// Completed means that the recording is ready or empty now.
	Completed Outcome = "completed"
	// Adopted means that a recording was created from the audio.
	Adopted Outcome = "adopted"
	// Unchanged means that the recording already reflected the arrival.
	Unchanged Outcome = "unchanged"
	// Refused means that the audio cannot be served.
	Refused Outcome = "refused"
	// Gone means that the object no longer exists.
	Gone Outcome = "gone"
	// Removed means that the object belonged to a deleted recording and was
	// removed.
	Removed Outcome = "removed"
	// Ignored means that the object belongs to no recording, or to a deleted one that can be
	// restored. It was left alone.
	Ignored Outcome = "ignored"
	// Held means that the object would have replaced audio on legal hold, or that of a
	// deleted recording that can be restored. It was set aside, and the earlier audio is back.
	Held Outcome = "held"
	// Awaiting means that metadata arrived before its audio and waits for it.
	Awaiting Outcome = "awaiting"
)

var (
	// ErrEarly means that audio without a recording is too recent to create one: the
	// recording may be on its way. A later attempt ingests the audio in either case.
	ErrEarly = errors.New("the audio may get its recording in a moment")
	// ErrKept means that a file in an inbox cannot be ingested as it is. The error has
	// the reason. The file stays unchanged, and a replay ingests it once the cause is
	// fixed.
	ErrKept = errors.New("left in the inbox")
	// ErrUnchanged ends an update that would change nothing.
	ErrUnchanged = errors.New("nothing to change")
)

// Store is the part of a store driver that ingest needs; see package store.
type Store interface {
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	Put(ctx context.Context, r *recording.Recording) error
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
	// Tombstone returns the tombstone of a deleted recording. Errors:
	// store.ErrNotFound, store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
	store.Renewer
	store.Claimer
	store.ClaimReader
}

// Newer reports whether the arrival may bring something new for audio in that
// condition. It returns true if there is no order, and after a failure: rejected
// audio is removed last, so steps may remain.
func (a Arrival) Newer(known recording.Audio) bool {
	return known.Place == recording.Nowhere || a.Sequencer == "" || after(a.Sequencer, known.Sequencer)
}

// after orders sequencers, which are hexadecimal and of unequal length
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
func after(a, b string) bool {
	n := max(len(a), len(b))
	pad := func(s string) string { return strings.Repeat("0", n-len(s)) + strings.ToUpper(s) }
	return pad(a) > pad(b)
}

// Changes reports whether now differs from before in more than the time of the change.
// A new sequencer or checksum alone does not justify a write.
func (a Arrival) Changes(before, now recording.Recording) bool {
	if before.Audio.Sequencer == "" || a.Sequencer == "" {
		now.Audio.Sequencer = before.Audio.Sequencer
	}
	if before.Upload == (recording.Upload{}) { // the audio was known already
		now.Audio.SHA256 = before.Audio.SHA256
	}
	now.Modified = before.Modified
	return before != now
}

// tries bounds how often Settle starts over.
const tries = 3

// Settle calls try up to three times while other requests change the recording. try
// returns store.ErrNotFound, store.ErrExists or store.ErrDeleted if another request
// created, completed or deleted the recording in between.
func Settle(try func() (Outcome, error)) (done Outcome, err error) {
	for range tries {
		done, err = try()
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrDeleted) {
			return done, err
		}
	}
	return "", err
}

// IsEarly reports whether an object was stored within the grace period. A wrong
// clock delays it by that period at most.
func IsEarly(now, stored time.Time, grace time.Duration) bool {
	age := now.Sub(stored)
	return -grace < age && age < grace
}
