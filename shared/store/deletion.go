package store

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/recording"
)

// Errors of deletions and of their reversal.
var (
	// ErrGuard means that a decision is based on an entry that has changed since the caller
	// read it. The caller reads the entry again and decides again.
	ErrGuard = errors.New("an entry that guards the deletion has changed")
	// ErrPurging means that it is too late for a restore: the audio of the deleted
	// recording is being removed, or is gone.
	ErrPurging = errors.New("the deleted recording is being purged or is gone")
)

// MaxGuards is the maximum number of guards of one deletion.
const MaxGuards = 20

// Cause is why a recording was deleted.
type Cause string

// The causes.
const (
	// CauseDeleted: a client asked for it. It is the default.
	CauseDeleted Cause = "deleted"
	// CauseExpired: the retention policy of the account.
	CauseExpired Cause = "expired"
	// CauseErased: everything about a person is erased.
	CauseErased Cause = "erased"
)

// Allows calls d.Check, if any.
func (d Deletion) Allows(r *recording.Recording) error {
	if d.Check == nil {
		return nil
	}
	return d.Check(r)
}

// Guard is an entry that must be unchanged since it was read. The store checks it in
// the same transaction as the deletion, so a legal hold or a new policy that is
// written at the same time is never missed.
type Guard struct {
	EntryKey
	// Revision is the revision that was read; "" means that the entry must be absent.
	// An expired entry is absent.
	Revision string
}

// Deletion describes a deletion.
type Deletion struct {
	// Check may veto the deletion; nil permits it. It may run several times.
	Check func(*recording.Recording) error
	// By is the ID of the user who deletes; "" if it is unknown, or the service itself.
	By string
	// Cause is why the recording is deleted; "" means CauseDeleted.
	Cause Cause
	// Until makes the recording restorable: its document and audio are kept until the
	// caller calls Restorer.Condemn, at this time or later. 0 starts the purge at once.
	// At most MaxTime.
	Until recording.Seconds
	// Guards must hold at the time of the deletion; at most MaxGuards.
	Guards []Guard
}

// MaxTime is the last time that a store can order by, in Gregorian seconds (year 5138).
const MaxTime = recording.Seconds(99999999999)

// Restorer ends the time for a restore, by restoring the recording or by giving it up to the
// purge. Of a Restore and a Condemn at the same time exactly one takes effect.
type Restorer interface {
	// Restore makes a restorable recording live again, with the document, the owner,
	// the times and the audio that it had, under a new revision. check may veto the
	// restore, and may run several times; Restore returns its error unwrapped.
	// Errors: ErrNotFound if the ID is not in use, ErrExists if the recording is not
	// deleted, ErrPurging, ErrConflict, ErrUnavailable, and those of check.
	Restore(ctx context.Context, account, id string, check func(*Tombstone) error) (*recording.Recording, error)
	// Condemn turns a restorable tombstone into one with a pending purge, which drops
	// its document, owner and index keys. check may veto it, and may run several times;
	// Condemn returns its error unwrapped. The guards are those of Deletion. Condemn does
	// nothing if the purge is already pending or finished. Errors: ErrNotFound
	// without a tombstone, ErrGuard, ErrConflict, ErrUnavailable, and those of check.
	Condemn(ctx context.Context, account, id string, check func(*Tombstone) error, guards ...Guard) error
}
