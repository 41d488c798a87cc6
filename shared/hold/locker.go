package hold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
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
	Entries    store.Entries
	Recordings LockerStore
	Audio      media.Locker
	Now        func() time.Time
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
	// lockReserve is the time before the deadline at which no page is begun any more.
	lockReserve = 20 * time.Second
	// secondPass is the time between the two passes.
	secondPass = 2 * 60
)

// Run does the work that is there, one page of each piece in turn, so that one large
// account does not hold up others. It returns the number of objects that it has locked or
// unlocked. Work that fails stays, and does not keep the rest from being done. Errors:
// those of the store and of the bucket.
func (l *Locker) Run(ctx context.Context) (changed int, err error) {
	var failed error
	skip := map[store.EntryKey]bool{}
	for {
		all, err := l.due(ctx, skip)
		if err != nil || len(all) == 0 {
			return changed, errors.Join(failed, err)
		}
		for i := range all {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < lockReserve || ctx.Err() != nil {
				return changed, errors.Join(failed, ctx.Err())
			}
			n, err := l.step(ctx, &all[i])
			changed += n
			if err != nil && !errors.Is(err, store.ErrConflict) { // another Locker has done it
				failed = errors.Join(failed, fmt.Errorf("lock what is on hold: %w", err))
				skip[all[i].key()] = true
			}
		}
	}
}

// due returns the work that is due, without that in skip.
func (l *Locker) due(ctx context.Context, skip map[store.EntryKey]bool) ([]lockWork, error) {
	var all []lockWork
	q := store.EntryQuery{Partition: workPartition, Limit: pageSize}
	for {
		page, err := l.Entries.PageEntries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list the work on holds: %w", err)
		}
		for i := range page.Entries {
			var w lockWork
			if err := json.Unmarshal(page.Entries[i].Value, &w); err != nil {
				return nil, fmt.Errorf("decode the work on a hold: %w", err)
			}
			w.revision = page.Entries[i].Revision
			if !skip[w.key()] && w.Again <= recording.SecondsOf(l.Now()) {
				all = append(all, w)
			}
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

// step does one page of w and notes the progress.
func (l *Locker) step(ctx context.Context, w *lockWork) (changed int, err error) {
	holds, err := Read(ctx, l.Entries, w.Account)
	if err != nil {
		return 0, err
	}
	do := map[task]func(context.Context, *lockWork, Set) (int, string, error){placed: l.lockPage, lifted: l.unlockPage, arrived: l.lockOne}[w.Task]
	if do == nil {
		return 0, fmt.Errorf("unknown work on a hold: %q", w.Task)
	}
	changed, next, err := do(ctx, w, holds)
	if err != nil {
		return changed, err
	}
	done := next == "" && w.Again != 0
	if w.After = next; next == "" {
		w.Again = recording.SecondsOf(l.Now()) + secondPass
	}
	e, err := w.entry()
	if err != nil {
		return changed, err
	}
	// A writer may have left the same work again in the meantime.
	return changed, l.Entries.WriteEntries(ctx, store.EntryWrite{Entry: e, If: store.IfUnchanged, Delete: done})
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
		return l.lockIDs(ctx, w, holds, h.Scope.Recording)
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
	if changed, err = l.lock(ctx, w, holds, recordingsOf(&page)); err != nil {
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

// lockOne locks the audio of a recording that has arrived.
func (l *Locker) lockOne(ctx context.Context, w *lockWork, holds Set) (changed int, next string, err error) {
	return l.lockIDs(ctx, w, holds, w.ID)
}

// lockIDs locks a recording by its ID, even if it is deleted and can be restored.
func (l *Locker) lockIDs(ctx context.Context, w *lockWork, holds Set, id string) (changed int, next string, err error) {
	found, err := l.Recordings.Find(ctx, w.Account, []string{id})
	if err != nil {
		return 0, "", fmt.Errorf("read what a hold covers: %w", err)
	}
	if r := recordingOf(found[id]); r != nil {
		changed, err = l.lock(ctx, w, holds, []recording.Recording{*r})
	}
	return changed, "", err
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
// it, so that no lock is ever forgotten. The first pass skips audio that is already locked.
func (l *Locker) lock(ctx context.Context, w *lockWork, holds Set, recordings []recording.Recording) (changed int, err error) {
	var on []*recording.Recording
	var keys []store.EntryKey
	for i := range recordings {
		if r := &recordings[i]; r.Audio.Place == recording.Managed && len(holds.Covering(r)) > 0 {
			on, keys = append(on, r), append(keys, lockKey(w.Account, r.ID))
		}
	}
	if len(on) == 0 {
		return 0, nil
	}
	known, err := l.Entries.Entries(ctx, keys...)
	if err != nil {
		return 0, fmt.Errorf("read locks: %w", err)
	}
	locked := map[string]lockValue{}
	for i := range known {
		var v lockValue
		if err := json.Unmarshal(known[i].Value, &v); err != nil {
			return 0, fmt.Errorf("decode a lock: %w", err)
		}
		locked[known[i].Key] = v
	}
	until := l.Now().AddDate(lockYears, 0, 0)
	for _, r := range on {
		v := lockValue{Key: r.AudioKey(), Locked: true}
		was := locked[r.ID]
		if w.Again == 0 && was == v {
			continue
		}
		if was != v {
			if err := l.note(ctx, w.Account, r.ID, lockValue{Key: v.Key}); err != nil {
				return changed, err
			}
		}
		if err := l.Audio.Lock(ctx, v.Key, until); errors.Is(err, media.ErrNotFound) {
			continue // its audio is lost
		} else if err != nil {
			return changed, err
		}
		if was == v {
			continue
		}
		changed++
		if err := l.note(ctx, w.Account, r.ID, v); err != nil {
			return changed, err
		}
	}
	return changed, nil
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
	ids := make([]string, len(page.Entries))
	for i := range page.Entries {
		ids[i] = page.Entries[i].Key
	}
	if len(ids) == 0 {
		return 0, page.Next, nil
	}
	found, err := l.Recordings.Find(ctx, w.Account, ids)
	if err != nil {
		return 0, "", fmt.Errorf("read what is locked: %w", err)
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		if r := recordingOf(found[e.Key]); r != nil && len(holds.Covering(r)) > 0 {
			continue
		}
		var v lockValue
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return changed, "", fmt.Errorf("decode a lock: %w", err)
		}
		if err := l.Audio.Unlock(ctx, v.Key); err != nil {
			return changed, "", err
		}
		if err := l.Entries.WriteEntries(ctx, store.EntryWrite{Entry: *e, Delete: true}); err != nil {
			return changed, "", fmt.Errorf("forget a lock: %w", err)
		}
		changed++
	}
	return changed, page.Next, nil
}
