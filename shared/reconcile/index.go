package reconcile

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// openIndex opens the list of recordings that are in the index of searches. Reading it costs
// about as much as reading the rows, so this happens only in the weekly run that reads the whole
// table. The pages are short, because it takes several requests to remove one recording.
func (v *visit) openIndex() {
	next := v.Marker
	v.indexed = source[string]{
		end:   !v.deep || v.Index == nil,
		place: placeOf,
		fetch: func(ctx context.Context) (ids []string, end bool, err error) {
			if err := v.wait(ctx); err != nil {
				return nil, false, err
			}
			ids, next, err = search.Marked(ctx, v.Store, v.name, next, min(v.pageLen(), store.MaxEntries))
			return ids, next == "", err
		},
	}
}

// unindex removes recordings from the index that no longer exist. Usually
// the index follows each deletion within seconds. It does not if it was switched off then, or
// if the event failed too often.
func (v *visit) unindex(ctx context.Context, w window, indexed []string) error {
	suspects := map[string]bool{}
	for _, id := range indexed {
		v.Marker = id
		if w.byID[id].Recording == nil {
			suspects[id] = true
		}
	}
	found, err := v.find(ctx, suspects)
	if err != nil {
		return err
	}
	for _, id := range indexed {
		t := found[id].Tombstone
		if !suspects[id] || found[id].Recording != nil || t != nil && v.since(t.Deleted) < v.Ages.Index {
			continue
		}
		if err := v.unindexOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// unindexOne brings the index up to date with one recording as it is now. So it does no harm
// if the recording has come back meanwhile.
func (v *visit) unindexOne(ctx context.Context, id string) error {
	var err error
	if v.Repair {
		if err := v.wait(ctx); err != nil {
			return err
		}
		if err = v.Index.Index(ctx, v.name, id); errors.Is(err, search.ErrBusy) {
			return nil // another process does the same
		}
	}
	return v.repaired(ctx, v.report, Example{Kind: IndexedDeletion, Account: v.name, Recording: id}, 0, func() error { return err })
}

// emptyCounters removes the totals of owners and tags that count nothing, a page at a time.
// Usually the index removes them with their last recording. This happens only in the run that
// reads the whole table.
func (v *visit) emptyCounters(ctx context.Context) (over bool, err error) {
	if !v.deep || v.Index == nil {
		return true, nil
	}
	if err := v.wait(ctx); err != nil {
		return false, err
	}
	empty, next, err := search.EmptyCounters(ctx, v.Store, v.name, v.Counter, v.pageLen())
	if err != nil {
		return false, err
	}
	for _, c := range empty {
		if v.since(c.Changed) < v.Ages.Index {
			continue // the index may be about to remove it
		}
		v.Rows = true
		err := v.repaired(ctx, v.report, Example{Kind: EmptyCounter, Account: v.name}, 0, func() error { return v.Index.RemoveEmpty(ctx, c) })
		if err != nil {
			return false, err
		}
	}
	v.Counter = next
	return next == "", nil
}
