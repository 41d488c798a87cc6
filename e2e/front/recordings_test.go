//go:build e2e

package front

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// testRecordings checks that the local server's answers pass through the gateway
// and nginx unchanged.
func (f *front) testRecordings(t *testing.T) {
	account := "/v2/accounts/" + f.demo["ACCOUNT_ID"]
	token := []string{"X-Auth-Token", f.demo["TOKEN"]}
	id := f.firstMP3(t, account)
	audio := account + "/recordings/" + id + "?accept=audio/mpeg&delivery=inline&auth_token=" + f.demo["TOKEN"]

	resp, whole := f.do(t, "GET", audio, nil)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "audio/mpeg" || resp.ContentLength != int64(len(whole)) {
		t.Fatalf("audio: %d %v", resp.StatusCode, resp.Header)
	}
	// Every form of the path reaches the service.
	user := f.demo["USER_ID"]
	for _, form := range []string{"/v1/accounts/" + f.demo["ACCOUNT_ID"], account + "/users/" + user, account + "/" + user} {
		resp, _ := f.do(t, "GET", form+"/recordings", nil, token...)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", form, resp.StatusCode)
		}
	}
	f.testRange(t, audio, whole)
	f.testGzip(t, account)

	resp, body := f.do(t, "HEAD", audio, nil)
	if resp.StatusCode != http.StatusOK || body != "" || resp.Header.Get("Content-Length") != strconv.Itoa(len(whole)) {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
	// The redirect leads to S3, as it does without nginx.
	resp, _ = f.do(t, "GET", account+"/recordings/"+id+"?accept=audio/mpeg&delivery=redirect", nil, token...)
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || !strings.HasPrefix(to, "http://127.0.0.1:") || !strings.Contains(to, "X-Amz-Signature=") {
		t.Errorf("redirect: %d to %q", resp.StatusCode, to)
	}
	if resp, err := f.client.Get(resp.Header.Get("Location")); err != nil || resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(whole)) {
		t.Errorf("following the redirect: %v, %v", resp, err)
	}
	// The request ID comes back, the body of a PATCH arrives, and each CORS header
	// is sent once.
	resp, body = f.do(t, "PATCH", account+"/recordings/"+id, strings.NewReader(`{"data":{"user_metadata":{"front":"nginx"}}}`),
		append(token, "X-Request-ID", "through-nginx", "Origin", "https://ui.example.com")...)
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"front":"nginx"`) || !strings.Contains(body, `"request_id":"through-nginx"`) {
		t.Errorf("PATCH: %d %s", resp.StatusCode, body)
	}
	if origins := resp.Header.Values("Access-Control-Allow-Origin"); len(origins) != 1 {
		t.Errorf("Access-Control-Allow-Origin: %q", origins)
	}
	resp, body = f.do(t, "PATCH", account+"/recordings/"+id, strings.NewReader(strings.Repeat("x", 2_000_000)), token...)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"entity_too_large"`) {
		t.Errorf("a PATCH of 2 MB: %d %s", resp.StatusCode, body)
	}
	resp, _ = f.do(t, "OPTIONS", account+"/recordings/"+id, nil, "Origin", "https://ui.example.com", "Access-Control-Request-Method", "PATCH")
	if resp.StatusCode >= 300 || !strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "PATCH") {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
}

func (f *front) testRange(t *testing.T, audio, whole string) {
	t.Helper()
	size := strconv.Itoa(len(whole))
	for _, tt := range []struct {
		asked  string
		status int
		want   string
		span   string
	}{
		{"bytes=0-9", 206, whole[:10], "bytes 0-9/" + size},
		{"bytes=100-", 206, whole[100:], "bytes 100-" + strconv.Itoa(len(whole)-1) + "/" + size},
		{"bytes=-5", 206, whole[len(whole)-5:], ""},
		{"bytes=99999999-", 416, "", "bytes */" + size},
	} {
		resp, body := f.do(t, "GET", audio, nil, "Range", tt.asked)
		if resp.StatusCode != tt.status || tt.want != "" && body != tt.want || tt.span != "" && resp.Header.Get("Content-Range") != tt.span {
			t.Errorf("%s: %d, %d bytes, Content-Range %q", tt.asked, resp.StatusCode, len(body), resp.Header.Get("Content-Range"))
		}
	}
}

func (f *front) testGzip(t *testing.T, account string) {
	t.Helper()
	resp, packed := f.do(t, "GET", account+"/recordings", nil, "X-Auth-Token", f.demo["TOKEN"], "Accept-Encoding", "gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("list: %v", resp.Header)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || !json.Valid(text) {
		t.Errorf("list: %v, %.80s", err, text)
	}
}

// firstMP3 lists recordings through nginx and returns the ID of the first one with
// mp3 audio.
func (f *front) firstMP3(t *testing.T, account string) string {
	t.Helper()
	resp, body := f.do(t, "GET", account+"/recordings?filter_content_type=audio/mpeg", nil, "Authorization", "Bearer "+f.demo["TOKEN"])
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Data) == 0 {
		t.Fatalf("list: %d %s", resp.StatusCode, body)
	}
	return list.Data[0].ID
}
