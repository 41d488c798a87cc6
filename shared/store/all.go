package store

import (
	"context"
	"iter"
)

// AllEntries returns the entries of all pages from q on, in their order. It reads a page only
// when the loop over the entries comes to it. An error of PageEntries ends the loop: it comes last
// and without an entry. Errors: ErrUnavailable, also if ctx ends.
func AllEntries(ctx context.Context, r EntryReader, q EntryQuery) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for next := q; ; {
			page, err := r.PageEntries(ctx, next)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Entries {
				if !yield(&page.Entries[i], nil) {
					return
				}
			}
			if next.After = page.Next; next.After == "" {
				return
			}
		}
	}
}
