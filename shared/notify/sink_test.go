package notify_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/notify"
)

// limited is a sink that accepts a number of events.
type limited struct {
	most int
	got  []notify.Event
}

var errFull = errors.New("full")

func (l *limited) Send(_ context.Context, events []notify.Event) (int, error) {
	n := min(l.most-len(l.got), len(events))
	l.got = append(l.got, events[:n]...)
	if n < len(events) {
		return n, errFull
	}
	return n, nil
}

// Both accepts the events that both sinks have accepted. It sends the second sink only events that
// the first one has accepted.
func TestBoth(t *testing.T) {
	t.Parallel()
	events := []notify.Event{{ID: "1"}, {ID: "2"}, {ID: "3"}}
	for _, c := range []struct {
		first, second int
		want          int
		err           bool
	}{{3, 3, 3, false}, {2, 3, 2, true}, {3, 1, 1, true}, {2, 1, 1, true}, {0, 3, 0, true}} {
		first, second := &limited{most: c.first}, &limited{most: c.second}
		n, err := notify.Both(first, second).Send(t.Context(), events)
		if n != c.want || errors.Is(err, errFull) != c.err {
			t.Errorf("%+v: Send = %d, %v", c, n, err)
		}
		if !slices.Equal(second.got, events[:min(c.first, c.second)]) {
			t.Errorf("%+v: the second sink got %v", c, second.got)
		}
	}
}
