package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// changedAt is the name of the number in a counter with the time of its last change.
const changedAt = "at"

// EmptyCounter is a counter of an owner or a tag that counts nothing any more. Its key names
// the owner and the tag, so it must not outlive their recordings.
type EmptyCounter struct {
	// Changed is when the counter was last changed.
	Changed recording.Seconds

	entry store.Entry
}

// EmptyCounters returns the counters of owners and tags of an account that count nothing, among
// at most limit counters with keys greater than after, in the order of their keys. The next page
// begins after the key next; "" means that this is the last page. A page may be empty. Error:
// store.ErrUnavailable.
func EmptyCounters(ctx context.Context, s store.EntryReader, account, after string, limit int) (empty []EmptyCounter, next string, err error) {
	// The counters of the account's days come first. They have what bills need.
	q := store.EntryQuery{Partition: totalsPartition + account, After: max(after, ofAccount+"~"), Limit: limit}
	p, err := s.PageEntries(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("list the totals of %s: %w", account, err)
	}
	empty, err = emptyOf(p.Entries)
	return empty, p.Next, err
}

// emptyOf returns the counters that count nothing.
func emptyOf(counters []store.Entry) ([]EmptyCounter, error) {
	var empty []EmptyCounter
	for i := range counters {
		e := &counters[i]
		numbers := map[string]int64{}
		if err := json.Unmarshal(e.Value, &numbers); err != nil {
			return nil, fmt.Errorf("read a counter of %s: %w: %w", e.Partition, errEntry, err)
		}
		at := recording.Seconds(numbers[changedAt])
		delete(numbers, changedAt)
		counts := false
		for _, n := range numbers {
			counts = counts || n != 0
		}
		if !counts {
			empty = append(empty, EmptyCounter{Changed: at, entry: *e})
		}
	}
	return empty, nil
}

// RemoveEmpty removes counters that count nothing. If one has changed meanwhile, it reads it again,
// up to removeTries times, and then leaves it: whoever changed it removes it if it is empty.
// Error: store.ErrUnavailable.
func (x *Indexer) RemoveEmpty(ctx context.Context, empty ...EmptyCounter) error {
	for part := range slices.Chunk(empty, store.MaxEntries) {
		writes := make([]store.EntryWrite, len(part))
		for i := range part {
			writes[i] = store.EntryWrite{Entry: part[i].entry, If: store.IfUnchanged, Delete: true}
			writes[i].Value = nil
		}
		err := x.Store.WriteEntries(ctx, writes...)
		if errors.Is(err, store.ErrConflict) {
			err = nil
			for i := 0; i < len(part) && err == nil; i++ {
				err = x.removeChanged(ctx, part[i].entry.EntryKey)
			}
		}
		if err != nil {
			return fmt.Errorf("remove empty counters: %w", err)
		}
	}
	return nil
}

// removeTries is how many times removeChanged reads a counter that keeps changing.
const removeTries = 3

// removeChanged removes a counter if it still counts nothing.
func (x *Indexer) removeChanged(ctx context.Context, key store.EntryKey) error {
	err := store.Retry(ctx, removeTries, func() error {
		found, err := x.Store.Entries(ctx, key)
		if err != nil {
			return err
		}
		empty, err := emptyOf(found)
		if err != nil || len(empty) == 0 {
			return err
		}
		return x.Store.WriteEntries(ctx, store.EntryWrite{
			Entry: store.Entry{EntryKey: key, Revision: empty[0].entry.Revision}, If: store.IfUnchanged, Delete: true,
		})
	})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// lowered returns the keys of the counters of owners and tags that count fewer recordings
// after d, together with others, sorted.
func (d deltas) lowered(others []string) []string {
	all := slices.Clone(others)
	for key, numbers := range d {
		if key[:len(ofAccount)] != ofAccount && numbers[inbound]+numbers[outbound]+numbers[elsewhere] < 0 {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// removeLowered removes those of the counters with these keys that count nothing.
func (r *run) removeLowered(ctx context.Context, keys []string) error {
	for part := range slices.Chunk(keys, store.MaxEntries) {
		wanted := make([]store.EntryKey, len(part))
		for i, key := range part {
			wanted[i] = store.EntryKey{Partition: totalsPartition + r.account, Key: key}
		}
		found, err := r.Store.Entries(ctx, wanted...)
		if err != nil {
			return fmt.Errorf("read the totals of %s: %w", r.account, err)
		}
		empty, err := emptyOf(found)
		if err != nil {
			return err
		}
		if err := r.RemoveEmpty(ctx, empty...); err != nil {
			return err
		}
	}
	return nil
}
