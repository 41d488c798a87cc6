package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// conflict handles a recording that another request created or deleted in the
// meantime, or that this run created although the answer was lost. Audio that belongs to
// no recording is removed.
func (c *copying) conflict(ctx context.Context, made *recording.Recording, f *fetched) Result {
	found, err := c.foundOne(ctx, made.Account, made.ID)
	if err != nil {
		return c.failed(ctx, c.res, err)
	}
	existing := found.Recording
	if existing != nil && c.wantsAudio() && incoming.NeedsAudio(existing.Audio) {
		return c.attach(ctx, made, f)
	}
	if unused(found, made.AudioKey()) {
		if err := c.withdraw(ctx, made, f); err != nil {
			return c.failed(ctx, c.res, err)
		}
	}
	if existing == nil {
		return c.deleted(ctx, c.res)
	}
	return c.complete(existing)
}

// unused reports whether nothing will ever need the audio under key: the recording has
// audio elsewhere, or is gone for good. Another run stores the same recording under the
// same key. So the audio stays while the recording can be restored, and it stays if there
// is no trace of the recording; a later comparison of table and bucket removes it then.
func unused(f store.Found, key string) bool {
	if f.Recording != nil {
		return f.Recording.AudioKey() != key
	}
	return f.Tombstone != nil && f.Tombstone.Until == 0
}

// supply copies the missing audio of an existing recording.
func (c *copying) supply(ctx context.Context, rec *recording.Recording) Result {
	if !c.turn(ctx) {
		return Result{}
	}
	if rec.Audio.Key != "" { // a delete removes the audio under this key
		c.key = rec.Audio.Key
	}
	f := c.fetch(ctx)
	defer f.close()
	switch {
	case errors.Is(f.err, ErrStop), ctx.Err() != nil:
		return c.failed(ctx, c.res, f.err)
	case f.gone:
		return c.complete(rec)
	}
	made := c.compose(f)
	if err := c.send(ctx, made, f); err != nil {
		return c.failed(ctx, c.res, err)
	}
	ctx, cancel := withGrace(ctx)
	defer cancel()
	return c.attach(ctx, made, f)
}

// Reasons to end an update without a change.
var (
	errHasAudio = errors.New("it has audio already")
	errKnown    = errors.New("the reason is noted already")
)

// attach adds the fetched audio to an existing recording.
func (c *copying) attach(ctx context.Context, made *recording.Recording, f *fetched) Result {
	if !f.usable() && f.rejected() == "" {
		return c.copied(f, made)
	}
	_, err := retry(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Update(ctx, made.Account, made.ID, func(r *recording.Recording) error {
			switch {
			case !incoming.NeedsAudio(r.Audio):
				return errHasAudio
			case f.rejected() != "" && f.rejected() == r.Audio.Reason:
				return errKnown
			}
			r.Audio = made.Audio
			if !c.item.Exact && f.usable() {
				r.Document = r.Document.Describe(f.verdict.Sound)
				r.Modified = max(r.Modified, recording.SecondsOf(c.Now()))
			}
			return nil
		})
	})
	switch {
	case errors.Is(err, errHasAudio), errors.Is(err, store.ErrNotFound):
		return c.conflict(ctx, made, f)
	case err != nil && !errors.Is(err, errKnown):
		return c.failed(ctx, c.res, fmt.Errorf("note the audio in its recording: %w", err))
	}
	return c.copied(f, made)
}
