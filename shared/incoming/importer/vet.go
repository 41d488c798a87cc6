package importer

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/strictjson"
)

// unsafeURL is the note about a removed url. It does not quote the url, which may
// contain a password.
const unsafeURL = "its url was removed: want http or https, without a user or a password"

// vet applies the rules that hold for every way in to an item with an exact document
// (contract, Create). Numbers beyond a double are refused, because other clients cannot
// parse a list with such a document. An unsafe url is removed, because interfaces show
// it as a link to every reader. Everything else stays as it is.
func (it *Item) vet() {
	if it.Fault != nil || !it.Exact || len(it.Document) > maxDocument {
		return
	}
	if err := strictjson.CheckNumbers([]byte(it.Document)); err != nil {
		it.Fault = fmt.Errorf("%w: its document has a number that is too large for a double: %w", ErrRefused, err)
		return
	}
	safe, removed := it.Document.WithoutUnsafeURL()
	if !removed {
		return
	}
	it.Document, it.Note = safe, joined(it.Note, unsafeURL)
	if it.Audio.Place == recording.External {
		it.Audio = recording.Audio{}
	}
}

// joined joins two remarks, either of which may be "".
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// removeURL removes an unsafe url from an existing recording, which an earlier version
// has copied. It returns the changed recording.
func (c *copying) removeURL(ctx context.Context, rec *recording.Recording) (*recording.Recording, error) {
	return retry(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
			r.Document, _ = r.Document.WithoutUnsafeURL()
			if r.Audio.Place == recording.External {
				r.Audio = recording.Audio{Key: c.key}
			}
			r.Modified = max(recording.SecondsOf(c.Now()), r.Modified)
			return nil
		})
	})
}
