package incomingtest

import (
	"context"
	"errors"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// ErrKilled is the error of every call after the kill.
var ErrKilled = errors.New("killed")

// Killer ends an invocation at its outside call number N, counted from 1, before
// or after the call takes effect. Every later call fails.
type Killer struct {
	N, Calls int
	After    bool
	Dead     bool
}

// Fault counts a call and fails it once the invocation is dead; see
// [Bucket.Fault].
func (k *Killer) Fault(after bool) error {
	if !after && !k.Dead {
		k.Calls++
	}
	if k.Calls == k.N && after == k.After {
		k.Dead = true
	}
	if k.Dead {
		return ErrKilled
	}
	return nil
}

// Revive lets all further calls through.
func (k *Killer) Revive() { k.Dead, k.N = false, 0 }

// Store is a store whose caller may be killed.
type Store struct {
	incoming.Store
	*Killer
}

func (s Store) call(do func() error) error {
	if err := s.Fault(false); err != nil {
		return err
	}
	return errors.Join(do(), s.Fault(true))
}

// Get implements incoming.Store.
func (s Store) Get(ctx context.Context, account, id string) (r *recording.Recording, err error) {
	err = s.call(func() error { r, err = s.Store.Get(ctx, account, id); return err })
	return r, err
}

// Put implements incoming.Store.
func (s Store) Put(ctx context.Context, r *recording.Recording) error {
	return s.call(func() error { return s.Store.Put(ctx, r) })
}

// Update implements incoming.Store.
func (s Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (r *recording.Recording, err error) {
	err = s.call(func() error { r, err = s.Store.Update(ctx, account, id, change); return err })
	return r, err
}

// Tombstone implements incoming.Store.
func (s Store) Tombstone(ctx context.Context, account, id string) (t store.Tombstone, err error) {
	err = s.call(func() error { t, err = s.Store.Tombstone(ctx, account, id); return err })
	return t, err
}

// Renew implements store.Renewer.
func (s Store) Renew(ctx context.Context, account, id string) error {
	return s.call(func() error { return s.Store.Renew(ctx, account, id) })
}

// Claimed implements store.ClaimReader.
func (s Store) Claimed(ctx context.Context, account, key string) (got store.Claim, err error) {
	err = s.call(func() error { got, err = s.Store.Claimed(ctx, account, key); return err })
	return got, err
}

// Claim implements store.Claimer.
func (s Store) Claim(ctx context.Context, account, key string, c store.Claim) (got store.Claim, err error) {
	err = s.call(func() error { got, err = s.Store.Claim(ctx, account, key, c); return err })
	return got, err
}
