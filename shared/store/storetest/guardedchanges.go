package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// guardedChanges are the cases for store.GuardedCorrector.
var guardedChanges = []testCase{
	{"a change under guards", func(s *suite) {
		if err := s.writeGuard("holds", 0); err != nil {
			s.Fatalf("WriteEntries: %v", err)
		}
		s.put(s.rec("a", 0, ""))
		change := func(r *recording.Recording) error {
			r.Owner, r.Created = "anna", epoch+7
			return nil
		}
		got, err := s.store.CorrectGuarded(s.Context(), s.account, "202601-a", change, s.guard("holds"), s.guard("absent"))
		if err != nil || got.Owner != "anna" || got.Created != epoch+7 {
			s.Errorf("CorrectGuarded = %+v, %v", got, err)
		}
		if now := s.get("a"); *now != *got {
			s.Errorf("Get = %+v, want %+v", now, got)
		}
		stale := store.Guard{EntryKey: s.guard("holds").EntryKey, Revision: "stale"}
		for name, g := range map[string]store.Guard{"a stale guard": stale, "an absent guard": {EntryKey: stale.EntryKey}} {
			_, err := s.store.CorrectGuarded(s.Context(), s.account, "202601-a", noop, s.guard("absent"), g)
			s.wantErr("CorrectGuarded with "+name, err, store.ErrGuard)
		}
		if now := s.get("a"); *now != *got {
			s.Errorf("Get after changes that failed = %+v, want %+v", now, got)
		}
		_, err = s.store.CorrectGuarded(s.Context(), s.account, "202601-no", noop, s.guard("holds"))
		s.wantErr("CorrectGuarded of nothing", err, store.ErrNotFound)
		veto := errors.New("veto")
		_, err = s.store.CorrectGuarded(s.Context(), s.account, "202601-a", func(*recording.Recording) error { return veto }, s.guard("holds"))
		if err != veto { //nolint:errorlint // it must come back unwrapped
			s.Errorf("CorrectGuarded with a veto = %v", err)
		}
	}},
	// Once the guard is written, no change that has read the earlier one takes effect.
	{"a guard that is written during a change", func(s *suite) {
		for round := range 12 {
			key, id := fmt.Sprintf("holds%d", round), fmt.Sprintf("r%d", round)
			s.put(s.rec(id, 0, ""))
			g := s.guard(key)
			var wg sync.WaitGroup
			var changed, written, seen error
			var then *recording.Recording
			wg.Go(func() {
				_, changed = s.store.CorrectGuarded(s.Context(), s.account, "202601-"+id, func(r *recording.Recording) error {
					r.Owner = "other"
					return nil
				}, g)
			})
			wg.Go(func() {
				written = s.writeGuard(key, 0)
				then, seen = s.store.Get(s.Context(), s.account, "202601-"+id)
			})
			wg.Wait()
			if written != nil || seen != nil || changed != nil && !errors.Is(changed, store.ErrGuard) {
				s.Errorf("WriteEntries = %v, Get = %v, CorrectGuarded = %v, want success or ErrGuard", written, seen, changed)
				continue
			}
			if now := s.get(id); *now != *then {
				s.Errorf("the recording changed after the guard: %+v, then %+v (%v)", then, now, changed)
			}
		}
	}},
}
