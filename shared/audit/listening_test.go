package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/store"
)

// slowStore waits with each write until the test releases it, and fails the first ones.
type slowStore struct {
	store.EntryReader

	release chan struct{}
	mu      sync.Mutex
	fail    int
	stored  int
}

// WriteEntries implements store.Entries.
func (s *slowStore) WriteEntries(context.Context, ...store.EntryWrite) error {
	<-s.release
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail > 0 {
		s.fail--
		return store.ErrUnavailable
	}
	s.stored++
	return nil
}

// Ranges that a player requests at the same time wait for the entry of the listening. A request is
// refused only if its own write fails; another request then writes the entry.
func TestListeningWaitsForItsEntry(t *testing.T) {
	t.Parallel()
	for _, failures := range []int{0, 1, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			const requests = 10
			s := &slowStore{release: make(chan struct{}), fail: failures}
			to := trail(s, &clock{at: noon})
			results := make(chan error, requests)
			for range requests {
				go func() { results <- to.Record(t.Context(), entry(access.Listen, "202601-1")) }()
			}
			synctest.Wait()
			if len(results) > 0 {
				t.Fatalf("%d requests did not wait for the entry", len(results))
			}
			close(s.release)
			failed := 0
			for range requests {
				if err := <-results; errors.Is(err, audit.ErrUnrecorded) {
					failed++
				} else if err != nil {
					t.Error(err)
				}
			}
			if failed != failures || s.stored != min(1, requests-failures) {
				t.Errorf("%d requests failed and %d entries are stored, want %d and at most 1", failed, s.stored, failures)
			}
		})
	}
}

// A request that waits for the entry of another one ends with its context.
func TestListeningEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slowStore{release: make(chan struct{})}
		to := trail(s, &clock{at: noon})
		first, second := make(chan error, 1), make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { first <- to.Record(t.Context(), entry(access.Listen, "202601-1")) }()
		synctest.Wait()
		go func() { second <- to.Record(ctx, entry(access.Listen, "202601-1")) }()
		synctest.Wait()
		cancel()
		if err := <-second; !errors.Is(err, audit.ErrUnrecorded) {
			t.Errorf("Record = %v, want ErrUnrecorded", err)
		}
		close(s.release)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// A trail exists as soon as it has an entry, and only for its account.
func TestExists(t *testing.T) {
	t.Parallel()
	s, clock := open(t)
	for _, want := range []bool{false, true} {
		for account, want := range map[string]bool{"a": want, "b": false} {
			if got, err := audit.NewReader(s).Exists(t.Context(), account); err != nil || got != want {
				t.Errorf("Exists(%s) = %t, %v, want %t", account, got, err, want)
			}
		}
		record(t, trail(s, clock), entry(access.Tag, "202601-1"))
	}
}
