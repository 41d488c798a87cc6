package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

const (
	// pageBytes is the most that the items of a page take as escaped,
	// uncompressed text (contract, List). With the envelope, a page stays below
	// the 6 MB of a Lambda response for every client.
	pageBytes = 5_000_000
	// filterCalls and filterBytes bound the reads of a filtered page
	// (docs/adr/001-store-keys.md). Each test of a filter examines the documents,
	// so filterBytes is the limit for freeTests tests. With more tests, a page examines
	// fewer documents.
	filterCalls = 8
	filterBytes = 4 << 20
	freeTests   = 4
	// readSize and readBytes bound one read of an unpaged list, so that memory
	// does not grow with its length.
	readSize  = 1000
	readBytes = 1 << 20
	// answerReserve is the time that must remain before an unpaged list starts another
	// read. rowReserve is the time that must remain before it adds the next recording
	// of a read.
	answerReserve = 3 * time.Second
	rowReserve    = time.Second
)

// Library is the source of lists: recordings, and the index of their words.
type Library interface {
	store.Reader
	search.Reader
}

// lister answers lists of recordings.
type lister struct {
	store  Library
	sealer *cursor.Sealer
	// indexed is true if the service keeps the index of words.
	indexed bool
}

// listEncoder turns recordings into the body of a list.
type listEncoder interface {
	// add adds rec to the list. It returns errTooMuch if rec does not fit. The
	// first recording of a page always fits.
	add(rec *recording.Recording) error
	// answer ends the list and sends it. p has the keys of a page and is zero
	// for an unpaged list.
	answer(w http.ResponseWriter, p paging) error
	// release returns buffers to their pools.
	release()
}

// List answers lists of recordings: of an account or a user, paged or unpaged,
// as JSON or CSV, also of those that match a search (contract, List). Without an index,
// indexed is false, and a search is a 400.
func List(env Env, s Library, c *cursor.Sealer, indexed bool) http.Handler {
	l := &lister{store: s, sealer: c, indexed: indexed}
	return env.handle(OpList, l.serve)
}

func (l *lister) serve(w http.ResponseWriter, r *request) error {
	query := parseParameters(r.URL.RawQuery)
	action := listAction(query)
	if err := r.allow(action); err != nil {
		return err
	}
	if path := r.target.path(); path == accountSummary || path == userSummary {
		return l.summarize(w, r)
	}
	accept, _ := query.first("accept")
	chosen, err := preferencesOf(accept, r.Header.Values("Accept")).choose(offerDocument, offerCSV)
	if err != nil {
		return err
	}
	now := recording.SecondsOf(r.env.Now())
	q, err := parseListQuery(query, r.version, now)
	if err != nil {
		return err
	}
	if err := l.checkIndexed(&q); err != nil {
		return err
	}
	owners, all, err := r.listed(action)
	if err != nil {
		return err
	}
	if !all {
		q.limit(owners)
	}
	if err := l.limitLifetime(r.Context(), r.account, now, &q); err != nil {
		return err
	}
	total, err := l.totalOf(r, &q, owners, all)
	if err != nil {
		return err
	}
	e := newListEncoder(r, chosen, &q, query)
	defer e.release()
	keys, err := l.read(r, &q, e)
	if err != nil {
		return err
	}
	keys.total = total
	return e.answer(w, keys)
}

// checkIndexed returns an error if q needs an index that the service does not keep.
func (l *lister) checkIndexed(q *listQuery) error {
	switch searches := !q.search.IsZero(); {
	case searches && !l.indexed:
		return errUnindexed("search")
	case q.total && !l.indexed:
		return errUnindexed("total")
	case searches && q.deleted:
		return invalid("search", "unsupported", "A list of deleted recordings cannot be searched", nil)
	}
	return nil
}

// read adds the recordings of the list to e, and returns the keys of a page.
func (l *lister) read(r *request, q *listQuery, e listEncoder) (paging, error) {
	switch {
	case q.sort != "":
		return l.readSorted(r, q, e)
	case q.unpaged:
		return paging{}, l.readAll(r, q, e)
	}
	return l.readPage(r, q, e)
}

// newListEncoder returns the encoder for a form of a list.
func newListEncoder(r *request, chosen form, q *listQuery, query parameters) listEncoder {
	switch {
	case chosen == formCSV && q.unpaged:
		return newCSVList(r, query, true, tableBytes)
	case chosen == formCSV:
		return newCSVList(r, query, false, pageBytes)
	case q.unpaged:
		return newJSONList(r, 0, q.fields)
	}
	return newJSONList(r, pageBytes, q.fields)
}

// readPage adds one page to e and returns its keys.
func (l *lister) readPage(r *request, q *listQuery, e listEncoder) (paging, error) {
	binding := q.binding(r.account, r.user)
	ask := q.storeQuery(r.account, recording.SecondsOf(r.env.Now()))
	ask.Limit, ask.MaxBytes = q.size, pageBytes
	if ask.Keep != nil || !q.search.IsZero() {
		tests := q.filter.Tests() + q.search.Tests()
		ask.Work = store.Work{Calls: filterCalls, Bytes: int64(filterBytes * freeTests / max(tests, freeTests))}
	}
	if q.start != "" {
		var err error
		if ask.Start, err = l.open(binding, q.start); err != nil {
			return paging{}, err
		}
	}
	page, err := l.pageOf(r, ask, q)
	if err != nil {
		return paging{}, err
	}
	size, next, err := fill(page, e)
	if err != nil {
		return paging{}, err
	}
	keys := paging{size: size, start: q.start, counted: q.counts()}
	for i := range page.Recordings[:size] {
		keys.bytes += managedBytes(&page.Recordings[i])
	}
	if keys.start == "" {
		keys.start = l.seal(binding, page.First)
	}
	if next != nil {
		keys.end = l.seal(binding, *next)
	}
	return keys, nil
}

// pageOf reads one page of the list or of the search, and hides holds that the bearer may not
// see.
func (l *lister) pageOf(r *request, ask store.Query, q *listQuery) (store.Page, error) {
	page, err := l.rowsOf(r.Context(), ask, q)
	r.hideHolds(page.Recordings)
	return page, err
}

// rowsOf reads one page of the list or of the search.
func (l *lister) rowsOf(ctx context.Context, ask store.Query, q *listQuery) (store.Page, error) {
	switch {
	case q.search.IsZero():
		return rowsOf(ctx, l.store, ask, q.owners)
	case q.owners == nil:
		return search.Page(ctx, l.store, q.search, ask, q.sieve)
	case len(q.owners) == 0:
		return store.Page{}, nil
	case len(q.owners) == 1:
		ask.Owner = q.owners[0]
		return search.Page(ctx, l.store, q.search, ask, nil)
	}
	return search.Page(ctx, l.store, q.search, ask, func(owner string) bool { return slices.Contains(q.owners, owner) })
}

// fill adds the recordings of page to e until a recording does not fit. It returns the
// number of recordings added and the start of the next page, nil at the end.
func fill(page store.Page, e listEncoder) (size int, next *store.Position, err error) {
	for i := range page.Recordings {
		switch err := e.add(&page.Recordings[i]); {
		case errors.Is(err, errTooMuch) && i > 0:
			next := after(&page.Recordings[i-1])
			return i, &next, nil
		case err != nil:
			return i, nil, err
		}
	}
	return len(page.Recordings), page.Next, nil
}

// readAll adds all recordings in the range of q to e, in bounded reads. It returns
// errTooMuch if the recordings do not fit into one answer or the time runs out.
func (l *lister) readAll(r *request, q *listQuery, e listEncoder) error {
	if q.from > q.to && !q.deleted { // only created_from is set, to a time in the future
		return nil
	}
	ask := q.storeQuery(r.account, recording.SecondsOf(r.env.Now()))
	ask.Limit, ask.MaxBytes = readSize, readBytes
	var late atomic.Bool
	tooLate := func() bool {
		if outOfTime(r.Context(), rowReserve) {
			late.Store(true)
		}
		return late.Load()
	}
	if keep := ask.Keep; keep != nil { // one read may examine many recordings and keep no recording
		ask.Keep = func(rec *recording.Recording) bool { return !tooLate() && keep(rec) }
	}
	for {
		page, err := l.pageOf(r, ask, q)
		if err != nil {
			return err
		}
		for i := range page.Recordings {
			if tooLate() {
				return errTooMuch
			}
			if err := e.add(&page.Recordings[i]); err != nil {
				return err
			}
		}
		if page.Next == nil && !late.Load() {
			return nil
		}
		if late.Load() || outOfTime(r.Context(), answerReserve) {
			return errTooMuch
		}
		ask.Start = *page.Next
	}
}

// outOfTime reports whether less than reserve remains until the deadline.
func outOfTime(ctx context.Context, reserve time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < reserve
}

// storeQuery returns the part of the store's query that all lists share.
func (q *listQuery) storeQuery(account string, now recording.Seconds) store.Query {
	ask := store.Query{Account: account, Ascending: q.ascending, From: q.from, To: q.to}
	if !q.filter.IsZero() {
		ask.Keep = q.filter.Match
	}
	if q.deleted {
		q.askDeleted(now, &ask)
	}
	if q.keep != nil {
		matches := ask.Keep
		ask.Keep = func(rec *recording.Recording) bool { return q.keep(rec) && (matches == nil || matches(rec)) }
	}
	if q.sieve != nil {
		matches := ask.Keep
		ask.Keep = func(rec *recording.Recording) bool {
			return q.sieve(rec.Owner) && (matches == nil || matches(rec))
		}
	}
	return ask
}

// open decrypts a client's cursor and returns its position.
func (l *lister) open(binding []byte, text string) (store.Position, error) {
	sealed, err := l.sealer.Open(binding, text)
	if err != nil {
		return store.Position{}, err
	}
	p, ok := parsePosition(sealed)
	if !ok {
		return store.Position{}, cursor.ErrInvalid
	}
	return p, nil
}

// seal returns the encrypted cursor for a position.
func (l *lister) seal(binding []byte, p store.Position) string {
	var room [160]byte
	return l.sealer.Seal(binding, appendPosition(room[:0], p))
}
