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
	// takes about 200 bytes.
	minFetch, maxFetch = 32, 1000
	// ownersWeight is how many entries of a word are read rather than one of an owner. An
	// entry names its owner, so those of a word that belong to others cost a thirtieth of a
	// read unit, while each entry of the owner costs the read of its recording.
	ownersWeight = 10
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
// several words, it begins with one read for each, and follows the rarest at that place.
// Work.Calls limits the reads of the index, and Work.Bytes those of documents.
// Errors: ErrUnavailable.
func Page(ctx context.Context, s Reader, search Query, q store.Query, owners func(owner string) bool) (store.Page, error) {
	asked := len(search.wants)
	if q.Owner != "" {
		search = search.withOwner(q.Owner)
		only := q.Owner
		owners = func(owner string) bool { return owner == only }
	}
	m := &matcher{store: s, search: search, ofOwner: search.wants[asked:], query: q, owners: owners}
	keep := q.Keep
	q.Keep = func(r *recording.Recording) bool {
		// Recordings that are only in the index have no revision.
		return r.Revision != "" && (owners == nil || owners(r.Owner)) && search.Match(r) && (keep == nil || keep(r))
	}
	m.filtered = keep != nil || len(search.wants) > 1
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
	// ofOwner are the wants of search for the owner of the query.
	ofOwner  []want
	query    store.Query
	owners   func(string) bool
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
	if m.filtered || m.owners != nil {
		fetch = max(fetch, 4*minFetch)
	}
	if slices.ContainsFunc(m.search.wants, want.partial) {
		fetch = max(fetch, 12*minFetch)
	}
	wants := m.search.wants
	for {
		q := m.query
		q.Start = m.page.Last()
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
		// The next reads follow the same word, and cost one read each.
		wants = []want{rarest.want}
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
// candidates, otherwise the one that reaches farthest. A list of the owner must reach
// ownersWeight times as far as one of a word.
func (m *matcher) rarest(lists []*list) *list {
	best := lists[0]
	for _, l := range lists[1:] {
		switch {
		case l.ended && best.ended:
			if len(l.candidates) < len(best.candidates) {
				best = l
			}
		case l.ended, !best.ended && m.farther(l, best):
			best = l
		}
	}
	return best
}

// farther reports whether to follow l instead of best, of which neither ends.
func (m *matcher) farther(l, best *list) bool {
	owners := slices.Contains(m.ofOwner, l.want)
	if owners == slices.Contains(m.ofOwner, best.want) || len(l.candidates) == 0 || len(best.candidates) == 0 {
		return m.follows(l.end(), best.end())
	}
	begin := l.candidates[0].place // or that of best, if it comes earlier
	if m.follows(begin, best.candidates[0].place) {
		begin = best.candidates[0].place
	}
	reach := func(l *list) recording.Seconds {
		d := l.end().created - begin.created
		return max(d, -d)
	}
	if owners {
		return reach(l) > ownersWeight*reach(best)
	}
	return ownersWeight*reach(l) >= reach(best)
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
	others := m.others(lists, l)
	for rest := l.candidates; len(rest) > 0; {
		n, ids := m.batch(rest, l.want, others)
		if m.page.Full() {
			if len(ids) == 0 {
				return false, nil
			}
			m.page.Add(m.unread(candidate{}), 0) // there is a next page, which begins after the last row
			return true, nil
		}
		var found map[string]store.Found
		if len(ids) > 0 {
			if found, err = m.store.Find(ctx, m.query.Account, ids); err != nil {
				return false, err
			}
			m.found += len(ids)
		}
		for _, c := range rest[:n] {
			r := found[c.id].Recording
			size := 0
			if r == nil || r.Created != c.created { // removed, moved, or excluded by the index alone
				r = m.unread(c)
			} else {
				size = len(r.Document) + len(r.ID)
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
func (m *matcher) unread(c candidate) *recording.Recording {
	return &recording.Recording{Account: m.query.Account, ID: c.id, Created: c.created}
}

// batch returns how many of the candidates to examine next, and the IDs of those that the
// index does not exclude.
func (m *matcher) batch(rest []candidate, w want, others []other) (n int, ids []string) {
	most := m.missing()
	for _, c := range rest {
		if len(ids) == most {
			break
		}
		n++
		if w.mayMatch(c.detail) && (m.owners == nil || m.owners(c.owner)) && mayMatch(c.place, others) {
			ids = append(ids, c.id)
		}
	}
	return n, ids
}

// missing returns how many recordings to read at once: as many as the page lacks. If a
// filter may reject some, it is as many more as it has rejected so far.
func (m *matcher) missing() int {
	matched := len(m.page.Page().Recordings)
	n := m.query.Limit - matched
	if m.filtered {
		n = max(n, minFetch, n*m.found/max(matched, 1))
	}
	return min(max(n, 1), store.MaxFind)
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

// mayMatch reports whether the entries of the other wants allow a match at p.
func mayMatch(p place, others []other) bool {
	for _, o := range others {
		if o.covers(p) && !o.places[p] {
			return false
		}
	}
	return true
}
