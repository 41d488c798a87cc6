package storetest

import (
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// deletes are the cases for Delete and Purged.
var deletes = []testCase{
	{"a delete leaves a hidden tombstone", func(s *suite) {
		ctx := s.Context()
		r := s.rec("a", 3, "u")
		r.Audio.Key = "elsewhere"
		s.put(r, s.rec("b", 4, "u"))
		before := s.get("a")
		got, err := s.store.Delete(ctx, s.account, r.ID, store.Deletion{})
		if err != nil {
			s.Fatalf("Delete: %v", err)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			s.Errorf("Delete (-before +returned):\n%s", diff)
		}
		_, err = s.store.Get(ctx, s.account, r.ID)
		s.wantErr("Get", err, store.ErrNotFound)
		_, err = s.store.Update(ctx, s.account, r.ID, noop)
		s.wantErr("Update", err, store.ErrNotFound)
		_, err = s.store.Delete(ctx, s.account, r.ID, store.Deletion{})
		s.wantErr("Delete again", err, store.ErrNotFound)
		s.wantErr("Put", s.store.Put(ctx, &r), store.ErrDeleted)
		s.wantList(store.Query{}, "b")
		s.wantList(store.Query{Owner: "u"}, "b")
		want := s.wanted("a", store.Tombstone{Account: s.account, ID: r.ID, Created: r.Created, Audio: r.Audio, PurgePending: true})
		if t, err := s.store.Tombstone(ctx, s.account, r.ID); err != nil || t != want || t.Revision == before.Revision {
			s.Errorf("Tombstone = %+v, %v, want %+v", t, err, want)
		}
	}},
	{"check may veto the delete", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		_, err := s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{Check: func(r *recording.Recording) error {
			if r.Owner != "u" || r.Revision == "" {
				s.Errorf("check got %+v", r)
			}
			return errCallback
		}})
		if err != errCallback { //nolint:errorlint // it must be the very error
			s.Errorf("Delete = %v, want check's own error", err)
		}
		s.get("a")
		_, err = s.store.Tombstone(s.Context(), s.account, "202601-a")
		s.wantErr("Tombstone of an existing recording", err, store.ErrNotFound)
		s.wantErr("Purged of an existing recording", s.store.Purged(s.Context(), s.account, "202601-a", ""), store.ErrNotFound)
	}},
	{"only the first Purged sets the expiry", func(s *suite) {
		ctx := s.Context()
		s.put(s.rec("a", 0, ""))
		if _, err := s.store.Delete(ctx, s.account, "202601-a", store.Deletion{}); err != nil {
			s.Fatalf("Delete: %v", err)
		}
		var expires recording.Seconds
		for range 2 {
			if err := s.store.Purged(ctx, s.account, "202601-a", ""); err != nil {
				s.Fatalf("Purged: %v", err)
			}
			t, err := s.store.Tombstone(ctx, s.account, "202601-a")
			if err != nil || t.PurgePending || t.Expires == 0 || expires != 0 && t.Expires != expires {
				s.Errorf("Tombstone = %+v, %v, want no pending purge and the same expiry each time", t, err)
			}
			expires = t.Expires
		}
		want := recording.SecondsOf(time.Now().AddDate(0, 0, store.TombstoneDays))
		if expires < want-3600 || expires > want+3600 {
			s.Errorf("Expires = %d, want about %d", expires, want)
		}
		r := s.rec("a", 0, "")
		s.wantErr("Put", s.store.Put(ctx, &r), store.ErrDeleted)
	}},
	{"a purged tombstone keeps nothing of the audio", func(s *suite) {
		r := s.rec("a", 0, "u")
		r.Audio = recording.Audio{
			Place: recording.Managed, Key: "inbox/" + s.account + "/in-1001-+15550100.wav", ContentType: "audio/wav", Size: 42,
			State: recording.Failed, Reason: recording.Damaged, SHA256: strings.Repeat("a", 64), Sequencer: "0A",
		}
		s.put(r)
		s.remove("a")
		s.purge("a")
		want := s.wanted("a", store.Tombstone{Account: s.account, ID: r.ID, Created: r.Created, Expires: s.tombstone("a").Expires})
		s.wantTombstone("a", &want)
	}},
	{"Renew leaves all but old tombstones alone", func(s *suite) {
		ctx := s.Context()
		s.put(s.rec("a", 0, ""), s.rec("b", 0, ""), s.rec("c", 0, ""))
		for _, id := range []string{"202601-b", "202601-c"} {
			if _, err := s.store.Delete(ctx, s.account, id, store.Deletion{}); err != nil {
				s.Fatalf("Delete: %v", err)
			}
		}
		if err := s.store.Purged(ctx, s.account, "202601-c", ""); err != nil {
			s.Fatalf("Purged: %v", err)
		}
		existing := s.get("a")
		for _, id := range []string{"202601-a", "202601-b", "202601-c", "202601-nosuch"} {
			before, _ := s.store.Tombstone(ctx, s.account, id)
			if err := s.store.Renew(ctx, s.account, id); err != nil {
				s.Errorf("Renew(%s): %v", id, err)
			}
			if after, _ := s.store.Tombstone(ctx, s.account, id); after != before {
				s.Errorf("Tombstone of %s = %+v, want %+v", id, after, before)
			}
		}
		if diff := cmp.Diff(existing, s.get("a")); diff != "" {
			s.Errorf("the recording (-before +after):\n%s", diff)
		}
	}},
	{"one of many concurrent deletes takes effect", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { _, errs[i] = s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{}) })
		}
		wg.Wait()
		succeeded := 0
		for _, err := range errs {
			if err == nil {
				succeeded++
			} else {
				s.wantErr("Delete", err, store.ErrNotFound)
			}
		}
		if succeeded != 1 {
			s.Errorf("%d deletes took effect, want 1", succeeded)
		}
	}},
}
