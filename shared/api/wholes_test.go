package api

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// Golden files of complete answers show a change of any header or member. Dates of
// objects and presigned URLs, which differ from run to run, are replaced.
func TestGoldenAnswersOfOneRecording(t *testing.T) {
	t.Parallel()
	const (
		meta    = `{"data":{"user_metadata":{"tag":"new"}}}`
		pigeon  = audioPath + "&delivery=pigeon"
		missing = oneBase + "/recordings/202311-x"
	)
	tests := []struct {
		name, method, target, body string
		header                     []string
	}{
		{"get", http.MethodGet, onePath, "", nil},
		{"get-pretty", http.MethodGet, onePath + "?pretty_print=true", "", nil},
		{"get-head", http.MethodHead, onePath, "", nil},
		{"get-304", http.MethodGet, onePath, "", []string{"If-None-Match", "*"}},
		{"get-404", http.MethodGet, missing, "", nil},
		{"get-406", http.MethodGet, onePath, "", []string{"Accept", "text/html"}},
		{"get-412", http.MethodGet, onePath, "", []string{"If-Match", `"x"`}},
		{"audio", http.MethodGet, audioPath, "", nil},
		{"audio-inline", http.MethodGet, audioPath + "&inline=true", "", nil},
		{"audio-head", http.MethodHead, audioPath, "", nil},
		{"audio-206", http.MethodGet, audioPath, "", []string{"Range", "bytes=-3"}},
		{"audio-304", http.MethodGet, audioPath, "", []string{"If-None-Match", "*"}},
		{"audio-400", http.MethodGet, pigeon, "", nil},
		{"audio-416", http.MethodGet, audioPath, "", []string{"Range", "bytes=99-"}},
		{"audio-redirect", http.MethodGet, audioPath + "&delivery=redirect", "", nil},
		{"patch", http.MethodPatch, onePath, meta, nil},
		{"patch-400-body", http.MethodPatch, onePath, `{`, nil},
		{"patch-400-field", http.MethodPatch, onePath, `{"data":{"name":"x"}}`, nil},
		{"patch-412", http.MethodPatch, onePath, meta, []string{"If-Match", `"x"`}},
		{"patch-415", http.MethodPatch, onePath, meta, []string{"Content-Type", "text/plain"}},
		{"delete-412", http.MethodDelete, onePath, "", []string{"If-Match", `"x"`}},
		{"delete", http.MethodDelete, onePath, "", nil},
		{"delete-404", http.MethodDelete, onePath, "", nil},
	}
	s := newSingle(t, Delivery{})
	s.put(t, []byte("some sound"), nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.do(t, tt.method, tt.target, tt.body, tt.header...)
			h := p.whole.Header()
			if h.Get("Last-Modified") != "" {
				h.Set("Last-Modified", "…")
			}
			if location := h.Get("Location"); location != "" {
				h.Set("Location", withoutSecrets(t, location))
			}
			p.whole.golden(t, tt.name)
		})
	}
}

// Golden files of answers without audio: too large, pending, external.
func TestGoldenAnswersWithoutAudio(t *testing.T) {
	t.Parallel()
	large := newSingle(t, Delivery{})
	large.put(t, noise(gatewayLimit+1), nil)
	large.do(t, http.MethodGet, audioPath+"&delivery=inline", "").whole.golden(t, "audio-413")

	pending := newSingle(t, Delivery{})
	pending.put(t, nil, func(rec *recording.Recording) { rec.Audio = recording.Audio{} })
	pending.do(t, http.MethodGet, audioPath, "").whole.golden(t, "audio-404")

	external := newSingle(t, Delivery{ExternalHosts: []string{"pbx.example.com"}})
	external.put(t, nil, func(rec *recording.Recording) {
		rec.Audio = recording.Audio{Place: recording.External, ContentType: "audio/x-wav"}
		rec.Document = documentOf(t, `{"url":"https://pbx.example.com/a.wav"}`)
	})
	external.do(t, http.MethodGet, audioPath, "").whole.golden(t, "audio-external")
	external.do(t, http.MethodHead, audioPath, "").whole.golden(t, "audio-external-head")
}

// withoutSecrets replaces the parts of a presigned URL that differ from run to
// run.
func withoutSecrets(t testing.TB, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "bucket.invalid"
	q := u.Query()
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"} {
		q.Set(name, "…")
	}
	u.RawQuery = q.Encode()
	return u.String()
}
