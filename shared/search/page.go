package search

import (
	"context"
	"slices"
	"sync"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

const (
	// minFetch and maxFetch bound how many entries of a term one read asks for. An entry
	// takes about 250 bytes.
	minFetch, maxFetch = 32, 2000
	// readUnit is the number of bytes of a recording that a strongly consistent read unit
	// pays for. A smaller one counts as so many in Work.Bytes.
	readUnit = 4 << 10
)

// Reader reads the index and the recordings.
type Reader interface {
	store.EntryReader
	store.Finder
}

// Page returns one page of the recordings that match search, in the order, the range and
// from the position of q. It gives the guarantees of [store.Reader] for those that are in
// the index. owners, if not nil, selects the owners; q.Owner selects one. A page of up to
// 100 recordings for one word usually takes one read of the index and one Find. For
// several words, it begins with one read for each. Then it follows the word that is the rarest at
// that place: its entries show which recordings have the other words. Work.Calls limits the reads
// of the index, and Work.Bytes those of the index and of recordings.
// Errors: ErrUnavailable.
func Page(ctx context.Context, s Reader, search Query, q store.Query, owners func(owner string) bool) (store.Page, error) {
	if q.Owner != "" {
		search = search.withOwner(q.Owner)
		only := q.Owner
		owners = func(owner string) bool { return owner == only }
	}
	m := &matcher{store: s, search: search, query: q, owners: owners}
	keep := q.Keep
	q.Keep = func(r *recording.Recording) bool {
		// Recordings that are only in the index have no revision.
		return r.Revision != "" && (owners == nil || owners(r.Owner)) && search.Match(r) && (keep == nil || keep(r))
	}
	m.filtered = keep != nil
	if q.Work.Calls > 0 {
		q.Work.Calls = max(q.Work.Calls-len(search.wants)+1, 1)
	}
	m.page = store.NewAssembler(q)
	return m.run(ctx)
}

// matcher builds one page of a search.
type matcher struct {
	store  Reader
	search Query
	query  store.Query
	owners func(string) bool
	// filtered is true if the index does not show which candidates match.
	filtered bool
	// found is how many recordings have been read.
	found int
	page  *store.Assembler
}

// list is a part of the entries of a term.
type list struct {
	want       want
	candidates []candidate
	// ended is true if no entry of the range follows.
	ended bool
}

// run reads parts of the index until the page ends.
func (m *matcher) run(ctx context.Context) (store.Page, error) {
	fetch := min(max(m.query.Limit+m.query.Limit/4, minFetch), maxFetch)
	if m.filtered || m.owners != nil || len(m.search.wants) > 1 {
		fetch = max(fetch, 4*minFetch)
	}
	if slices.ContainsFunc(m.search.wants, want.partial) {
		fetch = max(fetch, 12*minFetch)
	}
	wants := m.search.wants
	for q := m.query; ; {
		lists, err := m.read(ctx, wants, q, fetch)
		if err != nil {
			return store.Page{}, err
		}
		rarest := m.rarest(lists)
		done, err := m.examine(ctx, lists, rarest)
		if err != nil {
			return store.Page{}, err
		}
		if done || !m.page.More(ctx, !rarest.ended) {
			return m.page.Page(), nil
		}
		// The next reads follow the same word, and cost one read each. They begin after
		// the last candidate, because a full page adds no rows for candidates that the index
		// excludes.
		wants = []want{rarest.want}
		if end := rarest.end(); end != (place{}) {
			q.Start = store.Position{Created: end.created, ID: end.id, After: true}
		}
		fetch = min(4*fetch, maxFetch)
	}
}

// read reads a part of the entries of each want, at the same time.
func (m *matcher) read(ctx context.Context, wants []want, q store.Query, fetch int) ([]*list, error) {
	lists := make([]*list, len(wants))
	if len(wants) == 1 {
		var err error
		lists[0], err = m.list(ctx, wants[0], q, fetch)
		return lists, err
	}
	var reading sync.WaitGroup
	logs, errs := make([]requestlog.Entry, len(wants)), make([]error, len(wants))
	for i, w := range wants {
		reading.Go(func() { lists[i], errs[i] = m.list(requestlog.With(ctx, &logs[i]), w, q, fetch) })
	}
	reading.Wait()
	log := requestlog.From(ctx)
	for i := range wants {
		log.Calls += logs[i].Calls
		log.ReadUnits += logs[i].ReadUnits
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// list reads a part of the entries of one want.
func (m *matcher) list(ctx context.Context, w want, q store.Query, fetch int) (*list, error) {
	term := w.term()
	ask, end := rangeOf(term, q)
	ask.Limit = fetch
	p, err := m.store.PageEntries(ctx, ask)
	if err != nil {
		return nil, err
	}
	l := &list{want: w, ended: p.Next == ""}
	for i := range p.Entries {
		e := &p.Entries[i]
		if q.Ascending && e.Key >= end || !q.Ascending && e.Key < end {
			l.ended = true
			break
		}
		c, err := candidateOf(term, e)
		if err != nil {
			return nil, err
		}
		l.candidates = append(l.candidates, c)
	}
	return l, nil
}

// rarest returns the list to follow: of those that end, the one with the fewest
// candidates, otherwise the one that reaches farthest.
func (m *matcher) rarest(lists []*list) *list {
	best := lists[0]
	for _, l := range lists[1:] {
		switch {
		case l.ended && best.ended:
			if len(l.candidates) < len(best.candidates) {
				best = l
			}
		case l.ended, !best.ended && m.follows(l.end(), best.end()):
			best = l
		}
	}
	return best
}

// end returns the last place of a list that has one.
func (l *list) end() place {
	if len(l.candidates) == 0 {
		return place{}
	}
	return l.candidates[len(l.candidates)-1].place
}

// follows reports whether a comes after b in the order of the page.
func (m *matcher) follows(a, b place) bool {
	if a == b {
		return false
	}
	later := a.created > b.created || a.created == b.created && a.id > b.id
	return later == m.query.Ascending
}

// examine reads the candidates of a list and adds those that match to the page. done is
// true if the page has ended.
func (m *matcher) examine(ctx context.Context, lists []*list, l *list) (done bool, err error) {
	sieve := m.sieveOf(lists, l)
	for rest := l.candidates; len(rest) > 0; {
		n, ids := m.batch(rest, sieve)
		if m.page.Full() {
			if len(ids) == 0 {
				return false, nil
			}
			m.page.Add(m.unread(&candidate{}), 0) // there is a next page, which begins after the last row
			return true, nil
		}
		var found map[string]store.Found
		if len(ids) > 0 {
			if found, err = m.store.Find(ctx, m.query.Account, ids); err != nil {
				return false, err
			}
			m.found += len(ids)
		}
		for i := range rest[:n] {
			c := &rest[i]
			r := found[c.id].Recording
			size := c.size
			if r == nil || r.Created != c.created { // removed, moved, or excluded by the index alone
				r = m.unread(c)
			} else {
				size += max(len(r.Document)+len(r.ID), readUnit)
			}
			if !m.page.Add(r, size) {
				return true, nil
			}
		}
		rest = rest[n:]
	}
	return false, nil
}

// unread returns the row of a candidate that is not a recording of the page.
func (m *matcher) unread(c *candidate) *recording.Recording {
	return &recording.Recording{Account: m.query.Account, ID: c.id, Created: c.created}
}

// batch returns how many of the candidates to examine next, and the IDs of those that the
// index does not exclude.
func (m *matcher) batch(rest []candidate, s *sieve) (n int, ids []string) {
	most := m.missing()
	for i := range rest {
		if len(ids) == most {
			break
		}
		n++
		if s.mayMatch(&rest[i]) {
			ids = append(ids, rest[i].id)
		}
	}
	return n, ids
}

// missing returns how many recordings to read at once: as many as the page lacks. If some of
// those that have been read did not match, it is as many more.
func (m *matcher) missing() int {
	matched := len(m.page.Page().Recordings)
	n := m.query.Limit - matched
	if m.filtered {
		n = max(n, minFetch)
	}
	if m.filtered || len(m.search.wants) > 1 {
		n = max(n, n*m.found/max(matched, 1))
	}
	return min(max(n, 1), store.MaxFind)
}

// sieve excludes candidates of one list without reading their recordings.
type sieve struct {
	want   want
	owners func(string) bool
	// terms are those of the other wants.
	terms  []hash
	others []other
}

// sieveOf returns the sieve for the candidates of l.
func (m *matcher) sieveOf(lists []*list, l *list) *sieve {
	s := &sieve{want: l.want, owners: m.owners, others: m.others(lists, l)}
	for _, w := range m.search.wants {
		if w != l.want {
			s.terms = append(s.terms, hashOf(w.term()))
		}
	}
	return s
}

// mayMatch reports whether the recording of c may match.
func (s *sieve) mayMatch(c *candidate) bool {
	if !s.want.mayMatch(c.detail) || s.owners != nil && !s.owners(c.owner) || !c.terms.mayHave(s.terms) {
		return false
	}
	for _, o := range s.others {
		if o.covers(c.place) && !o.places[c.place] {
			return false
		}
	}
	return true
}

// other has the entries of another want that have been read.
type other struct {
	places map[place]bool
	// covers reports whether all entries up to a place have been read.
	covers func(place) bool
}

// others returns the entries of the other wants that have been read.
func (m *matcher) others(lists []*list, l *list) []other {
	var all []other
	for _, o := range lists {
		if o == l {
			continue
		}
		places := make(map[place]bool, len(o.candidates))
		for _, c := range o.candidates {
			if o.want.mayMatch(c.detail) {
				places[c.place] = true
			}
		}
		all = append(all, other{places, func(p place) bool { return o.ended || len(o.candidates) > 0 && !m.follows(p, o.end()) }})
	}
	return all
}
