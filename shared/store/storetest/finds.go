package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"callrecordings/shared/store"
)

// find finds what lies under ids, which are given without their month.
func (s *suite) find(account string, names ...string) map[string]store.Found {
	s.Helper()
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "202601-" + name
	}
	found, err := s.store.Find(s.Context(), account, ids)
	if err != nil {
		s.Fatalf("Find of %d in %s: %v", len(ids), account, err)
	}
	return found
}

// tombstone returns that of a deleted recording.
func (s *suite) tombstone(id string) *store.Tombstone {
	s.Helper()
	t, err := s.store.Tombstone(s.Context(), s.account, "202601-"+id)
	if err != nil {
		s.Fatalf("Tombstone(%s): %v", id, err)
	}
	return &t
}

// bury deletes recordings, whose purges stay pending.
func (s *suite) bury(ids ...string) {
	s.Helper()
	for _, id := range ids {
		if _, err := s.store.Delete(s.Context(), s.account, "202601-"+id, nothing); err != nil {
			s.Fatalf("Delete(%s): %v", id, err)
		}
	}
}

// purge notes that the audio of deleted recordings is gone.
func (s *suite) purge(ids ...string) {
	s.Helper()
	for _, id := range ids {
		if err := s.store.Purged(s.Context(), s.account, "202601-"+id); err != nil {
			s.Fatalf("Purged(%s): %v", id, err)
		}
	}
}

// oddly makes n names of all that an id may have, and more.
func oddly(n int) []string {
	names := []string{"Odd_.@-", "odd_.@-", "ODD_.@-", "-", ".", "..", "@", strings.Repeat("x", 128), "%41", "a b", "'", "Zoë 🎧"}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("Odd_.@-%d", i))
	}
	return names[:n]
}

// finds are about Find.
var finds = []testCase{
	{"recordings and tombstones, and nothing else", func(s *suite) {
		a, b := s.rec("a", 3, "u"), s.rec("b", 4, "")
		a.Audio.Key, b.Audio.Key = "elsewhere/a", "elsewhere/b"
		a.Document = `{"name":"Zoë 🎧 é","n":1.50}`
		s.put(a, b, s.rec("c", 5, "u"), s.rec("d", 6, ""))
		s.bury("b", "c")
		s.purge("c")
		if _, err := s.store.Claim(s.Context(), s.account, "202601-e", store.Claim{ID: "202601-e"}); err != nil {
			s.Fatalf("Claim: %v", err)
		}
		want := map[string]store.Found{
			"202601-a": {Recording: s.get("a")},
			"202601-b": {Tombstone: s.tombstone("b")},
			"202601-c": {Tombstone: s.tombstone("c")},
		}
		if diff := cmp.Diff(want, s.find(s.account, "a", "b", "c", "e", "no")); diff != "" {
			s.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"sees every write at once", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for i := range 20 {
			r := s.rec(fmt.Sprintf("b%d", i), 0, "")
			s.put(r)
			if _, err := s.store.Update(s.Context(), s.account, "202601-a", nothing); err != nil {
				s.Fatalf("Update: %v", err)
			}
			r.Revision = s.get(fmt.Sprintf("b%d", i)).Revision
			want := map[string]store.Found{"202601-a": {Recording: s.get("a")}, r.ID: {Recording: &r}}
			if diff := cmp.Diff(want, s.find(s.account, "a", fmt.Sprintf("b%d", i))); diff != "" {
				s.Fatalf("Find (-want +got):\n%s", diff)
			}
		}
	}},
	{"as many as may be, whatever their ids", func(s *suite) {
		names := oddly(store.MaxFind)
		want := map[string]store.Found{}
		for i, name := range names {
			if i%3 == 0 {
				continue
			}
			s.put(s.rec(name, 0, ""))
			if i%3 == 1 {
				want["202601-"+name] = store.Found{Recording: s.get(name)}
				continue
			}
			s.bury(name)
			want["202601-"+name] = store.Found{Tombstone: s.tombstone(name)}
		}
		if diff := cmp.Diff(want, s.find(s.account, names...)); diff != "" {
			s.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"accounts do not meet", func(s *suite) {
		s.put(s.rec("a", 0, ""), s.rec("b", 0, ""))
		s.bury("b")
		if got := s.find(s.account+"x", "a", "b"); len(got) != 0 {
			s.Errorf("Find in another account = %+v, want nothing", got)
		}
	}},
	{"of no ids", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for _, ids := range [][]string{nil, {}} {
			if got, err := s.store.Find(s.Context(), s.account, ids); err != nil || got == nil || len(got) != 0 {
				s.Errorf("Find of no ids = %+v, %v, want an empty map", got, err)
			}
		}
	}},
	{"a context that is over", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		got, err := s.store.Find(ctx, s.account, []string{"202601-a"})
		if got != nil || !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
			s.Errorf("Find = %+v, %v, want ErrUnavailable or the context's error", got, err)
		}
	}},
	// DynamoDB answers with 16 MB at most, and a driver has to ask for the rest
	// (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
	{"large ones", func(s *suite) {
		const n, size = 50, 390_000
		names := make([]string, n)
		for i := range names {
			names[i] = strconv.Itoa(i)
			r := s.rec(names[i], 0, "")
			r.Document = sized(size)
			s.put(r)
		}
		got := s.find(s.account, names...)
		for _, name := range names {
			r := got["202601-"+name].Recording
			if r == nil || r.ID != "202601-"+name || r.Document != sized(size) {
				s.Errorf("Find has %s with another document, or not at all", name)
			}
		}
		if len(got) != n {
			s.Errorf("Find has %d recordings, want %d", len(got), n)
		}
	}},
}
