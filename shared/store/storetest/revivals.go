package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// revive brings recordings back, or stores new ones.
func (s *suite) revive(rs ...recording.Recording) {
	s.Helper()
	for i := range rs {
		if err := s.store.Revive(s.Context(), &rs[i]); err != nil {
			s.Fatalf("Revive(%s): %v", rs[i].ID, err)
		}
	}
}

// wantTombstone fails the case unless that of id is want.
func (s *suite) wantTombstone(id string, want *store.Tombstone) {
	s.Helper()
	if diff := cmp.Diff(want, s.tombstone(id)); diff != "" {
		s.Errorf("Tombstone(%s) (-want +got):\n%s", id, diff)
	}
}

// revivals are about Revive.
var revivals = []testCase{
	{"over nothing it is Put", func(s *suite) {
		r := s.rec("a", 3, "u")
		r.Audio.Key = "elsewhere"
		if err := s.store.Revive(s.Context(), &r); err != nil || r.Revision == "" {
			s.Fatalf("Revive left the revision %q, %v", r.Revision, err)
		}
		if diff := cmp.Diff(r, *s.get("a")); diff != "" {
			s.Errorf("Get (-want +got):\n%s", diff)
		}
		s.settled(store.Query{Owner: "u"}, "a")
	}},
	{"over a living one", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		before := s.get("a")
		r := s.rec("a", 9, "v")
		s.wantErr("Revive", s.store.Revive(s.Context(), &r), store.ErrExists)
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-before +after):\n%s", diff)
		}
	}},
	{"over a tombstone whose purge is pending", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		s.bury("a")
		before := s.tombstone("a")
		r := s.rec("a", 9, "v")
		s.wantErr("Revive", s.store.Revive(s.Context(), &r), store.ErrDeleted)
		s.wantTombstone("a", before)
		_, err := s.store.Get(s.Context(), s.account, r.ID)
		s.wantErr("Get", err, store.ErrNotFound)
		s.settled(store.Query{Owner: "v"})
	}},
	{"once its audio is gone a deleted one lives again", func(s *suite) {
		ctx := s.Context()
		was := s.rec("a", 3, "u")
		was.Audio, was.Made = recording.Audio{Place: recording.Managed, Key: "elsewhere", ContentType: "audio/wav", Size: 7, SHA256: "ab", Sequencer: "0A"}, "fingerprint"
		s.put(was, s.rec("b", 4, "u"))
		was.Revision = s.get("a").Revision
		s.bury("a")
		s.purge("a")
		r := s.rec("a", 9, "v")
		r.Document, r.Audio = `{"again":true}`, recording.Audio{}
		if err := s.store.Revive(ctx, &r); err != nil || r.Revision == "" || r.Revision == was.Revision {
			s.Fatalf("Revive left the revision %q, %v, want a new one", r.Revision, err)
		}
		if diff := cmp.Diff(r, *s.get("a")); diff != "" {
			s.Errorf("Get (-revived +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]store.Found{r.ID: {Recording: &r}}, s.find(s.account, "a")); diff != "" {
			s.Errorf("Find (-revived +got):\n%s", diff)
		}
		s.settled(store.Query{Ascending: true}, "b", "a")
		s.settled(store.Query{Owner: "v"}, "a")
		s.settled(store.Query{Owner: "u"}, "b")
		_, err := s.store.Tombstone(ctx, s.account, r.ID)
		s.wantErr("Tombstone", err, store.ErrNotFound)
		s.wantErr("Purged", s.store.Purged(ctx, s.account, r.ID), store.ErrNotFound)
		s.wantErr("Put", s.store.Put(ctx, &r), store.ErrExists)
		s.wantErr("Revive again", s.store.Revive(ctx, &r), store.ErrExists)
		if got, err := s.store.Update(ctx, s.account, r.ID, nothing); err != nil || got.Revision == r.Revision {
			s.Errorf("Update = %+v, %v, want a new revision", got, err)
		}
	}},
	{"a revived one is deleted like any other", func(s *suite) {
		for turn := range recording.Seconds(3) {
			r := s.rec("a", turn, "u")
			r.Audio.Size = 42 + int64(turn)
			s.revive(r)
			s.bury("a")
			want := &store.Tombstone{Account: s.account, ID: r.ID, Created: r.Created, Audio: r.Audio, PurgePending: true}
			s.wantTombstone("a", want)
			s.wantErr("Revive", s.store.Revive(s.Context(), &r), store.ErrDeleted)
			s.purge("a")
			expires := s.tombstone("a").Expires
			if end := recording.SecondsOf(time.Now().AddDate(0, 0, store.TombstoneDays)); expires < end-3600 || expires > end+3600 {
				s.Errorf("Expires = %d, want about %d", expires, end)
			}
			want.PurgePending, want.Expires = false, expires
			s.wantTombstone("a", want)
		}
		s.settled(store.Query{Owner: "u"})
	}},
	{"of many at once one wins", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		s.bury("a")
		s.purge("a")
		rs := make([]recording.Recording, 8)
		errs := make([]error, len(rs))
		var wg sync.WaitGroup
		for i := range rs {
			rs[i] = s.rec("a", recording.Seconds(i), "")
			wg.Go(func() { errs[i] = s.store.Revive(s.Context(), &rs[i]) })
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			if err != nil {
				s.wantErr("Revive", err, store.ErrExists)
				continue
			}
			won++
			if diff := cmp.Diff(rs[i], *s.get("a")); diff != "" {
				s.Errorf("Get (-won +got):\n%s", diff)
			}
		}
		if won != 1 {
			s.Errorf("%d took effect, want 1", won)
		}
	}},
	{"what does not take effect leaves the tombstone", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		s.bury("a")
		s.purge("a")
		before := s.tombstone("a")
		large := s.rec("a", 0, "")
		large.Document = sized(420_000)
		s.wantErr("Revive", s.store.Revive(s.Context(), &large), store.ErrTooLarge)
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		r := s.rec("a", 0, "")
		if err := s.store.Revive(ctx, &r); !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
			s.Errorf("Revive = %v, want ErrUnavailable or the context's error", err)
		}
		s.wantTombstone("a", before)
	}},
}
