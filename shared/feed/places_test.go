package feed_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// places are feed.Places or feed.LocalPlaces.
type places interface {
	Take(ctx context.Context, account string, longest time.Duration) (release func(), ok bool, err error)
}

// take takes a place, and checks whether there was one.
func take(t *testing.T, p places, account string, want bool) (release func()) {
	t.Helper()
	release, ok, err := p.Take(t.Context(), account, 20*time.Second)
	if ok != want || err != nil {
		t.Errorf("Take for %s = %t, %v, want %t", account, ok, err, want)
	}
	return release
}

// An account has MaxWaits places, no matter how many another account has taken. A place that is
// given back is free again.
func TestPlaces(t *testing.T) {
	t.Parallel()
	_, s, c := open(t)
	for name, p := range map[string]places{"in the store": feed.NewPlaces(s, c.now), "in memory": &feed.LocalPlaces{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first func()
			for n := range feed.MaxWaits {
				if release := take(t, p, account, true); n == 0 {
					first = release
				}
			}
			take(t, p, account, false)
			take(t, p, "other", true)()
			first()
			take(t, p, account, true)
			take(t, p, account, false)
		})
	}
}

// A place that is not given back is free some time after the longest wait.
func TestPlacesExpire(t *testing.T) {
	t.Parallel()
	_, s, c := open(t)
	p := feed.NewPlaces(s, c.now)
	for range feed.MaxWaits {
		take(t, p, account, true)
	}
	c.advance(20 * time.Second)
	take(t, p, account, false)
	c.advance(10 * time.Second)
	take(t, p, account, true)
}

// Requests that begin at once do not take the same place.
func TestPlacesForManyAtOnce(t *testing.T) {
	t.Parallel()
	_, s, c := open(t)
	var taken atomic.Int64
	var running sync.WaitGroup
	for range 2 * feed.MaxWaits {
		running.Go(func() {
			if _, ok, err := feed.NewPlaces(s, c.now).Take(t.Context(), account, time.Second); err != nil {
				t.Error(err)
			} else if ok {
				taken.Add(1)
			}
		})
	}
	running.Wait()
	if n := taken.Load(); n == 0 || n > feed.MaxWaits {
		t.Errorf("%d places were taken, want 1 to %d", n, feed.MaxWaits)
	}
}

// unwritable is a store that fails to write.
type unwritable struct{ *sqlite.Store }

func (unwritable) WriteEntries(context.Context, ...store.EntryWrite) error {
	return store.ErrUnavailable
}

func TestPlacesOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	_, s, c := open(t)
	if _, ok, err := feed.NewPlaces(unwritable{s}, c.now).Take(t.Context(), account, time.Second); ok || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Take = %t, %v, want %v", ok, err, store.ErrUnavailable)
	}
}
