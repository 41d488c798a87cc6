package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

// correct replaces the fields of an existing recording with those of the item. If
// they change the end of the call, the recording's time of creation follows. The ID
// stays. Store.Correct stores all of it in one write, so a killed run leaves no half of it.
func (c *copying) correct(ctx context.Context, rec *recording.Recording) Result {
	now := recording.SecondsOf(c.Now())
	_, err := retry(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Correct(ctx, rec.Account, rec.ID, func(r *recording.Recording) error {
			document, created := r.Document, r.Created
			incoming.CorrectMetadata(r, c.item.Document, now)
			if r.Document == document && r.Created == created {
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
