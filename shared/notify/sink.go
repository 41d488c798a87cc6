package notify

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/store"
)

// ErrUnavailable means that not all events were accepted: the sink was throttled,
// slow or unreachable, or rejected an event. A later retry may help.
var ErrUnavailable = errors.New("events not accepted")

// Sink delivers events.
type Sink interface {
	// Send delivers events in order. accepted counts the events, from the first,
	// that were accepted durably: a crash does not lose them. It equals
	// len(events) if and only if the error is nil.
	//
	// An event is sent only after the earlier events of the same recording were
	// accepted. Send starts no call after a failure. Events after the first failed
	// one may have been accepted in the same call; the caller sends them again with
	// it. Error: ErrUnavailable.
	Send(ctx context.Context, events []Event) (accepted int, err error)
}

// Both returns a sink that sends events to first, and then those that first has accepted to
// second. It has accepted what both have.
func Both(first, second Sink) Sink { return both{first, second} }

type both struct{ first, second Sink }

// Send implements [Sink].
func (b both) Send(ctx context.Context, events []Event) (accepted int, err error) {
	n, failed := b.first.Send(ctx, events)
	if n == 0 {
		return 0, failed
	}
	accepted, err = b.second.Send(ctx, events[:n])
	return accepted, errors.Join(failed, err)
}

// Publish sends the events of changes in order. done counts the changes, from the
// first, that are finished: their event was accepted, or they yield no event. The
// caller must retry from changes[done] on. done equals len(changes) if and only
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
