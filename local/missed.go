package main

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/local/datadir"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
)

// awaitingAtOnce is how many recordings are read at a time.
const awaitingAtOnce = 100

// enqueueMissed finds audio that was stored without an event, for example just
// before a crash, and adds an event for it to the queue.
func (b *box) enqueueMissed(ctx context.Context) error {
	queued, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.enqueueMissedUploads(ctx, queued), b.enqueueMissedDrops(ctx, queued))
}

// enqueueMissedUploads looks for the audio of pending recordings. It skips keys
// that are queued already.
func (b *box) enqueueMissedUploads(ctx context.Context, queued map[string]bool) error {
	account, id := "", ""
	for {
		some, err := b.store.Awaiting(ctx, account, id, awaitingAtOnce)
		if err != nil {
			return err
		}
		for i := range some {
			account, id = some[i].Account, some[i].ID
			key := some[i].AudioKey()
			if queued[key] {
				continue
			}
			switch _, err := b.bucket.Stat(ctx, key); {
			case err == nil:
				b.enqueueArrival(ctx, datadir.Event(key, b.now()))
			case !errors.Is(err, media.ErrNotFound):
				return fmt.Errorf("look for missed audio: %w", err)
			}
		}
		if len(some) < awaitingAtOnce {
			return nil
		}
	}
}

// enqueueMissedDrops looks in the inboxes for files that do not belong to a
// recording yet. It skips keys that are queued already.
func (b *box) enqueueMissedDrops(ctx context.Context, queued map[string]bool) error {
	prefix := recording.InboxKey("", "")
	known, err := b.store.AudioKeys(ctx, prefix)
	if err != nil {
		return err
	}
	for after := ""; ; {
		keys, err := b.bucket.List(ctx, prefix, after)
		if err != nil {
			return fmt.Errorf("look for missed audio: %w", err)
		}
		for _, key := range keys {
			after = key
			if !known[key] && !queued[key] {
				b.enqueueArrival(ctx, datadir.Event(key, b.now()))
			}
		}
		if len(keys) < media.MaxList {
			return nil
		}
	}
}
