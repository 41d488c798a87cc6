package api

import (
	"context"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// listAction returns the action that a list needs. Deleted recordings are
// for bearers with the right to restore them.
func listAction(query parameters) access.Action {
	var q listQuery
	if value, ok := query.first("deleted"); ok && parseDeleted(&q, value) == nil && q.deleted {
		return access.Restore
	}
	return access.List
}

// parseDeleted parses the parameter deleted.
func parseDeleted(q *listQuery, value string) error {
	q.deleted = flagValue(value) == "true"
	return nil
}

// askDeleted changes a query to one for deleted recordings that can still be restored. Such
// a list is ordered by the end of that time, so bounds of created become a filter.
func (q *listQuery) askDeleted(now recording.Seconds, ask *store.Query) {
	ask.Deleted, ask.From, ask.To = true, now+1, 0
	if q.from == 0 && q.to == 0 {
		return
	}
	matches := ask.Keep
	ask.Keep = func(rec *recording.Recording) bool {
		return rec.Created >= q.from && (q.to == 0 || rec.Created <= q.to) && (matches == nil || matches(rec))
	}
}

// rowsOf reads one page. Deleted recordings are Recordings with a Removal.
func rowsOf(ctx context.Context, s store.Reader, q store.Query, owners []string) (store.Page, error) {
	page, err := pageOf(ctx, s, q, owners)
	for i := range page.Tombstones {
		t := &page.Tombstones[i]
		rec := *t.Recording
		rec.Removal = &recording.Removal{At: t.Deleted, Until: t.Until, By: t.By}
		page.Recordings = append(page.Recordings, rec)
	}
	return page, err
}

// after returns the position directly after rec in its list.
func after(rec *recording.Recording) store.Position {
	p := store.After(rec)
	if rec.Removal != nil {
		p.Created = rec.Removal.Until
	}
	return p
}
