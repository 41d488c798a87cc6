package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/hold"
)

const (
	// lockEvery is the time between two looks for audio to lock or to unlock.
	lockEvery = 5 * time.Second
	// lockTime bounds one run, so that a new hold does not wait until a large one is done.
	lockTime = 10 * time.Second
)

// lockHeld locks the audio that is on legal hold, and unlocks it after the release, until
// ctx ends. The built-in S3 server then refuses to remove or replace it.
func (b *box) lockHeld(ctx context.Context) {
	l := hold.Locker{Entries: b.store, Recordings: b.store, Audio: b.bucket, Now: b.now, Time: lockTime}
	every(ctx, lockEvery, func(ctx context.Context) {
		changed, err := l.Run(ctx)
		if err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "audio on legal hold could not all be locked; this is retried", slog.String("cause", err.Error()))
		}
		if changed > 0 && ctx.Err() == nil {
			b.log.InfoContext(ctx, "audio on legal hold was locked or unlocked", slog.Int("recordings", changed))
		}
	})
}
