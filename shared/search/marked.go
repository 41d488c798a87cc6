package search

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Marked returns the IDs of recordings that searches of an account may find, whether they still
// exist or not: at most limit IDs greater than after, in byte order. The next page begins
// after the ID next; "" means that this is the last page. A page may be empty. Error:
// store.ErrUnavailable.
func Marked(ctx context.Context, s store.EntryReader, account, after string, limit int) (ids []string, next string, err error) {
	p, err := s.PageEntries(ctx, store.EntryQuery{Partition: markersPartition + account, After: after, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("list what is indexed of %s: %w", account, err)
	}
	for i := range p.Entries {
		m, err := markerOf(&p.Entries[i])
		if err != nil {
			return nil, "", err
		}
		if !m.gone() {
			ids = append(ids, p.Entries[i].Key)
		}
	}
	return ids, p.Next, nil
}

// Indexed reports whether searches of an account may find a recording, whether that still
// exists or not. Error: store.ErrUnavailable.
func Indexed(ctx context.Context, s store.EntryReader, account, id string) (bool, error) {
	m, _, err := stored(ctx, s, account, id)
	return m != nil && !m.gone(), err // of a gone one, only numbers for bills are left
}

// Billed reports whether the index has numbers for bills of a recording that no longer exists, and
// until when. It has then nothing else of the recording. Error: store.ErrUnavailable.
func Billed(ctx context.Context, s store.EntryReader, account, id string) (until recording.Seconds, ok bool, err error) {
	m, until, err := stored(ctx, s, account, id)
	return until, m != nil && m.gone(), err
}

// stored returns the marker of a recording and when it expires; nil if there is none.
func stored(ctx context.Context, s store.EntryReader, account, id string) (m *marker, expires recording.Seconds, err error) {
	found, err := s.Entries(ctx, markerKey(account, id))
	if err != nil {
		return nil, 0, fmt.Errorf("read what is indexed of %s/%s: %w", account, id, err)
	}
	if len(found) == 0 {
		return nil, 0, nil
	}
	decoded, err := markerOf(&found[0])
	if err != nil {
		return nil, 0, err
	}
	return &decoded, found[0].Expires, nil
}
