package retention

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
)

// notes are the notes that have to be stored before one change of a recording. A store may
// hold a lock while it decides about the change, so the decision stores nothing. It returns an
// error that names the missing note. Then the note is stored, and the change is tried again.
type notes struct {
	store       Watched
	account, id string

	// looked are the creation times with a note for the sweep, and changed is the recording
	// that needs one.
	looked  map[recording.Seconds]bool
	changed recording.Recording
	// applied, if not nil, has the holds of the account, and entered is true if the work for
	// the hold.Locker is stored.
	applied *Applied
	entered bool
}

func (w Watched) notes(account, id string) *notes {
	return &notes{store: w, account: account, id: id, looked: map[recording.Seconds]bool{}}
}

var (
	// errLookFirst ends an attempt at a change until the note for the sweep is stored.
	errLookFirst = errors.New("the note for the sweep comes first")
	// errReadFirst ends one that may bring audio on hold, until the holds are read.
	errReadFirst = errors.New("the holds are not read yet")
	// errLockFirst ends one that does, until the work for the Locker is stored.
	errLockFirst = errors.New("the work for the locks comes first")
)

// before calls do until nothing is missing any more.
func (n *notes) before(ctx context.Context, do func() (*recording.Recording, error)) (*recording.Recording, error) {
	for {
		r, err := do()
		switch {
		case errors.Is(err, errLookFirst):
			n.looked[n.changed.Created] = true
			err = n.store.lookAgain(ctx, &n.changed)
		case errors.Is(err, errReadFirst):
			n.applied, err = n.store.rules.Of(ctx, n.account)
		case errors.Is(err, errLockFirst):
			n.entered = true
			err = n.store.keeper().Enters(ctx, n.account, n.id)
		default:
			return r, err
		}
		if err != nil {
			return nil, err
		}
	}
}

// look demands a note for the sweep to look at r again.
func (n *notes) look(r *recording.Recording) error {
	if n.looked[r.Created] {
		return nil
	}
	n.changed = *r
	return errLookFirst
}

// lock demands work for the hold.Locker if a change brings audio on hold. before is nil for a
// deleted recording that is restored. The holds may be as old as the cache: two minutes after
// a hold is placed, the Locker looks a second time for recordings that it covers. So a change
// costs no further read in an account without holds, if the cache knows it.
func (n *notes) lock(before, after *recording.Recording) error {
	if !n.store.locked || n.entered || !hold.MayEnter(before, after) {
		return nil
	}
	if n.applied == nil {
		n.applied = n.store.rules.get(n.account, n.store.rules.now())
	}
	switch {
	case n.applied == nil:
		return errReadFirst
	case n.applied.Holds.Gains(before, after):
		return errLockFirst
	}
	return nil
}
