package faults

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// mistake breaks the service on purpose, to show that the enumeration finds it.
type mistake struct {
	// store replaces the store of the handlers of requests.
	store func(*application) retention.Driver
	// follow replaces what handles the changes of the stream.
	follow func(func(context.Context, []store.Change) (int, error)) func(context.Context, []store.Change) (int, error)
}

// audioFirst removes the audio of a recording before its tombstone is written.
type audioFirst struct {
	backend
	app *application
}

// Delete implements [store.Writer].
func (s audioFirst) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	if err := s.app.bucket.Purge(ctx, []string{recording.AudioKey(account, id)}, nil); err != nil {
		return nil, err
	}
	return s.backend.Delete(ctx, account, id, d)
}

// doneFirst counts a change as done although its event was not sent.
func doneFirst(follow func(context.Context, []store.Change) (int, error)) func(context.Context, []store.Change) (int, error) {
	return func(ctx context.Context, changes []store.Change) (int, error) {
		_, _ = follow(ctx, changes)
		return len(changes), nil
	}
}

// unconditional ignores the guards of a deletion, so that a hold that is placed meanwhile
// does not keep the recording.
type unconditional struct{ backend }

// Delete implements [store.Writer].
func (s unconditional) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	d.Until = 0 // gone at once, although it was promised to be restorable
	return s.backend.Delete(ctx, account, id, d)
}
