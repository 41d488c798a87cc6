package storetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// until is the Deletion.Until of the cases, far from the creation times.
const until = epoch + 5_000_000

// full returns a recording with every field set.
func (s *suite) full(id string) recording.Recording {
	r := s.rec(id, 3, "u")
	r.Modified, r.Made = r.Created+9, "fingerprint"
	r.Upload = recording.Upload{ContentType: "audio/wav", Size: 7, SHA256: strings.Repeat("b", 64)}
	r.Audio = recording.Audio{
		Place: recording.Managed, Key: "elsewhere", ContentType: "audio/wav", Size: 42,
		State: recording.Failed, Reason: recording.Damaged, SHA256: strings.Repeat("a", 64), Sequencer: "0A",
	}
	return r
}

// removeUntil deletes a recording so that it can be restored.
func (s *suite) removeUntil(id string, until recording.Seconds, guards ...store.Guard) {
	s.Helper()
	d := store.Deletion{By: "user", Until: until, Guards: guards}
	if _, err := s.store.Delete(s.Context(), s.account, "202601-"+id, d); err != nil {
		s.Fatalf("Delete(%s): %v", id, err)
	}
}

// restore restores a recording.
func (s *suite) restore(id string) (*recording.Recording, error) {
	return s.store.Restore(s.Context(), s.account, "202601-"+id, permit)
}

// condemn ends the time for a restore.
func (s *suite) condemn(id string, guards ...store.Guard) error {
	return s.store.Condemn(s.Context(), s.account, "202601-"+id, permit, guards...)
}

// permit is a check that always passes.
func permit(*store.Tombstone) error { return nil }

// recent reports whether at is about now.
func recent(at recording.Seconds) bool {
	now := recording.SecondsOf(time.Now())
	return at > now-3600 && at < now+3600
}

// wantDeleted waits until a list of restorable tombstones has exactly these IDs.
func (s *suite) wantDeleted(q store.Query, want ...string) store.Page {
	s.Helper()
	q.Limit, q.Deleted = max(q.Limit, len(want)+1), true
	for deadline := time.Now().Add(maxLag); ; time.Sleep(20 * time.Millisecond) {
		got := s.page(q)
		if slices.Equal(deletedIDs(got), want) && len(got.Recordings) == 0 {
			return got
		}
		if time.Now().After(deadline) {
			s.Fatalf("Page(%+v) = %v, want %v", q, deletedIDs(got), want)
		}
	}
}

// deletedIDs returns the IDs of the tombstones on a page, without the month.
func deletedIDs(p store.Page) []string {
	var all []string
	for i := range p.Tombstones {
		all = append(all, p.Tombstones[i].ID[len("202601-"):])
	}
	return all
}

// restores are the cases for restorable deletions, Restore and Condemn.
var restores = []testCase{
	{"a restorable delete hides the recording and keeps it", func(s *suite) {
		ctx := s.Context()
		r := s.full("a")
		s.put(r, s.rec("b", 4, "u"))
		before := s.get("a")
		s.removeUntil("a", until)
		_, err := s.store.Get(ctx, s.account, r.ID)
		s.wantErr("Get", err, store.ErrNotFound)
		_, err = s.store.Update(ctx, s.account, r.ID, noop)
		s.wantErr("Update", err, store.ErrNotFound)
		_, err = s.store.Delete(ctx, s.account, r.ID, store.Deletion{})
		s.wantErr("Delete", err, store.ErrNotFound)
		again := s.full("a")
		s.wantErr("Put", s.store.Put(ctx, &again), store.ErrDeleted)
		s.wantErr("Revive", s.store.Revive(ctx, &again, ""), store.ErrDeleted)
		s.wantErr("Purged", s.store.Purged(ctx, s.account, r.ID, ""), store.ErrNotFound)
		if err := s.store.Renew(ctx, s.account, r.ID); err != nil {
			s.Errorf("Renew: %v", err)
		}
		s.wantList(store.Query{}, "b")
		s.wantList(store.Query{Owner: "u"}, "b")
		s.wantDeleted(store.Query{}, "a")
		got := s.tombstone("a")
		want := &store.Tombstone{
			Account: s.account, ID: r.ID, Revision: got.Revision, Created: r.Created, Deleted: got.Deleted,
			By: "user", Cause: store.CauseDeleted, Until: until, Audio: r.Audio, Recording: before,
		}
		want.Recording.Revision = got.Revision
		if diff := cmp.Diff(want, got); diff != "" || !recent(got.Deleted) || got.Revision == "" {
			s.Errorf("Tombstone (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]store.Found{r.ID: {Tombstone: want}}, s.find(s.account, "a")); diff != "" {
			s.Errorf("Find (-want +got):\n%s", diff)
		}
	}},
	{"the time for a restore ends in the range of times", func(s *suite) {
		for until, valid := range map[recording.Seconds]bool{-1: false, 1: true, store.MaxTime: true, store.MaxTime + 1: false} {
			s := s.inNewAccount(s.reporter)
			s.put(s.rec("a", 0, ""))
			_, err := s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{Until: until})
			if !valid {
				if err == nil {
					s.Errorf("Delete until %d succeeded", until)
				}
				s.get("a")
			} else if t := s.tombstone("a"); err != nil || t.Until != until {
				s.Errorf("Delete until %d = %v, %+v", until, err, t)
			}
		}
	}},
	{"a tombstone has the cause of the deletion", func(s *suite) {
		for cause, want := range map[store.Cause]store.Cause{
			"": store.CauseDeleted, store.CauseDeleted: store.CauseDeleted, store.CauseExpired: store.CauseExpired, store.CauseErased: store.CauseErased,
		} {
			s := s.inNewAccount(s.reporter)
			s.put(s.rec("a", 0, ""))
			_, err := s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{Cause: cause})
			if t := s.tombstone("a"); err != nil || t.Cause != want {
				s.Errorf("Delete for the cause %q = %v, %+v, want the cause %q", cause, err, t, want)
			}
		}
	}},
	{"a restore brings everything back", func(s *suite) {
		r := s.full("a")
		s.put(r)
		before := s.get("a")
		for range 2 {
			s.removeUntil("a", until)
			s.wantList(store.Query{})
			got, err := s.restore("a")
			if err != nil || got.Revision == before.Revision || got.Revision == "" {
				s.Fatalf("Restore = %+v, %v, want a new revision", got, err)
			}
			want := *before
			want.Revision = got.Revision
			if diff := cmp.Diff(&want, got); diff != "" {
				s.Errorf("Restore (-before +restored):\n%s", diff)
			}
			if diff := cmp.Diff(got, s.get("a")); diff != "" {
				s.Errorf("Get (-restored +got):\n%s", diff)
			}
			s.wantList(store.Query{Owner: "u"}, "a")
			s.wantDeleted(store.Query{})
			_, err = s.store.Tombstone(s.Context(), s.account, r.ID)
			s.wantErr("Tombstone", err, store.ErrNotFound)
			if before, err = s.store.Update(s.Context(), s.account, r.ID, noop); err != nil {
				s.Errorf("Update: %v", err)
			}
		}
	}},
	{"a large recording can be restored", func(s *suite) {
		r := s.full("a")
		r.Document = sized(390_000)
		s.put(r)
		s.removeUntil("a", until)
		if got, err := s.restore("a"); err != nil || got.Document != r.Document {
			s.Errorf("Restore: %v, or another document", err)
		}
	}},
	{"Restore of what is not restorable", func(s *suite) {
		s.put(s.rec("live", 0, ""), s.rec("purging", 0, ""), s.rec("purged", 0, ""), s.rec("condemned", 0, ""), s.rec("a", 0, ""))
		s.remove("purging", "purged")
		s.purge("purged")
		s.removeUntil("condemned", until)
		if err := s.condemn("condemned"); err != nil {
			s.Fatalf("Condemn: %v", err)
		}
		for id, want := range map[string]error{
			"no": store.ErrNotFound, "live": store.ErrExists, "purging": store.ErrPurging, "purged": store.ErrPurging, "condemned": store.ErrPurging,
		} {
			_, err := s.restore(id)
			s.wantErr("Restore("+id+")", err, want)
		}
		s.removeUntil("a", until)
		before := s.tombstone("a")
		_, err := s.store.Restore(s.Context(), s.account, "202601-a", func(t *store.Tombstone) error {
			if diff := cmp.Diff(before, t); diff != "" {
				s.Errorf("check got (-want +got):\n%s", diff)
			}
			return errCallback
		})
		if err != errCallback { //nolint:errorlint // it must be the very error
			s.Errorf("Restore = %v, want check's own error", err)
		}
		s.wantTombstone("a", before)
	}},
	{"Condemn starts the purge", func(s *suite) {
		r := s.full("a")
		s.put(r, s.rec("live", 0, ""))
		s.removeUntil("a", until)
		before := s.tombstone("a")
		err := s.store.Condemn(s.Context(), s.account, r.ID, func(*store.Tombstone) error { return errCallback })
		if err != errCallback { //nolint:errorlint // it must be the very error
			s.Errorf("Condemn = %v, want check's own error", err)
		}
		s.wantTombstone("a", before)
		for range 2 {
			if err := s.condemn("a"); err != nil {
				s.Fatalf("Condemn: %v", err)
			}
		}
		got := s.tombstone("a")
		want := *before
		want.Revision, want.Until, want.Recording, want.PurgePending = got.Revision, 0, nil, true
		if diff := cmp.Diff(&want, got); diff != "" || got.Revision == before.Revision {
			s.Errorf("Tombstone (-want +got):\n%s", diff)
		}
		s.wantDeleted(store.Query{})
		s.purge("a")
		if err := s.condemn("a"); err != nil {
			s.Errorf("Condemn of a purged tombstone: %v", err)
		}
		s.wantErr("Condemn of a recording", s.condemn("live"), store.ErrNotFound)
		s.wantErr("Condemn of an unknown ID", s.condemn("no"), store.ErrNotFound)
	}},
	{"an earlier purge does not finish a later deletion", func(s *suite) {
		ctx := s.Context()
		s.put(s.rec("a", 0, ""))
		s.remove("a")
		first := s.tombstone("a").Revision
		if err := s.store.Purged(ctx, s.account, "202601-a", first); err != nil {
			s.Fatalf("Purged: %v", err)
		}
		s.revive(s.rec("a", 1, ""))
		s.remove("a")
		s.wantErr("Purged of the first deletion", s.store.Purged(ctx, s.account, "202601-a", first), store.ErrNotFound)
		if t := s.tombstone("a"); !t.PurgePending || t.Revision == first {
			s.Errorf("Tombstone = %+v, want a pending purge", t)
		}
	}},
	{"of a restore and a purge at the same time one takes effect", func(s *suite) {
		for range 8 {
			s := s.inNewAccount(s.reporter)
			s.put(s.rec("a", 0, ""))
			s.removeUntil("a", until)
			var wg sync.WaitGroup
			var restored, condemned error
			wg.Go(func() { _, restored = s.restore("a") })
			wg.Go(func() { condemned = s.condemn("a") })
			wg.Wait()
			switch _, err := s.store.Get(s.Context(), s.account, "202601-a"); {
			case err == nil && (restored != nil || !errors.Is(condemned, store.ErrNotFound)):
				s.Errorf("the recording is back, but Restore = %v, Condemn = %v", restored, condemned)
			case err != nil && (condemned != nil || !errors.Is(restored, store.ErrPurging)):
				s.Errorf("the recording is gone, but Restore = %v, Condemn = %v", restored, condemned)
			}
		}
	}},
}
