package search

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/store"
)

// Marked returns the IDs of recordings of which the index of an account has something,
// whether they still exist or not: at most limit IDs greater than after, in byte order. next
// is the after of the next page, "" on the last one. A page may be empty. Error:
// store.ErrUnavailable.
func Marked(ctx context.Context, s store.EntryReader, account, after string, limit int) (ids []string, next string, err error) {
	p, err := s.PageEntries(ctx, store.EntryQuery{Partition: markersPartition + account, After: after, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("list what is indexed of %s: %w", account, err)
	}
	ids = make([]string, len(p.Entries))
	for i := range p.Entries {
		ids[i] = p.Entries[i].Key
	}
	return ids, p.Next, nil
}

// Indexed reports whether the index of an account has something of a recording, whether that
// still exists or not. Error: store.ErrUnavailable.
func Indexed(ctx context.Context, s store.EntryReader, account, id string) (bool, error) {
	found, err := s.Entries(ctx, markerKey(account, id))
	if err != nil {
		return false, fmt.Errorf("read what is indexed of %s/%s: %w", account, id, err)
	}
	return len(found) > 0, nil
}
