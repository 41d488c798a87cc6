package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// keysOf returns possible keys of the audio of a recording.
func keysOf(id string) map[string]string {
	return map[string]string{
		"own":      recording.AudioKey(oneAccount, id),
		"inbox":    recording.InboxKey(oneAccount, id+".mp3"),
		"imported": recording.ImportedKey(oneAccount, id),
	}
}

// move moves the audio of a recording to another key.
func (s *single) move(t testing.TB, id, key string, audio []byte) {
	t.Helper()
	old := recording.AudioKey(oneAccount, id)
	_, err := s.store.Update(t.Context(), oneAccount, id, func(r *recording.Recording) error {
		r.Audio.Key = key
		return nil
	})
	if err == nil {
		err = s.bucket.Remove(t.Context(), old)
	}
	if err == nil {
		err = s.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(audio), int64(len(audio)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lose removes the audio of a recording from the bucket.
func (s *single) lose(t testing.TB, key string) {
	t.Helper()
	if err := s.bucket.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

// A 201 to a retry with audio means that the audio is stored, under any of its keys.
func TestRetryStoresLostAudioUnderAnyKey(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	env := oneEnv(t, s.single)
	s.create, s.get = Create(env, s.store, s.uploads()), Get(env, s.store, s.bucket, Delivery{})
	for way, send := range map[string]func(id string) reply{
		"storage": func(id string) reply { return s.ask(t, "PUT", s.base+"x.mp3?id="+id, audio) },
		"create": func(id string) reply {
			return s.do(t, http.MethodPut, oneList+"?id="+id, string(audio), "Content-Type", "audio/mpeg")
		},
	} {
		for name := range keysOf("") {
			id := "202311-" + way + "-" + name
			send(id).made(t)
			s.arrive(t, id)
			key := keysOf(id)[name]
			s.move(t, id, key, audio)
			s.wantAudio(t, id, audio)
			s.lose(t, key)
			send(id).made(t)
			s.wantAudio(t, id, audio)
			send(id).made(t)
			s.wantAudio(t, id, audio)
		}
	}
}

// A retry is a 409 if the recording has got other audio meanwhile, for example from an
// import. A 201 would claim that the audio of the request is stored.
func TestRetryWhileOtherAudioIsStored(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	other := append([]byte{}, audio...)
	other[len(other)-1]++
	s.create = Create(oneEnv(t, s.single), s.store, s.uploads())
	for way, send := range map[string]func(id string) reply{
		"storage": func(id string) reply { return s.ask(t, "PUT", s.base+"x.mp3?id="+id, audio) },
		"create": func(id string) reply {
			return s.do(t, http.MethodPut, oneList+"?id="+id, string(audio), "Content-Type", "audio/mpeg")
		},
	} {
		for name, stored := range map[string][]byte{"other": other, "shorter": audio[1:]} {
			id := "202311-" + way + "-" + name
			send(id).made(t)
			s.move(t, id, recording.ImportedKey(oneAccount, id), stored)
			_, err := s.store.Update(t.Context(), oneAccount, id, func(r *recording.Recording) error {
				r.Audio.Place, r.Audio.Size, r.Upload = recording.Managed, int64(len(stored)), recording.Upload{}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			send(id).wantStatus(t, http.StatusConflict, "datastore_conflict")
		}
	}
}

// A retry of a JSON request gets a fresh upload if the stored object is lost. The
// upload admits only the audio that the recording states.
func TestRetryGetsAnUploadForLostAudio(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), someAudio(t)
	for name := range keysOf("") {
		for _, by := range []string{"id", "key"} {
			body, header := `{"upload":{"size":%d}}`, []string{"Idempotency-Key", name}
			if by == "id" {
				body, header = `{"data":{"id":"202311-`+name+`"},"upload":{"size":%d}}`, nil
			}
			put := func() made {
				return s.do(t, http.MethodPut, oneList, fmt.Sprintf(body, len(audio)), header...).made(t)
			}
			m := put()
			id := m.Data.ID
			if status := m.Data.ReadOnly.Upload.send(t, audio); status != http.StatusOK {
				t.Fatalf("upload = %d, want 200", status)
			}
			s.arrive(t, id)
			key := keysOf(id)[name]
			s.move(t, id, key, audio)
			if m := put(); m.Data.ReadOnly.Upload != nil || m.Data.ReadOnly.State != "ready" {
				t.Errorf("%s by %s: %+v, want no upload while the audio is stored", name, by, m)
			}
			s.lose(t, key)
			m = put()
			if m.Data.ReadOnly.Upload == nil {
				t.Fatalf("%s by %s: %+v, want an upload for the lost audio", name, by, m)
			}
			if status := m.Data.ReadOnly.Upload.send(t, audio[1:]); status == http.StatusOK {
				t.Errorf("%s by %s: the upload took audio of another size", name, by)
			}
			if status := m.Data.ReadOnly.Upload.send(t, audio); status != http.StatusOK {
				t.Errorf("%s by %s: upload = %d, want 200", name, by, status)
			}
			s.wantAudio(t, id, audio)
		}
	}
}

// blindBucket cannot find out whether an object exists.
type blindBucket struct{ UploadAudio }

func (blindBucket) Stat(context.Context, string) (media.Object, error) {
	return media.Object{}, media.ErrUnavailable
}

// If S3 does not show whether the audio is lost, the answer is a 503. A 201 without an
// upload would claim that it is stored.
func TestRetryWhileS3DoesNotShowTheAudio(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), someAudio(t)
	const body = `{"data":{"id":"202311-blind"}}`
	m := s.do(t, http.MethodPut, oneList, body).made(t)
	m.Data.ReadOnly.Upload.send(t, audio)
	s.arrive(t, m.Data.ID)
	uploads := s.uploads()
	uploads.Audio = blindBucket{uploads.Audio}
	s.create = Create(oneEnv(t, s), s.store, uploads)
	s.do(t, http.MethodPut, oneList, body).wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	s.do(t, http.MethodPut, oneList, `{"data":{"id":"202311-new"}}`).made(t) // nothing is stored for it yet
}

// A rejected file in an inbox, or rejected audio of an import, leaves its key in the
// recording. The audio of a retry goes under the recording's own key: the other one is
// occupied, or its audio is never judged.
func TestRetryAfterARejectionUnderAnotherKey(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	s.create = Create(oneEnv(t, s.single), s.store, s.uploads())
	for way, send := range map[string]func(id string){
		"storage": func(id string) { s.ask(t, "PUT", s.base+"x.mp3?id="+id, audio).made(t) },
		"create": func(id string) {
			s.do(t, http.MethodPut, oneList+"?id="+id, string(audio), "Content-Type", "audio/mpeg").made(t)
		},
		"json": func(id string) {
			m := s.do(t, http.MethodPut, oneList, fmt.Sprintf(`{"data":{"id":%q},"upload":{"size":%d}}`, id, len(audio))).made(t)
			m.Data.ReadOnly.Upload.send(t, audio)
		},
	} {
		for name := range keysOf("") {
			for _, first := range []string{"request", "audio"} { // what created the recording
				id := "202311-" + way + "-" + name + "-" + first
				send(id)
				s.lose(t, recording.AudioKey(oneAccount, id))
				_, err := s.store.Update(t.Context(), oneAccount, id, func(r *recording.Recording) error {
					r.Audio = recording.Audio{Key: keysOf(id)[name], Size: 4, State: recording.Failed, Reason: recording.NotAudio}
					if first == "audio" {
						r.Made, r.Upload = recording.MadeOfAudio, recording.Upload{}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				send(id)
				s.arrive(t, id)
				r, err := s.store.Get(t.Context(), oneAccount, id)
				if err != nil || r.Audio.Condition() != recording.Ready || r.AudioKey() != recording.AudioKey(oneAccount, id) {
					t.Errorf("%s: %+v, %v, want it ready under its own key", id, r, err)
				}
			}
		}
	}
}
