package api

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// wantAudio fails the test unless the recording is ready and plays that audio.
func (s *single) wantAudio(t testing.TB, id string, audio []byte) {
	t.Helper()
	p := s.do(t, http.MethodGet, oneList+"/"+id+"?accept=mp3", "")
	if p.status != http.StatusOK || p.body != string(audio) {
		t.Errorf("audio of %s = %d with %d bytes, want 200 with %d", id, p.status, len(p.body), len(audio))
	}
	r, err := s.store.Get(t.Context(), oneAccount, id)
	if err != nil || r.Audio.Condition() != recording.Ready {
		t.Errorf("%s is %+v, %v, want it ready", id, r, err)
	}
}

// A 201 to a retry means that the audio is stored, even if the object was lost
// after ingest.
func TestRetryStoresLostAudioAgain(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	env := oneEnv(t, s.single)
	s.create, s.get = Create(env, s.store, s.uploads()), Get(env, s.store, s.bucket, Delivery{})
	for id, send := range map[string]func(id string, audio []byte) reply{
		"202311-storage": func(id string, audio []byte) reply { return s.ask(t, "PUT", s.base+"x.mp3?id="+id, audio) },
		"202311-create": func(id string, audio []byte) reply {
			return s.do(t, http.MethodPut, oneList+"?id="+id, string(audio), "Content-Type", "audio/mpeg")
		},
	} {
		send(id, audio).made(t)
		s.arrive(t, id)
		s.wantAudio(t, id, audio)
		if err := s.bucket.Remove(t.Context(), recording.AudioKey(oneAccount, id)); err != nil {
			t.Fatal(err)
		}
		send(id, audio[1:]).wantStatus(t, http.StatusConflict, "datastore_conflict")
		send(id, audio).made(t)
		s.wantAudio(t, id, audio)
		s.arrive(t, id)
		s.wantAudio(t, id, audio)
	}
}

// A create accepts audio that is already in the bucket only if the bytes are the same.
func TestCreateComparesStoredAudio(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), someAudio(t)
	other := append([]byte{}, audio...)
	other[len(other)-1]++
	put := func(id string) reply {
		return s.do(t, http.MethodPut, oneList+"?id="+id, string(audio), "Content-Type", "audio/mpeg")
	}
	for id, c := range map[string]struct {
		stored   []byte
		verified bool // the store has verified the checksum of the stored audio
		status   int
	}{
		"202311-same":             {audio, true, http.StatusCreated},
		"202311-same-unverified":  {audio, false, http.StatusCreated},
		"202311-other":            {other, true, http.StatusConflict},
		"202311-other-unverified": {other, false, http.StatusConflict},
		"202311-shorter":          {audio[1:], true, http.StatusConflict},
	} {
		key := recording.AudioKey(oneAccount, id)
		err := s.bucket.PutNew(t.Context(), key, "audio/mpeg", c.stored)
		if !c.verified {
			err = s.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(c.stored), int64(len(c.stored)))
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if p := put(id); p.status != c.status {
				t.Errorf("%s: status = %d, want %d; body %s", id, p.status, c.status, p.body)
			}
		}
	}
}
