// Package storetest is the suite that every driver of package store passes. A
// behaviour that it does not pin down does not exist.
//
// A driver's test is a harness and a call:
//
//	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) storetest.Store { … }})
//
// Each case works in an account of its own, so that all may share one table.
// Lists may follow the store with a lag; cases wait for them to settle.
package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Store is what a driver offers.
type Store interface {
	store.Store
	store.Claimer
	store.Finder
	store.Reviver
	store.Secrets
	// Tombstone returns what remains of a deleted recording; ErrNotFound when
	// there is none.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
}

// Harness makes the driver for the suite.
type Harness struct {
	// Open returns a store that is closed when the test ends. It may be empty
	// or hold other accounts.
	Open func(t testing.TB) Store
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	s := h.Open(t)
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"single", singles},
		{"change", changes},
		{"delete", deletes},
		{"find", finds},
		{"revive", revivals},
		{"claim", claims},
		{"secret", secrets},
		{"limit", limits},
		{"page", pages},
		{"filter", filters},
		{"walk", walks},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(&suite{reporter: t, store: s, account: "t" + token()})
				})
			}
		})
	}
}

// testCase is one behaviour.
type testCase struct {
	name string
	run  func(s *suite)
}

// suite is what a case works with: a store, and an account that nobody else
// uses.
type suite struct {
	reporter
	store   Store
	account string
}

// reporter is a test, or one try of a property.
type reporter interface {
	rapid.TB
	Context() context.Context
}

// fresh is s in another account, of which r is told.
func (s *suite) fresh(r reporter) *suite {
	return &suite{reporter: r, store: s.store, account: "t" + token()}
}

// epoch is about the time at which the suite's recordings were made.
const epoch = recording.Seconds(63_900_000_000)

func token() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// rec is a recording of the suite's account, not stored yet.
func (s *suite) rec(id string, created recording.Seconds, owner string) recording.Recording {
	doc := recording.Document(`{"call_id":` + recording.Quote(id) + `}`)
	return recording.Recording{
		Account: s.account, ID: "202601-" + id, Owner: owner, Created: epoch + created, Modified: epoch + created,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 42}, Document: doc,
	}
}

// put stores recordings.
func (s *suite) put(rs ...recording.Recording) {
	s.Helper()
	for i := range rs {
		if err := s.store.Put(s.Context(), &rs[i]); err != nil {
			s.Fatalf("Put(%s): %v", rs[i].ID, err)
		}
	}
}

// get returns a stored recording.
func (s *suite) get(id string) *recording.Recording {
	s.Helper()
	r, err := s.store.Get(s.Context(), s.account, "202601-"+id)
	if err != nil {
		s.Fatalf("Get(%s): %v", id, err)
	}
	return r
}

// wantErr fails the case unless err is want.
func (s *suite) wantErr(doing string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s = %v, want %v", doing, err, want)
	}
}

// page reads one page.
func (s *suite) page(q store.Query) store.Page {
	s.Helper()
	q.Account = s.account
	p, err := s.store.Page(s.Context(), q)
	if err != nil {
		s.Fatalf("Page(%+v): %v", q, err)
	}
	return p
}

// ids are those of a page, without the month.
func ids(p store.Page) []string {
	all := make([]string, len(p.Recordings))
	for i := range p.Recordings {
		all[i] = p.Recordings[i].ID[len("202601-"):]
	}
	return all
}

// settleTime is how long a list may lag.
const settleTime = 10 * time.Second

// settled waits until q lists just want, in order, on one page.
func (s *suite) settled(q store.Query, want ...string) store.Page {
	s.Helper()
	q.Limit = max(q.Limit, len(want)+1)
	var got store.Page
	for deadline := time.Now().Add(settleTime); ; time.Sleep(20 * time.Millisecond) {
		got = s.page(q)
		if slices.Equal(ids(got), want) {
			return got
		}
		if time.Now().After(deadline) {
			s.Fatalf("Page(%+v) = %v, want %v", q, ids(got), want)
		}
	}
}

// nothing is a change, or a check, that does nothing.
func nothing(*recording.Recording) error { return nil }

// many makes n recordings with rising times, two at each time; every third is
// of the owner "u".
func (s *suite) many(n int) []string {
	s.Helper()
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("r%03d", i)
		owner := ""
		if i%3 == 0 {
			owner = "u"
		}
		s.put(s.rec(names[i], recording.Seconds(i/2), owner))
	}
	return names
}
