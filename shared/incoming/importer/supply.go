package importer

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// beaten deals with a recording that somebody else made, or deleted, meanwhile;
// or that this run did, when only the answer was lost. Audio under another key
// than that one's is nobody's.
func (c *copying) beaten(ctx context.Context, made *recording.Recording, h *heard) Result {
	found, err := c.foundOne(ctx, made.Account, made.ID)
	if err != nil {
		return c.failed(ctx, c.res, err)
	}
	rec := found.Recording
	if rec != nil && c.wants() && awaits(rec.Audio) {
		return c.attach(ctx, made, h)
	}
	if rec == nil || rec.AudioKey() != made.AudioKey() {
		if err := c.withdraw(ctx, made, h); err != nil {
			return c.failed(ctx, c.res, err)
		}
	}
	if rec == nil {
		return c.res.ends(Deleted, nil)
	}
	return c.there(rec)
}

// supply brings the audio of a recording that is there without.
func (c *copying) supply(ctx context.Context, rec *recording.Recording) Result {
	if !c.turn(ctx) {
		return Result{}
	}
	if rec.Audio.Key != "" { // whoever deletes the recording looks there
		c.key = rec.Audio.Key
	}
	h := c.hear(ctx)
	defer h.close()
	switch {
	case errors.Is(h.err, ErrStop), ctx.Err() != nil:
		return c.failed(ctx, c.res, h.err)
	case h.gone:
		return c.there(rec)
	}
	made := c.compose(h)
	if err := c.send(ctx, made, h); err != nil {
		return c.failed(ctx, c.res, err)
	}
	ctx, cancel := outlasting(ctx)
	defer cancel()
	return c.attach(ctx, made, h)
}

// What ends an update that has nothing to change: the recording has audio by
// then, or is known to have none.
var (
	errSupplied = errors.New("it has audio by now")
	errNoNews   = errors.New("that is known")
)

// attach notes in a recording that is there what is known of its audio.
func (c *copying) attach(ctx context.Context, made *recording.Recording, h *heard) Result {
	if !h.good() && h.reason == "" {
		return c.copied(h, made)
	}
	_, err := again(ctx, c.run, func() (*recording.Recording, error) {
		return c.target.Store.Update(ctx, made.Account, made.ID, func(r *recording.Recording) error {
			switch {
			case !awaits(r.Audio):
				return errSupplied
			case h.reason != "" && h.reason == r.Audio.Reason:
				return errNoNews
			}
			r.Audio = made.Audio
			if !c.item.Exact && h.good() {
				r.Document = r.Document.Describe(h.sound())
				r.Modified = max(r.Modified, recording.SecondsOf(c.Now()))
			}
			return nil
		})
	})
	switch {
	case errors.Is(err, errSupplied), errors.Is(err, store.ErrNotFound):
		return c.beaten(ctx, made, h)
	case err != nil && !errors.Is(err, errNoNews):
		return c.failed(ctx, c.res, fmt.Errorf("store what is known of the audio: %w", err))
	}
	return c.copied(h, made)
}
