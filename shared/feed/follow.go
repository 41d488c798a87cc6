package feed

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/store"
)

// Follow returns what processes the changes of a stream: it adds them to the feed, or skips
// them if the feed is off, and then sends their events to sink. done counts the changes,
// from the first, that are finished. The stream must deliver again those from changes[done]
// on. done equals len(changes) if and only if the error is nil. Errors: those of Append and
// of sink.
//
// Events of changes that the feed did not take are not sent yet, so that a subscriber that
// gets an event finds the change in the feed.
func (f *Feed) Follow(on bool, sink notify.Sink) func(ctx context.Context, changes []store.Change) (done int, err error) {
	add := f.Skip
	if on {
		add = f.Append
	}
	return func(ctx context.Context, changes []store.Change) (int, error) {
		added, failed := add(ctx, changes)
		done, err := notify.Publish(ctx, sink, changes[:added])
		return done, errors.Join(failed, err)
	}
}
