// Package storetest is the test suite for drivers of package store. Every driver
// must pass it, and callers may rely only on behavior that it tests.
//
// A driver's test consists of a harness and a call:
//
//	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) storetest.Store { … }})
//
// Each case uses an account of its own, so that all cases can share one table.
// A list may lag behind the latest writes; cases wait until it has caught up.
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

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Store is the interface that a driver under test implements.
type Store interface {
	store.Store
	store.Claimer
	store.ClaimReader
	store.Finder
	store.Reviver
	store.Renewer
	store.Corrector
	store.GuardedCorrector
	store.Restorer
	store.Secrets
	store.Entries
	store.Scanner
	store.BulkWriter
	// Tombstone returns the tombstone of a deleted recording.
	// Errors: ErrNotFound without a tombstone, ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
}

// Harness opens the driver under test.
type Harness struct {
	// Open returns a store and closes it when the test ends. The store may
	// already have other accounts.
	Open func(t testing.TB) Store
}

// Run runs the suite against one store from h.
func Run(t *testing.T, h Harness) {
	s := h.Open(t)
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"single", singles},
		{"change", changes},
		{"delete", deletes},
		{"restore", restores},
		{"guard", guards},
		{"guarded change", guardedChanges},
		{"deleted", deletedPages},
		{"find", finds},
		{"revive", revivals},
		{"claim", claims},
		{"secret", secrets},
		{"entry", entries},
		{"entries in pages", entryPages},
		{"counter", counterCases},
		{"limit", limits},
		{"page", pages},
		{"filter", filters},
		{"walk", walks},
		{"scan", scans},
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

// testCase tests one behavior.
type testCase struct {
	name string
	run  func(s *suite)
}

// suite is the environment of a case: the store, and an account that no other
// case uses.
type suite struct {
	reporter
	store   Store
	account string
}

// reporter is a *testing.T or a *rapid.T.
type reporter interface {
	rapid.TB
	Context() context.Context
}

// inNewAccount returns a copy of s with a new account and the reporter r.
func (s *suite) inNewAccount(r reporter) *suite {
	return &suite{reporter: r, store: s.store, account: "t" + token()}
}

// epoch is the base of all creation times in the suite.
const epoch = recording.Seconds(63_900_000_000)

// token returns a random text that makes account IDs unique.
func token() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// rec returns a recording of the suite's account that is not stored yet. id is
// without the month, and created counts from epoch.
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

// get returns a stored recording. id is without the month.
func (s *suite) get(id string) *recording.Recording {
	s.Helper()
	r, err := s.store.Get(s.Context(), s.account, "202601-"+id)
	if err != nil {
		s.Fatalf("Get(%s): %v", id, err)
	}
	return r
}

// wantErr fails the case unless err is want.
func (s *suite) wantErr(method string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s = %v, want %v", method, err, want)
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

// ids returns the IDs on a page, without the month.
func ids(p store.Page) []string {
	all := make([]string, len(p.Recordings))
	for i := range p.Recordings {
		all[i] = p.Recordings[i].ID[len("202601-"):]
	}
	return all
}

// maxLag is how long a list may lag behind the writes.
const maxLag = 10 * time.Second

// wantList waits until q lists exactly want, in order, on one page. It fails the
// case if that takes longer than maxLag.
func (s *suite) wantList(q store.Query, want ...string) store.Page {
	s.Helper()
	q.Limit = max(q.Limit, len(want)+1)
	var got store.Page
	for deadline := time.Now().Add(maxLag); ; time.Sleep(20 * time.Millisecond) {
		got = s.page(q)
		if slices.Equal(ids(got), want) {
			return got
		}
		if time.Now().After(deadline) {
			s.Fatalf("Page(%+v) = %v, want %v", q, ids(got), want)
		}
	}
}

// noop serves as a change that changes nothing and as a check that always passes.
func noop(*recording.Recording) error { return nil }

// putMany stores n recordings in ascending order, two with the same creation
// time; every third belongs to the owner "u". It returns their names.
func (s *suite) putMany(n int) []string {
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
