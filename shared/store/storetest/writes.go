package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// singles are the cases for reads and writes of one recording.
var singles = []testCase{
	{"Get returns the recording as stored by Put", func(s *suite) {
		for _, r := range []recording.Recording{
			{ID: "202601-empty", Created: epoch, Modified: epoch, Document: "{}"},
			{ID: "202601-managed", Created: epoch, Modified: epoch, Document: "{}", Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 1}},
			{ID: "202601-external", Created: epoch, Modified: epoch + 5, Owner: "u", Document: `{"url":"https://x"}`, Audio: recording.Audio{Place: recording.External, ContentType: "audio/mpeg"}},
			{ID: "202601-key", Created: 1, Modified: 2, Document: "{}", Audio: recording.Audio{Place: recording.Managed, Key: "some/other key~1", ContentType: "audio/wav", Size: 1 << 40}},
			{
				ID: "202601-awaited", Created: epoch, Modified: epoch, Document: "{}", Made: "fingerprint",
				Upload: recording.Upload{ContentType: "audio/ogg; codecs=opus", Size: 1 << 30, SHA256: "abc"},
			},
			{ID: "202601-announced", Created: epoch, Modified: epoch, Document: "{}", Upload: recording.Upload{ContentType: "audio/wav"}},
			{
				ID: "202601-failed", Created: epoch, Modified: epoch, Document: "{}",
				Audio: recording.Audio{Size: 3, State: recording.Failed, Reason: recording.NotAudio, Sequencer: "0A"},
			},
			{
				ID: "202601-arrived", Created: epoch, Modified: epoch, Document: "{}", Audio: recording.Audio{
					Place: recording.Managed, ContentType: "audio/mpeg", State: recording.Empty, SHA256: "abc", Sequencer: "0A",
				},
			},
			{ID: "202601-Odd_.@-", Created: epoch, Modified: epoch, Document: `{"name":"Zoë 🎧 é é\u0000","n":1.50,"big":1e400,"user_metadata":{"a":{"b":[null,"",{}]}}}`},
		} {
			r.Account = s.account
			s.put(r)
			got, err := s.store.Get(s.Context(), s.account, r.ID)
			if err != nil {
				s.Fatalf("Get(%s): %v", r.ID, err)
			}
			if got.Revision == "" {
				s.Errorf("Get(%s): no revision", r.ID)
			}
			r.Revision = got.Revision
			if diff := cmp.Diff(r, *got); diff != "" {
				s.Errorf("Get(%s) (-want +got):\n%s", r.ID, diff)
			}
		}
	}},
	{"an explicit default audio key", func(s *suite) {
		r := s.rec("a", 0, "")
		r.Audio.Key = recording.AudioKey(r.Account, r.ID)
		s.put(r)
		if got := s.get("a").AudioKey(); got != r.Audio.Key {
			s.Errorf("AudioKey() = %s, want %s", got, r.Audio.Key)
		}
	}},
	{"Put sets the revision", func(s *suite) {
		r := s.rec("a", 0, "")
		if err := s.store.Put(s.Context(), &r); err != nil || r.Revision == "" || r.Revision != s.get("a").Revision {
			s.Errorf("Put left the revision %q, %v; Get has %q", r.Revision, err, s.get("a").Revision)
		}
	}},
	{"a missing recording", func(s *suite) {
		ctx := s.Context()
		_, err := s.store.Get(ctx, s.account, "202601-no")
		s.wantErr("Get", err, store.ErrNotFound)
		_, err = s.store.Update(ctx, s.account, "202601-no", noop)
		s.wantErr("Update", err, store.ErrNotFound)
		_, err = s.store.Delete(ctx, s.account, "202601-no", store.Deletion{})
		s.wantErr("Delete", err, store.ErrNotFound)
		s.wantErr("Purged", s.store.Purged(ctx, s.account, "202601-no", ""), store.ErrNotFound)
		_, err = s.store.Tombstone(ctx, s.account, "202601-no")
		s.wantErr("Tombstone", err, store.ErrNotFound)
	}},
	{"accounts are separate", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		_, err := s.store.Get(s.Context(), s.account+"x", "202601-a")
		s.wantErr("Get of another account", err, store.ErrNotFound)
		s.wantList(store.Query{}, "a")
		p, err := s.store.Page(s.Context(), store.Query{Account: s.account + "x", Limit: 5})
		if err != nil || len(p.Recordings) != 0 || p.Next != nil || !p.First.IsZero() {
			s.Errorf("Page of another account = %+v, %v, want an empty page", p, err)
		}
	}},
	{"Put does not replace a recording", func(s *suite) {
		r := s.rec("a", 0, "")
		s.put(r)
		first := s.get("a")
		r.Document = `{"x":1}`
		s.wantErr("Put", s.store.Put(s.Context(), &r), store.ErrExists)
		if got := s.get("a"); got.Document != first.Document || got.Revision != first.Revision {
			s.Errorf("Get = %+v, want %+v", got, first)
		}
	}},
	{"a canceled context", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		_, get := s.store.Get(ctx, s.account, "202601-a")
		_, page := s.store.Page(ctx, store.Query{Account: s.account, Limit: 1})
		_, update := s.store.Update(ctx, s.account, "202601-a", noop)
		_, remove := s.store.Delete(ctx, s.account, "202601-a", store.Deletion{})
		_, tombstone := s.store.Tombstone(ctx, s.account, "202601-a")
		r := s.rec("b", 0, "")
		for method, err := range map[string]error{
			"Get": get, "Page": page, "Put": s.store.Put(ctx, &r), "Update": update, "Delete": remove,
			"Purged": s.store.Purged(ctx, s.account, "202601-a", ""), "Tombstone": tombstone,
		} {
			if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.Canceled) {
				s.Errorf("%s = %v, want ErrUnavailable or the context's error", method, err)
			}
		}
		s.get("a")
	}},
	{"Get sees every write immediately", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		for i := range 20 {
			want, err := s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
				r.Modified = epoch + recording.Seconds(i)
				return nil
			})
			if err != nil {
				s.Fatalf("Update: %v", err)
			}
			if diff := cmp.Diff(want, s.get("a")); diff != "" {
				s.Fatalf("Get after Update (-stored +got):\n%s", diff)
			}
		}
	}},
}

// errCallback is the error of a change or a check.
var errCallback = errors.New("callback failed")

// changes are the cases for Update.
var changes = []testCase{
	{"Update stores the change under a new revision", func(s *suite) {
		s.put(s.rec("a", 7, "u"))
		before := s.get("a")
		got, err := s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
			r.Document, r.Modified = `{"x":2}`, epoch+99
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/wav", Size: 7}
			return nil
		})
		if err != nil || got.Revision == before.Revision {
			s.Fatalf("Update = %+v, %v, want a new revision", got, err)
		}
		if diff := cmp.Diff(got, s.get("a")); diff != "" {
			s.Errorf("Get after Update (-returned +got):\n%s", diff)
		}
		if got.Document != `{"x":2}` || got.Modified != epoch+99 || got.Audio.Size != 7 || got.Created != before.Created || got.Owner != "u" {
			s.Errorf("Update = %+v", got)
		}
		s.wantList(store.Query{Owner: "u"}, "a")
	}},
	{"Update without a change stores a new revision", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		before := s.get("a")
		got, err := s.store.Update(s.Context(), s.account, "202601-a", noop)
		if err != nil || got.Revision == before.Revision || got.Document != before.Document {
			s.Errorf("Update = %+v, %v, want the same document under a new revision", got, err)
		}
	}},
	{"Update keeps Account, ID and Created", func(s *suite) {
		s.put(s.rec("a", 7, "u"))
		before := s.get("a")
		got, err := s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
			r.Account, r.ID, r.Created, r.Revision = s.account+"x", "202601-b", 1, before.Revision
			return nil
		})
		if err != nil || got.Revision == before.Revision {
			s.Fatalf("Update = %+v, %v, want a new revision", got, err)
		}
		before.Revision = got.Revision
		if diff := cmp.Diff(before, got); diff != "" {
			s.Errorf("Update (-want +returned):\n%s", diff)
		}
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-want +got):\n%s", diff)
		}
		s.wantList(store.Query{}, "a")
		s.wantList(store.Query{Owner: "u"}, "a")
	}},
	{"Correct moves the recording to its new place in every list", func(s *suite) {
		s.put(s.rec("a", 7, "u"), s.rec("b", 8, "u"))
		for _, at := range []recording.Seconds{9, 7, 8, 0} {
			before := s.get("a")
			got, err := s.store.Correct(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
				r.Account, r.ID, r.Created, r.Document = s.account+"x", "202601-b", epoch+at, `{"x":1}`
				return nil
			})
			want := *before
			want.Created, want.Document = epoch+at, `{"x":1}`
			if err != nil || got.Revision == before.Revision {
				s.Fatalf("Correct = %+v, %v, want a new revision", got, err)
			}
			want.Revision = got.Revision
			if diff := cmp.Diff(&want, s.get("a")); diff != "" {
				s.Errorf("Get (-want +got):\n%s", diff)
			}
			names := []string{"b", "a"}
			if at > 8 {
				names = []string{"a", "b"}
			}
			s.wantList(store.Query{}, names...)
			s.wantList(store.Query{Owner: "u"}, names...)
			s.wantList(store.Query{From: epoch + at, To: epoch + at, Owner: "u", Keep: func(r *recording.Recording) bool { return r.ID == "202601-a" }}, "a")
		}
	}},
	{"Correct returns the error of change and stores nothing", func(s *suite) {
		s.put(s.rec("a", 7, "u"))
		before, veto := s.get("a"), errors.New("veto")
		_, err := s.store.Correct(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
			r.Created = epoch
			return veto
		})
		if !errors.Is(err, veto) {
			s.Errorf("Correct = %v, want the error of change", err)
		}
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-want +got):\n%s", diff)
		}
		if _, err := s.store.Correct(s.Context(), s.account, "202601-none", noop); !errors.Is(err, store.ErrNotFound) {
			s.Errorf("Correct of a missing recording = %v, want %v", err, store.ErrNotFound)
		}
	}},
	{"Update of the owner moves the recording between lists", func(s *suite) {
		s.put(s.rec("a", 7, ""))
		for _, owner := range []string{"u", "v", ""} {
			_, err := s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
				r.Owner = owner
				return nil
			})
			if got := s.get("a").Owner; err != nil || got != owner {
				s.Fatalf("Update left the owner %q, %v, want %q", got, err, owner)
			}
			for _, u := range []string{"u", "v"} {
				if u == owner {
					s.wantList(store.Query{Owner: u}, "a")
				} else {
					s.wantList(store.Query{Owner: u})
				}
			}
		}
	}},
	{"Update replaces the announced upload with audio", func(s *suite) {
		r := s.rec("a", 0, "")
		r.Audio, r.Made = recording.Audio{}, "fingerprint"
		r.Upload = recording.Upload{ContentType: "audio/mpeg", Size: 9, SHA256: "ff"}
		s.put(r)
		got, err := s.store.Update(s.Context(), s.account, r.ID, func(r *recording.Recording) error {
			r.Upload = recording.Upload{}
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 9, SHA256: "ff", Sequencer: "01"}
			return nil
		})
		if err != nil || got.Upload != (recording.Upload{}) || got.Made != "fingerprint" {
			s.Fatalf("Update = %+v, %v", got, err)
		}
		if diff := cmp.Diff(got, s.get("a")); diff != "" {
			s.Errorf("Get (-returned +got):\n%s", diff)
		}
	}},
	{"check works on a copy", func(s *suite) {
		s.put(s.rec("a", 0, "u"))
		before := s.get("a")
		got, err := s.store.Delete(s.Context(), s.account, "202601-a", store.Deletion{Check: func(r *recording.Recording) error {
			*r = recording.Recording{}
			return nil
		}})
		if err != nil {
			s.Fatalf("Delete: %v", err)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			s.Errorf("Delete (-before +returned):\n%s", diff)
		}
	}},
	{"a change that panics does not block others", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		before := s.get("a")
		func() {
			defer func() { _ = recover() }()
			_, _ = s.store.Update(s.Context(), s.account, "202601-a", func(*recording.Recording) error { panic("change") })
			s.Error("Update returned, want it to panic")
		}()
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-before +after):\n%s", diff)
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		if _, err := s.store.Update(ctx, s.account, "202601-a", noop); err != nil {
			s.Errorf("Update = %v, want nil", err)
		}
	}},
	{"Update stores nothing if change fails", func(s *suite) {
		s.put(s.rec("a", 0, ""))
		before := s.get("a")
		_, err := s.store.Update(s.Context(), s.account, "202601-a", func(r *recording.Recording) error {
			r.Document = `{"x":2}`
			return errCallback
		})
		if err != errCallback { //nolint:errorlint // it must be the very error
			s.Errorf("Update = %v, want change's own error", err)
		}
		if diff := cmp.Diff(before, s.get("a")); diff != "" {
			s.Errorf("Get (-before +after):\n%s", diff)
		}
	}},
	{"fifty concurrent updates all take effect", func(s *suite) {
		const n = 50
		s.put(s.rec("a", 0, ""))
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				p, err := recording.ParsePatch(fmt.Appendf(nil, `{"user_metadata":{"k%d":%d}}`, i, i))
				if err == nil {
					_, err = s.store.Update(ctx, s.account, "202601-a", func(r *recording.Recording) (err error) {
						r.Document, err = p.Apply(r.Document)
						return err
					})
				}
				errs[i] = err
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			s.Fatalf("Update: %v", err)
		}
		d := s.get("a").Document
		for i := range n {
			if _, ok := d.Raw("user_metadata", fmt.Sprintf("k%d", i)); !ok {
				s.Errorf("the change of k%d is lost", i)
			}
		}
	}},
}
