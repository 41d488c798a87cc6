// Package faultstore is a store that fails when a test says so: a decorator of
// a real driver that counts calls and fails the n-th, before it took effect or
// after. What a caller does with either is the question; that it may not tell
// them apart is the point.
package faultstore

import (
	"context"
	"sync"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// When says whether the call that fails takes effect.
type When bool

const (
	// Before fails the call instead of making it.
	Before When = false
	// After makes the call and fails all the same: its answer was lost.
	After When = true
)

// Fault is a failure to come.
type Fault struct {
	// Call is the number of the call that fails, from 1, counted over all
	// methods.
	Call int
	// When says whether it takes effect.
	When When
	// Err is what the caller gets.
	Err error
}

// Store is the decorator. It may be used by many goroutines; calls are
// numbered in the order in which they begin.
type Store struct {
	next   Driver
	mu     sync.Mutex
	calls  int
	faults []Fault
}

// Driver is what can be decorated.
type Driver interface {
	store.Store
	store.Claimer
	store.Finder
	store.Reviver
	store.SecretReader
	// Tombstone returns what remains of a deleted recording.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
}

var _ Driver = (*Store)(nil)

// New returns next with faults to come; without any it is next.
func New(next Driver, faults ...Fault) *Store { return &Store{next: next, faults: faults} }

// Calls is how many calls have begun.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// fault counts a call and returns what happens to it.
func (s *Store) fault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	for _, f := range s.faults {
		if f.Call == s.calls {
			return f
		}
	}
	return Fault{}
}

// do makes a call under its fault.
func do[T any](s *Store, call func() (T, error)) (T, error) {
	f := s.fault()
	var zero T
	if f.Err != nil && f.When == Before {
		return zero, f.Err
	}
	got, err := call()
	if f.Err != nil && err == nil {
		return zero, f.Err
	}
	return got, err
}

// Get is the driver's, under a fault.
func (s *Store) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Get(ctx, account, id) })
}

// Page is the driver's, under a fault.
func (s *Store) Page(ctx context.Context, q store.Query) (store.Page, error) {
	return do(s, func() (store.Page, error) { return s.next.Page(ctx, q) })
}

// Put is the driver's, under a fault.
func (s *Store) Put(ctx context.Context, r *recording.Recording) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Put(ctx, r) })
	return err
}

// Update is the driver's, under a fault.
func (s *Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Update(ctx, account, id, change) })
}

// Delete is the driver's, under a fault.
func (s *Store) Delete(ctx context.Context, account, id string, check func(*recording.Recording) error) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Delete(ctx, account, id, check) })
}

// Purged is the driver's, under a fault.
func (s *Store) Purged(ctx context.Context, account, id string) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Purged(ctx, account, id) })
	return err
}

// Revive is the driver's, under a fault.
func (s *Store) Revive(ctx context.Context, r *recording.Recording) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Revive(ctx, r) })
	return err
}

// Find is the driver's, under a fault.
func (s *Store) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	return do(s, func() (map[string]store.Found, error) { return s.next.Find(ctx, account, ids) })
}

// Claim is the driver's, under a fault.
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	return do(s, func() (store.Claim, error) { return s.next.Claim(ctx, account, key, c) })
}

// Secret is the driver's, under a fault.
func (s *Store) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	return do(s, func() (store.Secret, error) { return s.next.Secret(ctx, account, id) })
}

// Tombstone is the driver's, under a fault.
func (s *Store) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	return do(s, func() (store.Tombstone, error) { return s.next.Tombstone(ctx, account, id) })
}
