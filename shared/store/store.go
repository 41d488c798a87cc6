// Package store is the border between the API and the metadata of recordings.
//
// It declares what the API may ask (small interfaces, one concrete type for
// each question and answer) and the errors that a caller decides on. Drivers
// live below it: store/dynamo is the product, store/sqlite serves a laptop or
// a single box. store/storetest is the suite that both pass; a behaviour that
// the suite does not pin down does not exist (docs/adr/004-embedded-engine.md).
//
// The guarantees, whatever the driver:
//
//   - Get, Put, Update and Delete are strongly consistent and atomic for one
//     recording; what they acknowledged survives a crash.
//   - A deleted recording leaves a tombstone behind. No reader sees it, and
//     nothing brings it back by accident: Put on it is ErrDeleted.
//   - Page reads an index that follows the store. Whoever follows Page.Next to
//     the end meets every recording that the index held throughout, exactly
//     once and in order, whatever is created, changed or deleted meanwhile.
package store

import (
	"context"
	"errors"

	"callrecordings/shared/recording"
)

// What a caller decides on. Drivers wrap them with what was being done.
var (
	// ErrNotFound: no such recording, or only its tombstone.
	ErrNotFound = errors.New("recording not found")
	// ErrExists: Put met a living recording of that id.
	ErrExists = errors.New("recording exists")
	// ErrDeleted: Put met the tombstone of that id.
	ErrDeleted = errors.New("recording was deleted")
	// ErrConflict: a concurrent change that retries could not settle.
	ErrConflict = errors.New("concurrent change")
	// ErrTooLarge: the recording does not fit into one item (400 KB on DynamoDB).
	ErrTooLarge = errors.New("recording too large for the store")
	// ErrUnavailable: the store was throttled, slow or gone; worth a retry later.
	ErrUnavailable = errors.New("store unavailable")
)

// Reader reads recordings. Account ids, user ids and recording ids were
// checked by the caller (contract, Routes); drivers take them as they are.
type Reader interface {
	// Get returns the recording, strongly consistent.
	// Errors: ErrNotFound, ErrUnavailable.
	Get(ctx context.Context, account, id string) (*recording.Recording, error)
	// Page returns the recordings of q's range from q.Start on, in order.
	// Errors: ErrUnavailable.
	Page(ctx context.Context, q Query) (Page, error)
}

// Writer changes recordings.
type Writer interface {
	// Put stores a new recording. The driver sets r.Revision; the caller has
	// set everything else. Errors: ErrExists, ErrDeleted, ErrTooLarge, ErrUnavailable.
	Put(ctx context.Context, r *recording.Recording) error
	// Update reads the recording, hands a copy to change, and stores what
	// change made of it under a new revision, provided that nobody wrote in
	// between; else it begins again, so change may run several times. Account,
	// ID and Created stay, whatever change does. An error of change is returned as it is
	// and nothing is stored. Returns the recording as stored.
	// Errors: ErrNotFound, ErrConflict, ErrTooLarge, ErrUnavailable, change's own.
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
	// Delete turns the recording into a tombstone with its purge pending,
	// unless check objects to the recording that it read (an unmet If-Match,
	// another owner); check's error is returned as it is. check may run several
	// times. Returns the recording as it was.
	// Errors: ErrNotFound, ErrConflict, ErrUnavailable, check's own.
	Delete(ctx context.Context, account, id string, check func(*recording.Recording) error) (*recording.Recording, error)
	// Purged notes that the audio behind a tombstone is confirmed gone: the
	// purge is no longer pending and the tombstone expires TombstoneTTL later.
	// Idempotent; ErrNotFound when there is no tombstone.
	// Errors: ErrNotFound, ErrUnavailable.
	Purged(ctx context.Context, account, id string) error
}

// Store is both.
type Store interface {
	Reader
	Writer
}

// TombstoneDays is how long a tombstone outlives its audio, so that late
// events and repeated imports cannot bring the recording back (docs/adr/006-deleting.md).
const TombstoneDays = 400

// Tombstone is what remains of a deleted recording. Drivers offer it beside
// the interface, to whatever finishes purges.
type Tombstone struct {
	Account, ID string
	// Created is the original one, kept for a restore.
	Created recording.Seconds
	// Audio is where the audio was.
	Audio recording.Audio
	// PurgePending is true until the audio is confirmed gone.
	PurgePending bool
	// Expires is when the tombstone itself goes; 0 while the purge is pending.
	Expires recording.Seconds
}

// Query asks for one page of a list.
type Query struct {
	// Account whose recordings are listed.
	Account string
	// Owner limits the list to recordings of that owner; "" lists them all.
	Owner string
	// Ascending lists the oldest first; the default is newest first. Ties in
	// Created are ordered by ID, in the same direction.
	Ascending bool
	// From and To bound Created, both inclusive; 0 leaves that end open.
	From, To recording.Seconds
	// Start is where the page begins; the zero Position is the beginning of
	// the order. A Start outside of From and To is cut to them: before the
	// range it means its beginning, behind it an empty page.
	Start Position
	// Limit is the most recordings that the page may hold, 1 or more.
	Limit int
	// MaxBytes ends the page with the recording whose Document takes the sum
	// of kept Documents to MaxBytes or beyond; 0 sets no limit. It bounds memory; the exact
	// size of an answer is for the caller to cut.
	MaxBytes int64
	// Keep, if not nil, says which recordings belong to the page.
	Keep func(*recording.Recording) bool
	// Work bounds what a page with Keep may examine.
	Work Work
}

// Work is a budget in calls and bytes, so that the same data is cut at the
// same place whenever it is read; zero fields set no limit. Apart from it a
// driver ends a page early only when less than 2 s remain to the deadline of
// the context.
type Work struct {
	// Calls is the number of reads (Queries on DynamoDB; a read of an
	// embedded driver asks for as many rows as a Query of the same turn).
	Calls int
	// Bytes is the sum of the examined Documents; reached, the page ends.
	Bytes int64
}

// Page is one page of a list.
type Page struct {
	// Recordings in order, at most Query.Limit.
	Recordings []recording.Recording
	// First is the position of the first row that was examined, inclusive;
	// the zero Position if there was none.
	First Position
	// Next is where the next page begins, nil when nothing follows. After a
	// full page it is given only if at least one more row was seen.
	Next *Position
}

// Position is a place in the order of a list: at a row or right behind it.
// The row need not exist any more. The zero value is the beginning, whatever
// the direction.
type Position struct {
	// Created and ID are the row's place in the order.
	Created recording.Seconds
	ID      string
	// After is false when the row itself belongs to the page, true when the
	// page begins behind it.
	After bool
}

// At is the position of r, r included.
func At(r *recording.Recording) Position { return Position{Created: r.Created, ID: r.ID} }

// After is the position right behind r.
func After(r *recording.Recording) Position {
	return Position{Created: r.Created, ID: r.ID, After: true}
}

// IsZero reports whether p is the beginning of the order.
func (p Position) IsZero() bool { return p == Position{} }
