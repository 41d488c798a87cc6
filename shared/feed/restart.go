package feed

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Restart makes all present cursors of an account too old, or those of all accounts if
// account is "". It is for changes that are missing from the feed: clients then start again
// from a list instead of missing them too. Later changes are added as before. It does nothing
// while the feed is off, since switching it on makes all cursors too old. Errors:
// store.ErrConflict, store.ErrUnavailable.
func (f *Feed) Restart(ctx context.Context, account string) error { return f.restart(ctx, account, "") }

// Lose notes that a change of an account, or of an unknown one if account is "", will never
// be in the feed. It restarts the feed as Restart does, but only once for the same id, which
// identifies the change among those of the account for MarkDays. Errors: those of Restart.
func (f *Feed) Lose(ctx context.Context, account, id string) error {
	return f.restart(ctx, account, id)
}

func (f *Feed) restart(ctx context.Context, account, id string) error {
	err := f.commit(ctx, func() ([]store.EntryWrite, error) { return f.restarting(ctx, account, id) })
	if err != nil {
		return fmt.Errorf("restart the feed: %w", err)
	}
	return nil
}

// restarting returns the transaction that restarts the feed. It is empty if the feed is off,
// or was restarted because of id before.
func (f *Feed) restarting(ctx context.Context, account, id string) ([]store.EntryWrite, error) {
	keys := []store.EntryKey{stateKey}
	if id != "" {
		keys = append(keys, lostKey(account, id))
	}
	found, err := f.entries.Entries(ctx, keys...)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].EntryKey != stateKey || len(found) == 2 { // there is no feed yet, or the change is known
		return nil, nil
	}
	s, err := decodeState(&found[0])
	if err != nil || !s.On {
		return nil, err
	}
	first, err := f.raise(ctx, account, s)
	if err != nil {
		return nil, err
	}
	writes := []store.EntryWrite{first}
	if id != "" {
		expires := recording.SecondsOf(f.now()) + MarkDays*recording.Day
		writes = append(writes, store.EntryWrite{
			Entry: store.Entry{EntryKey: lostKey(account, id), Value: []byte("1"), Expires: expires}, If: store.IfAbsent,
		})
	}
	return writes, nil
}

// raise returns the write that makes the present cursors of an account too old, or those of
// all accounts.
func (f *Feed) raise(ctx context.Context, account string, s state) (store.EntryWrite, error) {
	if account == "" {
		s.Epoch++
		return writeJSON(stateKey, s, s.revision)
	}
	h, err := f.head(ctx, account, s.Epoch)
	if err != nil {
		return store.EntryWrite{}, err
	}
	h.Sequence++
	h.Floor = h.Sequence
	return writeJSON(headKey(account, s.Epoch), h, h.revision)
}
