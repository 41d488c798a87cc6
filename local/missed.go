package main

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/local/datadir"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// awaitingAtOnce bounds how many recordings are read at a time.
const awaitingAtOnce = 100

// missed looks for audio that arrived while nobody listened, and puts its event
// into the queue.
func (b *box) missed(ctx context.Context) error {
	waiting, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.missedAudio(ctx, waiting), b.missedDrops(ctx, waiting))
}

// missedAudio looks where recordings wait for theirs, but for those of which
// the queue knows.
func (b *box) missedAudio(ctx context.Context, waiting map[string]bool) error {
	account, id := "", ""
	for {
		some, err := b.store.Awaiting(ctx, account, id, awaitingAtOnce)
		if err != nil {
			return err
		}
		for i := range some {
			account, id = some[i].Account, some[i].ID
			key := some[i].AudioKey()
			if waiting[key] {
				continue
			}
			switch _, err := b.bucket.Stat(ctx, key); {
			case err == nil:
				b.arrived(ctx, datadir.Event(key, b.now()))
			case !errors.Is(err, media.ErrNotFound):
				return fmt.Errorf("look for audio that was missed: %w", err)
			}
		}
		if len(some) < awaitingAtOnce {
			return nil
		}
	}
}

// missedDrops looks into the inboxes, for what is no recording's audio.
func (b *box) missedDrops(ctx context.Context, waiting map[string]bool) error {
	prefix := recording.InboxKey("", "")
	known, err := b.store.AudioKeys(ctx, prefix)
	if err != nil {
		return err
	}
	for after := ""; ; {
		keys, err := b.bucket.List(ctx, prefix, after)
		if err != nil {
			return fmt.Errorf("look for audio that was missed: %w", err)
		}
		for _, key := range keys {
			after = key
			if !known[key] && !waiting[key] {
				b.arrived(ctx, datadir.Event(key, b.now()))
			}
		}
		if len(keys) < media.MaxList {
			return nil
		}
	}
}
