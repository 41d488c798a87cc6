package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/store"
)

// find calls Find for IDs in an account. names are the IDs without their month.
func (s *suite) find(account string, names ...string) map[string]store.Found {
	s.Helper()
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "202601-" + name
	}
	found, err := s.store.Find(s.Context(), account, ids)
	if err != nil {
		s.Fatalf("Find of %d IDs in %s: %v", len(ids), account, err)
	}
	return found
}

// tombstone returns the tombstone of a deleted recording.
func (s *suite) tombstone(id string) *store.Tombstone {
	s.Helper()
	t, err := s.store.Tombstone(s.Context(), s.account, "202601-"+id)
	if err != nil {
		s.Fatalf("Tombstone(%s): %v", id, err)
	}
	return &t
}

// remove deletes recordings and leaves their purges pending.
func (s *suite) remove(ids ...string) {
	s.Helper()
	for _, id := range ids {
		if _, err := s.store.Delete(s.Context(), s.account, "202601-"+id, store.Deletion{}); err != nil {
			s.Fatalf("Delete(%s): %v", id, err)
		}
	}
}

// purge marks the purges of deleted recordings as finished.
func (s *suite) purge(ids ...string) {
	s.Helper()
	for _, id := range ids {
		if err := s.store.Purged(s.Context(), s.account, "202601-"+id, ""); err != nil {
			s.Fatalf("Purged(%s): %v", id, err)
		}
	}
}

// unusualNames returns n names for IDs with all characters that an ID may have,
// and some that it may not.
func unusualNames(n int) []string {
	names := []string{"Odd_.@-", "odd_.@-", "ODD_.@-", "-", ".", "..", "@", strings.Repeat("x", 128), "%41", "a b", "'", "Zoë 🎧"}
	for i := len(names); i < n; i++ {
		names = append(names, fmt.Sprintf("Odd_.@-%d", i))
	}
	return names[:n]
}

// finds are the cases for Find.
var finds = []testCase{
	{"Find returns recordings and tombstones only", func(s *suite) {
		a, b := s.rec("a", 3, "u"), s.rec("b", 4, "")
		a.Audio.Key, b.Audio.Key = "elsewhere/a", "elsewhere/b"
		a.Document = `{"name":"Zoë 🎧 é","n":1.50}`
		s.put(a, b, s.rec("c", 5, "u"), s.rec("d", 6, ""))
		s.remove("b", "c")
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
	{"Find sees every write immediately", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for i := range 20 {
			r := s.rec(fmt.Sprintf("b%d", i), 0, "")
			s.put(r)
			if _, err := s.store.Update(s.Context(), s.account, "202601-a", noop); err != nil {
				s.Fatalf("Update: %v", err)
			}
			r.Revision = s.get(fmt.Sprintf("b%d", i)).Revision
			want := map[string]store.Found{"202601-a": {Recording: s.get("a")}, r.ID: {Recording: &r}}
			if diff := cmp.Diff(want, s.find(s.account, "a", fmt.Sprintf("b%d", i))); diff != "" {
				s.Fatalf("Find (-want +got):\n%s", diff)
			}
		}
	}},
	{"MaxFind recordings with unusual IDs", func(s *suite) {
		names := unusualNames(store.MaxFind)
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
			s.remove(name)
			want["202601-"+name] = store.Found{Tombstone: s.tombstone(name)}
		}
		if diff := cmp.Diff(want, s.find(s.account, names...)); diff != "" {
			s.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"accounts are separate", func(s *suite) {
		s.put(s.rec("a", 0, ""), s.rec("b", 0, ""))
		s.remove("b")
		if got := s.find(s.account+"x", "a", "b"); len(got) != 0 {
			s.Errorf("Find in another account = %+v, want nothing", got)
		}
	}},
	{"no IDs", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for _, ids := range [][]string{nil, {}} {
			if got, err := s.store.Find(s.Context(), s.account, ids); err != nil || got == nil || len(got) != 0 {
				s.Errorf("Find of no IDs = %+v, %v, want an empty map", got, err)
			}
		}
	}},
	{"a canceled context", func(s *suite) {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		got, err := s.store.Find(ctx, s.account, []string{"202601-a"})
		if got != nil || !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
			s.Errorf("Find = %+v, %v, want ErrUnavailable or the context's error", got, err)
		}
	}},
	// DynamoDB returns at most 16 MB per call; a driver must request the rest
	// (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
	{"large recordings", func(s *suite) {
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
				s.Errorf("Find has no recording %s, or one with another document", name)
			}
		}
		if len(got) != n {
			s.Errorf("Find has %d recordings, want %d", len(got), n)
		}
	}},
}
