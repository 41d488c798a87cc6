package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// visit is the turn of an account.
type visit struct {
	*Reconciler
	*account
	report *Report
	deep   bool // this run reads the whole table

	rows     source[store.Row]
	audio    source[media.Listed]
	imported source[media.Listed]
	indexed  source[string]
	opened   bool

	ending ending
}

// stages are the stages of an account in their order. Each step reports whether its
// stage is over.
var stages = []func(v *visit, ctx context.Context) (over bool, err error){
	(*visit).compare,
	(*visit).compareInbox,
	(*visit).claims,
	(*visit).links,
	(*visit).emptyCounters,
}

// source is a list that is read page by page.
type source[T any] struct {
	page []T
	end  bool
	// fetch reads the next page. The last one has end set.
	fetch func(ctx context.Context) (page []T, end bool, err error)
	// place returns the place of an element: the part of an object's key after the
	// account, or the one that the key of a row's audio would have.
	place func(T) string
}

// fill reads a page if none is left.
func (s *source[T]) fill(ctx context.Context) error {
	for len(s.page) == 0 && !s.end {
		var err error
		if s.page, s.end, err = s.fetch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bound lowers limit to the last place that the page covers.
func (s *source[T]) bound(limit string) string {
	if s.end {
		return limit
	}
	if last := s.place(s.page[len(s.page)-1]); limit == "" || last < limit {
		return last
	}
	return limit
}

// done reports whether all elements have been taken.
func (s *source[T]) done() bool { return s.end && len(s.page) == 0 }

// take returns the elements up to limit, and drops them from the page.
func (s *source[T]) take(limit string) []T {
	n := len(s.page)
	if limit != "" {
		n = sort.Search(len(s.page), func(i int) bool { return s.place(s.page[i]) > limit })
	}
	taken := s.page[:n]
	s.page = s.page[n:]
	return taken
}

// placeOf returns the place of a recording's audio: its month and its ID.
func placeOf(id string) string {
	return strings.TrimPrefix(recording.AudioKey("", id), recording.AudioPrefix+"/")
}

// open opens the lists where the last turn stopped.
func (v *visit) open() {
	v.opened = true
	v.rows = source[store.Row]{
		place: func(w store.Row) string { return placeOf(w.ID) },
		fetch: func(next string) func(context.Context) ([]store.Row, bool, error) {
			return func(ctx context.Context) ([]store.Row, bool, error) {
				if err := v.wait(ctx); err != nil {
					return nil, false, err
				}
				p, err := v.Store.Rows(ctx, v.name, next, v.pageLen())
				next = p.Next
				return p.Rows, p.Next == "", err
			}
		}(v.Row),
	}
	v.audio = v.objects(recording.AudioPrefix+v.name+"/", v.Audio)
	v.imported = v.objects(recording.ImportedPrefix+v.name+"/", v.Imported)
	v.openIndex()
}

// objects returns the list of objects under prefix, an empty one if the account has none.
func (v *visit) objects(prefix string, some bool) source[media.Listed] {
	after := ""
	if v.Key != "" {
		after = prefix + v.Key
	}
	return source[media.Listed]{
		end:   !some,
		place: func(o media.Listed) string { return o.Key[len(prefix):] },
		fetch: func(ctx context.Context) ([]media.Listed, bool, error) {
			if err := v.wait(ctx); err != nil {
				return nil, false, err
			}
			page, err := v.Bucket.Objects(ctx, prefix, after)
			if len(page) > 0 {
				after = page[len(page)-1].Key
			}
			return page, len(page) < v.pageLen(), err
		},
	}
}

// compare compares the rows of an account with its objects and with the index, up to the
// place that all lists have been read to.
func (v *visit) compare(ctx context.Context) (over bool, err error) {
	if !v.opened {
		v.open()
	}
	if err := errors.Join(v.rows.fill(ctx), v.audio.fill(ctx), v.imported.fill(ctx), v.indexed.fill(ctx)); err != nil {
		return false, err
	}
	limit := v.indexed.bound(v.imported.bound(v.audio.bound(v.rows.bound(""))))
	rows, audio, imported, indexed := v.rows.take(limit), v.audio.take(limit), v.imported.take(limit), v.indexed.take(limit)
	w := window{byID: map[string]store.Found{}, objects: map[string]media.Listed{}}
	for _, row := range rows {
		w.byID[row.ID] = row.Found
		v.Row = row.ID
	}
	for _, list := range [][]media.Listed{audio, imported} {
		for _, o := range list {
			w.objects[o.Key] = o
		}
	}
	v.ending = ending{}
	v.Rows = v.Rows || len(rows)+len(w.objects)+len(indexed) > 0
	v.report.Objects += len(w.objects)
	for _, row := range rows {
		if err := v.row(ctx, row.Found, w); err != nil {
			return false, err
		}
	}
	if err := v.orphans(ctx, w, append(audio[:len(audio):len(audio)], imported...)); err != nil {
		return false, err
	}
	if err := v.unindex(ctx, w, indexed); err != nil {
		return false, err
	}
	v.Key = limit
	return v.rows.done() && v.audio.done() && v.imported.done() && v.indexed.done(), nil
}

// window is the part of the lists that is compared at a time.
type window struct {
	byID    map[string]store.Found
	objects map[string]media.Listed
}

// row checks a recording or a tombstone.
func (v *visit) row(ctx context.Context, f store.Found, w window) error {
	_, dropped := inboxKey(f)
	v.Dropped = v.Dropped || dropped
	if f.Tombstone != nil {
		v.report.Tombstones++
		return v.tombstone(ctx, f.Tombstone, w)
	}
	v.report.Recordings++
	rec := f.Recording
	key := rec.AudioKey()
	switch o, stored := w.objects[key]; {
	case rec.Audio.Place == recording.External, dropped: // compareInbox compares files in an inbox
		return nil
	case rec.Audio.Place == recording.Nowhere && stored:
		return v.unread(ctx, UnreadAudio, rec.ID, o)
	case rec.Audio.Place == recording.Nowhere && rec.Audio.Condition() == recording.Pending && v.since(max(rec.Created, rec.Modified)) >= v.Ages.Upload:
		return v.repaired(ctx, v.report, Example{Kind: OverdueUpload, Account: v.name, Recording: rec.ID}, 0, nil)
	case rec.Audio.Place == recording.Managed && (!stored || wrongSize(rec, o.Size)):
		return v.checkAudio(ctx, rec.ID)
	}
	return nil
}

// wrongSize reports whether stored audio does not have the size that its recording states.
func wrongSize(rec *recording.Recording, size int64) bool {
	return rec.Audio.Size > 0 && size != rec.Audio.Size
}

// checkAudio reads a recording and its object again, and reports audio that is missing or
// has the wrong size.
func (v *visit) checkAudio(ctx context.Context, id string) error {
	if err := v.wait(ctx); err != nil {
		return err
	}
	found, err := v.Store.Find(ctx, v.name, []string{id})
	rec := found[id].Recording
	if err != nil || rec == nil || rec.Audio.Place != recording.Managed {
		return err
	}
	e := Example{Kind: MissingAudio, Account: v.name, Recording: id, Object: media.KeyText(rec.AudioKey())}
	switch o, err := v.Bucket.Stat(ctx, rec.AudioKey()); {
	case errors.Is(err, media.ErrNotFound):
		return v.repaired(ctx, v.report, e, rec.Audio.Size, nil)
	case err != nil:
		return err
	case wrongSize(rec, o.Size):
		e.Kind = OtherSize
		return v.repaired(ctx, v.report, e, o.Size, nil)
	}
	return nil
}

// tombstone checks a tombstone.
func (v *visit) tombstone(ctx context.Context, t *store.Tombstone, w window) error {
	e := Example{Kind: StuckPurge, Account: t.Account, Recording: t.ID}
	switch {
	case t.PurgePending && v.since(t.Deleted) >= v.Ages.Purge:
		return v.repaired(ctx, v.report, e, w.objects[(&recording.Recording{Account: t.Account, ID: t.ID, Audio: t.Audio}).AudioKey()].Size, func() error {
			return purge.Pending(ctx, v.Store, v.Bucket, t.Account, t.ID)
		})
	case t.Until > 0 && v.since(t.Until) >= v.Ages.Restore:
		e.Kind = OverdueRestore
		return v.endRestore(ctx, t, e)
	}
	return nil
}

// ending is what EndRestores has returned for the present page of rows.
type ending struct {
	called bool
	*deletion.Ending
	err error
}

// endRestore begins the purge of a deleted recording that can still be restored after its
// time. A legal hold may keep it, and then nothing is reported. The time counts as over only
// if it has been for Ages.Restore: the clock may be ahead.
func (v *visit) endRestore(ctx context.Context, t *store.Tombstone, e Example) error {
	if !v.Repair || v.EndRestores == nil {
		return v.repaired(ctx, v.report, e, 0, nil)
	}
	if !v.ending.called {
		if err := v.wait(ctx); err != nil {
			return err
		}
		v.ending.called = true
		v.ending.Ending, v.ending.err = v.EndRestores(ctx, v.name, recording.SecondsOf(v.Now().Add(-v.Ages.Restore)))
	}
	err := v.ending.err
	if err == nil {
		if v.ending.Held(t) {
			return nil
		}
		if err := v.wait(ctx); err != nil {
			return err
		}
		var ended bool
		var held *hold.HeldError
		ended, err = v.ending.End(ctx, t.ID)
		if err == nil && !ended || errors.As(err, &held) { // restored or held meanwhile
			return nil
		}
	}
	return v.repaired(ctx, v.report, e, 0, func() error { return err })
}

// unread hands an object to ingest.
func (v *visit) unread(ctx context.Context, kind Kind, id string, o media.Listed) error {
	limit := v.Ages.Arrival
	if kind == UnreadFile {
		limit = v.Ages.File
	}
	if v.Now().Sub(o.Modified) < limit || v.Queued != nil && v.Queued(o.Key) {
		return nil
	}
	var arrive func() error
	if v.Arrive != nil {
		arrive = func() error { return v.Arrive(ctx, o.Key) }
	}
	return v.repaired(ctx, v.report, Example{Kind: kind, Account: v.name, Recording: id, Object: media.KeyText(o.Key)}, o.Size, arrive)
}

// links removes the links of recordings that no longer exist. Those of a recording that
// can be restored stay.
func (v *visit) links(ctx context.Context) (over bool, err error) {
	prefix := "link/"
	for after := ""; ; {
		if err := v.wait(ctx); err != nil {
			return false, err
		}
		page, err := v.Store.PageEntries(ctx, store.EntryQuery{Partition: linksPartition(v.name), Prefix: prefix, After: after, Limit: store.MaxFind})
		if err != nil {
			return false, err
		}
		if err := v.deadLinks(ctx, page.Entries, prefix); err != nil {
			return false, err
		}
		if after = page.Next; after == "" {
			return true, nil
		}
	}
}

func (v *visit) deadLinks(ctx context.Context, links []store.Entry, prefix string) error {
	ids := map[string]bool{}
	for i := range links {
		id, _, _ := strings.Cut(strings.TrimPrefix(links[i].Key, prefix), "/")
		ids[id] = true
	}
	found, err := v.find(ctx, ids)
	if err != nil {
		return err
	}
	for i := range links {
		id, _, _ := strings.Cut(strings.TrimPrefix(links[i].Key, prefix), "/")
		if f := found[id]; f.Recording != nil || f.Tombstone != nil && f.Tombstone.Until > 0 {
			continue
		}
		err := v.repaired(ctx, v.report, Example{Kind: DeadLink, Account: v.name, Recording: id}, 0, func() error {
			err := v.Store.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: links[i].EntryKey, Revision: links[i].Revision}, If: store.IfUnchanged, Delete: true})
			if errors.Is(err, store.ErrConflict) { // revoked or played meanwhile; the next run finds it
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// find looks up recordings and tombstones, strongly consistent.
func (v *visit) find(ctx context.Context, ids map[string]bool) (map[string]store.Found, error) {
	all := make(map[string]store.Found, len(ids))
	batch := make([]string, 0, store.MaxFind)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := v.wait(ctx); err != nil {
			return err
		}
		found, err := v.Store.Find(ctx, v.name, batch)
		if err != nil {
			return fmt.Errorf("look up recordings: %w", err)
		}
		for id, f := range found {
			all[id] = f
		}
		batch = batch[:0]
		return nil
	}
	for id := range ids {
		if batch = append(batch, id); len(batch) == store.MaxFind {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return all, flush()
}
