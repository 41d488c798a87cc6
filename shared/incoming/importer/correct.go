package importer

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/shared/incoming"
	"callrecordings/shared/recording"
)

// correct replaces the fields of an existing recording with those of the item. It
// keeps the recording's ID and its time of creation.
func (c *copying) correct(ctx context.Context, rec *recording.Recording) Result {
	now := recording.SecondsOf(c.Now())
	_, err := retry(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Update(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
			before := r.Document
			incoming.CorrectMetadata(r, c.item.Document)
			if r.Document == before {
				return incoming.ErrUnchanged
			}
			r.Modified = max(now, r.Modified)
			return nil
		})
	})
	switch {
	case errors.Is(err, incoming.ErrUnchanged):
		return c.complete(rec)
	case err != nil:
		return c.failed(ctx, c.res, fmt.Errorf("correct its document: %w", err))
	}
	return c.res.ends(Updated, nil)
}
