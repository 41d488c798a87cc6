package simulate

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// touching is a store that notes which rows are written, so that the oracle need not compare
// all of them every hour.
type touching struct {
	*sqlite.Store
	rows map[string]bool
}

func (s *touching) touch(account, id string) { s.rows[account+"/"+id] = true }

// Put implements [store.Writer].
func (s *touching) Put(ctx context.Context, r *recording.Recording) error {
	s.touch(r.Account, r.ID)
	return s.Store.Put(ctx, r)
}

// Revive implements [store.Reviver].
func (s *touching) Revive(ctx context.Context, r *recording.Recording, tombstone string) error {
	s.touch(r.Account, r.ID)
	return s.Store.Revive(ctx, r, tombstone)
}

// Update implements [store.Writer].
func (s *touching) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	s.touch(account, id)
	return s.Store.Update(ctx, account, id, change)
}

// Correct implements [store.Corrector].
func (s *touching) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	s.touch(account, id)
	return s.Store.Correct(ctx, account, id, change)
}

// CorrectGuarded implements [store.GuardedCorrector].
func (s *touching) CorrectGuarded(ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...store.Guard) (*recording.Recording, error) {
	s.touch(account, id)
	return s.Store.CorrectGuarded(ctx, account, id, change, guards...)
}

// Delete implements [store.Writer].
func (s *touching) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	s.touch(account, id)
	return s.Store.Delete(ctx, account, id, d)
}

// Restore implements [store.Restorer].
func (s *touching) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	s.touch(account, id)
	return s.Store.Restore(ctx, account, id, check)
}

// Condemn implements [store.Restorer].
func (s *touching) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	s.touch(account, id)
	return s.Store.Condemn(ctx, account, id, check, guards...)
}

// Purged implements [store.Writer].
func (s *touching) Purged(ctx context.Context, account, id, revision string) error {
	s.touch(account, id)
	return s.Store.Purged(ctx, account, id, revision)
}

// Renew implements [store.Renewer].
func (s *touching) Renew(ctx context.Context, account, id string) error {
	s.touch(account, id)
	return s.Store.Renew(ctx, account, id)
}
