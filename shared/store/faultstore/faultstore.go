// Package faultstore injects faults into a store. It wraps a driver, counts the
// calls and makes chosen ones fail, either before or after they take effect.
// Callers cannot distinguish the two cases, so tests must cover both.
package faultstore

import (
	"context"
	"sync"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// When determines whether a failing call takes effect.
type When bool

const (
	// Before means that the call fails without reaching the driver.
	Before When = false
	// After means that the driver executes the call, but its response is lost.
	After When = true
)

// Fault describes one call that fails.
type Fault struct {
	// Call is the number of the call, counted from 1 over all methods.
	Call int
	// When determines whether the call takes effect.
	When When
	// Err is the error that the call returns.
	Err error
}

// Store wraps a driver and injects faults. It is safe for concurrent use. Calls
// are numbered by the time of their beginning.
type Store struct {
	next   Driver
	mu     sync.Mutex
	calls  int
	choose func(call int) Fault
}

// Driver is the interface of a driver that Store can wrap.
type Driver interface {
	store.Store
	store.Claimer
	store.ClaimReader
	store.Finder
	store.Reviver
	store.Renewer
	store.Corrector
	store.GuardedCorrector
	store.Restorer
	store.SecretReader
	store.Entries
	store.BulkWriter
	// Tombstone returns the tombstone of a deleted recording.
	// Errors: store.ErrNotFound without a tombstone, store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
}

var _ Driver = (*Store)(nil)

// New wraps next. Without faults, the result behaves like next.
func New(next Driver, faults ...Fault) *Store {
	return NewWith(next, func(call int) Fault {
		for _, f := range faults {
			if f.Call == call {
				return f
			}
		}
		return Fault{}
	})
}

// NewWith wraps next. choose returns the fault of a call, counted from 1; the zero
// Fault means none. It must be safe for concurrent use.
func NewWith(next Driver, choose func(call int) Fault) *Store {
	return &Store{next: next, choose: choose}
}

// Calls returns the number of calls that have begun.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// fault counts a call and returns its fault, or the zero Fault if it has none.
func (s *Store) fault() Fault {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	return s.choose(call)
}

// do counts a call, executes it and applies its fault.
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

// Get calls the driver's Get, unless it has a fault.
func (s *Store) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Get(ctx, account, id) })
}

// Page calls the driver's Page, unless it has a fault.
func (s *Store) Page(ctx context.Context, q store.Query) (store.Page, error) {
	return do(s, func() (store.Page, error) { return s.next.Page(ctx, q) })
}

// Put calls the driver's Put, unless it has a fault.
func (s *Store) Put(ctx context.Context, r *recording.Recording) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Put(ctx, r) })
	return err
}

// Update calls the driver's Update, unless it has a fault.
func (s *Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Update(ctx, account, id, change) })
}

// Correct calls the driver's Correct, unless it has a fault.
func (s *Store) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Correct(ctx, account, id, change) })
}

// CorrectGuarded implements [store.GuardedCorrector].
func (s *Store) CorrectGuarded(ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...store.Guard) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) {
		return s.next.CorrectGuarded(ctx, account, id, change, guards...)
	})
}

// Delete calls the driver's Delete, unless it has a fault.
func (s *Store) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Delete(ctx, account, id, d) })
}

// Restore calls the driver's Restore, unless it has a fault.
func (s *Store) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	return do(s, func() (*recording.Recording, error) { return s.next.Restore(ctx, account, id, check) })
}

// Condemn calls the driver's Condemn, unless it has a fault.
func (s *Store) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Condemn(ctx, account, id, check, guards...) })
	return err
}

// Purged calls the driver's Purged, unless it has a fault.
func (s *Store) Purged(ctx context.Context, account, id, revision string) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Purged(ctx, account, id, revision) })
	return err
}

// Renew calls the driver's Renew, unless it has a fault.
func (s *Store) Renew(ctx context.Context, account, id string) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Renew(ctx, account, id) })
	return err
}

// Revive calls the driver's Revive, unless it has a fault.
func (s *Store) Revive(ctx context.Context, r *recording.Recording, tombstone string) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.Revive(ctx, r, tombstone) })
	return err
}

// Find calls the driver's Find, unless it has a fault.
func (s *Store) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	return do(s, func() (map[string]store.Found, error) { return s.next.Find(ctx, account, ids) })
}

// Claimed calls the driver's Claimed, unless it has a fault.
func (s *Store) Claimed(ctx context.Context, account, key string) (store.Claim, error) {
	return do(s, func() (store.Claim, error) { return s.next.Claimed(ctx, account, key) })
}

// Claim calls the driver's Claim, unless it has a fault.
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	return do(s, func() (store.Claim, error) { return s.next.Claim(ctx, account, key, c) })
}

// Secret calls the driver's Secret, unless it has a fault.
func (s *Store) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	return do(s, func() (store.Secret, error) { return s.next.Secret(ctx, account, id) })
}

// Tombstone calls the driver's Tombstone, unless it has a fault.
func (s *Store) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	return do(s, func() (store.Tombstone, error) { return s.next.Tombstone(ctx, account, id) })
}

// Entries calls the driver's Entries, unless it has a fault.
func (s *Store) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	return do(s, func() ([]store.Entry, error) { return s.next.Entries(ctx, keys...) })
}

// PageEntries calls the driver's PageEntries, unless it has a fault.
func (s *Store) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	return do(s, func() (store.EntryPage, error) { return s.next.PageEntries(ctx, q) })
}

// WriteEntries calls the driver's WriteEntries, unless it has a fault.
func (s *Store) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.WriteEntries(ctx, writes...) })
	return err
}

// WriteEach calls the driver's WriteEach, unless it has a fault.
func (s *Store) WriteEach(ctx context.Context, writes ...store.EntryWrite) error {
	_, err := do(s, func() (struct{}, error) { return struct{}{}, s.next.WriteEach(ctx, writes...) })
	return err
}
