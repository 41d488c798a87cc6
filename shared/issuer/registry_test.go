package issuer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// The table is read when the first token needs it, and then once a minute. Within that
// minute, a removed issuer is no longer trusted, and a new one is.
func TestRegistryReadsOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	k := newPair(t, "k")
	put(t, b, acme("x", k.public))
	c := &counting{EntryReader: b.Entries}
	now := time.Now()
	v := verifierOf(t, NewRegistry(c, func() time.Time { return now }))
	check := func(step string, valid bool, lists int) {
		t.Helper()
		_, err := v.Verify(t.Context(), k.sign(t, "https://x.example"))
		if (err == nil) != valid || c.lists != lists || c.gets != 0 {
			t.Errorf("%s: Verify = %v after %d and %d reads, want valid %t and %d", step, err, c.lists, c.gets, valid, lists)
		}
	}
	check("first", true, 1)
	check("second", true, 1)
	if err := b.Remove(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(TTL - time.Nanosecond)
	check("removed", true, 1)
	now = now.Add(time.Nanosecond)
	check("a minute later", false, 2)
	check("and again", false, 2)
	put(t, b, acme("x", k.public))
	now = now.Add(TTL)
	check("added again", true, 3)
}

// A token with a new kid reads its issuer once. Made-up keys of one issuer read at most
// once in RereadEvery, and do not delay the new keys of another.
func TestUnknownKeysAreRateLimited(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	old, fresh, fake := newPair(t, "old"), newPair(t, "new"), newPair(t, "fake")
	put(t, b, acme("a", old.public))
	put(t, b, acme("b", old.public))
	c := &counting{EntryReader: b.Entries}
	now := time.Now()
	v := verifierOf(t, NewRegistry(c, func() time.Time { return now }))
	for range 100 {
		if _, err := v.Verify(t.Context(), fake.sign(t, "https://a.example")); !errors.Is(err, auth.ErrInvalid) {
			t.Fatalf("Verify = %v, want %v", err, auth.ErrInvalid)
		}
	}
	if c.gets != 1 || c.lists != 1 {
		t.Errorf("%d reads of the issuer and %d of all for 100 made-up keys, want 1 and 1", c.gets, c.lists)
	}
	put(t, b, acme("b", old.public, fresh.public))
	if got, err := v.Verify(t.Context(), fresh.sign(t, "https://b.example")); err != nil || got.Issuer != "b" || c.gets != 2 {
		t.Errorf("Verify of a new key of another issuer = %+v, %v after %d reads", got, err, c.gets)
	}
	put(t, b, acme("a", old.public, fresh.public))
	token := fresh.sign(t, "https://a.example")
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, auth.ErrInvalid) || c.gets != 2 {
		t.Errorf("Verify within %v = %v after %d reads, want %v after 2", RereadEvery, err, c.gets, auth.ErrInvalid)
	}
	now = now.Add(RereadEvery)
	for range 2 {
		if _, err := v.Verify(t.Context(), token); err != nil || c.gets != 3 || c.lists != 1 {
			t.Errorf("Verify after %v = %v after %d reads", RereadEvery, err, c.gets)
		}
	}
}

// Made-up names of issuers cost no reads.
func TestUnknownIssuersCostNothing(t *testing.T) {
	t.Parallel()
	c := &counting{EntryReader: newBook(t).Entries}
	k := newPair(t, "k")
	v := verifierOf(t, NewRegistry(c, time.Now))
	for n := range 50 {
		if _, err := v.Verify(t.Context(), k.sign(t, fmt.Sprint("https://", n))); !errors.Is(err, auth.ErrInvalid) {
			t.Fatalf("Verify = %v", err)
		}
	}
	if c.lists != 1 || c.gets != 0 {
		t.Errorf("%d and %d reads, want 1 and 0", c.lists, c.gets)
	}
}

// A damaged entry, and one with more keys than its algorithms allow, disable themselves
// only.
func TestDamagedEntriesDisableThemselvesOnly(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	k := newPair(t, "k")
	put(t, b, acme("x", k.public))
	for n, value := range []string{`{`, `[]`, `{"iss":1}`, `{"iss":"https://x.example","restrictions":[]}`, `null`} {
		e := store.Entry{EntryKey: key(fmt.Sprint("damaged", n)), Value: []byte(value)}
		if err := b.Entries.WriteEntries(t.Context(), store.EntryWrite{Entry: e}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := verifierOf(t, NewRegistry(b.Entries, time.Now)).Verify(t.Context(), k.sign(t, "https://x.example")); err != nil || got.Issuer != "x" {
		t.Errorf("Verify = %+v, %v", got, err)
	}
}

// A failed read is an error of the service, not of the token, and the next request
// tries again.
func TestFailedReads(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	k, fresh := newPair(t, "k"), newPair(t, "new")
	put(t, b, acme("x", k.public))
	c := &counting{EntryReader: b.Entries, err: store.ErrUnavailable}
	v := verifierOf(t, NewRegistry(c, time.Now))
	verify := func(p pair) error { _, err := v.Verify(t.Context(), p.sign(t, "https://x.example")); return err }
	if err := verify(k); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Verify = %v, want %v", err, store.ErrUnavailable)
	}
	c.err = nil
	if err := verify(k); err != nil {
		t.Errorf("Verify = %v", err)
	}
	put(t, b, acme("x", k.public, fresh.public))
	c.err = store.ErrUnavailable
	if err := verify(fresh); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Verify of a new key = %v, want %v", err, store.ErrUnavailable)
	}
	if err := verify(k); err != nil {
		t.Errorf("Verify of a known key = %v", err)
	}
	c.err = nil
	if err := verify(fresh); err != nil {
		t.Errorf("Verify of a new key, again = %v", err)
	}
}

// If a request waits for the read of another one, and that one is canceled, the waiting request
// makes the read itself.
func TestACanceledReadIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	put(t, b, acme("x", newPair(t, "k").public))
	synctest.Test(t, func(t *testing.T) {
		c := &counting{EntryReader: b.Entries, hold: make(chan struct{}), begun: make(chan struct{}, 99)}
		r := NewRegistry(c, time.Now)
		first, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		var fresh *auth.Issuer
		var firstErr, secondErr error
		wait.Go(func() { _, firstErr = r.Reread(first, &auth.Issuer{Name: "x"}) })
		synctest.Wait()
		wait.Go(func() { fresh, secondErr = r.Reread(t.Context(), &auth.Issuer{Name: "x"}) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(c.hold)
		wait.Wait()
		if !errors.Is(firstErr, context.Canceled) || secondErr != nil || fresh == nil {
			t.Errorf("Reread = %v, then %v, %v; want one canceled, and the issuer", firstErr, fresh, secondErr)
		}
	})
}

// Requests that need the same read share it. One that is canceled does not fail the others.
func TestRequestsShareReads(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	k := newPair(t, "k")
	put(t, b, acme("x", k.public))
	synctest.Test(t, func(t *testing.T) {
		c := &counting{EntryReader: b.Entries, hold: make(chan struct{}), begun: make(chan struct{}, 99)}
		r := NewRegistry(c, time.Now)
		first, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		errs := make([]error, 20)
		for n := range errs {
			ctx := t.Context()
			if n == 0 {
				ctx = first
			}
			wait.Go(func() { _, errs[n] = r.ByIss(ctx, "https://x.example") })
			synctest.Wait() // the first one makes the read
		}
		cancel()
		synctest.Wait()
		close(c.hold)
		wait.Wait()
		if !errors.Is(errs[0], context.Canceled) || errors.Join(errs[1:]...) != nil || c.lists != 2 {
			t.Errorf("errors %v after %d reads, want one canceled, and 2 reads", errs, c.lists)
		}
	})
}
