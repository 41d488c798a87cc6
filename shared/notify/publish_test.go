package notify_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// sink accepts a number of events and fails if there are more.
type sink struct {
	accepts int
	err     error
	calls   int
	ids     []string
}

func (s *sink) Send(_ context.Context, events []notify.Event) (int, error) {
	s.calls++
	for _, e := range events {
		s.ids = append(s.ids, e.ID)
	}
	if s.err != nil {
		return s.accepts, s.err
	}
	return len(events), nil
}

// madeOf returns the change that created a recording.
func madeOf(id string) store.Change {
	return store.Change{At: at, After: &store.Image{Recording: recording.Recording{Account: "a", ID: id, Revision: "1-1", Created: 1, Document: "{}"}}}
}

// silent is a change that yields no event: an item was removed by hand.
var silent = store.Change{At: at, Before: living("1-1", pending)}

// The caller retries from the first change whose event was not accepted. Changes without an
// event before it are finished.
func TestPublishCountsFinishedChanges(t *testing.T) {
	t.Parallel()
	changes := []store.Change{silent, madeOf("202601-a"), silent, madeOf("202601-b"), silent}
	for _, c := range []struct {
		name string
		sink sink
		done int
	}{
		{"all accepted", sink{}, 5},
		{"none accepted", sink{accepts: 0, err: notify.ErrUnavailable}, 1},
		{"one accepted", sink{accepts: 1, err: notify.ErrUnavailable}, 3},
		{"a sink that fails although it accepted all", sink{accepts: 2, err: notify.ErrUnavailable}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			done, err := notify.Publish(t.Context(), &c.sink, changes)
			if done != c.done || !errors.Is(err, c.sink.err) {
				t.Errorf("Publish = %d, %v, want %d, %v", done, err, c.done, c.sink.err)
			}
			if want := []string{"202601-a", "202601-b"}; !slices.Equal(c.sink.ids, want) {
				t.Errorf("sent %q, want %q", c.sink.ids, want)
			}
		})
	}
}

// Without events, the sink is not called: a bus may reject an empty batch.
func TestPublishSendsNothingWithoutEvents(t *testing.T) {
	t.Parallel()
	s := sink{err: notify.ErrUnavailable}
	if done, err := notify.Publish(t.Context(), &s, []store.Change{silent, silent}); done != 2 || err != nil || s.calls > 0 {
		t.Errorf("Publish = %d, %v after %d calls of the sink, want 2, nil and no call", done, err, s.calls)
	}
}
