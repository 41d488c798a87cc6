package search_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// changes is how many random changes TestKills makes; SEARCH_CHANGES sets another number.
func changes(t *testing.T, usual int) int {
	t.Helper()
	if text := os.Getenv("SEARCH_CHANGES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return usual
}

// After random changes, with runs that die at any call, events that come late, twice and
// out of order, and several runs at a time, one more run per recording leaves index,
// totals and recordings equal.
func TestKills(t *testing.T) {
	t.Parallel()
	for _, atomic := range []bool{true, false} {
		t.Run(fmt.Sprintf("atomic %v", atomic), func(t *testing.T) {
			t.Parallel()
			kills(t, open(t), atomic, changes(t, 300))
		})
	}
	t.Run("DynamoDB", func(t *testing.T) {
		t.Parallel()
		kills(t, emulated(t), false, changes(t, 40))
	})
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// kills makes n random changes with runs that die. Then it indexes every recording once more
// and checks the result.
func kills(t *testing.T, s faultstore.Driver, atomic bool, n int) {
	t.Helper()
	random, c, died := rand.New(rand.NewPCG(1, 2)), &clock{now: time.Now()}, errors.New("killed")
	var events []string
	for i := range n {
		events = append(events, change(t, s, random, i))
		x := indexer(s, atomic)
		if x.Now = c.time; random.IntN(2) == 0 {
			x.Store = faultstore.New(s, faultstore.Fault{Call: 1 + random.IntN(12), When: faultstore.When(random.IntN(2) == 0), Err: died})
		}
		var running sync.WaitGroup
		for range 1 + random.IntN(2) {
			id := events[random.IntN(len(events))]
			running.Go(func() {
				err := x.Index(t.Context(), account, id)
				if err != nil && !errors.Is(err, died) && !errors.Is(err, search.ErrBusy) && !errors.Is(err, store.ErrConflict) {
					t.Errorf("Index: %v", err)
				}
			})
		}
		running.Wait()
		if random.IntN(3) == 0 {
			c.move(search.Lease)
		}
	}
	c.move(2 * search.Lease)
	for _, id := range events {
		x := indexer(s, atomic)
		x.Now = c.time
		if err := x.Index(t.Context(), account, id); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, s)
}

// change makes a random change to one of a few recordings, and returns its ID.
func change(t *testing.T, s faultstore.Driver, random *rand.Rand, n int) string {
	t.Helper()
	names := []string{"Renate Müller", "Ada Lovelace", "renate", "+1 555 010 0142", "Grace Hopper-Renate"}
	r := rec(random.IntN(30), recording.Seconds(random.IntN(200_000)), []string{"", "u", "v"}[random.IntN(3)], names[random.IntN(len(names))])
	var err error
	switch random.IntN(5) {
	case 0, 1:
		err = s.Put(t.Context(), &r)
	case 2, 3:
		_, err = s.Correct(t.Context(), account, r.ID, func(old *recording.Recording) error {
			old.Document, old.Owner = r.Document, r.Owner
			tagged, err := old.Document.With("user_metadata", fmt.Sprintf(`{"tags":{"t%d":true}}`, n%3))
			if n%2 == 0 {
				old.Created, old.Document = r.Created, tagged
			}
			return err
		})
	default:
		if _, err = s.Delete(t.Context(), account, r.ID, store.Deletion{}); err == nil {
			if err = s.Purged(t.Context(), account, r.ID, ""); err == nil && n%2 == 0 {
				err = s.Revive(t.Context(), &r, "")
			}
		}
	}
	if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrDeleted) {
		t.Fatal(err)
	}
	return r.ID
}

// A run that comes twice writes nothing.
func TestRepeatedEventsWriteNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	put(t, s, rec(1, 0, "u", "Renate"))
	counting := faultstore.New(s)
	if err := indexer(counting, false).Index(t.Context(), account, "202601-0001"); err != nil || counting.Calls() != 2 {
		t.Errorf("Index = %v after %d calls, want only the two reads", err, counting.Calls())
	}
	counting = faultstore.New(s)
	if err := indexer(counting, false).Index(t.Context(), account, "202601-9999"); err != nil || counting.Calls() != 2 {
		t.Errorf("Index of an unknown recording = %v after %d calls, want only the two reads", err, counting.Calls())
	}
	if got := entriesOf(t, s, "indexed/"+account); len(got) != 1 {
		t.Errorf("the markers are %q, want one", got)
	}
}

// A deleted recording leaves nothing in the index but the numbers that were added for it. They
// expire when it can no longer be restored.
func TestDeletedRecordingsLeaveNothing(t *testing.T) {
	t.Parallel()
	for _, atomic := range []bool{true, false} {
		s := open(t)
		put(t, s, tagged(1, "u", "Jane Roe +1 555 0142"))
		until := recording.SecondsOf(time.Now().AddDate(5, 0, 0))
		if _, err := s.Delete(t.Context(), account, "202601-0001", store.Deletion{Until: until}); err != nil {
			t.Fatal(err)
		}
		if err := indexer(s, atomic).Index(t.Context(), account, "202601-0001"); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"indexed/a 202601-0001": `{"added":{"seconds":60,"bytes":100}}`}
		if got := entriesOf(t, s, "terms/"+account, "indexed/"+account); !maps.Equal(got, want) {
			t.Errorf("atomic %v: the index has %q, want %q", atomic, got, want)
		}
		for key, value := range entriesOf(t, s, "totals/"+account) {
			if !strings.HasPrefix(key, "totals/a d/") {
				t.Errorf("atomic %v: the totals have %q: %s", atomic, key, value)
			}
		}
		left, err := s.Entries(t.Context(), store.EntryKey{Partition: "indexed/" + account, Key: "202601-0001"})
		if err != nil || len(left) != 1 || left[0].Expires != until+store.TombstoneDays*24*60*60 {
			t.Errorf("atomic %v: what is left = %+v, %v, want it to expire %d days after %d", atomic, left, err, store.TombstoneDays, until)
		}
		counting := faultstore.New(s)
		if err := indexer(counting, atomic).Index(t.Context(), account, "202601-0001"); err != nil || counting.Calls() != 2 {
			t.Errorf("atomic %v: the repeated event = %v after %d calls, want only the two reads", atomic, err, counting.Calls())
		}
	}
}

// A recording with more words than one transaction has writes is indexed all the same.
func TestManyWords(t *testing.T) {
	t.Parallel()
	s, text := open(t), new(strings.Builder)
	for i := range 2000 {
		fmt.Fprintf(text, "word%d ", i)
	}
	put(t, s, rec(1, 0, "", text.String()))
	if got := len(entriesOf(t, s, "terms/"+account)); got < search.MaxTerms/2 || got > 2*search.MaxTerms {
		t.Errorf("%d entries, want about %d", got, search.MaxTerms)
	}
	sound(t, s)
}

// A recording with the most and longest words, of characters that JSON escapes, is indexed,
// and so is its change to other such words.
func TestLongestWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := func(last string) string {
		const escaped = "<>\x01\x02\x03\x04\x05\x06\x07"
		var words []string
		for i := range search.MaxTerms {
			word := []byte{escaped[i%9], escaped[i/9%9], escaped[i/81], '<'}
			words = append(words, string(word)+strings.Repeat("<", 59)+last)
		}
		return strings.Join(words, " ")
	}
	r, tags := rec(1, 1, "u", text(">")), []string(nil)
	for i := range search.MaxTags {
		tags = append(tags, strings.Repeat("\x01", 119)+strconv.Itoa(i))
	}
	metadata, _ := tagged(1, "u", tags...).Document.Raw("user_metadata")
	var err error
	if r.Document, err = r.Document.With("user_metadata", metadata); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := indexer(s, false).Index(t.Context(), account, r.ID); err != nil {
			t.Fatal(err)
		}
		sound(t, s)
		if _, err := s.Update(t.Context(), account, r.ID, func(r *recording.Recording) error {
			r.Document = recording.Document(`{"caller_id_name":` + recording.Quote(text("<")) + `}`)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
