package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const oneList = oneBase + "/recordings"

// made is the answer to a PUT that created a recording.
type made struct {
	Data struct {
		ID       string `json:"id"`
		CallID   string `json:"call_id"`
		From     string `json:"from"`
		Start    int64  `json:"start"`
		Duration int64  `json:"duration_ms"`
		ReadOnly struct {
			State  string        `json:"state"`
			Reason string        `json:"reason"`
			Upload *signedUpload `json:"upload"`
		} `json:"_read_only"`
	} `json:"data"`
	Revision string `json:"revision"`
}

// made parses the answer to a PUT, which must be a 201.
func (p reply) made(t testing.TB) made {
	t.Helper()
	p.wantStatus(t, http.StatusCreated, "")
	var m made
	if err := json.Unmarshal([]byte(p.body), &m); err != nil {
		t.Fatalf("body is not JSON: %v: %.300s", err, p.body)
	}
	if want := oneList + "/" + m.Data.ID; p.header.Get("Location") != want || p.header.Get("ETag") != `"`+m.Revision+`"` {
		t.Errorf("Location %q, ETag %s, want %q and the revision %s", p.header.Get("Location"), p.header.Get("ETag"), want, m.Revision)
	}
	return m
}

// send sends body to the presigned upload, as a client does, and returns the status.
func (u *signedUpload) send(t testing.TB, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), u.Method, u.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range u.Headers {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // the body is not used
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// someAudio returns an MP3 file from the tests of audiofile.
func someAudio(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../audiofile/testdata/vbr-16khz.mp3")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestCreateUploadPlay(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), someAudio(t)
	p := s.do(t, http.MethodPut, oneList, fmt.Sprintf(
		`{"data":{"from":"1001@pbx","start":63867780000,"owner_id":%q,"ui_metadata":{"x":1}},"upload":{"content_type":"audio/mp3","size":%d,"sha256":%q}}`,
		oneUser, len(audio), hexSum(audio)))
	m := p.made(t)
	if m.Data.ReadOnly.State != "pending" || m.Data.ReadOnly.Upload == nil || !strings.HasPrefix(m.Data.ID, "202311-") {
		t.Fatalf("made %+v, want it pending, with a presigned upload", m)
	}
	if m.Data.From != "1001@pbx" || m.Data.CallID != m.Data.ID || m.Data.Duration != 0 || strings.Contains(p.body, "ui_metadata") {
		t.Errorf("made %s, want neutral values for unknown fields", p.body)
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store for a presigned upload", p.header.Get("Cache-Control"))
	}
	id := m.Data.ID
	missing := s.do(t, http.MethodGet, oneList+"/"+id+"?accept=mp3", "")
	missing.wantStatus(t, http.StatusNotFound, "bad_identifier")
	if missing.header.Get("Retry-After") == "" || missing.text(t, "data", "details") == "" {
		t.Errorf("audio while pending: %v %s, want Retry-After and details", missing.header, missing.body)
	}
	u := m.Data.ReadOnly.Upload
	if status := u.send(t, append([]byte("x"), audio[1:]...)); status == http.StatusOK {
		t.Error("an upload with another checksum than announced was accepted")
	}
	if status := u.send(t, audio); status != http.StatusOK {
		t.Fatalf("upload = %d, want 200", status)
	}
	if status := u.send(t, audio); status != http.StatusPreconditionFailed {
		t.Errorf("second upload = %d, want 412", status)
	}
	if done := s.arrive(t, id); done != incoming.Completed {
		t.Fatalf("the arrival is %s", done)
	}
	doc := s.do(t, http.MethodGet, oneBase+"/users/"+oneUser+"/recordings/"+id, "")
	doc.wantStatus(t, http.StatusOK, "")
	if !strings.Contains(doc.body, `"state":"ready"`) || strings.Contains(doc.body, `"upload"`) || strings.Contains(doc.body, hexSum(audio)) {
		t.Errorf("document %s, want it ready, without the upload and its checksum", doc.body)
	}
	sound := s.do(t, http.MethodGet, oneList+"/"+id+"?accept=mp3", "")
	if sound.status != http.StatusOK || sound.body != string(audio) || sound.header.Get("Content-Type") != "audio/mpeg" {
		t.Errorf("audio = %d, %d bytes of %s", sound.status, len(sound.body), sound.header.Get("Content-Type"))
	}
}

func TestCreateWithAudio(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), string(someAudio(t))
	put := func(target, body, kind string, header ...string) reply {
		return s.do(t, http.MethodPut, target, body, append(header, "Content-Type", kind)...)
	}
	m := put(oneList+"?from=1001@pbx&start=63867780000&user_metadata=%7B%22tag%22:1%7D&_=123", audio, "audio/mp3").made(t)
	if m.Data.ReadOnly.State != "pending" || m.Data.ReadOnly.Upload != nil || m.Data.From != "1001@pbx" || m.Data.Start != 63867780000 {
		t.Errorf("made %+v, want the fields of the query, and no presigned upload", m)
	}
	if done := s.arrive(t, m.Data.ID); done != incoming.Completed {
		t.Errorf("the arrival is %s", done)
	}
	if p := s.do(t, http.MethodGet, oneList+"/"+m.Data.ID+"?accept=mp3", ""); p.body != audio || p.header.Get("Content-Type") != "audio/mpeg" {
		t.Errorf("audio = %d, %d bytes, want the %d that were sent", p.status, len(p.body), len(audio))
	}
	again := put(oneList+"?id=202311-x", audio, "audio/mpeg").made(t)
	if once := put(oneList+"?id=202311-x", audio, "audio/mpeg").made(t); once != again {
		t.Errorf("the retry returned %+v, want %+v", once, again)
	}
	s.arrive(t, "202311-x")
	if once := put(oneList+"?id=202311-x", audio, "audio/mpeg").made(t); once.Data.ReadOnly.State != "ready" || once.Data.Duration < 100 {
		t.Errorf("the retry returned %+v, want the ingested recording", once)
	}
	put(oneList+"?id=202311-x", audio+audio, "audio/mpeg").wantStatus(t, http.StatusConflict, "datastore_conflict")
	for id, c := range map[string]struct{ body, kind, state, reason string }{
		"202311-empty": {"", "audio/wav", "empty", ""},
		"202311-text":  {"<script>", "audio/mpeg", "failed", "not_audio"},
		"202311-other": {audio, "audio/wav", "failed", "other_content_type"},
	} {
		put(oneList+"?id="+id, c.body, c.kind).made(t)
		s.arrive(t, id)
		if m := put(oneList+"?id="+id, c.body, c.kind).made(t); m.Data.ReadOnly.State != c.state || m.Data.ReadOnly.Reason != c.reason {
			t.Errorf("%s: made %+v, want it %s %s", id, m, c.state, c.reason)
		}
	}

	for name, c := range map[string]struct {
		target, body, kind string
		status             int
		message            string
	}{
		"a type that is not audio":    {oneList, audio, "text/html", 415, "unsupported_media_type"},
		"a type that is not accepted": {oneList, audio, "audio/amr", 415, "unsupported_media_type"},
		"a field of a wrong type":     {oneList + "?start=soon", audio, "audio/mpeg", 400, "validation error"},
		"a bad id":                    {oneList + "?id=..%2Fx", audio, "audio/mpeg", 400, "validation error"},
		"a bad owner":                 {oneList + "?owner_id=a%2Fb", audio, "audio/mpeg", 400, "validation error"},
		"too much audio":              {oneList, strings.Repeat("x", gatewayLimit+1), "audio/mpeg", 413, "entity_too_large"},
	} {
		t.Run(name, func(t *testing.T) { put(c.target, c.body, c.kind).wantStatus(t, c.status, c.message) })
	}
	page, err := s.store.Page(t.Context(), store.Query{Account: oneAccount, Limit: 10})
	if err != nil || len(page.Recordings) != 5 {
		t.Errorf("%d recordings, %v, want five", len(page.Recordings), err)
	}
}

func TestRetriedCreations(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	put := func(body string, header ...string) reply { return s.do(t, http.MethodPut, oneList, body, header...) }
	chosen := `{"data":{"id":"202311-mine","from":"a","user_metadata":{"x":1.50,"y":[2]}}}`
	first := put(chosen).made(t)
	for _, same := range []string{chosen, `{ "data" : {"user_metadata":{"y":[2],"x":1.50}, "from":"a", "id":"202311-mine"}, "auth_token": "x" }`} {
		if m := put(same).made(t); m.Data.ID != first.Data.ID || m.Revision != first.Revision || m.Data.ReadOnly.Upload == nil {
			t.Errorf("the retry %s returned %+v, want %+v", same, m, first)
		}
	}
	put(`{"data":{"id":"202311-mine","from":"b"}}`).wantStatus(t, http.StatusConflict, "datastore_conflict")
	put(strings.Replace(chosen, `}}}`, `}},"upload":{"size":5}}`, 1)).wantStatus(t, http.StatusConflict, "datastore_conflict")

	keyed := put(`{"data":{"from":"a"}}`, "Idempotency-Key", "k1").made(t)
	if m := put(`{"data":{"from":"a"}}`, "Idempotency-Key", "k1").made(t); m.Data.ID != keyed.Data.ID || m.Revision != keyed.Revision {
		t.Errorf("the retry returned %+v, want %+v", m, keyed)
	}
	put(`{"data":{"from":"b"}}`, "Idempotency-Key", "k1").wantStatus(t, http.StatusConflict, "datastore_conflict")
	put(`{"data":{"from":"a","start":63835000000}}`, "Idempotency-Key", "k1").wantStatus(t, http.StatusConflict, "datastore_conflict")
	if m := put(`{"data":{"from":"a"}}`, "Idempotency-Key", "k2").made(t); m.Data.ID == keyed.Data.ID {
		t.Error("another key returned the same recording")
	}
	if a, b := put(`{}`).made(t), put(`{}`).made(t); a.Data.ID == b.Data.ID {
		t.Error("two requests without a key created one recording")
	}

	s.do(t, http.MethodDelete, oneList+"/202311-mine", "").wantStatus(t, http.StatusOK, "")
	put(chosen).wantStatus(t, http.StatusConflict, "datastore_conflict")
	for _, key := range []string{"", strings.Repeat("x", 256), "ü"} {
		put(`{}`, "Idempotency-Key", key).wantStatus(t, http.StatusBadRequest, "validation error")
	}
	put(`{}`, "Idempotency-Key", "a", "Idempotency-Key", "b").wantStatus(t, http.StatusBadRequest, "validation error")
}

func TestKeysAreBoundToTheAccount(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	other := "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b"
	if _, err := s.store.Claim(t.Context(), other, "k", store.Claim{ID: "202311-theirs", Made: "x"}); err != nil {
		t.Fatal(err)
	}
	if m := s.do(t, http.MethodPut, oneList, `{}`, "Idempotency-Key", "k").made(t); m.Data.ID == "202311-theirs" {
		t.Errorf("created %+v under another account's key", m)
	}
}

// A request may die after it has claimed its key and before it creates its recording. Only a
// retry of that request may finish the job: another one would take over its ID.
func TestAKeyIsBoundToItsRequest(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	const mine, id = `{"data":{"from":"a"}}`, "202311-claimed"
	if _, err := s.store.Claim(t.Context(), oneAccount, "k", store.Claim{ID: id, Made: fingerprintOf(t, s, mine)}); err != nil {
		t.Fatal(err)
	}
	s.do(t, http.MethodPut, oneList, `{"data":{"from":"b"}}`, "Idempotency-Key", "k").wantStatus(t, http.StatusConflict, "datastore_conflict")
	s.do(t, http.MethodGet, oneList+"/"+id, "").wantStatus(t, http.StatusNotFound, "bad_identifier")
	if m := s.do(t, http.MethodPut, oneList, mine, "Idempotency-Key", "k").made(t); m.Data.ID != id || m.Data.From != "a" {
		t.Errorf("the retry created %+v, want %s", m, id)
	}
}

// fingerprintOf returns the fingerprint of a request to create a recording.
func fingerprintOf(t *testing.T, s *single, body string) string {
	t.Helper()
	m := s.do(t, http.MethodPut, oneList, body, "Idempotency-Key", "fingerprint").made(t)
	r, err := s.store.Get(t.Context(), oneAccount, m.Data.ID)
	if err != nil || r.Made == "" {
		t.Fatalf("Get = %+v, %v, want the recording with its fingerprint", r, err)
	}
	return r.Made
}

func TestMetadataArrivesAfterAudio(t *testing.T) {
	t.Parallel()
	s, audio := newSingle(t, Delivery{}), someAudio(t)
	key := recording.AudioKey(oneAccount, "202311-first")
	if err := s.bucket.PutNew(t.Context(), key, "audio/mpeg", audio); err != nil {
		t.Fatal(err)
	}
	s.arrive(t, "202311-first")
	s.do(t, http.MethodPut, oneList, `{"data":{"id":"202311-first"},"upload":{"size":1}}`).wantStatus(t, http.StatusConflict, "datastore_conflict")
	body := fmt.Sprintf(`{"data":{"id":"202311-first","from":"a@b","owner_id":%q,"duration_ms":5,"custom_channel_vars":{"x":"y"}},"upload":{"size":%d}}`, oneUser, len(audio))
	m := s.do(t, http.MethodPut, oneList, body).made(t)
	if m.Data.From != "a@b" || m.Data.Duration < 100 || m.Data.ReadOnly.State != "ready" || m.Data.ReadOnly.Upload != nil {
		t.Errorf("made %+v, want the metadata, and the duration of the audio", m)
	}
	p := s.do(t, http.MethodGet, oneBase+"/users/"+oneUser+"/recordings/202311-first", "")
	p.wantStatus(t, http.StatusOK, "")
	if !strings.Contains(p.body, `"x":"y"`) || !strings.Contains(p.body, "Media-Recording-ID") {
		t.Errorf("document %s, want the fields that were sent, and the neutral ones", p.body)
	}
	if again := s.do(t, http.MethodPut, oneList, body).made(t); again.Revision != m.Revision {
		t.Errorf("the retry returned %+v, want %+v", again, m)
	}
	s.do(t, http.MethodPut, oneList, `{"data":{"id":"202311-first","from":"other"}}`).wantStatus(t, http.StatusConflict, "datastore_conflict")
}

func TestCreateRejects(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	for _, c := range []struct {
		name, body string
		header     []string
		status     int
		data       string
	}{
		{"not JSON", `{"data":`, nil, 400, `{"json":{"invalid":{"message":"failed to parse request body","target":"body"}}}`},
		{"a duplicate key", `{"data":{},"data":{}}`, nil, 400, `{"json":{"invalid":{"message":"an object has the same key twice","target":"body"}}}`},
		{"no body", ``, nil, 400, `{"json":{"invalid":{"message":"failed to parse request body","target":"body"}}}`},
		{"an unknown field", `{"data":{"frm":"x"}}`, nil, 400, `{"frm":{"additionalProperties":{"message":"Strict checking of data is enabled; only include schema-defined properties","value":"x"}}}`},
		{"a wrong type", `{"data":{"from":7}}`, nil, 400, `{"from":{"type":{"message":"Value did not match type(s): string","target":"string","value":7}}}`},
		{"a negative time", `{"data":{"duration":-1}}`, nil, 400, `{"duration":{"minimum":{"message":"Value must be at least 0","target":0,"value":-1}}}`},
		{"too much audio", `{"data":{},"upload":{"size":1073741825}}`, nil, 400, `{"upload.size":{"maximum":{"message":"Value must be at most 1073741824","target":1073741824,"value":1073741825}}}`},
		{"another type", `<x/>`, []string{"Content-Type", "text/xml"}, 415, `{"accepted":["application/json","audio/mpeg","audio/wav","audio/ogg","audio/mp4"],"message":"unsupported media type"}`},
		{"two types", `{}`, []string{"Content-Type", "audio/mpeg", "Content-Type", "audio/wav"}, 415, `{"accepted":["application/json","audio/mpeg","audio/wav","audio/ogg","audio/mp4"],"message":"unsupported media type"}`},
		{"nothing acceptable", `{}`, []string{"Accept", "text/csv"}, 406, `{"accepted":["application/json"],"message":"not acceptable"}`},
	} {
		p := s.do(t, http.MethodPut, oneList, c.body, c.header...)
		page := p.whole.page(t)
		if got := withoutDoc(t, page.Data, page.Message); p.status != c.status || got != c.data {
			t.Errorf("%s: %d %s, want %d %s", c.name, p.status, got, c.status, c.data)
		}
	}
	s.do(t, http.MethodPut, oneBase+"/users/"+oneUser+"/recordings", `{}`).wantStatus(t, http.StatusMethodNotAllowed, "invalid_method")
	s.do(t, http.MethodPut, onePath, `{}`).wantStatus(t, http.StatusMethodNotAllowed, "invalid_method")
	if p, err := s.store.Page(t.Context(), store.Query{Account: oneAccount, Limit: 1}); err != nil || len(p.Recordings) != 0 {
		t.Errorf("a recording was created: %+v, %v", p, err)
	}
}

func TestCompleteAnswersOfCreate(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, nil, nil)
	for name, c := range map[string]struct {
		body   string
		header []string
	}{
		"create-400": {`{"data":{"from":1},"upload":{"content_type":"text/html","md5":"x"}}`, nil},
		"create-409": {`{"data":{"id":"` + oneID + `"}}`, nil},
		"create-413": {strings.Repeat("x", gatewayLimit+1), []string{"Content-Type", "audio/mpeg"}},
	} {
		p := s.do(t, http.MethodPut, oneList, c.body, c.header...)
		p.whole.golden(t, name)
	}
}
