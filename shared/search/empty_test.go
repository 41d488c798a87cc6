package search_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// personal is a tag that must not outlive its recordings.
const personal = "Jane Roe +1 555 0142"

// named returns the keys of the totals that contain a text.
func named(t *testing.T, s store.EntryReader, text string) (keys []string) {
	t.Helper()
	for key := range entriesOf(t, s, "totals/"+account) {
		if strings.Contains(key, text) {
			keys = append(keys, key)
		}
	}
	return keys
}

// A counter stays as long as it counts one recording: deletions, other tags and other owners
// remove it with the last one.
func TestCountersEndWithTheirLastRecording(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		b := openBooks(t, s, false)
		for i := range 3 {
			put(t, s, tagged(i, "anna", personal, "sales"))
		}
		sound(t, s)
		b.delete(0)
		b.index(0)
		sound(t, s)
		for id, change := range map[string]func(*recording.Recording){
			"202601-0001": func(r *recording.Recording) { r.Document = tagged(1, "", "sales").Document },
			"202601-0002": func(r *recording.Recording) { r.Owner = "bob" },
		} {
			_, err := s.Correct(t.Context(), account, id, func(r *recording.Recording) error { change(r); return nil })
			b.check(err)
			b.check(b.x.Index(t.Context(), account, id))
		}
		sound(t, s)
		if got := len(named(t, s, personal)); got != 3 {
			t.Errorf("%d counters have the tag of one recording of bob, want 3", got)
		}
		b.delete(2)
		b.index(2)
		if got := append(named(t, s, personal), named(t, s, "bob")...); len(got) > 0 {
			t.Errorf("the totals still have %q", got)
		}
		sound(t, s)
	})
}

// A run that dies at any call of a deletion leaves nothing that the next run does not remove.
func TestCountersOfRunsThatDie(t *testing.T) {
	t.Parallel()
	died := errors.New("killed")
	for _, atomic := range []bool{true, false} {
		for _, when := range []faultstore.When{true, false} {
			for call := 1; call <= 12; call++ {
				b := openBooks(t, open(t), atomic)
				put(t, b.store, tagged(1, "anna", personal))
				b.delete(1)
				b.x.Store = faultstore.New(b.store, faultstore.Fault{Call: call, When: when, Err: died})
				if err := b.x.Index(t.Context(), account, "202601-0001"); err != nil && !errors.Is(err, died) {
					t.Fatal(err)
				}
				b.clock.move(2 * search.Lease)
				b.x.Store = b.store
				b.index(1)
				if got := append(named(t, b.store, personal), named(t, b.store, "anna")...); len(got) > 0 {
					t.Errorf("atomic %v, call %d, %v: the totals still have %q", atomic, call, when, got)
				}
			}
		}
	}
}

// Runs that lower and raise the same counters at the same time lose no count, and leave no
// empty counter.
func TestCountersOfConcurrentRuns(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		const n = 8
		for i := range n {
			r := tagged(i, "anna", personal)
			if i%2 == 0 {
				put(t, s, r)
				openBooks(t, s, false).delete(i)
			} else if err := s.Put(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
		}
		indexAll := func(odd int) {
			var running sync.WaitGroup
			for i := odd; i < n; i++ {
				running.Go(func() {
					if err := indexer(s, false).Index(t.Context(), account, fmt.Sprintf("202601-%04d", i)); err != nil {
						t.Errorf("Index: %v", err)
					}
				})
			}
			running.Wait()
		}
		indexAll(0)
		sound(t, s)
		for i := 1; i < n; i += 2 {
			openBooks(t, s, false).delete(i)
		}
		indexAll(0)
		if got := named(t, s, personal); len(got) > 0 {
			t.Errorf("the totals still have %q", got)
		}
		sound(t, s)
	})
}

// counting calls count once, when counters were read.
type counting struct {
	search.Store
	count func()
}

func (c *counting) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	found, err := c.Store.Entries(ctx, keys...)
	if count := c.count; count != nil && keys[0].Partition == "totals/"+account {
		c.count = nil
		count()
	}
	return found, err
}

// A counter that counts again after it was found empty stays.
func TestCountersThatCountAgainStay(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		b := openBooks(t, s, false)
		put(t, s, tagged(1, "anna", personal, "other"))
		b.delete(1)
		x := indexer(&counting{s, func() { put(t, s, tagged(2, "anna", personal)) }}, false)
		b.check(x.Index(t.Context(), account, "202601-0001"))
		sound(t, s)
		if got := len(named(t, s, personal)); got != 3 {
			t.Errorf("%d counters have the tag, want 3", got)
		}
	})
}

// A counter that has changed after it was found empty goes if it still counts nothing: two runs
// may have counted a recording and taken it out again.
func TestCountersThatChangeAndCountNothingGo(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		b := openBooks(t, s, false)
		put(t, s, tagged(1, "anna", personal))
		b.delete(1)
		x := indexer(&counting{s, func() {
			for _, key := range named(t, s, personal) {
				emptied(t, s, strings.TrimPrefix(key, "totals/"+account+" "))
			}
		}}, false)
		b.check(x.Index(t.Context(), account, "202601-0001"))
		if got := named(t, s, personal); len(got) > 0 {
			t.Errorf("the totals still have %q", got)
		}
		sound(t, s)
	})
}

// emptied writes counters that count nothing, as earlier builds left them.
func emptied(t *testing.T, s store.Entries, keys ...string) {
	t.Helper()
	for _, key := range keys {
		w := store.EntryWrite{
			Entry: store.Entry{EntryKey: store.EntryKey{Partition: "totals/" + account, Key: key}},
			Add:   map[string]int64{"in": 0, "inseconds": 0, "inbytes": 0}, Set: map[string]int64{"at": int64(epoch)},
		}
		if err := s.WriteEntries(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
}

// Reindexer removes counters that count nothing, and keeps those of days.
func TestReindexRemovesEmptyCounters(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		put(t, s, tagged(1, "bob", "sales"))
		kept := len(entriesOf(t, s, "totals/"+account))
		emptied(t, s, "d/2023-11-28", "o/2023-11-28/anna", "p/2023-11/anna", "s/anna/2023-11-28/"+personal, "t/2023-11-28/"+personal, "u/2023-11/"+personal)
		empty, next, err := search.EmptyCounters(t.Context(), s, account, "", 1000)
		if err != nil || next != "" || len(empty) != 5 || empty[0].Changed != epoch {
			t.Errorf("EmptyCounters = %+v, %q, %v, want 5", empty, next, err)
		}
		if _, err := (search.Reindexer{Indexer: indexer(s, false)}).Account(t.Context(), account, false); err != nil {
			t.Fatal(err)
		}
		sound(t, s)
		if got := len(entriesOf(t, s, "totals/"+account)); got != kept+1 {
			t.Errorf("%d counters, want %d and that of a day", got, kept)
		}
	})
}

// Creating a recording, and completing its audio, reads no counter. Deleting it reads those of
// its owner and its tags in one call.
func TestOnlyLoweredCountersAreRead(t *testing.T) {
	t.Parallel()
	s, reads := open(t), 0
	x := indexer(&counting{s, func() { reads++ }}, false)
	r := tagged(1, "anna", personal)
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	index := func(want int) {
		t.Helper()
		if err := x.Index(t.Context(), account, r.ID); err != nil || reads != want {
			t.Errorf("Index = %v, and reads counters %d times, want %d", err, reads, want)
		}
	}
	index(0)
	if _, err := s.Update(t.Context(), account, r.ID, func(r *recording.Recording) error { r.Audio.Size++; return nil }); err != nil {
		t.Fatal(err)
	}
	index(0)
	if _, err := s.Delete(t.Context(), account, r.ID, store.Deletion{Until: recording.SecondsOf(time.Now().AddDate(0, 1, 0))}); err != nil {
		t.Fatal(err)
	}
	index(1)
}
