package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxMerged is the maximum number of indexes of owners that a list merges. A list of
	// more owners reads the account's index and filters it.
	maxMerged = 25
	// minFetch is the least number of rows that a merged list asks an index for.
	minFetch = 8
	// minFetchBytes is the least number of bytes at which such a read ends.
	minFetchBytes = 256 << 10
)

// limit limits the list to recordings of the given owners, which are sorted.
func (q *listQuery) limit(owners []string) {
	if len(owners) <= maxMerged && (!q.deleted || len(owners) == 1) { // only recordings are merged
		q.owners = append([]string{}, owners...) // not nil, even without owners
		return
	}
	q.sieve = func(owner string) bool {
		_, ok := slices.BinarySearch(owners, owner)
		return ok
	}
}

// pageOf reads one page: from the account's index if owners is nil, or from the indexes
// of the owners, merged. A merged page has the order, the positions and the guarantees
// of any page, because a position means the same place in every index.
func pageOf(ctx context.Context, s store.Reader, q store.Query, owners []string) (store.Page, error) {
	switch {
	case owners == nil:
		return s.Page(ctx, q)
	case len(owners) == 0:
		return store.Page{}, nil
	case len(owners) == 1:
		q.Owner = owners[0]
		return s.Page(ctx, q)
	}
	m := &merger{store: s, query: q}
	for _, owner := range owners {
		m.streams = append(m.streams, &stream{owner: owner, next: &q.Start})
	}
	return m.page(ctx)
}

// merger merges the pages of several owners into one.
type merger struct {
	store   store.Reader
	query   store.Query
	streams []*stream
	out     store.Page
	bytes   int64 // of the documents in out
	fetch   int   // the most rows of the next read of a stream
}

// stream is the index of one owner.
type stream struct {
	owner string
	// rows have been read and are not in the merged page.
	rows []recording.Recording
	// next is where the next read begins; nil at the end of the index.
	next *store.Position
	// stuck is true if the last read got no further, because the deadline is near.
	stuck bool
}

// waits reports whether the index must be read before later rows of others count.
func (s *stream) waits() bool { return len(s.rows) == 0 && s.next != nil }

// page reads until the page is full, all indexes end, or the budget is used up. With a
// budget it reads each index once, so that the same data is always cut at the same
// place.
func (m *merger) page(ctx context.Context) (store.Page, error) {
	m.fetch = m.query.Limit
	if m.query.Keep == nil {
		m.fetch = min(max(2*m.query.Limit/len(m.streams), minFetch), m.query.Limit)
	}
	for {
		if err := m.read(ctx); err != nil {
			return store.Page{}, err
		}
		m.take()
		if m.full() || m.ended() || m.query.Work != (store.Work{}) {
			m.out.Next = m.next()
			return m.out, nil
		}
		m.fetch = min(2*m.fetch, m.query.Limit)
	}
}

// read reads all indexes that the page waits for, at the same time.
func (m *merger) read(ctx context.Context) error {
	var reading sync.WaitGroup
	entries, pages := make([]requestlog.Entry, len(m.streams)), make([]store.Page, len(m.streams))
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i, s := range m.streams {
		if !s.waits() {
			continue
		}
		ask := m.part(s)
		reading.Go(func() {
			var err error
			if pages[i], err = m.store.Page(requestlog.With(within, &entries[i]), ask); err != nil {
				cancel(err) // the other reads are of no use
			}
		})
	}
	reading.Wait()
	log := requestlog.From(ctx)
	for i := range entries {
		log.Calls += entries[i].Calls
		log.ReadUnits += entries[i].ReadUnits
	}
	if within.Err() != nil {
		return context.Cause(within)
	}
	for i, s := range m.streams {
		if s.waits() {
			m.accept(s, &pages[i])
		}
	}
	return nil
}

// part returns the next query of one index, with its part of the budget.
func (m *merger) part(s *stream) store.Query {
	ask, n := m.query, len(m.streams)
	ask.Owner, ask.Start, ask.Limit = s.owner, *s.next, m.fetch
	if ask.MaxBytes > 0 {
		ask.MaxBytes = max(ask.MaxBytes/int64(n), minFetchBytes)
	}
	if ask.Work.Calls > 0 {
		ask.Work.Calls = max(ask.Work.Calls/n, 1)
	}
	if ask.Work.Bytes > 0 {
		ask.Work.Bytes = max(ask.Work.Bytes/int64(n), 1)
	}
	return ask
}

// accept takes the page that was read from an index.
func (m *merger) accept(s *stream, p *store.Page) {
	s.stuck = len(p.Recordings) == 0 && p.Next != nil && *p.Next == *s.next
	s.rows, s.next = p.Recordings, p.Next
	if first := &m.out.First; !p.First.IsZero() && (first.IsZero() || m.compare(p.First, *first) < 0) {
		*first = p.First
	}
}

// take moves rows to the page in order, as long as no index that has to be read first
// could have a row before them.
func (m *merger) take() {
	bound := m.bound()
	for !m.full() {
		var least *stream
		for _, s := range m.streams {
			if len(s.rows) > 0 && (least == nil || m.compare(store.At(&s.rows[0]), store.At(&least.rows[0])) < 0) {
				least = s
			}
		}
		if least == nil || bound != nil && m.compare(store.At(&least.rows[0]), *bound) > 0 {
			return
		}
		m.add(&least.rows[0])
		if least.rows = least.rows[1:]; least.waits() {
			bound = m.bound()
		}
	}
}

// add adds a row to the page. It ignores a recording that has just changed its owner and
// is therefore in two indexes.
func (m *merger) add(rec *recording.Recording) {
	if n := len(m.out.Recordings); n > 0 && store.At(&m.out.Recordings[n-1]) == store.At(rec) {
		return
	}
	m.out.Recordings = append(m.out.Recordings, *rec)
	m.bytes += int64(len(rec.Document))
}

// bound returns the position up to which all rows are known, nil if that is the end.
func (m *merger) bound() *store.Position {
	var bound *store.Position
	for _, s := range m.streams {
		if s.waits() && (bound == nil || m.compare(*s.next, *bound) < 0) {
			bound = s.next
		}
	}
	return bound
}

// full reports whether the page has reached its limits.
func (m *merger) full() bool {
	return len(m.out.Recordings) >= m.query.Limit || m.query.MaxBytes > 0 && m.bytes >= m.query.MaxBytes
}

// ended reports whether no further read helps: no index has more, or one got no further.
func (m *merger) ended() bool {
	waiting := false
	for _, s := range m.streams {
		if s.waits() && s.stuck {
			return true
		}
		waiting = waiting || s.waits()
	}
	return !waiting
}

// next returns where the next page begins, nil at the end of the list.
func (m *merger) next() *store.Position {
	more := slices.ContainsFunc(m.streams, func(s *stream) bool { return len(s.rows) > 0 || s.next != nil })
	switch n := len(m.out.Recordings); {
	case !more:
		return nil
	case m.full():
		next := store.After(&m.out.Recordings[n-1])
		return &next
	}
	return m.bound()
}

// compare compares two positions in the order of the list.
func (m *merger) compare(a, b store.Position) int {
	if a.IsZero() || b.IsZero() {
		return cmp.Compare(boolInt(!a.IsZero()), boolInt(!b.IsZero()))
	}
	order := cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.ID, b.ID))
	if !m.query.Ascending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(boolInt(a.After), boolInt(b.After)))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
