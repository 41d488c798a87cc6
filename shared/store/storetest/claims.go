package storetest

import (
	"sync"

	"github.com/callrecordings/api/shared/store"
)

// claims are the cases for Claim.
var claims = []testCase{
	{"the first claim on a key holds", func(s *suite) {
		first := store.Claim{ID: "202601-a", Made: "x"}
		for _, c := range []store.Claim{first, first, {ID: "202601-b", Made: "y"}} {
			if got, err := s.store.Claim(s.Context(), s.account, "key", c); err != nil || got != first {
				s.Errorf("Claim(%+v) = %+v, %v, want %+v", c, got, err, first)
			}
		}
	}},
	{"a lasting claim holds", func(s *suite) {
		c := store.Claim{ID: "202601-a", Made: "x"}
		first := c
		first.Lasting = true
		for _, next := range []store.Claim{first, {ID: "202602-b", Made: "y", Lasting: true}, {ID: "202602-c", Made: "z"}} {
			if got, err := s.store.Claim(s.Context(), s.account, "key", next); err != nil || got != c {
				s.Errorf("Claim(%+v) = %+v, %v, want %+v", next, got, err, c)
			}
		}
	}},
	{"Claimed finds valid claims only, and makes none", func(s *suite) {
		_, err := s.store.Claimed(s.Context(), s.account, "key")
		s.wantErr("Claimed", err, store.ErrNotFound)
		for key, lasting := range map[string]bool{"key": false, "lasting": true} {
			c := store.Claim{ID: "202601-a", Made: "x", Lasting: lasting}
			if _, err := s.store.Claim(s.Context(), s.account, key, c); err != nil {
				s.Fatalf("Claim: %v", err)
			}
			c.Lasting = false
			if got, err := s.store.Claimed(s.Context(), s.account, key); err != nil || got != c {
				s.Errorf("Claimed(%s) = %+v, %v, want %+v", key, got, err, c)
			}
		}
		_, err = s.store.Claimed(s.Context(), s.account+"x", "key")
		s.wantErr("Claimed in another account", err, store.ErrNotFound)
	}},
	{"keys are any text", func(s *suite) {
		for i, key := range []string{"", "#", "a#b", "202601-a", "Zoë 🎧", "a/b\x00", string(make([]byte, 4000))} {
			c := store.Claim{ID: "202601-a", Made: string(rune('a' + i))}
			if got, err := s.store.Claim(s.Context(), s.account, key, c); err != nil || got != c {
				s.Errorf("Claim of %.10q = %+v, %v, want %+v", key, got, err, c)
			}
		}
	}},
	{"accounts do not share keys", func(s *suite) {
		for _, account := range []string{s.account, s.account + "x"} {
			c := store.Claim{ID: "202601-" + account, Made: account}
			if got, err := s.store.Claim(s.Context(), account, "key", c); err != nil || got != c {
				s.Errorf("Claim in %s = %+v, %v, want %+v", account, got, err, c)
			}
		}
	}},
	{"a claim is not visible as a recording", func(s *suite) {
		c := store.Claim{ID: "202601-a", Made: "x"}
		if _, err := s.store.Claim(s.Context(), s.account, "key", c); err != nil {
			s.Fatalf("Claim: %v", err)
		}
		s.put(s.rec("b", 0, ""))
		s.wantList(store.Query{}, "b")
		_, err := s.store.Get(s.Context(), s.account, c.ID)
		s.wantErr("Get", err, store.ErrNotFound)
	}},
	{"one of many concurrent claims holds", func(s *suite) {
		var wg sync.WaitGroup
		got := make([]store.Claim, 8)
		errs := make([]error, len(got))
		for i := range got {
			wg.Go(func() {
				got[i], errs[i] = s.store.Claim(s.Context(), s.account, "key", store.Claim{ID: "202601-a", Made: string(rune('a' + i))})
			})
		}
		wg.Wait()
		for i := range got {
			if errs[i] != nil || got[i] != got[0] {
				s.Errorf("Claim = %+v, %v, want %+v like all others", got[i], errs[i], got[0])
			}
		}
	}},
}
