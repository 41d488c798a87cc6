package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
)

const (
	// feedReads is the maximum number of reads for a page if the bearer may list only some
	// owners' recordings. Each reads up to feedSize entries.
	feedReads = 8
	feedSize  = 1000
)

// FeedReader reads the feed of changes. [feed.Feed] implements it.
type FeedReader interface {
	// Page returns up to limit entries after a cursor. Errors: feed.ErrTooOld,
	// store.ErrUnavailable.
	Page(ctx context.Context, account string, after feed.Cursor, limit int) (feed.Page, error)
	// Now returns the end of an account's feed. Error: store.ErrUnavailable.
	Now(ctx context.Context, account string) (feed.Cursor, error)
	// Ahead reports whether a feed has entries after a cursor. Error:
	// store.ErrUnavailable.
	Ahead(ctx context.Context, account string, after feed.Cursor) (bool, error)
}

// follower answers the feed of changes.
type follower struct {
	feed    FeedReader
	places  Places
	sealer  *cursor.Sealer
	maxWait time.Duration
}

// Changes answers the feed of an account's changes (contract, Changes). f is nil if the
// feed is off. maxWait is the longest time that a request may wait for changes, and p has the
// places for that; p may be nil if maxWait is 0.
func Changes(env Env, f FeedReader, p Places, c *cursor.Sealer, maxWait time.Duration) http.Handler {
	return env.handle(OpChanges, (&follower{f, p, c, maxWait}).serve)
}

// errFeedOff is the 404 of a deployment without the feed.
var errFeedOff = &publicError{
	status: http.StatusNotFound, code: "not_found",
	data: map[string]any{"message": "not found", "details": "the operator has switched off the feed of changes"},
}

func (f *follower) serve(w http.ResponseWriter, r *request) error {
	if err := r.allow(access.List); err != nil {
		return err
	}
	if f.feed == nil {
		return errFeedOff
	}
	query := parseParameters(r.URL.RawQuery)
	accept, _ := query.first("accept")
	chosen, err := preferencesOf(accept, r.Header.Values("Accept")).choose(offerDocument, offerCSV)
	if err != nil {
		return err
	}
	after, size, err := f.parse(r, query)
	if err != nil {
		return err
	}
	page, err := f.await(w, r, after, size)
	if err != nil {
		return err
	}
	next := f.sealer.Seal(feedBinding(r.account), fmt.Appendf(nil, "%d.%d", page.Next.Epoch, page.Next.Sequence))
	w.Header().Set("Cache-Control", "no-store")
	if chosen == formCSV {
		return writeChangesCSV(w, r, query, page.Entries, next)
	}
	return writeChangesJSON(w, r, &page, next)
}

// feedBinding returns the data that cursors of a feed are bound to.
func feedBinding(account string) []byte { return []byte("changes 1\n" + account) }

// parse returns where the page begins and its size.
func (f *follower) parse(r *request, query parameters) (after feed.Cursor, size int, err error) {
	size = defaultPageSize
	if text, ok := query.first("page_size"); ok {
		if err := parsePageSize(&size, text); err != nil {
			problem := recording.FieldError{}
			if errors.As(err, &problem) {
				problem.Field = "page_size"
				return after, 0, problem
			}
			return after, 0, err
		}
	}
	if text, _ := query.first("cursor"); !recording.IsAbsent(text) {
		after, err = f.open(r.account, text)
		return after, size, err
	}
	switch from, _ := query.first("from"); {
	case from == "now":
		after, err = f.feed.Now(r.Context(), r.account)
		return after, size, err
	case !recording.IsAbsent(from) && from != "start":
		return after, 0, recording.FieldErrors{{
			Field: "from", Code: "enum", Message: "Value not found in enumerated list of values", Target: []string{"start", "now"},
		}}
	}
	return after, size, nil
}

// open returns the position of a client's cursor. Error: cursor.ErrInvalid.
func (f *follower) open(account, text string) (c feed.Cursor, err error) {
	sealed, err := f.sealer.Open(feedBinding(account), text)
	if err != nil {
		return c, err
	}
	epoch, sequence, _ := strings.Cut(string(sealed), ".")
	var errs [2]error
	c.Epoch, errs[0] = strconv.ParseInt(epoch, 10, 64)
	c.Sequence, errs[1] = strconv.ParseInt(sequence, 10, 64)
	if errs[0] != nil || errs[1] != nil || c.Epoch < 1 || c.Sequence < 0 {
		return feed.Cursor{}, cursor.ErrInvalid
	}
	return c, nil
}

// await returns the page after a cursor. If it is empty, await waits for a change that the
// bearer may see, as long as the client prefers (RFC 7240, 4.3) and the operator allows. It
// does not wait if too many requests of the account do already.
func (f *follower) await(w http.ResponseWriter, r *request, after feed.Cursor, size int) (feed.Page, error) {
	page, err := f.page(r, after, size)
	wait := r.preferredWait(f.maxWait)
	if err != nil || wait <= 0 || len(page.Entries) > 0 || page.More {
		return page, err
	}
	_, err = r.lookAgain(w, f.places, wait, func() (bool, error) {
		ahead, err := f.feed.Ahead(r.Context(), r.account, page.Next)
		if err == nil && ahead {
			page, err = f.page(r, page.Next, size)
		}
		if err != nil {
			return false, fmt.Errorf("check for new changes: %w", err)
		}
		return len(page.Entries) > 0 || page.More, nil
	})
	return page, err
}

// page returns the page after a cursor, with the entries that the bearer may see.
func (f *follower) page(r *request, after feed.Cursor, size int) (feed.Page, error) {
	owners, all := r.grant.Owners(access.List)
	if all {
		return f.feed.Page(r.Context(), r.account, after, size)
	}
	visible := feed.Page{Next: after, More: true}
	for read := 0; read < feedReads && visible.More; read++ {
		page, err := f.feed.Page(r.Context(), r.account, visible.Next, feedSize)
		if err != nil {
			return visible, err
		}
		visible.Next, visible.More = page.Next, page.More
		for i := range page.Entries {
			e, ok := seenBy(page.Entries[i], owners)
			if !ok {
				continue
			}
			visible.Entries = append(visible.Entries, e)
			if len(visible.Entries) == size {
				visible.Next.Sequence = e.Sequence
				visible.More = page.More || i+1 < len(page.Entries)
				return visible, nil
			}
		}
	}
	return visible, nil
}

// seenBy returns an entry as a bearer sees it. The bearer may list only the recordings of
// owners, in sorted order. A recording that moves to another owner is deleted for the bearer.
func seenBy(e feed.Entry, owners []string) (feed.Entry, bool) {
	has := func(owner string) bool {
		_, found := slices.BinarySearch(owners, owner)
		return owner != "" && found
	}
	switch {
	case has(e.Owner):
		e.Left = ""
		return e, true
	case has(e.Left):
		e.Kind, e.State, e.Reason, e.Owner, e.Left = feed.Deleted, notify.Gone, "", e.Left, ""
		return e, true
	}
	return e, false
}
