package kazoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/store"
)

// errRound is a walk that comes to where it was before.
var errRound = errors.New("its pages lead round in a circle")

// Pages lists the recordings of each account, the oldest first; see
// importer.Source.
func (s *Source) Pages(ctx context.Context) iter.Seq2[[]importer.Item, error] {
	return func(yield func([]importer.Item, error) bool) {
		accounts, err := s.accounts(ctx)
		if err != nil && !yield(nil, err) {
			return
		}
		for _, account := range accounts {
			w := &walk{Source: s, account: account, yield: yield}
			for m := range months(s.Since, s.Until) {
				if !w.month(ctx, m) {
					return
				}
				w.before, w.now = w.now, nil
			}
		}
	}
}

// walk is the way through the months of one account.
type walk struct {
	*Source
	account string
	yield   func([]importer.Item, error) bool
	// now and before are what this month, and the one before it, have shown; here
	// is what this window has.
	now, before, here map[string]bool
}

// month yields what was saved in a month. It reports whether to go on.
func (w *walk) month(ctx context.Context, m month) (ok bool) {
	if m.wide.from > 0 {
		whole, ok := w.span(ctx, m.wide, m.name)
		if whole || !ok {
			return ok
		}
	}
	_, ok = w.span(ctx, m.own, "")
	return ok
}

// span yields what a window shows; with a month, until the first page that
// shows a recording of its database. It reports whether one page has shown all,
// and whether to go on.
func (w *walk) span(ctx context.Context, span window, month string) (whole, ok bool) {
	size, seen := store.MaxFind, map[string]bool{}
	w.here = map[string]bool{}
	for start := ""; ; {
		page, err := w.page(ctx, w.account, span, start, size)
		switch {
		case ctx.Err() != nil:
			return false, false
		case size > 1 && tooMuch(err):
			size = max(1, size/4)
			continue
		case tooWide(err) && span.to-span.from > narrow:
			return false, w.split(ctx, span, month)
		case err != nil:
			return false, w.yield(nil, w.fails(span, err))
		}
		items, reached := w.fresh(page.Rows, month)
		if len(items) > 0 && !w.yield(items, nil) {
			return false, false
		}
		switch {
		case page.Next == "":
			return start == "", true
		case reached:
			return false, true
		case seen[page.Next]:
			return false, w.yield(nil, w.fails(span, errRound))
		}
		seen[page.Next] = true
		start = page.Next
	}
}

// tooMuch reports whether less may be had where a page cannot: it is too long,
// for Kazoo's memory too (kazoo.md 3.4), or one document in it is what Kazoo fails
// of.
func tooMuch(err error) bool {
	var s *statusError
	return errors.Is(err, errLong) || errors.As(err, &s) && !errors.Is(err, importer.ErrStop) &&
		(s.status == http.StatusRequestedRangeNotSatisfiable || s.status >= http.StatusInternalServerError)
}

// split asks for halves of a window that Kazoo finds too wide. Of one that
// touches two databases the first is enough: what it is for was saved early in
// the month.
func (w *walk) split(ctx context.Context, span window, month string) bool {
	first, second := span.halves()
	if _, ok := w.span(ctx, first, month); !ok || month != "" {
		return ok
	}
	_, ok := w.span(ctx, second, "")
	return ok
}

func (w *walk) fails(span window, err error) error {
	return fmt.Errorf("list account %s from %s to %s: %w", w.account, day(span.from), day(span.to), err)
}

// fresh are the items of rows that have not come before. reached reports
// whether one of the rows is of the month's own database, "" for none.
func (w *walk) fresh(rows []json.RawMessage, month string) (items []importer.Item, reached bool) {
	if w.now == nil {
		w.now = map[string]bool{}
	}
	for _, row := range rows {
		it, id := newItem(w.account, row)
		reached = reached || month != "" && it.ID >= month
		if w.here[id] && month == "" && w.Again != nil {
			w.Again() // one database has it once
		}
		if !w.now[id] && !w.before[id] {
			items = append(items, it)
		}
		w.here[id], w.now[id] = true, true
	}
	return items, reached
}

// page is one answer to a list.
type page struct {
	Rows []json.RawMessage
	Next string
}

// page asks for one page of a window.
func (s *Source) page(ctx context.Context, account string, w window, start string, size int) (p page, err error) {
	q := url.Values{
		"created_from": {strconv.FormatInt(int64(w.from), 10)}, "created_to": {strconv.FormatInt(int64(w.to), 10)},
		"page_size": {strconv.Itoa(size)}, "ascending": {"true"},
	}
	if start != "" {
		q.Set("start_key", start)
	}
	err = s.list(ctx, "/accounts/"+url.PathEscape(account)+"/recordings", q, &p)
	return p, err
}

// list asks for one page of a list.
func (s *Source) list(ctx context.Context, path string, q url.Values, into *page) error {
	return s.do(ctx, request{
		method: http.MethodGet, path: path, query: q, header: map[string]string{"Accept": "application/json"},
		read: func(resp *http.Response) error {
			var answer struct {
				Data   *[]json.RawMessage `json:"data"`
				Status string             `json:"status"`
				Next   string             `json:"next_start_key"`
			}
			if err := readJSON(resp.Body, &answer); err != nil {
				return err
			}
			if answer.Data == nil || answer.Status != "success" {
				return errNotKazoo
			}
			*into = page{*answer.Data, answer.Next}
			return nil
		},
	})
}

// tooWide recognises Kazoo's refusal of a window (kazoo.md 3.1).
func tooWide(err error) bool {
	var s *statusError
	if !errors.As(err, &s) || s.status != http.StatusBadRequest {
		return false
	}
	var data struct {
		From struct {
			Range json.RawMessage `json:"date_range"`
		} `json:"created_from"`
	}
	return json.Unmarshal(s.data, &data) == nil && len(data.From.Range) > 0
}

// accounts are those whose recordings are wanted. An error stands beside the
// account itself.
func (s *Source) accounts(ctx context.Context) ([]string, error) {
	all := []string{s.Account}
	if !s.Descendants {
		return all, nil
	}
	q := url.Values{"paginate": {"false"}}
	for seen := map[string]bool{s.Account: true}; ; {
		var p page
		if err := s.list(ctx, "/accounts/"+url.PathEscape(s.Account)+"/descendants", q, &p); err != nil {
			return all, fmt.Errorf("list the accounts below %s: %w", s.Account, err)
		}
		for _, row := range p.Rows {
			var account struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(row, &account) != nil || !validAccount.MatchString(account.ID) {
				return all, fmt.Errorf("list the accounts below %s: %w: an account without a proper id", s.Account, errNotKazoo)
			}
			if !seen[account.ID] {
				seen[account.ID] = true
				all = append(all, account.ID)
			}
		}
		if p.Next == "" || seen[p.Next] {
			return all, nil
		}
		seen[p.Next] = true
		q = url.Values{"start_key": {p.Next}}
	}
}
