package hold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/turns"
)

// Locker locks the audio that holds cover, in the bucket itself, and unlocks it after the
// release, unless another hold covers it. It is a second line of defense: this service leaves
// held recordings alone even without a lock.
//
// Changes of holds write entries, and each entry is a piece of work for the Locker. It saves
// its progress after each page, so it can be stopped at any time. Each piece of work is done a second
// time, two minutes later: the first pass may read an index that lags behind, or meet a
// writer that has read the holds before.
type Locker struct {
	// Entries has the holds, the work, and the account that the next run begins with.
	Entries    store.Entries
	Recordings LockerStore
	Audio      media.Locker
	// UnlockOnly means that nothing new is locked, because Object Lock was switched off. What is
	// locked stays so until no hold covers it. The work that locks waits until Object Lock is
	// switched on again.
	UnlockOnly bool
	Now        func() time.Time
	// Time bounds one run; 0 means no limit. Work that is left during a run waits for the next
	// one if its account has none yet.
	Time time.Duration
	// Parallel is how many accounts are worked on at the same time; 0 means 1. With more, Audio
	// is called by several goroutines.
	Parallel int
}

// LockerStore reads the recordings that holds cover.
type LockerStore interface {
	store.Reader
	store.Finder
}

const (
	// lockYears is how long a lock lasts if nothing lifts it. S3 has no locks without an
	// end; holds last until they are released.
	lockYears = 30
	// pageSize is the number of recordings between two notes of the progress.
	pageSize = store.MaxFind
	// secondPass is the time between the two passes.
	secondPass = 2 * 60
)

// step does one page of a piece of work, or several recordings of one account that are noted
// one by one, and notes the progress.
func (l *Locker) step(ctx context.Context, works []lockWork) (changed int, err error) {
	first := &works[0]
	holds, err := Read(ctx, l.Entries, first.Account)
	if err != nil {
		return 0, err
	}
	var next string
	switch first.Task {
	case placed:
		changed, next, err = l.lockPage(ctx, first, holds)
	case released:
		changed, next, err = l.unlockPage(ctx, first, holds)
	case joined:
		changed, err = l.lockNoted(ctx, works, holds)
	case alone:
		changed, err = l.settle(ctx, works, holds)
	}
	if err != nil {
		return changed, err
	}
	writes := make([]store.EntryWrite, len(works))
	for i := range works {
		if writes[i], err = l.progress(&works[i], next); err != nil {
			return changed, err
		}
	}
	return changed, l.Entries.WriteEntries(ctx, writes...)
}

// progress returns the write that notes how far w has come: up to next, or to the end of the
// pass if next is "". A writer may have left the same work again in the meantime; then the
// condition of the write is not met.
func (l *Locker) progress(w *lockWork, next string) (store.EntryWrite, error) {
	done := next == "" && w.Again != 0
	if w.After = next; next == "" {
		w.Again = recording.SecondsOf(l.Now()) + secondPass
	}
	e, err := w.entry()
	return store.EntryWrite{Entry: e, If: store.IfUnchanged, Delete: done}, err
}

// lockProgress is how far the work on a new hold has come: first through the recordings that the
// hold may cover, then through those that are deleted and can be restored.
type lockProgress struct {
	store.Position
	Deleted bool `json:"deleted,omitempty"`
}

// lockPage locks the audio of the next page of recordings that a hold covers.
func (l *Locker) lockPage(ctx context.Context, w *lockWork, holds Set) (changed int, next string, err error) {
	h, active := holds.Active(w.ID)
	if !active {
		return 0, "", nil
	}
	if h.Scope.Recording != "" {
		changed, err = l.lockIDs(ctx, w.Account, holds, w.Again != 0, h.Scope.Recording)
		return changed, "", err
	}
	var at lockProgress
	if w.After != "" {
		if err := json.Unmarshal([]byte(w.After), &at); err != nil {
			return 0, "", fmt.Errorf("decode the progress of a lock: %w", err)
		}
	}
	page, err := l.Recordings.Page(ctx, store.Query{
		Account: w.Account, Owner: h.Scope.Owner, Ascending: true, Deleted: at.Deleted, Start: at.Position, Limit: pageSize,
	})
	if err != nil {
		return 0, "", fmt.Errorf("read what a hold covers: %w", err)
	}
	changed, failed, err := l.lock(ctx, w.Account, holds, w.Again != 0, recordingsOf(&page))
	if err = l.leave(ctx, w.Account, failed, err); err != nil {
		return changed, "", err
	}
	switch {
	case page.Next != nil:
		at.Position = *page.Next
	case at.Deleted:
		return changed, "", nil
	default:
		at = lockProgress{Deleted: true}
	}
	text, err := json.Marshal(at)
	return changed, string(text), err
}

// failures are the errors of the objects on a page, by the IDs of their recordings.
type failures map[string]error

// join returns the errors as one, or nil if there are none.
func (f failures) join() error { return errors.Join(slices.Collect(maps.Values(f))...) }

// leave ends a page on which objects have failed: they become work of their own. err is what ended
// the page early, if anything; it is returned, as are the failures if there are more than turns.MaxAlone.
func (l *Locker) leave(ctx context.Context, account string, failed failures, err error) error {
	if err != nil || ctx.Err() != nil || len(failed) > turns.MaxAlone {
		return errors.Join(err, failed.join())
	}
	return note(ctx, l.Entries, account, alone, slices.Sorted(maps.Keys(failed))...)
}

// recordingsOf returns the recordings of a page, live or deleted.
func recordingsOf(p *store.Page) []recording.Recording {
	all := p.Recordings
	for i := range p.Tombstones {
		if r := p.Tombstones[i].Recording; r != nil {
			all = append(all, *r)
		}
	}
	return all
}

// lockNoted locks the audio of recordings that are noted one by one.
func (l *Locker) lockNoted(ctx context.Context, works []lockWork, holds Set) (changed int, err error) {
	for _, again := range []bool{false, true} {
		var ids []string
		for i := range works {
			if (works[i].Again != 0) == again {
				ids = append(ids, works[i].ID)
			}
		}
		n, err := l.lockIDs(ctx, works[0].Account, holds, again, ids...)
		changed += n
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// settle locks the audio of noted recordings that are on hold, and unlocks that of the others.
func (l *Locker) settle(ctx context.Context, works []lockWork, holds Set) (changed int, err error) {
	if !l.UnlockOnly {
		if changed, err = l.lockNoted(ctx, works, holds); err != nil {
			return changed, err
		}
	}
	keys := make([]store.EntryKey, len(works))
	for i := range works {
		keys[i] = lockKey(works[i].Account, works[i].ID)
	}
	locks, err := l.Entries.Entries(ctx, keys...)
	if err != nil {
		return changed, fmt.Errorf("read locks: %w", err)
	}
	n, failed, err := l.unlock(ctx, works[0].Account, locks, holds)
	return changed + n, errors.Join(err, failed.join())
}

// lockIDs locks recordings by their IDs, even those that are deleted and can be restored.
func (l *Locker) lockIDs(ctx context.Context, account string, holds Set, again bool, ids ...string) (changed int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	found, err := l.Recordings.Find(ctx, account, ids)
	if err != nil {
		return 0, fmt.Errorf("read what a hold covers: %w", err)
	}
	var recordings []recording.Recording
	for _, id := range ids {
		if r := recordingOf(found[id]); r != nil {
			recordings = append(recordings, *r)
		}
	}
	changed, failed, err := l.lock(ctx, account, holds, again, recordings)
	return changed, errors.Join(err, failed.join())
}

// recordingOf returns the recording that was found, even if it is deleted and can be
// restored. It returns nil for an empty f.
func recordingOf(f store.Found) *recording.Recording {
	if f.Recording == nil && f.Tombstone != nil {
		return f.Tombstone.Recording
	}
	return f.Recording
}

// lockValue is the value of the entry of a lock, in the partition locks/A with the ID of
// the recording as the key.
type lockValue struct {
	// Key is that of the object.
	Key string `json:"key"`
	// Locked is true once the object is locked.
	Locked bool `json:"locked,omitempty"`
}

func lockKey(account, id string) store.EntryKey {
	return store.EntryKey{Partition: "locks/" + account, Key: id}
}

// lock locks the audio of those recordings that are on hold. The entry of a lock precedes
// it, so that no lock is ever forgotten. The first pass skips audio that is already locked;
// again is true for the second one. Objects that the bucket does not lock are in failed.
func (l *Locker) lock(ctx context.Context, account string, holds Set, again bool, recordings []recording.Recording) (changed int, failed failures, err error) {
	var on []*recording.Recording
	var keys []store.EntryKey
	for i := range recordings {
		if r := &recordings[i]; r.Audio.Place == recording.Managed && len(holds.Covering(r)) > 0 {
			on, keys = append(on, r), append(keys, lockKey(account, r.ID))
		}
	}
	if len(on) == 0 {
		return 0, nil, nil
	}
	known, err := l.Entries.Entries(ctx, keys...)
	if err != nil {
		return 0, nil, fmt.Errorf("read locks: %w", err)
	}
	locked := map[string]lockValue{}
	for i := range known {
		var v lockValue
		if err := json.Unmarshal(known[i].Value, &v); err != nil {
			return 0, nil, fmt.Errorf("decode a lock: %w", err)
		}
		locked[known[i].Key] = v
	}
	failed = failures{}
	until := l.Now().AddDate(lockYears, 0, 0)
	for _, r := range on {
		v := lockValue{Key: r.AudioKey(), Locked: true}
		was := locked[r.ID]
		if !again && was == v {
			continue
		}
		if was != v {
			if err := l.note(ctx, account, r.ID, lockValue{Key: v.Key}); err != nil {
				return changed, failed, err
			}
		}
		if err := l.Audio.Lock(ctx, v.Key, until); errors.Is(err, media.ErrNotFound) {
			continue // its audio is lost
		} else if err != nil {
			failed[r.ID] = err
			if len(failed) > turns.MaxAlone {
				break
			}
			continue
		}
		if was == v {
			continue
		}
		changed++
		if err := l.note(ctx, account, r.ID, v); err != nil {
			return changed, failed, err
		}
	}
	return changed, failed, nil
}

// note stores the entry of a lock.
func (l *Locker) note(ctx context.Context, account, id string, v lockValue) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a lock: %w", err)
	}
	return l.Entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: lockKey(account, id), Value: text}})
}

// unlockPage unlocks what no hold covers, of the next page of locks.
func (l *Locker) unlockPage(ctx context.Context, w *lockWork, holds Set) (changed int, next string, err error) {
	page, err := l.Entries.PageEntries(ctx, store.EntryQuery{Partition: lockKey(w.Account, "").Partition, After: w.After, Limit: pageSize})
	if err != nil {
		return 0, "", fmt.Errorf("list locks: %w", err)
	}
	changed, failed, err := l.unlock(ctx, w.Account, page.Entries, holds)
	return changed, page.Next, l.leave(ctx, w.Account, failed, err)
}

// unlock unlocks what no hold covers, and removes its entries. Objects that the bucket does not
// unlock are in failed, and keep their entries.
func (l *Locker) unlock(ctx context.Context, account string, locks []store.Entry, holds Set) (changed int, failed failures, err error) {
	if len(locks) == 0 {
		return 0, nil, nil
	}
	ids := make([]string, len(locks))
	for i := range locks {
		ids[i] = locks[i].Key
	}
	found, err := l.Recordings.Find(ctx, account, ids)
	if err != nil {
		return 0, nil, fmt.Errorf("read what is locked: %w", err)
	}
	failed = failures{}
	for i := range locks {
		e := &locks[i]
		if r := recordingOf(found[e.Key]); r != nil && len(holds.Covering(r)) > 0 {
			continue
		}
		var v lockValue
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return changed, failed, fmt.Errorf("decode a lock: %w", err)
		}
		if err := l.Audio.Unlock(ctx, v.Key); err != nil {
			failed[e.Key] = err
			if len(failed) > turns.MaxAlone {
				break
			}
			continue
		}
		if err := l.Entries.WriteEntries(ctx, store.EntryWrite{Entry: *e, Delete: true}); err != nil {
			return changed, failed, fmt.Errorf("forget a lock: %w", err)
		}
		changed++
	}
	return changed, failed, nil
}
