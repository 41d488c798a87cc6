package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// awaitingAtOnce is how many recordings are read at a time.
const awaitingAtOnce = 100

// enqueueMissed finds audio that was stored without an event, for example just
// before a crash, and adds an event for it to the queue. It runs while the server
// answers requests, so it may add a second event for audio that is being ingested.
// Ingest handles repeated events.
func (b *box) enqueueMissed(ctx context.Context) error {
	queued, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	return errors.Join(b.enqueueMissedUploads(ctx, queued), b.enqueueMissedDrops(ctx, queued))
}

// enqueueMissedUploads looks for the audio of pending recordings. It skips keys
// that are already queued.
func (b *box) enqueueMissedUploads(ctx context.Context, queued map[string]bool) error {
	account, id := "", ""
	for {
		some, err := b.store.Awaiting(ctx, account, id, awaitingAtOnce)
		if err != nil {
			return err
		}
		for i := range some {
			if err := ctx.Err(); err != nil {
				return err
			}
			account, id = some[i].Account, some[i].ID
			key := some[i].AudioKey()
			if queued[key] {
				continue
			}
			switch _, stored, err := b.s3.Size(key); {
			case err != nil:
				return fmt.Errorf("look for missed audio: %w", err)
			case stored:
				b.enqueueArrival(ctx, datadir.RecheckEvent(key))
			}
		}
		if len(some) < awaitingAtOnce {
			return nil
		}
	}
}

// enqueueMissedDrops looks in the inboxes for files that do not belong to a
// recording yet. It skips keys that are already queued.
func (b *box) enqueueMissedDrops(ctx context.Context, queued map[string]bool) error {
	return b.list(ctx, recording.InboxKey("", ""), func(keys []string) error {
		known, err := b.store.AudioKeys(ctx, keys)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if !known[key] && !queued[key] {
				b.enqueueArrival(ctx, datadir.RecheckEvent(key))
			}
		}
		return nil
	})
}

// list calls do with the keys under prefix, up to media.MaxList at a time.
func (b *box) list(ctx context.Context, prefix string, do func(keys []string) error) error {
	for after := ""; ; {
		keys, err := b.bucket.List(ctx, prefix, after)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		if err := do(keys); err != nil {
			return err
		}
		if len(keys) < media.MaxList {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

// s3Event is the part of an S3 event that this package reads.
type s3Event struct {
	Records []struct {
		S3 struct {
			Object struct {
				Key string `json:"key"`
			} `json:"object"`
		} `json:"s3"`
	}
}

// objectOf names the object of an S3 event for the log, in the form of [media.KeyText].
func objectOf(event []byte) string {
	var e s3Event
	if json.Unmarshal(event, &e) != nil || len(e.Records) == 0 {
		return ""
	}
	key, err := url.QueryUnescape(e.Records[0].S3.Object.Key)
	if err != nil {
		return ""
	}
	return media.KeyText(key)
}
