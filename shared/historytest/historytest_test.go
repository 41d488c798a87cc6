package historytest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/historytest"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// TestBrokenDrivers checks that the histories show each of these faults of a driver.
func TestBrokenDrivers(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(faultstore.Driver) faultstore.Driver{
		"reads a cached recording":    func(d faultstore.Driver) faultstore.Driver { return &caching{Driver: d} },
		"loses a concurrent change":   func(d faultstore.Driver) faultstore.Driver { return forgetful{d} },
		"repeats an ambiguous change": func(d faultstore.Driver) faultstore.Driver { return repeating{d} },
		"denies an ambiguous change":  func(d faultstore.Driver) faultstore.Driver { return denying{d} },
		"deletes despite a hold":      func(d faultstore.Driver) faultstore.Driver { return unguarded{d} },
		"answers with another one":    func(d faultstore.Driver) faultstore.Driver { return restoring{d} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !historytest.Broken(t, harness(wrap), 200) {
				t.Error("200 histories are linearizable, want one that is not")
			}
		})
	}
}

// harness opens SQLite stores. wrap breaks the driver.
func harness(wrap func(faultstore.Driver) faultstore.Driver) historytest.Harness {
	return historytest.Harness{Open: func(t testing.TB, faults *historytest.Faults) func() historytest.Client {
		driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = driver.Close() })
		broken := wrap(faults.Store(driver))
		return func() historytest.Client {
			return historytest.Direct{Store: broken, Account: "a", RestoreDays: faults.RestoreDays()}
		}
	}}
}

type change = func(*recording.Recording) error

// caching remembers the first recording that Get returned for an ID.
type caching struct {
	faultstore.Driver
	known sync.Map
}

func (c *caching) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	if r, ok := c.known.Load(id); ok {
		return r.(*recording.Recording), nil
	}
	r, err := c.Driver.Get(ctx, account, id)
	if err == nil {
		c.known.Store(id, r)
	}
	return r, err
}

// forgetful reads a recording before the write that replaces it.
type forgetful struct{ faultstore.Driver }

func (f forgetful) Update(ctx context.Context, account, id string, do change) (*recording.Recording, error) {
	old, err := f.Get(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if err := do(old); err != nil {
		return nil, err
	}
	return f.Driver.Update(ctx, account, id, func(r *recording.Recording) error {
		*r = *old
		return nil
	})
}

// repeating repeats a change after an unknown outcome.
type repeating struct{ faultstore.Driver }

func (r repeating) Update(ctx context.Context, account, id string, do change) (*recording.Recording, error) {
	got, err := r.Driver.Update(ctx, account, id, do)
	if errors.Is(err, store.ErrUnavailable) {
		return r.Driver.Update(ctx, account, id, do)
	}
	return got, err
}

// denying reports an unknown outcome as a change without effect.
type denying struct{ faultstore.Driver }

func (d denying) Update(ctx context.Context, account, id string, do change) (*recording.Recording, error) {
	got, err := d.Driver.Update(ctx, account, id, do)
	if errors.Is(err, store.ErrUnavailable) {
		return nil, store.ErrConflict
	}
	return got, err
}

// unguarded ignores the guards of a deletion, and so the holds that are placed meanwhile.
type unguarded struct{ faultstore.Driver }

func (u unguarded) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	time.Sleep(time.Millisecond)
	d.Guards = nil
	return u.Driver.Delete(ctx, account, id, d)
}

// restoring answers the restore of a recording that exists with another recording.
type restoring struct{ faultstore.Driver }

func (r restoring) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	got, err := r.Driver.Restore(ctx, account, id, check)
	if errors.Is(err, store.ErrExists) {
		return r.Get(ctx, account, "202311-x")
	}
	return got, err
}
