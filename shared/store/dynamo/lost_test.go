package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/storetest"
)

// mark appends x to a document.
func mark(r *recording.Recording) error {
	r.Document += "x"
	return nil
}

// TestLostAnswerBeforeAnotherWrite loses the answer of a write that took effect.
// Another client writes before the SDK's second attempt, which then finds the other
// client's revision. The store must neither report that the write had no effect nor
// write twice.
func TestLostAnswerBeforeAnotherWrite(t *testing.T) {
	t.Parallel()
	id := sample(1).ID
	put := func(ctx context.Context, s *Store) error { r := sample(1); return s.Put(ctx, &r) }
	revive := func(ctx context.Context, s *Store) error { r := sample(1); return s.Revive(ctx, &r, "") }
	update := func(ctx context.Context, s *Store) error {
		_, err := s.Update(ctx, account, id, mark)
		return err
	}
	remove := func(ctx context.Context, s *Store) error {
		_, err := s.Delete(ctx, account, id, store.Deletion{})
		return err
	}
	purged := func(ctx context.Context, s *Store) error { return s.Purged(ctx, account, id, "") }
	modify := func(ctx context.Context, s *Store) error {
		_, err := s.Update(ctx, account, id, func(r *recording.Recording) error { r.Owner = "another"; return nil })
		return err
	}
	secret := store.Secret{Account: account, ID: "0a", Sum: "aa"}
	addSecret := func(ctx context.Context, s *Store) error { return s.AddSecret(ctx, secret) }
	revokeSecret := func(ctx context.Context, s *Store) error { return s.RevokeSecret(ctx, account, secret.ID) }
	type steps []func(context.Context, *Store) error
	for _, c := range []struct {
		name      string
		before    steps
		call      func(context.Context, *Store) error
		meanwhile steps
		marks     int // of the document afterwards
	}{
		{"Put, then a change", nil, put, steps{update}, 1},
		{"Put, then a delete", nil, put, steps{remove}, 0},
		{"Revive, then a change", steps{put, remove, purged}, revive, steps{update}, 1},
		{"Revive, then a delete", steps{put, remove, purged}, revive, steps{remove}, 0},
		{"Update, then a change", steps{put}, update, steps{modify}, 1},
		{"Update, then a delete", steps{put}, update, steps{remove}, 0},
		{"Delete, then a revival", steps{put}, remove, steps{purged, revive, update}, 1},
		{"Purged, then a revival", steps{put, remove}, purged, steps{revive, update}, 1},
		{"AddSecret, then a revocation", nil, addSecret, steps{revokeSecret}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := emulator.New()
			s := openEmulator(t, e)
			for i, step := range c.before {
				if err := step(t.Context(), s); err != nil {
					t.Fatalf("step %d before: %v", i, err)
				}
			}
			failed := false
			e.Fault = func(operation string) emulator.Fault {
				if failed || operation == "GetItem" {
					return emulator.None
				}
				failed = true
				return emulator.Lost
			}
			e.Meanwhile = func() {
				for i, step := range c.meanwhile {
					if err := step(t.Context(), openEmulator(t, e)); err != nil {
						t.Errorf("step %d meanwhile: %v", i, err)
					}
				}
			}
			err := c.call(t.Context(), s)
			if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) {
				t.Errorf("the call = %v, want %v", err, store.ErrUnavailable)
			}
			r, err := s.Get(t.Context(), account, id)
			if err == nil && strings.Count(string(r.Document), "x")-strings.Count(string(sample(1).Document), "x") != c.marks || err != nil && c.marks != 0 {
				t.Errorf("Get = %+v, %v, want %d marks", r, err, c.marks)
			}
		})
	}
}

// If the answer of a revocation is lost, its retry finds its own write and succeeds.
func TestLostAnswerOfARevocation(t *testing.T) {
	t.Parallel()
	e := emulator.New()
	s := openEmulator(t, e)
	if err := s.AddSecret(t.Context(), store.Secret{Account: account, ID: "0a", Sum: "aa"}); err != nil {
		t.Fatal(err)
	}
	failed := false
	e.Fault = func(string) emulator.Fault {
		if failed {
			return emulator.None
		}
		failed = true
		return emulator.Lost
	}
	if err := s.RevokeSecret(t.Context(), account, "0a"); err != nil {
		t.Errorf("RevokeSecret = %v, want nil", err)
	}
	if found, err := s.Secret(t.Context(), account, "0a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Secret = %+v, %v, want %v", found, err, store.ErrNotFound)
	}
}

// If no answer was lost before, an unmet condition means that the write had no
// effect.
func TestThrottledAttemptIsNotAmbiguous(t *testing.T) {
	t.Parallel()
	r := sample(1)
	f := newFake(t, respondError(400, "ThrottlingException", "too fast"), conditionFailed(stored(t)))
	if err := openAt(t, f.url, fastLimits()).Put(t.Context(), &r); !errors.Is(err, store.ErrExists) {
		t.Errorf("Put = %v, want %v", err, store.ErrExists)
	}
}

// TestLossyNetwork loses one request in seven, half of them after they take effect.
// It is not parallel, for the same reason as TestConformanceInMemory.
func TestLossyNetwork(t *testing.T) {
	storetest.RunLossy(t, storetest.Harness{Open: func(t testing.TB) storetest.Store {
		e := emulator.New()
		e.Fault = func(string) emulator.Fault {
			switch rand.IntN(14) {
			case 0:
				return emulator.Unsent
			case 1:
				return emulator.Lost
			}
			return emulator.None
		}
		return openEmulator(t, e)
	}})
}
