//go:build e2e

package clients_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// wget and ffprobe send their Authorization header on to the URL of a redirect, and S3
// rejects the header. So the API sends them the audio without a redirect
// (docs/contract.md, Delivery).
func TestBearerGetsPlayableAudio(t *testing.T) {
	m := open(t)
	for _, contentType := range []string{"audio/mpeg", "audio/wav", "audio/ogg"} {
		t.Run(contentType, func(t *testing.T) {
			audio := m.url + "/v2/accounts/" + m.account + "/recordings/" + m.first(t, contentType) + "?accept=" + contentType
			want := m.redirected(t, audio)
			bearer := "Authorization: Bearer " + m.token

			file := filepath.Join(t.TempDir(), "audio")
			run(t, nil, "wget", "--no-verbose", "--tries=1", "--header", bearer, "--output-document", file, audio)
			got, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("wget stored %d bytes, %v, want the %d bytes behind the redirect", len(got), err, len(want))
			}
			length := probe(t, file)
			if length <= 0 {
				t.Errorf("ffprobe reports a duration of %v s in the file of wget", length)
			}
			if got := probe(t, "-headers", bearer+"\r\n", audio); got != length {
				t.Errorf("ffprobe reports a duration of %v s at the URL and %v s in the file", got, length)
			}
		})
	}
}

// probe returns the duration in seconds that ffprobe reports. It fails if ffprobe cannot
// read the audio.
func probe(t *testing.T, args ...string) float64 {
	t.Helper()
	out := run(t, nil, "ffprobe", append([]string{"-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"}, args...)...)
	seconds, err := strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
	if err != nil {
		t.Fatalf("ffprobe %v = %q, want a duration in seconds", args, out)
	}
	return seconds
}

// first returns the ID of the first recording with a content type.
func (m *machine) first(t *testing.T, contentType string) string {
	t.Helper()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	resp, body := m.get(t, m.url+"/v2/accounts/"+m.account+"/recordings?filter_content_type="+contentType)
	if err := json.Unmarshal(body, &list); err != nil || len(list.Data) == 0 {
		t.Fatalf("the list of %s = %d %s, want a recording", contentType, resp.StatusCode, body)
	}
	return list.Data[0].ID
}

// redirected checks that a client without an Authorization header gets a redirect to
// the audio, and returns the audio from the redirect's target.
func (m *machine) redirected(t *testing.T, audio string) []byte {
	t.Helper()
	resp, body := m.get(t, audio)
	if resp.StatusCode != http.StatusFound {
		t.Fatalf("GET %s = %d %s, want 302; make run needs MEDIA_DELIVERY=redirect", audio, resp.StatusCode, body)
	}
	resp, body = m.get(t, resp.Header.Get("Location"))
	if resp.StatusCode != http.StatusOK || len(body) == 0 {
		t.Fatalf("behind the redirect: %d, %d bytes", resp.StatusCode, len(body))
	}
	return body
}

// get sends a request with the token in X-Auth-Token and follows no redirect.
func (m *machine) get(t *testing.T, url string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", m.token)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}
