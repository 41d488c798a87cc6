package api

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// crowdedWriter is the response writer of a gateway without room for large answers.
type crowdedWriter struct {
	*httptest.ResponseRecorder
	asked []int64
}

func (w *crowdedWriter) Reserve(n int64) error {
	w.asked = append(w.asked, n)
	return errors.New("no room")
}

// roomyWriter is the response writer of a gateway that has memory for large bodies.
type roomyWriter struct {
	*httptest.ResponseRecorder
	room    []byte
	written bool // the body is in the room
}

func (w *roomyWriter) Room(n int64) []byte {
	w.room = make([]byte, n)
	return w.room
}

func (w *roomyWriter) Write(p []byte) (int, error) {
	w.written = len(p) > 0 && len(p) == len(w.room) && &p[0] == &w.room[0]
	return w.ResponseRecorder.Write(p)
}

// Audio is read into the memory that the gateway has for it, and written once.
func TestAudioIsReadIntoTheRoomOfTheGateway(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	audio := noise(1000)
	s.put(t, audio, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, audioPath, http.NoBody)
	r.Header.Set("X-Auth-Token", s.token)
	w := &roomyWriter{ResponseRecorder: httptest.NewRecorder()}
	s.get.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !w.written || !bytes.Equal(w.Body.Bytes(), audio) {
		t.Errorf("GET = %d with %d bytes, written from the room: %t", w.Code, w.Body.Len(), w.written)
	}
}

// If the gateway has no room, a request for audio gets a 429 with Retry-After. If the
// gateway has no limit, it gets a 200.
func TestAudioWithoutRoom(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, noise(1000), nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, audioPath, http.NoBody)
	r.Header.Set("X-Auth-Token", s.token)
	w := &crowdedWriter{ResponseRecorder: httptest.NewRecorder()}
	s.get.ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || len(w.asked) != 1 || w.asked[0] != 1000 {
		t.Errorf("GET = %d, %v after requests for %d bytes, want 429 with Retry-After after one for 1000", w.Code, w.Header(), w.asked)
	}
	conforms(t, r, record(r), got{w.ResponseRecorder, w.Body.Bytes()})
	s.do(t, http.MethodGet, audioPath, "").wantStatus(t, http.StatusOK, "")
}
