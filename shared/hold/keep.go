package hold

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Keeper changes recordings as store.Writer does, but nothing takes audio away from a
// recording on hold, or takes the recording out of the scope of its hold. Every program
// that changes recordings writes through a Keeper.
//
// A change that touches neither costs nothing more. Any other change costs a read of the
// holds, and its write is a transaction: a hold that is placed meanwhile is never missed.
type Keeper struct {
	// Store stores the recordings and the holds.
	Store KeeperStore
	// Locked is true if the bucket has Object Lock. Audio that arrives for a recording on
	// hold then leaves work for a [Locker].
	Locked bool
}

// KeeperStore has the methods of a driver that a Keeper needs; see package store.
type KeeperStore interface {
	store.Entries
	store.GuardedCorrector
}

// Update is store.Writer.Update. Errors: also *HeldError.
func (k Keeper) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return k.Correct(ctx, account, id, store.KeepCreated(change))
}

// keepTries is how often a change starts over while the holds of its account change.
const keepTries = 10

// Correct is store.Corrector.Correct. Errors: also *HeldError.
func (k Keeper) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	var holds *Set
	var noted bool
	var guards []store.Guard
	for range keepTries {
		r, err := k.Store.CorrectGuarded(ctx, account, id, func(r *recording.Recording) error {
			before := *r
			if err := change(r); err != nil {
				return err
			}
			arrives := k.Locked && before.Audio.Place != recording.Managed && r.Audio.Place == recording.Managed
			switch {
			case !arrives && !replacesAudio(&before, r) && !mayLeave(&before, r):
				return nil
			case holds == nil:
				return errUnread // a store may hold a lock while this runs
			case arrives && !noted && len(holds.Covering(r)) > 0:
				return errUnnoted
			}
			return holds.permits(&before, r)
		}, guards...)
		switch {
		case errors.Is(err, errUnnoted):
			if err := note(ctx, k.Store, account, joined, id); err != nil {
				return nil, err
			}
			noted = true
			continue
		case !errors.Is(err, errUnread) && !errors.Is(err, store.ErrGuard):
			return r, err
		}
		now, err := Read(ctx, k.Store, account)
		if err != nil {
			return nil, err
		}
		holds, guards = &now, []store.Guard{now.Guard()}
	}
	return nil, fmt.Errorf("change a recording: %w: its holds change all the time", store.ErrConflict)
}

// Arrives leaves work for a [Locker] if a new recording with audio is on hold. Programs call
// it before they store the recording.
func (k Keeper) Arrives(ctx context.Context, r *recording.Recording) error {
	if !k.Locked || r.Audio.Place != recording.Managed {
		return nil
	}
	holds, err := Read(ctx, k.Store, r.Account)
	if err != nil || len(holds.Covering(r)) == 0 {
		return err
	}
	return note(ctx, k.Store, r.Account, joined, r.ID)
}

// MayEnter reports whether a change could bring a recording that keeps its audio into the
// scope of a hold: it changes the owner or the start, or adds a number. A nil before stands
// for a deleted recording that is restored. [Keeper.Correct] itself looks at audio that arrives.
func MayEnter(before, after *recording.Recording) bool {
	if after.Audio.Place != recording.Managed {
		return false
	}
	return before == nil || before.Audio.Place == recording.Managed && mayLeave(after, before)
}

// Gains reports whether a hold covers after that does not cover before; nil is covered by
// none.
func (s Set) Gains(before, after *recording.Recording) bool {
	covering := s.Covering(after)
	if before == nil || len(covering) == 0 {
		return len(covering) > 0
	}
	return len(without(covering, s.Covering(before))) > 0
}

// without returns the holds that are not among others. It changes holds.
func without(holds, others []Hold) []Hold {
	return slices.DeleteFunc(holds, func(h Hold) bool {
		return slices.ContainsFunc(others, func(other Hold) bool { return other.ID == h.ID })
	})
}

// Enters leaves work for a [Locker] before a recording with audio comes into the scope of a
// hold. The caller has seen by MayEnter and Gains that it does. The holds may be older than
// the change by less than a minute: two minutes after a hold is placed, a Locker looks a second
// time for recordings that it covers.
func (k Keeper) Enters(ctx context.Context, account, id string) error {
	return note(ctx, k.Store, account, joined, id)
}

var (
	// errUnread ends a change that depends on holds that were not read yet.
	errUnread = errors.New("the holds are not read yet")
	// errUnnoted ends a change that brings audio before the Locker has an entry for it.
	errUnnoted = errors.New("the arrival is not noted yet")
)

// permits returns a *HeldError if a hold forbids a change.
func (s Set) permits(before, after *recording.Recording) error {
	covering := s.Covering(before)
	if !replacesAudio(before, after) {
		covering = without(covering, s.Covering(after))
	}
	if len(covering) == 0 {
		return nil
	}
	return &HeldError{Holds: covering}
}

// replacesAudio reports whether a change replaces, removes or rejects audio that the
// recording has. The first audio of a recording replaces nothing, nor does audio that is
// copied into the bucket while the document names a url. Facts about the same audio that
// were unknown, such as its size, may become known.
func replacesAudio(before, after *recording.Recording) bool {
	a, b := before.Audio, after.Audio
	switch {
	case a.Place == recording.Nowhere:
		return false
	case a.Place == recording.External && b.Place == recording.Managed:
		return false
	case a.Place == recording.External && b.Place == recording.External:
		was, _ := before.Document.Text("url")
		is, _ := after.Document.Text("url")
		return was != is
	}
	return a.Place != b.Place || before.AudioKey() != after.AudioKey() || a.Condition() != b.Condition() ||
		differs(a.ContentType, b.ContentType) || a.Size != 0 && a.Size != b.Size || differs(a.SHA256, b.SHA256)
}

// differs reports whether two known values differ.
func differs(a, b string) bool { return a != "" && b != "" && a != b }

// mayLeave reports whether a change could take the recording out of the scope of a hold: it
// changes the owner or the start, or a number disappears.
func mayLeave(before, after *recording.Recording) bool {
	if before.Owner != after.Owner || before.Start() != after.Start() {
		return true
	}
	if before.Document == after.Document {
		return false
	}
	left := after.Document.Numbers()
	return slices.ContainsFunc(before.Document.Numbers(), func(n string) bool {
		return !slices.Contains(left, n) && phone.Digits(n) != ""
	})
}
