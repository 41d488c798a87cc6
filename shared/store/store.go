// Package store defines how the API stores the metadata of recordings: small
// interfaces, the types of their arguments and results, and the errors that
// callers act on. It contains no driver.
//
// There are two drivers. store/dynamo is for production; store/sqlite is for a
// laptop or a single machine. Each documents its own layout. Both must pass
// the test suite in store/storetest, and callers may rely only on behavior that
// the suite tests (docs/adr/004-embedded-engine.md).
//
// Every driver guarantees:
//
//   - Get, Put, Update and Delete are strongly consistent and atomic for one
//     recording. A write that returned without an error survives a crash.
//   - Deleting a recording leaves a tombstone. Get and Page hide it, and it
//     reserves the ID: Put fails with ErrDeleted.
//   - A client that follows Page.Next to the end gets every recording that stays
//     in its place in the index during that time exactly once and in order, even
//     while other recordings are created, changed, moved (Corrector) and deleted.
//
// What callers must expect:
//
//   - Page reads an index that may lag behind the latest writes.
//   - A write that returns ErrUnavailable may still have taken effect: perhaps
//     only its response was lost.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Errors that callers act on. Drivers wrap them with the operation and the
// recording.
var (
	// ErrNotFound means that the recording does not exist, or only its tombstone does.
	ErrNotFound = errors.New("recording not found")
	// ErrExists means that a recording with this ID already exists.
	ErrExists = errors.New("recording exists")
	// ErrDeleted means that the ID belongs to a deleted recording.
	ErrDeleted = errors.New("recording was deleted")
	// ErrConflict means that other requests changed the recording at the same
	// time, and that the driver ran out of retries.
	ErrConflict = errors.New("concurrent change")
	// ErrTooLarge means that the recording does not fit into one item (400 KB
	// on DynamoDB).
	ErrTooLarge = errors.New("recording too large for the store")
	// ErrUnavailable means that the store was throttled, slow or unreachable.
	// The caller may retry later.
	ErrUnavailable = errors.New("store unavailable")
)

// Reader reads recordings. The caller has validated account IDs, user IDs and
// recording IDs (contract, Routes); drivers use them unchecked.
type Reader interface {
	// Get returns the recording, strongly consistent.
	// Errors: ErrNotFound, ErrUnavailable.
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	// Page returns the recordings in q's range from q.Start on, in order.
	// Errors: ErrUnavailable.
	Page(ctx context.Context, q Query) (Page, error)
}

// Writer changes recordings.
type Writer interface {
	// Put stores a new recording. The driver sets r.Revision; the caller sets
	// all other fields. Errors: ErrExists, ErrDeleted, ErrTooLarge,
	// ErrUnavailable.
	Put(ctx context.Context, r *recording.Recording) error
	// Update reads the recording, passes a copy to change, and stores the
	// changed copy under a new revision. If another request wrote in between,
	// Update starts over, so change may run several times. Account, ID and Created
	// keep their values even if change sets them. If change fails, Update
	// returns that error unwrapped and stores nothing. It returns the recording
	// as stored.
	// Errors: ErrNotFound, ErrConflict, ErrTooLarge, ErrUnavailable, and those
	// of change.
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
	// Delete turns the recording into a tombstone: a restorable one, or one with a
	// pending purge; see [Deletion]. First it passes the recording to d.Check, which
	// may veto the delete (If-Match not met, another owner); Delete returns Check's
	// error unwrapped. Delete returns the recording as it was.
	// Errors: ErrNotFound, ErrGuard, ErrConflict, ErrUnavailable, and those of Check.
	Delete(ctx context.Context, account, id string, d Deletion) (*recording.Recording, error)
	// Purged marks the purge of a deleted recording as finished: its audio is
	// confirmed gone. revision is that of the tombstone when its audio was removed: the
	// purge of an earlier deletion must not finish a later one. "" stands for any
	// deletion, if there can be only one. The tombstone then forgets the key and the
	// properties of the audio and the user who deleted it, because a key may hold numbers
	// of the call. It expires TombstoneDays later.
	// Idempotent: only the first call sets the expiry.
	// Errors: ErrNotFound without a tombstone of this revision, or if it is restorable,
	// ErrUnavailable.
	Purged(ctx context.Context, account, id, revision string) error
}

// Store reads and writes recordings.
type Store interface {
	Reader
	Writer
}

// Corrector corrects the creation time of recordings.
type Corrector interface {
	// Correct is like Writer.Update, but a Created that change sets is stored too.
	// The recording moves to its new place in every list. The list of a client that
	// pages meanwhile may show it twice, or not at all; all other recordings keep
	// their guarantee. Errors: those of Writer.Update.
	Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
}

// KeepCreated returns change without its effect on Created, as Writer.Update promises.
// The drivers use it, so that only Corrector.Correct changes Created.
func KeepCreated(change func(*recording.Recording) error) func(*recording.Recording) error {
	return func(r *recording.Recording) error {
		created := r.Created
		err := change(r)
		r.Created = created
		return err
	}
}

// TombstoneDays is how long a tombstone outlives its audio, so that late
// events and repeated imports cannot restore the recording by accident
// (docs/adr/006-deleting.md).
const TombstoneDays = 400

// Tombstone is the remains of a deleted recording. It is in one of three stages:
// restorable (Until is set), purging (PurgePending), and purged (neither). Store has no
// method that returns one; each driver has its own, for code that finishes purges.
type Tombstone struct {
	// Account and ID are those of the deleted recording.
	Account, ID string
	// Revision identifies this deletion. A restorable tombstone gets a new one when
	// its purge begins. Purged and Renew keep it.
	Revision string
	// Created is the creation time of the recording, kept for an import that revives it.
	Created recording.Seconds
	// Deleted is when the recording was deleted.
	Deleted recording.Seconds
	// By is who deleted it, as in Deletion; "" after the purge.
	By string
	// Cause is why it was deleted.
	Cause Cause
	// Until is when the recording stops being restorable; 0 if it is not restorable.
	Until recording.Seconds
	// Recording is the recording as it was, while it is restorable; nil otherwise.
	Recording *recording.Recording
	// Audio is where the audio was; zero after the purge.
	Audio recording.Audio
	// PurgePending is true until the audio is confirmed gone.
	PurgePending bool
	// Expires is when the tombstone itself is removed; 0 while the purge is
	// pending.
	Expires recording.Seconds
}

// Renewer extends tombstones.
type Renewer interface {
	// Renew makes a tombstone expire TombstoneDays from now, because something
	// still tries to restore the recording. It does nothing without a
	// tombstone, if its purge is pending, or if the expiry would move by less
	// than a day: a folder that is uploaded every hour costs one write a day.
	// Errors: ErrUnavailable.
	Renew(ctx context.Context, account, id string) error
}

// RenewAfter is the least time by which Renew moves the expiry of a tombstone.
const RenewAfter = 24 * time.Hour

// Query selects one page of a list.
type Query struct {
	// Account is the account of the listed recordings.
	Account string
	// Owner limits the list to the recordings of one owner; "" lists all.
	Owner string
	// Ascending lists the oldest first; the default is the newest first.
	// Recordings with the same Created are ordered by ID, in the same direction.
	Ascending bool
	// From and To bound Created, both inclusive; 0 leaves that end open.
	From, To recording.Seconds
	// Deleted lists restorable tombstones instead of recordings. They are ordered by
	// Until and then ID, and From, To and Position.Created bound and place Until.
	Deleted bool
	// Start is where the page begins; the zero Position means the beginning of
	// the list. A Start before the range of From and To means the beginning of
	// the range; a Start after the range gives an empty page.
	Start Position
	// Limit is the maximum number of recordings on the page, 1 or more.
	Limit int
	// MaxBytes ends the page after the recording that brings the total size of
	// its documents to MaxBytes or more; 0 means no limit. It bounds memory. A
	// caller that must limit the size of its response does so itself.
	MaxBytes int64
	// Keep, if not nil, decides which recordings belong on the page.
	Keep func(*recording.Recording) bool
	// Work limits how much a page with Keep may examine.
	Work Work
}

// Work is a budget in reads and bytes rather than in time, so that a driver always
// gives the same page for the same data. A zero field means no limit. Apart from
// this budget, a driver ends a page early only if less than Reserve remains until
// the deadline of the context.
type Work struct {
	// Calls is the maximum number of reads. On DynamoDB a read is one Query, on
	// SQLite one SELECT. Both ask for Assembler.Rows rows.
	Calls int
	// The page ends when the examined recordings have this total size in bytes. On DynamoDB
	// it is the size of their items, names of attributes included, as in the bill of a
	// Query; on SQLite it is the size of their documents and IDs.
	Bytes int64
}

// Page is one page of a list.
type Page struct {
	// Recordings are in the order of the list, at most Query.Limit of them.
	Recordings []recording.Recording
	// Tombstones take the place of Recordings if Query.Deleted is set.
	Tombstones []Tombstone
	// First is the position at the first row examined, inclusive; the zero
	// Position if no row was examined.
	First Position
	// Next is where the next page begins; nil if this is the last one. After a
	// full page it is set only if the driver saw at least one more row.
	Next *Position
	// Examined is how many bytes the page has examined, as Work counts them.
	Examined int64
}

// Position is a place in the order of a list: at a row or directly after it.
// The row may have been deleted since. The zero value is the beginning of the
// list in either direction.
type Position struct {
	// Created and ID are the row's place in the order.
	Created recording.Seconds
	ID      string
	// After is false if the page begins with the row, true if it begins after
	// the row.
	After bool
}

// At returns the position at r: the page begins with r.
func At(r *recording.Recording) Position { return Position{Created: r.Created, ID: r.ID} }

// After returns the position directly after r.
func After(r *recording.Recording) Position {
	return Position{Created: r.Created, ID: r.ID, After: true}
}

// IsZero reports whether p is the beginning of the list.
func (p Position) IsZero() bool { return p == Position{} }
