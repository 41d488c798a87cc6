package notify

import (
	"context"
	"errors"

	"callrecordings/shared/store"
)

// ErrUnavailable says that a sink was throttled, slow or gone, or refused: not
// all events were accepted, and sending them again later may help.
var ErrUnavailable = errors.New("events not accepted")

// Sink passes events on.
type Sink interface {
	// Send passes events on in their order and returns how many of them, from
	// the front, were accepted for good: a crash loses none of those. It is
	// len(events) if and only if the error is nil.
	//
	// No event is sent before those ahead of it of the same recording were
	// accepted, and none behind a failure is begun. Events behind the first that
	// failed may have been accepted all the same, and are sent again with it.
	// Error: ErrUnavailable.
	Send(ctx context.Context, events []Event) (accepted int, err error)
}

// Publish sends the events of changes, in order, and returns how many changes,
// from the front, are done with: told of, or of no interest to anybody. The
// rest, from changes[done] on, has to come again. It is len(changes) if and only
// if the error is nil. Errors: those of [Sink].
func Publish(ctx context.Context, s Sink, changes []store.Change) (done int, err error) {
	events, source := make([]Event, 0, len(changes)), make([]int, 0, len(changes))
	for i, c := range changes {
		if e, ok := Of(c); ok {
			events, source = append(events, e), append(source, i)
		}
	}
	if len(events) == 0 {
		return len(changes), nil
	}
	accepted, err := s.Send(ctx, events)
	if err != nil {
		return source[min(accepted, len(source)-1)], err
	}
	return len(changes), nil
}
