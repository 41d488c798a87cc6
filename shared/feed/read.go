package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/store"
)

// maxRead is the number of entries that are read at once after a page of expired ones.
const maxRead = 1000

// ErrTooOld means that entries after the cursor are no longer kept, or that the feed was
// switched off or restarted since. The client must start again from a list.
var ErrTooOld = errors.New("changes after the cursor are no longer kept, or are missing")

// Cursor is a position in the feed of an account: directly after an entry. The zero Cursor
// is the beginning: the oldest entry that is kept.
type Cursor struct {
	// Epoch is that of the feed, 1 or more.
	Epoch int64
	// Sequence is that of the entry; 0 is before the first.
	Sequence int64
}

// Page is a part of the feed of an account.
type Page struct {
	// Entries are in the order of the feed.
	Entries []Entry
	// Next is the position after the page. It is never the zero Cursor.
	Next Cursor
	// More is true if the feed has more entries already.
	More bool
}

// Now returns the end of an account's feed. Errors: store.ErrUnavailable.
func (f *Feed) Now(ctx context.Context, account string) (Cursor, error) {
	s, err := f.switched(ctx, true)
	if err != nil {
		return Cursor{}, err
	}
	h, err := f.head(ctx, account, s.Epoch)
	return Cursor{s.Epoch, h.Sequence}, err
}

// Ahead reports whether an account's feed has entries after the cursor, or whether Page
// returns an error for it. It reads one item. Errors: store.ErrUnavailable.
func (f *Feed) Ahead(ctx context.Context, account string, after Cursor) (bool, error) {
	h, err := f.head(ctx, account, after.Epoch)
	return h.Sequence != after.Sequence, err
}

// head reads the end of an account's feed.
func (f *Feed) head(ctx context.Context, account string, epoch int64) (h head, err error) {
	found, err := f.entries.Entries(ctx, headKey(account, epoch))
	if err != nil {
		return h, fmt.Errorf("read the head of the feed: %w", err)
	}
	if len(found) > 0 {
		h, err = decodeHead(&found[0])
	}
	return h, err
}

// Page returns up to limit entries after the cursor. It takes one read of keys, and one of
// a page unless there is nothing new. Errors: ErrTooOld, store.ErrUnavailable.
func (f *Feed) Page(ctx context.Context, account string, after Cursor, limit int) (Page, error) {
	s, h, err := f.ends(ctx, account, after)
	if err != nil {
		return Page{}, err
	}
	fromStart := after == Cursor{}
	if fromStart {
		after = Cursor{s.Epoch, h.Floor}
	}
	p := Page{Next: after}
	switch {
	case after.Epoch != s.Epoch, after.Sequence < h.Floor, after.Sequence > h.Sequence: // the last after a restore of the table
		return Page{}, ErrTooOld
	case after.Sequence == h.Sequence:
		return p, nil
	}
	if p.Entries, err = f.read(ctx, account, after, h.Sequence, limit); err != nil {
		return Page{}, err
	}
	switch {
	case len(p.Entries) == 0 && fromStart: // all have expired
		p.Next.Sequence = h.Sequence
	case len(p.Entries) == 0, p.Entries[0].Sequence != after.Sequence+1 && !fromStart:
		return Page{}, ErrTooOld
	default:
		p.Next.Sequence = p.Entries[len(p.Entries)-1].Sequence
	}
	p.More = p.Next.Sequence < h.Sequence
	return p, nil
}

// ends reads the state of the feed and the head of an account. A cursor names the epoch of
// the head; only the zero Cursor needs two reads.
func (f *Feed) ends(ctx context.Context, account string, after Cursor) (s state, h head, err error) {
	if after.Epoch == 0 {
		if s, err = f.switched(ctx, true); err == nil {
			h, err = f.head(ctx, account, s.Epoch)
		}
		return s, h, err
	}
	key := headKey(account, after.Epoch)
	found, err := f.entries.Entries(ctx, stateKey, key)
	if err != nil {
		return s, h, fmt.Errorf("read the feed: %w", err)
	}
	for i := range found {
		if found[i].EntryKey == key {
			h, err = decodeHead(&found[i])
		} else {
			s, err = decodeState(&found[i])
		}
		if err != nil {
			return s, h, err
		}
	}
	if !s.On {
		s, err = f.switched(ctx, true)
	}
	return s, h, err
}

// read returns up to limit entries after the cursor that follow each other. last is the
// number of the last entry.
//
// A Query of DynamoDB may see a part of a transaction. Entries that it does not return are
// read by their keys, since such a read sees a transaction as a whole. An entry that is
// not there then has expired.
func (f *Feed) read(ctx context.Context, account string, after Cursor, last int64, limit int) ([]Entry, error) {
	q := store.EntryQuery{Partition: partition(account, after.Epoch), Limit: limit}
	if after.Sequence > 0 {
		q.After = sequenceKey(after.Sequence)
	}
	var found []store.Entry
	for { // pages of expired entries are empty
		page, err := f.entries.PageEntries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the feed: %w", err)
		}
		if found = page.Entries; len(found) > 0 || page.Next == "" {
			break
		}
		q.After, q.Limit = page.Next, maxRead
	}
	found = found[:min(limit, len(found))]
	entries, err := contiguous(found, last)
	if err != nil {
		return nil, err
	}
	first := last + 1
	if len(entries) > 0 {
		first = entries[0].Sequence
	}
	if first == after.Sequence+1 {
		return entries, nil
	}
	unseen, err := f.unseen(ctx, account, after, first)
	if err != nil || len(unseen) == 0 {
		return entries, err
	}
	return unseen[:min(limit, len(unseen))], nil
}

// unseen reads, by their keys, the entries of the transaction before first.
func (f *Feed) unseen(ctx context.Context, account string, after Cursor, first int64) ([]Entry, error) {
	var keys []store.EntryKey
	for n := max(after.Sequence+1, first-chunk); n < first; n++ {
		keys = append(keys, entryKey(account, after.Epoch, n))
	}
	found, err := f.entries.Entries(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("read the feed: %w", err)
	}
	return contiguous(found, first)
}

// contiguous decodes entries up to the first gap in their numbers, and up to last.
func contiguous(found []store.Entry, last int64) ([]Entry, error) {
	entries := make([]Entry, 0, len(found))
	for i := range found {
		e, err := decode(&found[i])
		if err != nil {
			return nil, err
		}
		if e.Sequence > last || i > 0 && e.Sequence != entries[i-1].Sequence+1 {
			break
		}
		entries = append(entries, e)
	}
	return entries, nil
}
