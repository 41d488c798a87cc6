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

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/store"
)

// errRound means that a cursor leads back to an earlier page.
var errRound = errors.New("its cursors loop")

// Pages lists the recordings of each account, the newest month first; see
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
				w.after, w.now = w.now, nil
			}
		}
	}
}

// walk lists the recordings of one account, month by month.
type walk struct {
	*Source
	account string
	yield   func([]importer.Item, error) bool
	// now, after and here hold the rows that were listed for the current month, the
	// month after it, which is listed earlier, and the current window.
	now, after, here map[string]bool
}

// month yields the recordings that were saved in a month. ok is false if the list
// must end.
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

// span yields the recordings in a window. With a month, it stops at the first
// page that shows a recording of that month's database. whole reports whether one
// page held the entire window; ok is false if the list must end.
func (w *walk) span(ctx context.Context, span window, month string) (whole, ok bool) {
	size, seen := store.MaxFind, map[string]bool{}
	w.here = map[string]bool{}
	for start := ""; ; {
		page, err := w.page(ctx, w.account, span, start, size)
		switch {
		case ctx.Err() != nil:
			return false, false
		case size > 1 && tooLong(err):
			size = max(1, size/4)
			continue
		case tooWide(err) && span.to-span.from > narrow:
			return false, w.split(ctx, span, month)
		case err != nil:
			return false, w.yield(nil, w.failed(span, err))
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
			return false, w.yield(nil, w.failed(span, errRound))
		}
		seen[page.Next] = true
		start = page.Next
	}
}

// tooLong reports whether a smaller page may succeed: the page was too long for this
// client or for Kazoo's memory (kazoo.md 3.4), or Kazoo failed on one document of
// the page.
func tooLong(err error) bool {
	var s *statusError
	return errors.Is(err, errLong) || errors.As(err, &s) && !errors.Is(err, importer.ErrStop) &&
		(s.status == http.StatusRequestedRangeNotSatisfiable || s.status >= http.StatusInternalServerError)
}

// split lists the halves of a window that is too wide for Kazoo. If the window
// touches two databases, the first half is enough: such a window is only for
// recordings that were saved early in the month.
func (w *walk) split(ctx context.Context, span window, month string) bool {
	first, second := span.halves()
	if _, ok := w.span(ctx, first, month); !ok || month != "" {
		return ok
	}
	_, ok := w.span(ctx, second, "")
	return ok
}

func (w *walk) failed(span window, err error) error {
	return fmt.Errorf("list account %s from %s to %s: %w", w.account, day(span.from), day(span.to), err)
}

// fresh returns the items of rows that were not already listed. reached reports
// whether any of the rows is in the month's own database; it is false if month is "".
func (w *walk) fresh(rows []json.RawMessage, month string) (items []importer.Item, reached bool) {
	if w.now == nil {
		w.now = map[string]bool{}
	}
	for _, row := range rows {
		it, id := newItem(w.account, row)
		reached = reached || month != "" && it.ID >= month
		if w.here[id] && month == "" && w.Duplicate != nil {
			w.Duplicate() // a database lists each row only once
		}
		if !w.now[id] && !w.after[id] {
			items = append(items, it)
		}
		w.here[id], w.now[id] = true, true
	}
	return items, reached
}

// page is one page of a list.
type page struct {
	Rows []json.RawMessage
	Next string
}

// page requests one page of a window.
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

// list requests one page of a list.
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

// tooWide reports whether Kazoo rejected a window as too wide (kazoo.md 3.1).
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

// accounts returns the accounts to list. On failure it still returns the account
// itself.
func (s *Source) accounts(ctx context.Context) ([]string, error) {
	all := []string{s.Account}
	if !s.Descendants {
		return all, nil
	}
	seen := map[string]bool{s.Account: true}
	err := s.rows(ctx, "/accounts/"+url.PathEscape(s.Account)+"/descendants", func(row json.RawMessage) error {
		var account struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(row, &account) != nil || !validAccount.MatchString(account.ID) {
			return fmt.Errorf("%w: an account without a valid ID", errNotKazoo)
		}
		if !seen[account.ID] {
			seen[account.ID] = true
			all = append(all, account.ID)
		}
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("list the accounts below %s: %w", s.Account, err)
	}
	return all, nil
}

// rows passes all rows of a list to each. It asks for all rows at once, and follows the
// cursors if Kazoo still answers in pages.
func (s *Source) rows(ctx context.Context, path string, each func(json.RawMessage) error) error {
	q := url.Values{"paginate": {"false"}}
	for seen := map[string]bool{}; ; {
		var p page
		if err := s.list(ctx, path, q, &p); err != nil {
			return err
		}
		for _, row := range p.Rows {
			if err := each(row); err != nil {
				return err
			}
		}
		if p.Next == "" || seen[p.Next] {
			return nil
		}
		seen[p.Next] = true
		q = url.Values{"start_key": {p.Next}}
	}
}
