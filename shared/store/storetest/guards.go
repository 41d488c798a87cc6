package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// guard returns a guard for the entry with this key that was read now.
func (s *suite) guard(key string) store.Guard {
	s.Helper()
	g := store.Guard{EntryKey: store.EntryKey{Partition: "account/" + s.account, Key: key}}
	found, err := s.store.Entries(s.Context(), g.EntryKey)
	if err != nil {
		s.Fatalf("Entries: %v", err)
	}
	if len(found) > 0 {
		g.Revision = found[0].Revision
	}
	return g
}

// writeGuard writes the entry of a guard.
func (s *suite) writeGuard(key string, expires recording.Seconds) error {
	e := store.Entry{EntryKey: store.EntryKey{Partition: "account/" + s.account, Key: key}, Value: []byte("{}"), Expires: expires}
	return s.store.WriteEntries(s.Context(), store.EntryWrite{Entry: e})
}

// guards are the cases for Deletion.Guards and the guards of Condemn.
var guards = []testCase{
	{"guards that hold", func(s *suite) {
		if err := errors.Join(s.writeGuard("holds", 0), s.writeGuard("old", recording.SecondsOf(time.Now())-5)); err != nil {
			s.Fatalf("WriteEntries: %v", err)
		}
		all := []store.Guard{s.guard("holds"), s.guard("absent"), s.guard("old")}
		s.put(s.rec("a", 0, ""), s.rec("b", 0, ""))
		s.removeUntil("a", until, all...)
		if err := s.condemn("a", all...); err != nil || !s.tombstone("a").PurgePending {
			s.Errorf("Condemn: %v", err)
		}
		if _, err := s.store.Delete(s.Context(), s.account, "202601-b", store.Deletion{Guards: all}); err != nil {
			s.Errorf("Delete: %v", err)
		}
	}},
	{"guards that do not hold", func(s *suite) {
		absent := s.guard("holds")
		if err := s.writeGuard("holds", 0); err != nil {
			s.Fatalf("WriteEntries: %v", err)
		}
		earlier := s.guard("holds")
		if err := s.writeGuard("holds", 0); err != nil {
			s.Fatalf("WriteEntries: %v", err)
		}
		removed := store.Guard{EntryKey: store.EntryKey{Partition: "account/" + s.account, Key: "gone"}, Revision: earlier.Revision}
		s.put(s.rec("a", 0, ""), s.rec("b", 0, ""))
		s.removeUntil("b", until)
		before := s.tombstone("b")
		for name, g := range map[string]store.Guard{"absent": absent, "earlier": earlier, "removed": removed} {
			_, err := s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{Guards: []store.Guard{s.guard("x"), g}})
			s.wantErr("Delete with a guard that was "+name, err, store.ErrGuard)
			s.wantErr("Condemn with a guard that was "+name, s.condemn("b", s.guard("x"), g), store.ErrGuard)
		}
		s.get("a")
		s.wantTombstone("b", before)
	}},
	{"a guarded delete of nothing", func(s *suite) {
		_, err := s.store.Delete(s.Context(), s.account, "202601-no", store.Deletion{Guards: []store.Guard{s.guard("x")}})
		s.wantErr("Delete", err, store.ErrNotFound)
	}},
	// A client that has placed a hold, and then still finds the recording, can rely on it.
	{"a hold that is placed during a delete", func(s *suite) {
		for round := range 12 {
			key, id := fmt.Sprintf("holds%d", round), fmt.Sprintf("r%d", round)
			s.put(s.rec(id, 0, ""))
			g := s.guard(key)
			var wg sync.WaitGroup
			var deleted, written, seen error
			wg.Go(func() {
				_, deleted = s.store.Delete(s.Context(), s.account, "202601-"+id, store.Deletion{Guards: []store.Guard{g}})
			})
			wg.Go(func() {
				written = s.writeGuard(key, 0)
				_, seen = s.store.Get(s.Context(), s.account, "202601-"+id)
			})
			wg.Wait()
			if written != nil || deleted != nil && !errors.Is(deleted, store.ErrGuard) {
				s.Errorf("WriteEntries = %v, Delete = %v, want success or ErrGuard", written, deleted)
			}
			if _, err := s.store.Get(s.Context(), s.account, "202601-"+id); seen == nil && err != nil {
				s.Errorf("the recording existed when the hold was in place, but was deleted: %v", deleted)
			}
		}
	}},
	{"many guarded deletes at once", func(s *suite) {
		const n = 12
		g := s.guard("holds")
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			s.put(s.rec(strconv.Itoa(i), 0, ""))
		}
		for i := range n {
			wg.Go(func() {
				_, errs[i] = s.store.Delete(s.Context(), s.account, fmt.Sprintf("202601-%d", i), store.Deletion{Guards: []store.Guard{g}})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			s.Errorf("Delete: %v", err)
		}
	}},
}

// deletedPages are the cases for lists of restorable tombstones.
var deletedPages = []testCase{
	{"pages of deleted recordings", func(s *suite) {
		var names []string
		for i := range 9 {
			name, owner := fmt.Sprintf("d%d", i), ""
			if i%3 == 0 {
				owner = "u"
			}
			s.put(s.rec(name, recording.Seconds(100-i), owner)) // another order than that of the deletions
			s.removeUntil(name, until+recording.Seconds(i/2))
			names = append(names, name)
		}
		s.put(s.rec("live", 5, "u"))
		s.wantDeleted(store.Query{Ascending: true}, names...)
		s.wantDeleted(store.Query{}, "d8", "d7", "d6", "d5", "d4", "d3", "d2", "d1", "d0")
		s.wantDeleted(store.Query{Ascending: true, Owner: "u"}, "d0", "d3", "d6")
		s.wantDeleted(store.Query{Ascending: true, To: until + 1}, names[:4]...)
		s.wantDeleted(store.Query{Ascending: true, From: until + 1, To: until + 2}, names[2:6]...)
		s.wantDeleted(store.Query{Ascending: true, Keep: func(r *recording.Recording) bool { return r.Owner == "u" }}, "d0", "d3", "d6")
		s.wantDeleted(store.Query{To: until - 1})
		s.wantList(store.Query{}, "live")
		s.wantList(store.Query{To: store.MaxTime}, "live")
		for _, ascending := range []bool{true, false} {
			for _, limit := range []int{1, 2, 4} {
				s.wantWalk(ascending, limit, names)
			}
		}
	}},
}

// wantWalk follows the pages of deleted recordings.
func (s *suite) wantWalk(ascending bool, limit int, names []string) {
	s.Helper()
	var got []string
	q := store.Query{Deleted: true, Ascending: ascending, Limit: limit}
	for {
		p := s.page(q)
		got = append(got, deletedIDs(p)...)
		if p.Next == nil {
			break
		}
		q.Start = *p.Next
	}
	want := fmt.Sprint(names)
	if !ascending {
		for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
			got[i], got[j] = got[j], got[i]
		}
	}
	if fmt.Sprint(got) != want {
		s.Errorf("ascending %v, limit %d: %v, want %s", ascending, limit, got, want)
	}
}
