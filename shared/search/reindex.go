package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Reindexer completes the index of an account: of recordings from before there was one, of
// those that changed while it was switched off, and of those that no longer exist.
type Reindexer struct {
	*Indexer
	// Pace is called before each recording that has to be indexed, and may wait. nil does
	// not wait.
	Pace func(context.Context) error
	// Progress, if not nil, is called after each page with the report so far.
	Progress func(Report)
	// Resumed, if not nil, is called if the run goes on where another stopped, with the
	// creation time from which on it examines recordings.
	Resumed func(from recording.Seconds)
}

// Report counts the recordings that a Reindexer has handled.
type Report struct {
	// Examined are the recordings that it compared with the index, and Indexed those that
	// were out of date. Removed are those that no longer exist, of which something was left.
	Examined int `json:"examined"`
	Indexed  int `json:"indexed"`
	Removed  int `json:"removed"`
	// Busy counts those that another run was working on. Run the Reindexer again later.
	Busy int `json:"busy"`
}

// BookmarkAge is how long after a run was stopped the next one may go on where it stopped.
// Later, recordings before that place may have changed while the index was off.
const BookmarkAge = 24 * time.Hour

// bookmark is how far a run has come. An entry holds it, so that a run that was stopped
// goes on from there.
type bookmark struct {
	Created recording.Seconds `json:"created"`
	ID      string            `json:"id"`
	// Version is the layoutVersion of the run, and At when it came so far. Both are 0 in
	// bookmarks of earlier builds.
	Version int               `json:"v"`
	At      recording.Seconds `json:"at"`
}

// holds reports whether a run may go on from b: the recordings before it have been indexed
// in the layout of this version, and not too long ago.
func (b *bookmark) holds(now recording.Seconds) bool {
	return b.Version == layoutVersion && now-b.At <= recording.SecondsIn(BookmarkAge)
}

// bookmarkKey returns the key of the bookmark of an account.
func bookmarkKey(account string) store.EntryKey {
	return store.EntryKey{Partition: "reindex", Key: account}
}

// Account indexes the recordings of an account, the oldest first. It reads a page of
// recordings and their markers at a time, and writes only where they differ. If it is
// stopped, a run of the same layout within BookmarkAge goes on; restart begins at the
// beginning. Errors: those of Indexer.Index, and those of Pace.
func (x Reindexer) Account(ctx context.Context, account string, restart bool) (Report, error) {
	var done Report
	q := store.Query{Account: account, Ascending: true, Limit: store.MaxEntries}
	if !restart {
		var err error
		if q.Start, err = x.resume(ctx, account); err != nil {
			return done, err
		}
	}
	for {
		p, err := x.Store.Page(ctx, q)
		if err != nil {
			return done, err
		}
		if err := x.page(ctx, account, p.Recordings, &done); err != nil {
			return done, err
		}
		if p.Next == nil {
			break
		}
		q.Start = *p.Next
		if err := x.mark(ctx, account, store.EntryWrite{}, q.Start); err != nil {
			return done, err
		}
	}
	if err := x.leftovers(ctx, account, &done); err != nil {
		return done, err
	}
	if err := x.emptyTotals(ctx, account); err != nil {
		return done, err
	}
	return done, x.mark(ctx, account, store.EntryWrite{Delete: true}, store.Position{})
}

// resume returns the place where a run continues; the zero Position is the beginning.
func (x Reindexer) resume(ctx context.Context, account string) (store.Position, error) {
	found, err := x.Store.Entries(ctx, bookmarkKey(account))
	if err != nil || len(found) == 0 {
		return store.Position{}, err
	}
	var at bookmark
	if err := json.Unmarshal(found[0].Value, &at); err != nil {
		return store.Position{}, fmt.Errorf("read how far the last run came: %w", err)
	}
	if !at.holds(recording.SecondsOf(x.Now())) {
		return store.Position{}, nil
	}
	if x.Resumed != nil {
		x.Resumed(at.Created)
	}
	return store.Position{Created: at.Created, ID: at.ID, After: at.ID != ""}, nil
}

// mark stores or removes the bookmark.
func (x Reindexer) mark(ctx context.Context, account string, w store.EntryWrite, at store.Position) error {
	value, err := json.Marshal(bookmark{at.Created, at.ID, layoutVersion, recording.SecondsOf(x.Now())})
	if err != nil {
		return err
	}
	w.EntryKey, w.Value = bookmarkKey(account), value
	return x.Store.WriteEntries(ctx, w)
}

// page indexes the recordings that have changed since their markers were written, and those with
// markers of an earlier layout.
func (x Reindexer) page(ctx context.Context, account string, recordings []recording.Recording, done *Report) error {
	keys := make([]store.EntryKey, len(recordings))
	for i := range recordings {
		keys[i] = markerKey(account, recordings[i].ID)
	}
	found, err := x.Store.Entries(ctx, keys...)
	if err != nil {
		return err
	}
	indexed := map[string]*marker{}
	for i := range found {
		m, err := markerOf(&found[i])
		if err != nil {
			return err
		}
		indexed[found[i].Key] = &m
	}
	for i := range recordings {
		r := &recordings[i]
		done.Examined++
		if m := indexed[r.ID]; m != nil && m.current(r.Revision) {
			continue
		}
		if err := x.one(ctx, account, r.ID, &done.Indexed, &done.Busy); err != nil {
			return err
		}
	}
	if x.Progress != nil {
		x.Progress(*done)
	}
	return nil
}

// one indexes a recording and counts it.
func (x Reindexer) one(ctx context.Context, account, id string, indexed, busy *int) error {
	if x.Pace != nil {
		if err := x.Pace(ctx); err != nil {
			return err
		}
	}
	err := x.Index(ctx, account, id)
	switch {
	case errors.Is(err, ErrBusy):
		*busy++
	case err != nil:
		return err
	default:
		*indexed++
	}
	return nil
}

// leftovers removes recordings that no longer exist from the index.
func (x Reindexer) leftovers(ctx context.Context, account string, done *Report) error {
	for after := ""; ; {
		ids, next, err := Marked(ctx, x.Store, account, after, store.MaxFind)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			found, err := x.Store.Find(ctx, account, ids)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if found[id].Recording != nil {
					continue
				}
				if err := x.one(ctx, account, id, &done.Removed, &done.Busy); err != nil {
					return err
				}
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// emptyTotals removes the counters of owners and tags that count nothing. Earlier builds kept
// them.
func (x Reindexer) emptyTotals(ctx context.Context, account string) error {
	for after := ""; ; {
		empty, next, err := EmptyCounters(ctx, x.Store, account, after, countersAtOnce)
		if err != nil {
			return err
		}
		if err := x.RemoveEmpty(ctx, empty...); err != nil {
			return err
		}
		if after = next; after == "" {
			return nil
		}
	}
}
