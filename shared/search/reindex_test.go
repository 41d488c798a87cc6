package search_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// neglected returns a store with an incomplete index: some recordings are missing, one is
// outdated, and one was deleted.
func neglected(t *testing.T) *sqlite.Store {
	t.Helper()
	s := open(t)
	for i := range 250 {
		r := rec(i, recording.Seconds(i), "u", "renate")
		if i < 10 {
			put(t, s, r)
		} else if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Update(t.Context(), account, "202601-0003", func(r *recording.Recording) error {
		r.Document = `{"caller_id_name":"ada"}`
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), account, "202601-0004", store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReindex(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	s := neglected(t)
	x := search.Reindexer{Indexer: indexer(s, true)}
	got, err := x.Account(t.Context(), account, false)
	if want := (search.Report{Examined: 249, Indexed: 241, Removed: 1}); err != nil || got != want {
		t.Errorf("Account = %+v, %v, want %+v", got, err, want)
	}
	sound(t, s)
	got, err = x.Account(t.Context(), account, false)
	if want := (search.Report{Examined: 249}); err != nil || got != want {
		t.Errorf("the second run = %+v, %v, want %+v", got, err, want)
	}
}

// A run that was stopped continues from its bookmark, unless the caller asks for a restart.
func TestReindexGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	s := neglected(t)
	stopped, n := errors.New("stopped"), 0
	x := search.Reindexer{Indexer: indexer(s, true), Pace: func(context.Context) error {
		if n++; n > 150 {
			return stopped
		}
		return nil
	}}
	if _, err := x.Account(t.Context(), account, false); !errors.Is(err, stopped) {
		t.Fatalf("Account = %v, want it stopped", err)
	}
	x.Pace = nil
	got, err := x.Account(t.Context(), account, false)
	if err != nil || got.Examined != 149 {
		t.Errorf("the second run = %+v, %v, want only what the first had not examined", got, err)
	}
	sound(t, s)
	if got, err = x.Account(t.Context(), account, true); err != nil || got.Examined != 249 {
		t.Errorf("a restart = %+v, %v", got, err)
	}
}

// stoppedRun returns a reindexer. Its first run stops after some of the recordings of s. The caller
// moves its clock and counts how often it goes on.
func stoppedRun(t *testing.T, s *sqlite.Store) (x search.Reindexer, c *clock, resumed *int) {
	t.Helper()
	stopped, n := errors.New("stopped"), 0
	c, resumed = &clock{now: time.Now()}, new(int)
	x = search.Reindexer{Indexer: indexer(s, true), Resumed: func(recording.Seconds) { *resumed++ }}
	x.Now = c.time
	x.Pace = func(context.Context) error {
		if n++; n > 101 {
			return stopped
		}
		return nil
	}
	if _, err := x.Account(t.Context(), account, false); !errors.Is(err, stopped) {
		t.Fatalf("Account = %v, want it stopped", err)
	}
	x.Pace = nil
	return x, c, resumed
}

// A bookmark does not count a day later, or if another layout or an earlier build has left
// it: the recordings before it may have changed while the index was off.
func TestReindexIgnoresOldBookmarks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		later    time.Duration
		bookmark string // replaces the stored one; "" keeps it
		resumes  int
	}{
		"an hour later":   {later: time.Hour, resumes: 1},
		"two days later":  {later: 2 * search.BookmarkAge},
		"another layout":  {bookmark: `{"created":63900000099,"id":"202601-0099","v":1,"at":99999999999}`},
		"no time, layout": {bookmark: `{"created":63900000099,"id":"202601-0099"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for i := range 120 {
				r := rec(i, recording.Seconds(i), "u", "renate")
				if err := s.Put(t.Context(), &r); err != nil {
					t.Fatal(err)
				}
			}
			x, now, resumed := stoppedRun(t, s)
			now.move(c.later)
			if c.bookmark != "" {
				w := store.EntryWrite{Entry: store.Entry{EntryKey: store.EntryKey{Partition: "reindex", Key: account}, Value: []byte(c.bookmark)}}
				if err := s.WriteEntries(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
			got, err := x.Account(t.Context(), account, false)
			if want := 120 - 100*c.resumes; err != nil || got.Examined != want || *resumed != c.resumes {
				t.Errorf("the second run = %+v, %v, resumed %d times, want %d examined", got, err, *resumed, want)
			}
			sound(t, s)
		})
	}
}

// firstLayout brings the index of account into the state of the first layout:
// entries without signatures, markers without a version, and no totals of months.
func firstLayout(t *testing.T, s faultstore.Driver) {
	t.Helper()
	rewrite := func(partition string, change func(e *store.EntryWrite)) {
		for q := (store.EntryQuery{Partition: partition + account, Limit: 10_000}); ; {
			p, err := s.PageEntries(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Entries {
				w := store.EntryWrite{Entry: p.Entries[i]}
				if change(&w); string(w.Value) == string(p.Entries[i].Value) && !w.Delete {
					continue
				}
				if err := s.WriteEach(t.Context(), w); err != nil {
					t.Fatal(err)
				}
			}
			if q.After = p.Next; p.Next == "" {
				return
			}
		}
	}
	rewrite("terms/", func(w *store.EntryWrite) {
		var value []string
		if err := json.Unmarshal(w.Value, &value); err != nil || len(value) != 3 {
			t.Fatalf("%s: %v", w.Value, err)
		}
		w.Value, _ = json.Marshal(value[:2])
	})
	rewrite("indexed/", func(w *store.EntryWrite) {
		var value map[string]any
		if err := json.Unmarshal(w.Value, &value); err != nil || value["v"] == nil || value["sig"] == nil {
			t.Fatalf("%s: %v", w.Value, err)
		}
		delete(value, "v")
		delete(value, "sig")
		delete(value, "added")
		w.Value, _ = json.Marshal(value)
	})
	rewrite("totals/", func(w *store.EntryWrite) {
		w.Value, w.Delete = []byte(withoutTime(string(w.Value))), w.Key[:2] == "p/" || w.Key[:2] == "u/"
	})
}

// An index of the first layout answers searches. Reindexer, or the next event of a recording,
// brings it to the present one, and counts nothing twice.
func TestIndexOfTheFirstLayout(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	s, _ := library(t, 60)
	firstLayout(t, s)
	if got := walk(t, s, "common seventh rare", store.Query{Account: account, Limit: 2, Owner: "v"}, nil, nil); len(got) != 0 {
		t.Errorf("the search found %q", got)
	}
	if got := walk(t, s, "common seventh", store.Query{Account: account, Limit: 2}, nil, nil); len(got) != 9 {
		t.Errorf("the search found %q, want 9", got)
	}
	if err := indexer(s, false).Index(t.Context(), account, "202601-0007"); err != nil {
		t.Fatal(err)
	}
	got, err := search.Reindexer{Indexer: indexer(s, true)}.Account(t.Context(), account, false)
	if want := (search.Report{Examined: 60, Indexed: 59}); err != nil || got != want {
		t.Errorf("Account = %+v, %v, want %+v", got, err, want)
	}
	sound(t, s)
}
