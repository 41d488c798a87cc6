package main

import (
	"context"
	"errors"
	"time"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/store"
)

// lockTime is how much of a run may go to locks. The sweep follows.
const lockTime = 5 * time.Minute

// holdStore has the holds and the recordings that they cover.
type holdStore interface {
	store.Entries
	hold.LockerStore
}

// locking returns a job that first locks and unlocks the audio of legal holds, if the bucket
// has Object Lock, and then does next. A failure of the first does not keep the second from
// running.
func locking(s *config.Settings, recordings holdStore, now func() time.Time, next wiring.Job) (wiring.Job, error) {
	if !s.ObjectLock {
		return next, nil
	}
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	l := hold.Locker{Entries: recordings, Recordings: recordings, Audio: audio, Now: now, Time: lockTime, Parallel: parallel}
	return func(ctx context.Context) (int, error) {
		locked, failed := l.Run(ctx)
		n, err := next(ctx)
		return n + locked, errors.Join(failed, err)
	}, nil
}
