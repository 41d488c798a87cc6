package search_test

import (
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// bill has the additions of a month, and the bytes that are stored at its end.
type bill struct {
	added  search.Sum
	stored int64
}

// billOf returns the bill of a month.
func billOf(t *testing.T, s store.EntryReader, month time.Time) bill {
	t.Helper()
	of := search.Range{Account: account, All: true, From: recording.SecondsOf(month), To: recording.SecondsOf(month.AddDate(0, 1, 0)) - 1}
	got, err := search.Summarize(t.Context(), s, of, search.ByNothing)
	if err != nil {
		t.Fatal(err)
	}
	of.From = 0
	until, err := search.Summarize(t.Context(), s, of, search.ByNothing)
	if err != nil {
		t.Fatal(err)
	}
	return bill{got.Added, until.Stored}
}

var (
	november = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	december = november.AddDate(0, 1, 0)
)

// books is an index with a clock.
type books struct {
	*testing.T
	store faultstore.Driver
	x     *search.Indexer
	clock *clock
}

func openBooks(t *testing.T, s faultstore.Driver, atomic bool) *books {
	t.Helper()
	b := &books{T: t, store: s, clock: &clock{now: november.Add(time.Hour)}}
	b.x = indexer(s, atomic)
	b.x.Now = b.clock.time
	return b
}

// index indexes the recording n twice.
func (b *books) index(n int) {
	b.Helper()
	for range 2 {
		if err := b.x.Index(b.Context(), account, rec(n, 0, "", "").ID); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *books) want(month time.Time, count, seconds, bytes, stored int64) {
	b.Helper()
	if got, want := billOf(b.T, b.store, month), (bill{search.Sum{Count: count, Seconds: seconds, Bytes: bytes}, stored}); got != want {
		b.Errorf("%s: %+v, want %+v", month.Format("2006-01"), got, want)
	}
}

// delete deletes the recording n.
func (b *books) delete(n int) *recording.Recording {
	b.Helper()
	r, err := b.store.Delete(b.Context(), account, rec(n, 0, "", "").ID, store.Deletion{})
	if err == nil {
		err = b.store.Purged(b.Context(), account, r.ID, "")
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *books) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// A recording is added once, to the month when it is first indexed. Events that come
// twice, deletions, restores, a move in time and another run of reindex change no month that
// has passed.
func TestAddedOnce(t *testing.T) {
	t.Parallel()
	for _, b := range []*books{openBooks(t, open(t), true), openBooks(t, open(t), false), openBooks(t, emulated(t), false)} {
		ctx := t.Context()
		for i := range 3 { // of long before: an import
			r := rec(i, 0, "u", "renate")
			b.check(b.store.Put(ctx, &r))
			b.index(i)
		}
		b.want(november, 3, 180, 300, 300)

		b.clock.move(30 * 24 * time.Hour)
		_, err := b.store.Update(ctx, account, rec(0, 0, "", "").ID, func(r *recording.Recording) error {
			r.Audio.Size = 150 // audio that arrives
			return nil
		})
		b.check(err)
		b.index(0)
		_, err = b.store.Correct(ctx, account, rec(1, 0, "", "").ID, func(r *recording.Recording) error {
			r.Created += 40 * 24 * 60 * 60
			return nil
		})
		b.check(err)
		b.index(1)
		deleted := b.delete(2)
		b.index(2)
		b.want(november, 3, 180, 300, 300)
		b.want(december, 0, 0, 50, 250)

		b.check(b.store.Revive(ctx, deleted, ""))
		b.index(2)
		_, err = search.Reindexer{Indexer: b.x}.Account(ctx, account, true)
		b.check(err)
		b.want(november, 3, 180, 300, 300)
		b.want(december, 0, 0, 50, 350)
		sound(t, b.store)
	}
}

// Of a recording that no longer exists, the numbers for bills are left for as long as a tombstone
// is, and no search finds it.
func TestOnlyTheNumbersForBillsAreLeft(t *testing.T) {
	t.Parallel()
	b := openBooks(t, open(t), true)
	r := rec(1, 0, "u", "renate")
	b.check(b.store.Put(t.Context(), &r))
	want := func(indexed, billed bool, until recording.Seconds) {
		t.Helper()
		is, err := search.Indexed(t.Context(), b.store, account, r.ID)
		b.check(err)
		end, ok, err := search.Billed(t.Context(), b.store, account, r.ID)
		b.check(err)
		if is != indexed || ok != billed || ok && end != until {
			t.Errorf("Indexed = %v, Billed = %d, %v, want %v, %d, %v", is, end, ok, indexed, until, billed)
		}
	}
	want(false, false, 0)
	b.index(1)
	want(true, false, 0)
	b.delete(1)
	b.index(1)
	want(false, true, recording.SecondsOf(b.x.Now())+store.TombstoneDays*recording.Day)
}

// Recordings that an earlier layout has indexed count for the month of their creation, once,
// even if they are deleted before they are indexed again.
func TestAddedBeforeItWasCounted(t *testing.T) {
	t.Parallel()
	b := openBooks(t, open(t), true)
	created := recording.SecondsOf(november.AddDate(0, -2, 0)) - epoch
	for i := range 3 {
		r := rec(i, created, "u", "renate")
		b.check(b.store.Put(t.Context(), &r))
		b.index(i)
	}
	firstLayout(t, b.store)
	b.want(november, 0, 0, 0, 0)
	b.delete(0)
	for range 2 {
		_, err := search.Reindexer{Indexer: b.x}.Account(t.Context(), account, true)
		b.check(err)
	}
	b.want(november.AddDate(0, -2, 0), 3, 180, 300, 300)
	b.want(november, 0, 0, 0, 200)
	sound(t, b.store)
}

// A run that dies at any call, and the run after it, add a recording once.
func TestAddedOnceByRunsThatDie(t *testing.T) {
	t.Parallel()
	died := errors.New("killed")
	for _, atomic := range []bool{true, false} {
		for _, when := range []faultstore.When{true, false} {
			for call := 1; call <= 9; call++ {
				b := openBooks(t, open(t), atomic)
				r := rec(1, 0, "u", "renate")
				b.check(b.store.Put(t.Context(), &r))
				b.x.Store = faultstore.New(b.store, faultstore.Fault{Call: call, When: when, Err: died})
				if err := b.x.Index(t.Context(), account, r.ID); err != nil && !errors.Is(err, died) {
					t.Fatal(err)
				}
				b.clock.move(2 * search.Lease)
				b.x.Store = b.store
				b.index(1)
				b.want(november, 1, 60, 100, 100)
			}
		}
	}
}
