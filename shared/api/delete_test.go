package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, noise(100), nil)
	p := s.do(t, http.MethodDelete, onePath, `{"data":{}}`, "Content-Type", "text/nonsense")
	p.wantStatus(t, http.StatusOK, "")
	if got := p.text(t, "revision"); got != rec.Revision {
		t.Errorf("revision = %q, want the previous one, %q", got, rec.Revision)
	}
	if got := p.header.Get("ETag"); got != "" {
		t.Errorf("ETag = %s, want none", got)
	}
	for _, part := range []string{`"id":"` + oneID, `"name":"call.mp3"`, `"deleted":true`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("body = %s, want %s", p.body, part)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		again := s.do(t, method, onePath, `{}`)
		again.wantStatus(t, http.StatusNotFound, "bad_identifier")
		if got := again.text(t, "data", "cause"); got != oneID {
			t.Errorf("%s: cause = %q, want the ID", method, got)
		}
	}
	s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	if _, err := s.bucket.Stat(t.Context(), rec.AudioKey()); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Stat = %v, want the audio gone", err)
	}
	s.wantTombstone(t, false)
}

// wantTombstone checks the tombstone of the recording.
func (s *single) wantTombstone(t testing.TB, pending bool) {
	t.Helper()
	tomb, err := s.store.Tombstone(t.Context(), oneAccount, oneID)
	if err != nil || tomb.PurgePending != pending || (tomb.Expires == 0) != pending {
		t.Errorf("Tombstone = %+v, %v, want pending %v; log %s", tomb, err, pending, s.log)
	}
}

func TestDeleteErrors(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	rec := s.put(t, noise(10), nil)
	tests := []struct {
		name, target string
		header       []string
		status       int
		message      string
	}{
		{"no such recording", oneBase + "/recordings/202311-x", nil, 404, "bad_identifier"},
		{"malformed id", oneBase + "/recordings/x", nil, 404, "bad_identifier"},
		{"recording of another user", oneBase + "/users/0123/recordings/" + oneID, nil, 404, "bad_identifier"},
		{"other revision", onePath, []string{"If-Match", `"x"`}, 412, "precondition_failed"},
		{"weak revision", onePath, []string{"If-Match", `W/"` + rec.Revision + `"`}, 412, "precondition_failed"},
		{"client that does not accept JSON", onePath, []string{"Accept", "text/html"}, 406, "not_acceptable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.do(t, http.MethodDelete, tt.target, "", tt.header...).wantStatus(t, tt.status, tt.message)
		})
	}
	s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusOK, "")
	p := s.do(t, http.MethodDelete, oneBase+"/users/"+oneUser+"/recordings/"+oneID, "", "If-Match", `"`+rec.Revision+`"`)
	p.wantStatus(t, http.StatusOK, "")
}

// Deletes work for audio that has not arrived, has its own key, or is external.
func TestDeleteAudioElsewhere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*recording.Recording){
		"not arrived": func(rec *recording.Recording) { rec.Audio = recording.Audio{} },
		"key":         func(rec *recording.Recording) { rec.Audio.Key = "elsewhere/a.mp3" },
		"key, no type": func(rec *recording.Recording) {
			rec.Audio = recording.Audio{Place: recording.Managed, Key: "elsewhere/b"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSingle(t, Delivery{})
			rec := s.put(t, noise(10), change)
			s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusOK, "")
			if _, err := s.bucket.Stat(t.Context(), rec.AudioKey()); !errors.Is(err, media.ErrNotFound) {
				t.Errorf("Stat = %v, want the audio gone", err)
			}
			s.wantTombstone(t, false)
		})
	}
	t.Run("external", func(t *testing.T) {
		t.Parallel()
		remover := new(brokenRemover)
		s := newFaultySingle(t, Delivery{}, faults{remover: func(media.Purger) media.Purger { return remover }})
		s.put(t, nil, func(rec *recording.Recording) { rec.Audio = recording.Audio{Place: recording.External} })
		s.do(t, http.MethodDelete, onePath, "").wantStatus(t, http.StatusOK, "")
		if remover.calls != 0 {
			t.Errorf("Remove was called %d times, want external audio to stay", remover.calls)
		}
		s.wantTombstone(t, false)
	})
}

// brokenRemover fails as if the object store were unavailable.
type brokenRemover struct {
	calls    int
	deadline time.Time
}

func (b *brokenRemover) Remove(ctx context.Context, _ string) error {
	b.calls++
	b.deadline, _ = ctx.Deadline()
	return fmt.Errorf("remove: %w", media.ErrUnavailable)
}

// Purge implements media.Purger.
func (b *brokenRemover) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	if err := confirm(ctx); err != nil || len(keys) == 0 {
		return err
	}
	return b.Remove(ctx, "")
}

// failingPurged is a store in which Purged fails.
type failingPurged struct{ DeleteStore }

func (failingPurged) Purged(context.Context, string, string, string) error {
	return store.ErrUnavailable
}

// If a step after the tombstone fails, the request still succeeds, the log has the
// cause, and the purge stays pending.
func TestDeleteWhenThePurgeFails(t *testing.T) {
	t.Parallel()
	remover := new(brokenRemover)
	for name, f := range map[string]faults{
		"audio":  {remover: func(media.Purger) media.Purger { return remover }},
		"Purged": {writer: func(w DeleteStore) DeleteStore { return failingPurged{w} }},
	} {
		s := newFaultySingle(t, Delivery{}, f)
		s.put(t, noise(10), nil)
		p := s.do(t, http.MethodDelete, onePath, "")
		p.wantStatus(t, http.StatusOK, "")
		if !strings.Contains(p.body, `"deleted":true`) || strings.Contains(p.body, "purge") {
			t.Errorf("%s: body = %s", name, p.body)
		}
		if !strings.Contains(s.log.String(), "the purge stays pending") {
			t.Errorf("%s: log = %s, want the cause", name, s.log)
		}
		s.wantTombstone(t, true)
		s.do(t, http.MethodGet, onePath, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	}
	if left := time.Until(remover.deadline); left <= 0 || left > purgeTime {
		t.Errorf("the purge had %v left, want at most %v", left, purgeTime)
	}
}

// The purge ends early enough to answer before the deadline.
func TestDeleteBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	remover := new(brokenRemover)
	s := newFaultySingle(t, Delivery{}, faults{remover: func(media.Purger) media.Purger { return remover }})
	s.put(t, nil, nil)
	end := time.Now().Add(4 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	s.send(ctx, http.MethodDelete, onePath, nil).wantStatus(t, http.StatusOK, "")
	if got := end.Sub(remover.deadline); got != answerTime {
		t.Errorf("the purge ends %v before the request, want %v", got, answerTime)
	}
}

// If the store fails, the request fails and the audio stays.
func TestDeleteWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	remover := new(brokenRemover)
	for _, err := range []error{store.ErrUnavailable, store.ErrConflict} {
		s := newFaultySingle(t, Delivery{}, faults{
			remover: func(media.Purger) media.Purger { return remover },
			writer:  func(w DeleteStore) DeleteStore { return failingWriter{w, err} },
		})
		s.put(t, noise(10), nil)
		want, message := http.StatusServiceUnavailable, "datastore_unreachable"
		if errors.Is(err, store.ErrConflict) {
			want, message = http.StatusConflict, "datastore_conflict"
		}
		s.do(t, http.MethodDelete, onePath, "").wantStatus(t, want, message)
		s.do(t, http.MethodPatch, onePath, `{}`).wantStatus(t, want, message)
		s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusOK, "")
	}
	if remover.calls != 0 {
		t.Errorf("Remove was called %d times, want the audio to stay", remover.calls)
	}
}

// failingWriter is a store that fails every write with err.
type failingWriter struct {
	DeleteStore
	err error
}

func (r failingWriter) Delete(context.Context, string, string, store.Deletion) (*recording.Recording, error) {
	return nil, r.err
}

func (r failingWriter) Update(context.Context, string, string, func(*recording.Recording) error) (*recording.Recording, error) {
	return nil, r.err
}
