package waiting_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/waiting"
)

const account = "acme"

// clock is a clock that tests advance, in Unix seconds.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.Load(), 0) }

// open returns an empty store.
func open(t *testing.T) (*sqlite.Store, *clock) {
	t.Helper()
	c := &clock{}
	c.Store(1_769_860_800)
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: c.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, c
}

// places are waiting.Places or waiting.LocalPlaces.
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

// Each kind has its own number of places for each account, no matter how many another account or
// the other kind has taken. A place that is given back is free again.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	for name, tt := range map[string]struct {
		places
		most int
	}{
		"waits":           {waiting.NewPlaces(s, waiting.Waits(), c.now), 20},
		"streams":         {waiting.NewPlaces(s, waiting.Streams(), c.now), 50},
		"waits in memory": {&waiting.LocalPlaces{}, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.places
			var first func()
			for n := range tt.most {
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
	s, c := open(t)
	p := waiting.NewPlaces(s, waiting.Waits(), c.now)
	for range waiting.MaxWaits {
		take(t, p, account, true)
	}
	c.Add(20)
	take(t, p, account, false)
	c.Add(10)
	take(t, p, account, true)
}

// Requests that begin at once do not take the same place.
func TestPlacesForManyAtOnce(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	var taken atomic.Int64
	var running sync.WaitGroup
	for range 2 * waiting.MaxWaits {
		running.Go(func() {
			if _, ok, err := waiting.NewPlaces(s, waiting.Waits(), c.now).Take(t.Context(), account, time.Second); err != nil {
				t.Error(err)
			} else if ok {
				taken.Add(1)
			}
		})
	}
	running.Wait()
	if n := taken.Load(); n == 0 || n > waiting.MaxWaits {
		t.Errorf("%d places were taken, want 1 to %d", n, waiting.MaxWaits)
	}
}

// unwritable is a store that fails to write.
type unwritable struct{ *sqlite.Store }

func (unwritable) WriteEntries(context.Context, ...store.EntryWrite) error {
	return store.ErrUnavailable
}

func TestPlacesOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	if _, ok, err := waiting.NewPlaces(unwritable{s}, waiting.Waits(), c.now).Take(t.Context(), account, time.Second); ok || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Take = %t, %v, want %v", ok, err, store.ErrUnavailable)
	}
}

// stuck is a store that has free places, takes one, and does not give it back.
type stuck struct{ *sqlite.Store }

func (stuck) PageEntries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, nil
}

func (stuck) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if !writes[0].Delete {
		return nil
	}
	<-ctx.Done()
	return store.ErrUnavailable
}

// Giving a place back leaves time for the answer, even if the store does not react.
func TestAPlaceIsGivenBackInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, ok, err := waiting.NewPlaces(stuck{}, waiting.Waits(), time.Now).Take(t.Context(), account, time.Second)
		if !ok || err != nil {
			t.Fatalf("Take = %t, %v", ok, err)
		}
		begun := time.Now()
		release()
		if took := time.Since(begun); took > store.Reserve/2 {
			t.Errorf("giving the place back took %v, want %v at most", took, store.Reserve/2)
		}
	})
}

func TestAPlaceIsGivenBackAfterTheClientHasGone(t *testing.T) {
	t.Parallel()
	s, c := open(t)
	p := waiting.NewPlaces(s, waiting.Waits(), c.now)
	ctx, leave := context.WithCancel(t.Context())
	release, ok, err := p.Take(ctx, account, time.Second)
	if !ok || err != nil {
		t.Fatalf("Take = %t, %v", ok, err)
	}
	leave()
	release()
	for range waiting.MaxWaits {
		take(t, p, account, true)
	}
}
