package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
)

// lossy returns the fixture's bucket over a connection that loses the answers to the
// first PUTs. They take effect if applies is true.
func (s *storageFixture) lossy(t testing.TB, lost int32, applies bool) *s3media.Bucket {
	t.Helper()
	target, err := url.Parse(s.server)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the signature covers the host
	}}
	var puts atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || puts.Add(1) > lost {
			forward.ServeHTTP(w, r)
			return
		}
		if applies {
			forward.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(proxy.Close)
	return bucketAt(t, proxy.URL)
}

// with serves storage requests from another bucket.
func (s *storageFixture) with(t testing.TB, b StorageAudio) *storageFixture {
	t.Helper()
	other := *s
	other.handler = Receive(oneEnv(t, s.single), s.store, s.storage(t, b))
	return &other
}

// A pending recording that another client created gets the audio once, even if
// the answer of S3 was lost. The retry is a 201 before and after ingest.
func TestRetryAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for _, ingested := range []bool{false, true} {
		s, audio := newStorageFixture(t), someAudio(t)
		s.put(t, nil, func(r *recording.Recording) { r.Audio, r.Made = recording.Audio{}, "made" })
		path := s.base + "x.mp3?id=" + oneID
		lossy := s.with(t, s.lossy(t, 1, true))
		lossy.ask(t, "PUT", path, audio).made(t) // the second attempt finds the audio of the first
		if ingested {
			s.arrive(t, oneID)
		}
		s.ask(t, "PUT", path, audio).made(t)
		other := append([]byte{}, audio...)
		other[len(other)-1]++
		for _, body := range [][]byte{other, audio[1:]} {
			s.ask(t, "PUT", path, body).wantStatus(t, http.StatusConflict, "datastore_conflict")
		}
		s.arrive(t, oneID)
		if r := s.all(t, oneAccount)[0]; r.Audio.Condition() != recording.Ready || r.Audio.Size != int64(len(audio)) {
			t.Errorf("recording = %+v, want it ready", r)
		}
	}
}

func TestStorageWhileS3Fails(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	once := s.with(t, s.lossy(t, 1, false))
	once.ask(t, "PUT", s.base+"x.mp3?id=202311-once", audio).made(t)
	for _, applies := range []bool{false, true} { // three times: every attempt of a request
		thrice := s.with(t, s.lossy(t, 3, applies))
		path := s.base + "x.mp3?id=202311-thrice-" + strconv.FormatBool(applies)
		thrice.ask(t, "PUT", path, audio).wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
		thrice.ask(t, "PUT", path, audio).made(t)
	}
}

// Audio that S3 has not verified is compared byte by byte. A 201 means that this
// audio is stored.
func TestAudioWithoutAChecksum(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	key := recording.AudioKey(oneAccount, "202311-first")
	if err := s.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(audio), int64(len(audio))); err != nil {
		t.Fatal(err)
	}
	other := append([]byte{}, audio...)
	other[len(other)-1]++
	s.ask(t, "PUT", s.base+"x.mp3?id=202311-first", audio).made(t)
	s.ask(t, "PUT", s.base+"y.mp3?id=202311-first", other).wantStatus(t, http.StatusConflict, "datastore_conflict")
}

// The answer shows the document only of a recording that this request created.
func TestStorageShowsNoDocumentOfOthers(t *testing.T) {
	t.Parallel()
	s, audio := newStorageFixture(t), someAudio(t)
	s.put(t, nil, func(r *recording.Recording) { r.Audio, r.Made = recording.Audio{}, "made" })
	for range 2 {
		p := s.ask(t, "PUT", s.base+"x.mp3?from=z%40z&id="+oneID, audio)
		m := p.made(t)
		if m.Data.ID != oneID || m.Data.ReadOnly.State == "" || strings.Contains(p.body, "user_metadata") || m.Data.From != "" {
			t.Errorf("answer %s, want only the ID and the state", p.body)
		}
		s.arrive(t, oneID)
	}
	for range 2 {
		if m := s.ask(t, "PUT", s.base+"x.mp3?from=z%40z&id=202311-own", audio).made(t); m.Data.From != "z@z" {
			t.Errorf("answer %+v, want the document", m)
		}
	}
}

// Two names of one field must agree, in either order.
func TestContradictoryReports(t *testing.T) {
	t.Parallel()
	s := newStorageFixture(t)
	kind, form := curl(t, map[string]string{"id": "202311-a", "recording_id": "202311-b"}, "audio")
	for _, c := range []struct{ name, query, kind, body, field string }{
		{"accounts in the query", "?account_id=" + oneAccount + "&account-id=other", "", "audio", "account_id"},
		{"IDs in the query", "?id=202311-a&recording_id=202311-b", "", "audio", "id"},
		{"callers in the query", "?caller=1&Caller-ID-Number=2", "", "audio", "caller_id_number"},
		{"an ID twice in the query", "?id=202311-a&id=202311-b", "", "audio", "id"},
		{"a call twice in the query", "?call_id=1&call_id=2", "", "audio", "call_id"},
		{"IDs in a form", "", kind, string(form), "id"},
		{"IDs in a document", "", "multipart/form-data; boundary=b", string(kazooForm("b", `{"id":"202311-a","recording_id":"202311-b"}`, "audio/mpeg", "audio")), "id"},
	} {
		for range 8 { // a query is a map: its order varies
			p := s.ask(t, "PUT", s.base+"x.mp3"+c.query, []byte(c.body), "Content-Type", c.kind)
			p.wantStatus(t, http.StatusBadRequest, "validation error")
			if !strings.Contains(p.body, `"`+c.field+`":{"wrong_format"`) {
				t.Errorf("%s: %s, want the field %s", c.name, p.body, c.field)
			}
		}
	}
	if all := s.all(t, oneAccount); len(all) != 0 {
		t.Errorf("recordings = %+v, want none", all)
	}
	s.ask(t, "PUT", s.base+"x.mp3?id=202311-a&id=202311-a&recording_id=202311-a&_=1&_=2&caller=1&caller_id_number=1", []byte("audio")).made(t)
}

// Java and .NET clients write a Content-Type for each field of a form.
func TestFormsWithTypedFields(t *testing.T) {
	t.Parallel()
	part := func(disposition, kind, body string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\nContent-Type: " + kind + "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body + "\r\n"
	}
	s := newStorageFixture(t)
	fields := part(`name="recording_id"`, "text/plain; charset=ISO-8859-1", "202311-java") +
		part(`name="Caller"`, "text/plain; charset=utf-8", "1001") +
		part(`name="callee"`, "application/octet-stream", "1002") +
		part(`name="tenant"`, "text/plain", "other") +
		part(`name="user_metadata"`, "application/json", `{"tag":"vip"}`)
	file := part(`name="file"; filename="call.txt"`, "text/plain", "audio")
	form := []byte(fields + file + "--b--\r\n")
	s.ask(t, "POST", s.base+"x.mp3", form, "Content-Type", "multipart/form-data; boundary=b").made(t)
	r, err := s.store.Get(t.Context(), oneAccount, "202311-java")
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"caller_id_number": `"1001"`, "callee_id_number": `"1002"`, "user_metadata": `{"tag":"vip"}`} {
		if got, _ := r.Document.Raw(field); got != want {
			t.Errorf("%s = %s, want %s", field, got, want)
		}
	}
	if object, err := s.bucket.Stat(t.Context(), r.AudioKey()); err != nil || object.Size != int64(len("audio")) {
		t.Errorf("stored %+v, %v, want the file", object, err)
	}
	s.ask(t, "POST", s.base+"x.mp3", []byte(fields+"--b--\r\n"), "Content-Type", "multipart/form-data; boundary=b").
		wantStatus(t, http.StatusBadRequest, "validation error")
}
