package kazootest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// openTwo starts a server with two recordings: one with 12 bytes of audio, "audio of
// 123", and one without audio. It returns their paths.
func openTwo(t *testing.T) (s *site, audio, bare string) {
	t.Helper()
	s = open(t, kazootest.Options{})
	now := seconds(noon)
	s.Add(top, saved("202311", 123, now-1), kazootest.Recording{ID: id("202311", 2), Created: now - 2, Document: "{}"})
	return s, recordings(top) + "/" + id("202311", 123), recordings(top) + "/" + id("202311", 2)
}

// The Accept header and the accept parameter choose between document and audio as in
// 1.6.
func TestAccept(t *testing.T) {
	t.Parallel()
	s, path, _ := openTwo(t)
	const document, audio, nothing, rejected = "document", "audio", "nothing", "406"
	for _, tt := range []struct{ accept, query, want string }{
		{"", "", document},
		{"*/*", "", document},
		{"application/json", "", document},
		{"application/x-json", "", document},
		{"audio/mpeg", "", audio},
		{"audio/mp3", "", audio},
		{"audio/mpeg, application/json", "", document},
		{"application/json, audio/mpeg", "", audio},
		{"application/json;q=0.9, audio/mpeg;q=0.8", "", document},
		{"audio/mpeg;q=0.9, application/json;q=0.8", "", audio},
		{"audio/wav, application/json;q=0.1", "", document},
		{"audio/wav", "", rejected},
		{"text/html", "", rejected},
		{"audio/wav", "?accept=audio/mpeg", rejected},
		{"audio/mpeg;level=1", "", rejected},
		{"audio/mpeg;q=0", "", rejected},
		{"audio/*", "", nothing},
		{"nonsense", "", document},
		{"application/json", "?accept=audio/mpeg", audio},
		{"audio/mpeg", "?accept=nonsense", audio},
		{"", "?accept=audio/mpeg&auth_token=tok&inline=true", audio},
	} {
		r := s.get(t, path+tt.query, "Accept: "+tt.accept)
		got := map[string]bool{
			document: r.status == http.StatusOK && r.Status == "success" && r.Revision != "",
			audio:    r.status == http.StatusOK && string(r.text) == "audio of 123",
			nothing:  r.status == http.StatusOK && len(r.text) == 0,
			rejected: r.status == http.StatusNotAcceptable && len(r.text) == 0,
		}
		if !got[tt.want] {
			t.Errorf("Accept %q %s = %d %s, want %s", tt.accept, tt.query, r.status, r.text, tt.want)
		}
	}
	for accept, want := range map[string]int{"": 200, "*/*": 200, "application/json": 200, "text/html": 406, "audio/mpeg": 406} {
		if got := s.get(t, recordings(top), "Accept: "+accept).status; got != want {
			t.Errorf("list with Accept %q = %d, want %d", accept, got, want)
		}
	}
}

// The rows come from 1.8. The audio has twelve bytes.
func TestRanges(t *testing.T) {
	t.Parallel()
	s, path, _ := openTwo(t)
	const whole = "audio of 123"
	for _, tt := range []struct {
		asked      string
		status     int
		body, span string
	}{
		{"", 200, whole, ""},
		{"bytes=0-4", 206, "audio", "bytes 0-4/12"},
		{"bytes=9-11", 206, "123", "bytes 9-11/12"},
		{"bytes=0-", 200, whole, "bytes 0-11/12"},
		{"bytes=0-11", 200, whole, "bytes 0-11/12"},
		{"bytes=9-", 206, "123", "bytes 9-11/12"},
		{"bytes=3-12", 200, whole, "bytes 0-11/12"},
		{"bytes=-3", 200, whole, "bytes 0-11/12"},
		{"bytes=0-1,3-4", 200, whole, "bytes 0-11/12"},
		{"lines=1-2", 200, whole, "bytes 0-11/12"},
		{"bytes=12-", 206, "", "bytes 12-11/12"},
		{"bytes=13-", 500, "", ""},
		{"bytes=x-", 500, "", ""},
		{"bytes", 500, "", ""},
	} {
		r := s.get(t, path, "Accept: audio/mpeg", "Range: "+tt.asked)
		if r.status != tt.status || string(r.text) != tt.body || r.header.Get("Content-Range") != tt.span || (r.header.Get("Accept-Ranges") != "") != (tt.span != "") {
			t.Errorf("Range %q = %d %q of %q, want %d %q of %q", tt.asked, r.status, r.text, r.header.Get("Content-Range"), tt.status, tt.body, tt.span)
		}
	}
	if got := s.Played()[top+"/"+id("202311", 123)]; got != 7 {
		t.Errorf("Played() = %d, want the 7 that were whole", got)
	}
}

func TestAudioHeaders(t *testing.T) {
	t.Parallel()
	s, path, _ := openTwo(t)
	for query, want := range map[string]string{
		"": "attachment; filename=n 123.wav", "?inline=true": "inline; filename=n 123.wav", "?inline=1": "attachment; filename=n 123.wav",
	} {
		r := s.get(t, path+query, "Accept: audio/mpeg")
		if got := r.header.Get("Content-Disposition"); got != want || r.header.Get("Content-Type") != "audio/x-wav" || r.header.Get("Content-Length") != "12" {
			t.Errorf("%q = %v, want %s", query, r.header, want)
		}
	}
	etag := s.get(t, path).header.Get("ETag")
	if r := s.get(t, path, "If-None-Match: "+etag); etag == "" || r.status != http.StatusNotModified {
		t.Errorf("If-None-Match %s = %d, want 304", etag, r.status)
	}
	if r := s.get(t, path, `If-Match: "other"`); r.status != http.StatusPreconditionFailed {
		t.Errorf("If-Match = %d, want 412", r.status)
	}
}

// Missing documents and audio are answered as in the table of 1.5.
func TestMissing(t *testing.T) {
	t.Parallel()
	s, _, bare := openTwo(t)
	gone := id("202311", 9)
	for _, tt := range []struct {
		path, accept  string
		status        int
		message, data string
	}{
		{recordings(top) + "/" + gone, "", 404, "bad_identifier", `{"cause":"` + gone + `","message":"bad identifier"}`},
		{recordings(top) + "/" + gone, "audio/mpeg", 404, "bad_identifier", `{"cause":"` + gone + `","message":"bad identifier"}`},
		{recordings(child) + "/" + id("202311", 123), "", 404, "bad_identifier", `{"cause":"` + id("202311", 123) + `","message":"bad identifier"}`},
		{recordings(top) + "/x%2Fy", "", 404, "bad identifier", `["x/y"]`},
		{recordings(top) + "/x", "audio/mpeg", 500, "init failed", ""},
		{recordings(top) + "/abcdef-x", "", 500, "init failed", ""},
		{bare, "audio/mpeg", 404, "bad_identifier", `{"details":"` + id("202311", 2) + `","message":"bad identifier"}`},
	} {
		r := s.get(t, tt.path, "Accept: "+tt.accept)
		if r.status != tt.status || r.Message != tt.message || string(r.Data) != tt.data {
			t.Errorf("%s as %q = %d %s, want %d %s %s", tt.path, tt.accept, r.status, r.text, tt.status, tt.message, tt.data)
		}
	}
	if r := s.get(t, bare); r.status != http.StatusOK || strings.Contains(string(r.text), "_read_only") {
		t.Errorf("a document = %d %s, want 200 without _read_only", r.status, r.text)
	}
}
