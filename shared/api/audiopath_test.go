package api

import (
	"net/http"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// The path of the audio always answers with the audio and ignores Accept.
func TestAudioPath(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	data := noise(1000)
	s.put(t, data, nil)
	for _, query := range []string{"", "?accept=json", "?accept=image/png"} {
		for _, accept := range []string{"", "application/json", "image/png", "audio/*"} {
			p := s.do(t, http.MethodGet, onePath+"/audio"+query, "", "Accept", accept)
			p.wantStatus(t, http.StatusOK, "")
			if p.body != string(data) || p.header.Get("Content-Type") != "audio/mpeg" {
				t.Errorf("%q, Accept %q: %d bytes of %s", query, accept, len(p.body), p.header.Get("Content-Type"))
			}
		}
	}
	p := s.do(t, http.MethodGet, onePath+"/audio", "", "Range", "bytes=10-19", "Accept", "application/json")
	if p.wantStatus(t, http.StatusPartialContent, ""); p.body != string(data[10:20]) {
		t.Errorf("a range: %q", p.body)
	}
	p = s.do(t, http.MethodHead, onePath+"/audio/", "")
	if p.wantStatus(t, http.StatusOK, ""); p.header.Get("Content-Length") != "1000" {
		t.Errorf("HEAD: Content-Length = %q", p.header.Get("Content-Length"))
	}
	p = s.do(t, http.MethodDelete, onePath+"/audio", "")
	p.wantStatus(t, http.StatusMethodNotAllowed, "invalid_method")
	if got, want := p.header.Get("Allow"), "OPTIONS, GET, HEAD"; got != want {
		t.Errorf("Allow = %s, want %s", got, want)
	}
}

// Without audio, the answer is a 404 with the cause, not the document.
func TestAudioPathWithoutAudio(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, func(rec *recording.Recording) { rec.Audio = recording.Audio{} })
	p := s.do(t, http.MethodGet, onePath+"/audio", "", "Accept", "application/json")
	p.wantStatus(t, http.StatusNotFound, "bad_identifier")
}
