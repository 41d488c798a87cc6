package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Driver lists the methods of a store driver that programs need to read and write
// recordings.
type Driver interface {
	store.Store
	store.Finder
	store.Reviver
	store.Renewer
	store.Corrector
	store.GuardedCorrector
	store.Restorer
	store.Claimer
	store.ClaimReader
	store.Secrets
	store.Entries
	// Tombstone returns the tombstone of a deleted recording. Errors: store.ErrNotFound,
	// store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
}

// recentTime is an age. Any younger recording is ahead of the bookmarks of the sweep, because
// the shortest policy keeps a day. The hour between allows for clocks that differ and for
// writes that take long.
const recentTime = (recording.Day - 60*60) * time.Second

// Watched is a store that notes for the sweep which recordings to look at again. The sweep
// passes each place of an account's index once. A recording that appears behind it (an
// import, a restore), or gets another rule there (by another tag or owner), would never
// be found. So an entry names the recording, before its write: if the writer dies between
// the two, the sweep looks in vain, which does no harm.
//
// Everything that writes recordings does so through a Watched. It also protects recordings on
// legal hold (hold.Keeper).
type Watched struct {
	Driver
	rules  *Rules
	locked bool
}

// Locking returns w for a bucket with Object Lock: audio that comes on hold leaves work for a
// hold.Locker.
func (w Watched) Locking() Watched {
	w.locked = true
	return w
}

// Watch returns s as a Watched.
func Watch(s Driver, rules *Rules) Watched { return Watched{Driver: s, rules: rules} }

// Put implements [store.Writer].
func (w Watched) Put(ctx context.Context, r *recording.Recording) error {
	if err := w.lookAgain(ctx, r); err != nil {
		return err
	}
	if err := w.keeper().Arrives(ctx, r); err != nil {
		return err
	}
	return w.Driver.Put(ctx, r)
}

// Revive implements [store.Reviver].
func (w Watched) Revive(ctx context.Context, r *recording.Recording, tombstone string) error {
	if err := w.lookAgain(ctx, r); err != nil {
		return err
	}
	if err := w.keeper().Arrives(ctx, r); err != nil {
		return err
	}
	return w.Driver.Revive(ctx, r, tombstone)
}

// Restore implements [store.Restorer].
func (w Watched) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	first := w.notes(account, id)
	return first.before(ctx, func() (*recording.Recording, error) {
		return w.Driver.Restore(ctx, account, id, func(t *store.Tombstone) error {
			if err := check(t); err != nil {
				return err
			}
			if w.old(t.Created) {
				if err := first.look(&recording.Recording{Account: account, ID: id, Created: t.Created}); err != nil {
					return err
				}
			}
			if t.Recording == nil {
				return nil
			}
			return first.lock(nil, t.Recording)
		})
	})
}

// Update implements [store.Writer].
func (w Watched) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return w.watch(ctx, account, id, store.KeepCreated(change), func(change func(*recording.Recording) error) (*recording.Recording, error) {
		return w.keeper().Correct(ctx, account, id, change)
	})
}

// Correct implements [store.Corrector].
func (w Watched) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return w.watch(ctx, account, id, change, func(change func(*recording.Recording) error) (*recording.Recording, error) {
		return w.keeper().Correct(ctx, account, id, change)
	})
}

// keeper protects recordings on legal hold.
func (w Watched) keeper() hold.Keeper { return hold.Keeper{Store: w.Driver, Locked: w.locked} }

// watch makes a change with do, after the notes that it needs.
func (w Watched) watch(ctx context.Context, account, id string, change func(*recording.Recording) error,
	do func(func(*recording.Recording) error) (*recording.Recording, error),
) (*recording.Recording, error) {
	first := w.notes(account, id)
	return first.before(ctx, func() (*recording.Recording, error) {
		return do(func(r *recording.Recording) error {
			before := *r
			if err := change(r); err != nil {
				return err
			}
			if w.old(r.Created) && movesExpiry(&before, r) {
				if err := first.look(r); err != nil {
					return err
				}
			}
			return first.lock(&before, r)
		})
	})
}

// movesExpiry reports whether a change may give a recording another expiry.
func movesExpiry(before, after *recording.Recording) bool {
	if before.Created != after.Created || before.Owner != after.Owner {
		return true
	}
	for _, field := range []string{"direction", "duration"} {
		was, _ := before.Document.Raw(field)
		is, _ := after.Document.Raw(field)
		if was != is {
			return true
		}
	}
	return tagsOf(before) != tagsOf(after)
}

// tagsOf returns the tags of a recording as they are stored, "" without any.
func tagsOf(r *recording.Recording) string {
	tags, _ := r.Document.Raw("user_metadata", "tags")
	return tags
}

// old reports whether a recording may be behind the sweep.
func (w Watched) old(created recording.Seconds) bool {
	return created <= recording.SecondsOf(w.rules.now().Add(-recentTime))
}

// lookAgain stores a note to look at r again, if it may be behind the sweep and anything
// expires in its account.
func (w Watched) lookAgain(ctx context.Context, r *recording.Recording) error {
	if !w.old(r.Created) {
		return nil
	}
	applied, err := w.rules.Of(ctx, r.Account)
	if err != nil || !applied.Limits() {
		return err
	}
	write, err := Again(r.Account, r.ID, r.Created, recording.SecondsOf(w.rules.now()))
	if err != nil {
		return err
	}
	if err := w.WriteEntries(ctx, write); err != nil {
		return fmt.Errorf("store a note for the sweep: %w", err)
	}
	return nil
}

// AgainPrefix starts the keys of recordings that the sweep has to look at again.
const AgainPrefix = "again/"

// StateOf returns the partition with the state of the sweep for an account.
func StateOf(account string) string { return "retention/" + account }

// Note is the value of an entry under AgainPrefix.
type Note struct {
	// ID is that of the recording.
	ID string `json:"id"`
	// At is when the note was written. The recording itself is written later.
	At recording.Seconds `json:"at"`
}

// Again returns the write of a note to look at a recording again.
func Again(account, id string, created, now recording.Seconds) (store.EntryWrite, error) {
	value, err := json.Marshal(Note{ID: id, At: now})
	if err != nil {
		return store.EntryWrite{}, fmt.Errorf("encode a note for the sweep: %w", err)
	}
	key := store.EntryKey{Partition: StateOf(account), Key: fmt.Sprintf("%s%011d/%s", AgainPrefix, created, id)}
	return store.EntryWrite{Entry: store.Entry{EntryKey: key, Value: value}}, nil
}
