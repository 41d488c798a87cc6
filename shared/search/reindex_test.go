package search_test

import (
	"context"
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
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
