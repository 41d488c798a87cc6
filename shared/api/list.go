package api

import (
	"net/http"
	"net/url"
	"strings"

	"callrecordings/shared/auth"
	"callrecordings/shared/cursor"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

const (
	// pageBytes is the most that the items of a page take, as uncompressed,
	// escaped text (contract, List): with the envelope it stays below the 6 MB
	// of a Lambda response, whoever asks.
	pageBytes = 5_000_000
	// filterCalls and filterBytes are what a filtered page may cost (docs/adr/001-store-keys.md).
	filterCalls = 8
	filterBytes = 4 << 20
)

// lister answers lists of recordings.
type lister struct {
	store  store.Reader
	sealer *cursor.Sealer
}

// List answers lists of recordings: of an account or a user, paged or whole,
// as JSON or CSV (contract, List).
func List(env Env, s store.Reader, c *cursor.Sealer) http.Handler {
	l := &lister{store: s, sealer: c}
	return env.handle(OpList, l.serve)
}

func (l *lister) serve(w http.ResponseWriter, r *request) error {
	if !r.bearer.May(auth.List) {
		return errForbidden
	}
	query := parseParameters(r.URL.RawQuery)
	accept, _ := query.first("accept")
	chosen, ok := wishOf(accept, r.Header.Values("Accept")).choose(offerDocument, offerCSV)
	if !ok {
		return errNotAcceptable
	}
	q, err := parseListQuery(query, r.version, recording.SecondsOf(r.env.Now()))
	if err != nil {
		return err
	}
	if q.unpaged {
		return l.whole(w, r, q, chosen, query)
	}
	return l.page(w, r, q, chosen, query)
}

// page answers with one page.
func (l *lister) page(w http.ResponseWriter, r *request, q listQuery, chosen form, query parameters) error {
	binding := q.binding(r.account, r.user)
	ask := q.ask(r)
	ask.Limit, ask.MaxBytes = q.size, pageBytes
	if !q.filter.IsZero() {
		ask.Work = store.Work{Calls: filterCalls, Bytes: filterBytes}
	}
	if q.start != "" {
		var err error
		if ask.Start, err = l.open(binding, q.start); err != nil {
			return err
		}
	}
	page, err := l.store.Page(r.Context(), ask)
	if err != nil {
		return err
	}
	if chosen == formCSV {
		t := newTable(pageBytes)
		next := fill(page, t.add)
		if next != nil {
			w.Header().Set("Link", nextLink(r.URL, query, l.seal(binding, *next)))
		}
		return r.writeTable(w, t, query)
	}
	withBuffer(func(buf []byte) []byte {
		items := newItems(buf, r.pretty(), pageBytes)
		next := fill(page, items.add)
		p := &paging{size: items.count, start: q.start}
		if p.start == "" {
			p.start = l.seal(binding, page.First)
		}
		if next != nil {
			p.end = l.seal(binding, *next)
		}
		buf = items.close(r, p)
		w.Header().Set("Content-Type", jsonType)
		r.writeBody(w, http.StatusOK, buf)
		return buf
	})
	return nil
}

// ask is the question to the store that all lists have in common.
func (q *listQuery) ask(r *request) store.Query {
	ask := store.Query{Account: r.account, Owner: r.user, Ascending: q.ascending, From: q.from, To: q.to}
	if !q.filter.IsZero() {
		ask.Keep = q.filter.Match
	}
	return ask
}

// fill hands the recordings of page to add until it refuses one, and returns
// where the next page begins, nil at the end.
func fill(page store.Page, add func(*recording.Recording) bool) *store.Position {
	for i := range page.Recordings {
		if !add(&page.Recordings[i]) {
			next := store.After(&page.Recordings[i-1]) // the first is never refused
			return &next
		}
	}
	return page.Next
}

// open returns the position of a client's cursor.
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

// seal makes the cursor of a position.
func (l *lister) seal(binding []byte, p store.Position) string {
	var room [160]byte
	return l.sealer.Seal(binding, appendPosition(room[:0], p))
}

// nextLink is the Link header of a CSV page (RFC 8288): the same URL with
// another start_key. A token of the query is left out; no answer repeats one.
func nextLink(u *url.URL, query parameters, start string) string {
	var b strings.Builder
	b.WriteByte('<')
	b.WriteString(u.EscapedPath())
	b.WriteByte('?')
	for _, p := range query {
		if p[0] == "start_key" || p[0] == "auth_token" {
			continue
		}
		b.WriteString(url.QueryEscape(p[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
		b.WriteByte('&')
	}
	b.WriteString("start_key=")
	b.WriteString(start)
	b.WriteString(`>; rel="next"`)
	return b.String()
}
