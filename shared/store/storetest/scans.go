package storetest

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/store"
)

// rows reads all rows of an account, limit at a time.
func (s *suite) rows(limit int) (all []store.Row) {
	s.Helper()
	for after := ""; ; {
		p, err := s.store.Rows(s.Context(), s.account, after, limit)
		if err != nil {
			s.Fatalf("Rows after %q: %v", after, err)
		}
		if len(p.Rows) > limit {
			s.Fatalf("Rows after %q returned %d rows, want at most %d", after, len(p.Rows), limit)
		}
		if all = append(all, p.Rows...); p.Next == "" {
			return all
		}
		after = p.Next
	}
}

// keptClaims reads all lasting claims of an account, limit at a time.
func (s *suite) keptClaims(limit int) (all []store.KeptClaim) {
	s.Helper()
	for after := ""; ; {
		p, err := s.store.Claims(s.Context(), s.account, after, limit)
		if err != nil {
			s.Fatalf("Claims after %q: %v", after, err)
		}
		if all = append(all, p.Claims...); p.Next == "" {
			return all
		}
		after = p.Next
	}
}

// claim makes a lasting claim with the given ID.
func (s *suite) claim(key, id string) {
	s.Helper()
	if _, err := s.store.Claim(s.Context(), s.account, key, store.Claim{ID: "202601-" + id, Lasting: true}); err != nil {
		s.Fatalf("Claim(%s): %v", key, err)
	}
}

// hasAccount waits until Accounts finds the suite's account.
func (s *suite) hasAccount(deep bool) bool {
	s.Helper()
	for deadline := time.Now().Add(maxLag); ; time.Sleep(20 * time.Millisecond) {
		for cursor := ""; ; {
			accounts, next, err := s.store.Accounts(s.Context(), cursor, deep)
			if err != nil {
				s.Fatalf("Accounts: %v", err)
			}
			if slices.Contains(accounts, s.account) {
				return true
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// scans are the cases for Scanner.
var scans = []testCase{
	{"Rows are recordings and tombstones in the order of IDs", func(s *suite) {
		s.put(s.rec("c", 1, "u"), s.rec("a", 3, ""), s.rec("b-x", 2, ""), s.rec("b", 9, "u"), s.rec("d", 1, ""))
		s.remove("b", "d")
		s.purge("d")
		s.claim("202601-bb", "bb")
		if err := s.store.AddSecret(s.Context(), store.Secret{Account: s.account, ID: "s", Sum: "x"}); err != nil {
			s.Fatalf("AddSecret: %v", err)
		}
		found := s.find(s.account, "a", "b", "b-x", "c", "d")
		var want []store.Row
		for _, name := range []string{"a", "b", "b-x", "c", "d"} {
			want = append(want, store.Row{ID: "202601-" + name, Found: found["202601-"+name]})
		}
		for _, limit := range []int{1, 2, 5, 100} {
			if diff := cmp.Diff(want, s.rows(limit)); diff != "" {
				s.Errorf("Rows, %d at a time (-want +got):\n%s", limit, diff)
			}
		}
	}},
	{"Rows begin after an ID that need not exist", func(s *suite) {
		s.put(s.rec("a", 0, ""), s.rec("c", 0, ""))
		for after, want := range map[string]int{"2": 2, "202601-": 2, "202601-a": 1, "202601-b": 1, "202601-c": 0, "202601-c~ab": 0, "9": 0, "x": 0} {
			p, err := s.store.Rows(s.Context(), s.account, after, 10)
			if err != nil || len(p.Rows) != want || p.Next != "" {
				s.Errorf("Rows after %q = %d rows, next %q, %v, want %d rows and no next page", after, len(p.Rows), p.Next, err, want)
			}
		}
	}},
	{"an account without rows", func(s *suite) {
		if all, kept := s.rows(10), s.keptClaims(10); len(all) > 0 || len(kept) > 0 {
			s.Errorf("Rows = %+v, Claims = %+v, want none", all, kept)
		}
	}},
	{"Accounts finds accounts with recordings, and with pending purges", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for _, deep := range []bool{false, true} {
			if !s.hasAccount(deep) {
				s.Errorf("Accounts(deep %t) does not find an account with a recording", deep)
			}
		}
		s.remove("a")
		if !s.hasAccount(true) {
			s.Error("Accounts does not find an account with a pending purge")
		}
	}},
	{"Claims are the lasting ones", func(s *suite) {
		for i := range 7 {
			s.claim(strconv.Itoa(i), "r"+strconv.Itoa(i))
		}
		if _, err := s.store.Claim(s.Context(), s.account, "brief", store.Claim{ID: "202601-brief"}); err != nil {
			s.Fatalf("Claim: %v", err)
		}
		for _, limit := range []int{1, 3, 100} {
			var ids []string
			for _, c := range s.keptClaims(limit) {
				ids = append(ids, c.ID)
			}
			slices.Sort(ids)
			if want := []string{"202601-r0", "202601-r1", "202601-r2", "202601-r3", "202601-r4", "202601-r5", "202601-r6"}; !slices.Equal(ids, want) {
				s.Errorf("Claims, %d at a time, reserve %q, want %q", limit, ids, want)
			}
		}
	}},
	{"Unclaim removes only what nothing uses", func(s *suite) {
		s.put(s.rec("live", 0, ""), s.rec("gone", 0, ""))
		s.remove("gone")
		s.purge("gone")
		for _, name := range []string{"live", "gone", "unused"} {
			s.claim(name, name)
		}
		for _, c := range s.keptClaims(10) {
			want := store.ErrConflict
			if c.ID == "202601-unused" {
				want = nil
			}
			for range 2 { // a retry finds it gone
				s.wantErr("Unclaim of "+c.ID, s.store.Unclaim(s.Context(), s.account, c), want)
			}
		}
		if kept := s.keptClaims(10); len(kept) != 2 {
			s.Errorf("Claims = %+v, want those of the recording and of the tombstone", kept)
		}
	}},
}
