package main

import (
	"context"
	"errors"
	"time"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store"
)

// lockTime is how much of a run may go to locks. The sweep follows.
const lockTime = 5 * time.Minute

// holdStore has the holds and the recordings that they cover.
type holdStore interface {
	store.Entries
	hold.LockerStore
}

// locking returns a job that first locks and unlocks the audio of legal holds, and then does
// next. Without OBJECT_LOCK it only unlocks: the bucket may have locks from before the setting was
// switched off. A failure of the first does not keep the second from running.
func locking(s *config.Settings, recordings holdStore, audio media.Locker, now func() time.Time, next wiring.Job) wiring.Job {
	l := hold.Locker{
		Entries: recordings, Recordings: recordings, Audio: audio, UnlockOnly: !s.ObjectLock,
		Now: now, Time: lockTime, Parallel: parallel,
	}
	return func(ctx context.Context) (int, error) {
		locked, failed := l.Run(ctx)
		n, err := next(ctx)
		return n + locked, errors.Join(failed, err)
	}
}
