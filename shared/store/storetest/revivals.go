package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// revive calls Revive for each recording.
func (s *suite) revive(rs ...recording.Recording) {
	s.Helper()
	for i := range rs {
		if err := s.store.Revive(s.Context(), &rs[i], ""); err != nil {
			s.Fatalf("Revive(%s): %v", rs[i].ID, err)
		}
	}
}

// wanted returns want, the tombstone of a recording that a client deleted just now, with
// the revision that it has.
func (s *suite) wanted(id string, want store.Tombstone) store.Tombstone {
	s.Helper()
	got := s.tombstone(id)
	if !recent(got.Deleted) || got.Revision == "" {
		s.Errorf("Tombstone(%s) was deleted at %d under the revision %q, want now and a revision", id, got.Deleted, got.Revision)
	}
	want.Revision, want.Deleted, want.Cause = got.Revision, got.Deleted, store.CauseDeleted
	return want
}

// wantTombstone fails the case unless the tombstone of id is want.
func (s *suite) wantTombstone(id string, want *store.Tombstone) {
	s.Helper()
	if diff := cmp.Diff(want, s.tombstone(id)); diff != "" {
		s.Errorf("Tombstone(%s) (-want +got):\n%s", id, diff)
	}
}

// revivals are the cases for Revive.
var revivals = []testCase{
	{"Revive of a new ID is Put", func(s *suite) {
		r := s.rec("a", 3, "u")
		r.Audio.Key = "elsewhere"
		if err := s.store.Revive(s.Context(), &r, ""); err != nil || r.Revision == "" {
			s.Fatalf("Revive left the revision %q, %v", r.Revision, err)
		}
		if diff := cmp.Diff(r, *s.get("a")); diff != "" {
			s.Errorf("Get (-want +got):\n%s", diff)
		}
		s.wantList(store.Query{Owner: "u"}, "a")
	}},
	{"Revive of an existing recording", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		before := s.get("a")
		r := s.rec("a", 9, "v")
		s.wantErr("Revive", s.store.Revive(s.Context(), &r, ""), store.ErrExists)
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-before +after):\n%s", diff)
		}
	}},
	{"Revive while the purge is pending", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		s.remove("a")
		before := s.tombstone("a")
		r := s.rec("a", 9, "v")
		s.wantErr("Revive", s.store.Revive(s.Context(), &r, ""), store.ErrDeleted)
		s.wantTombstone("a", before)
		_, err := s.store.Get(s.Context(), s.account, r.ID)
		s.wantErr("Get", err, store.ErrNotFound)
		s.wantList(store.Query{Owner: "v"})
	}},
	{"Revive replaces the tombstone once the audio is gone", func(s *suite) {
		ctx := s.Context()
		deleted := s.rec("a", 3, "u")
		deleted.Audio, deleted.Made = recording.Audio{Place: recording.Managed, Key: "elsewhere", ContentType: "audio/wav", Size: 7, SHA256: "ab", Sequencer: "0A"}, "fingerprint"
		s.put(deleted, s.rec("b", 4, "u"))
		deleted.Revision = s.get("a").Revision
		s.remove("a")
		s.purge("a")
		r := s.rec("a", 9, "v")
		r.Document, r.Audio = `{"restored":true}`, recording.Audio{}
		if err := s.store.Revive(ctx, &r, ""); err != nil || r.Revision == "" || r.Revision == deleted.Revision {
			s.Fatalf("Revive left the revision %q, %v, want a new one", r.Revision, err)
		}
		if diff := cmp.Diff(r, *s.get("a")); diff != "" {
			s.Errorf("Get (-revived +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]store.Found{r.ID: {Recording: &r}}, s.find(s.account, "a")); diff != "" {
			s.Errorf("Find (-revived +got):\n%s", diff)
		}
		s.wantList(store.Query{Ascending: true}, "b", "a")
		s.wantList(store.Query{Owner: "v"}, "a")
		s.wantList(store.Query{Owner: "u"}, "b")
		_, err := s.store.Tombstone(ctx, s.account, r.ID)
		s.wantErr("Tombstone", err, store.ErrNotFound)
		s.wantErr("Purged", s.store.Purged(ctx, s.account, r.ID, ""), store.ErrNotFound)
		s.wantErr("Put", s.store.Put(ctx, &r), store.ErrExists)
		s.wantErr("Revive again", s.store.Revive(ctx, &r, ""), store.ErrExists)
		if got, err := s.store.Update(ctx, s.account, r.ID, noop); err != nil || got.Revision == r.Revision {
			s.Errorf("Update = %+v, %v, want a new revision", got, err)
		}
	}},
	{"a revived recording can be deleted", func(s *suite) {
		for round := range recording.Seconds(3) {
			r := s.rec("a", round, "u")
			r.Audio.Size = 42 + int64(round)
			s.revive(r)
			s.remove("a")
			want := s.wanted("a", store.Tombstone{Account: s.account, ID: r.ID, Created: r.Created, Audio: r.Audio, PurgePending: true})
			s.wantTombstone("a", &want)
			s.wantErr("Revive", s.store.Revive(s.Context(), &r, ""), store.ErrDeleted)
			s.purge("a")
			expires := s.tombstone("a").Expires
			if about := recording.SecondsOf(time.Now().AddDate(0, 0, store.TombstoneDays)); expires < about-3600 || expires > about+3600 {
				s.Errorf("Expires = %d, want about %d", expires, about)
			}
			want.PurgePending, want.Expires, want.Audio = false, expires, recording.Audio{}
			s.wantTombstone("a", &want)
		}
		s.wantList(store.Query{Owner: "u"})
	}},
	{"Revive names the tombstone that it replaces", func(s *suite) {
		ctx := s.Context()
		s.put(s.rec("a", 0, ""))
		s.remove("a")
		s.purge("a")
		first := s.tombstone("a").Revision
		s.revive(s.rec("a", 1, ""))
		s.remove("a")
		s.purge("a")
		second := s.tombstone("a")
		r := s.rec("a", 2, "")
		s.wantErr("Revive for the first tombstone", s.store.Revive(ctx, &r, first), store.ErrDeleted)
		s.wantTombstone("a", second)
		if err := s.store.Revive(ctx, &r, second.Revision); err != nil {
			s.Fatalf("Revive for the second tombstone: %v", err)
		}
		if diff := cmp.Diff(r, *s.get("a")); diff != "" {
			s.Errorf("Get (-revived +got):\n%s", diff)
		}
		s.wantErr("Revive again", s.store.Revive(ctx, &r, second.Revision), store.ErrExists)
		b := s.rec("b", 2, "")
		if err := s.store.Revive(ctx, &b, first); err != nil { // the tombstone has expired
			s.Errorf("Revive of an ID that is free: %v", err)
		}
	}},
	{"one of many concurrent revivals takes effect", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		s.remove("a")
		s.purge("a")
		rs := make([]recording.Recording, 8)
		errs := make([]error, len(rs))
		var wg sync.WaitGroup
		for i := range rs {
			rs[i] = s.rec("a", recording.Seconds(i), "")
			wg.Go(func() { errs[i] = s.store.Revive(s.Context(), &rs[i], "") })
		}
		wg.Wait()
		succeeded := 0
		for i, err := range errs {
			if err != nil {
				s.wantErr("Revive", err, store.ErrExists)
				continue
			}
			succeeded++
			if diff := cmp.Diff(rs[i], *s.get("a")); diff != "" {
				s.Errorf("Get (-revived +got):\n%s", diff)
			}
		}
		if succeeded != 1 {
			s.Errorf("%d revivals took effect, want 1", succeeded)
		}
	}},
	{"a failed Revive leaves the tombstone unchanged", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		s.remove("a")
		s.purge("a")
		before := s.tombstone("a")
		large := s.rec("a", 0, "")
		large.Document = sized(420_000)
		s.wantErr("Revive", s.store.Revive(s.Context(), &large, ""), store.ErrTooLarge)
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		r := s.rec("a", 0, "")
		if err := s.store.Revive(ctx, &r, ""); !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
			s.Errorf("Revive = %v, want ErrUnavailable or the context's error", err)
		}
		s.wantTombstone("a", before)
	}},
}
