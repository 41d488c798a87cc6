package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSmoke is the read-only part of the suite. It reads the account of TOKEN at
// URL and changes nothing. Without these variables it starts its own local
// server, as TestScripts does.
func TestSmoke(t *testing.T) {
	url, token := strings.TrimSuffix(os.Getenv("URL"), "/"), os.Getenv("TOKEN")
	if url == "" || token == "" {
		url, token = smokeTarget(t)
	}
	base := url + "/v2/accounts/" + accountOf(t, token)
	for _, c := range []struct {
		name, method, path, token, accept string
		want                              int
	}{
		{"a list", http.MethodGet, "/recordings?page_size=1", token, "application/json", http.StatusOK},
		{"a list as CSV", http.MethodGet, "/recordings?page_size=1", token, "text/csv", http.StatusOK},
		{"a user without recordings", http.MethodGet, "/users/nobody/recordings", token, "application/json", http.StatusOK},
		{"an unknown recording", http.MethodGet, "/recordings/200001-nosuch", token, "application/json", http.StatusNotFound},
		{"a malformed ID", http.MethodGet, "/recordings/nosuch", token, "application/json", http.StatusNotFound},
		{"a bad cursor", http.MethodGet, "/recordings?start_key=AAAA", token, "application/json", http.StatusBadRequest},
		{"no token", http.MethodGet, "/recordings", "", "application/json", http.StatusUnauthorized},
		{"an unsupported method", http.MethodPut, "/recordings/200001-nosuch", token, "application/json", http.StatusMethodNotAllowed},
		{"a preflight", http.MethodOptions, "/recordings", "", "*/*", http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := get(t, c.method, base+c.path, c.token, c.accept)
			if status != c.want {
				t.Errorf("%s %s: status %d, want %d: %.300s", c.method, c.path, status, c.want, body)
			}
		})
	}
	t.Run("a recording from the list", func(t *testing.T) { smokeOne(t, base, token) })
}

// smokeOne reads the document of the account's newest recording, if the account has
// any, and requests the audio with HEAD.
func smokeOne(t *testing.T, base, token string) {
	var page struct {
		Data []struct {
			ID       string
			ReadOnly struct {
				ContentTypes []string `json:"content_types"`
			} `json:"_read_only"`
		}
	}
	if err := call(http.MethodGet, base+"/recordings?page_size=1", token, &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Data) == 0 {
		t.Log("the account has no recordings")
		return
	}
	one := base + "/recordings/" + page.Data[0].ID
	if status, body := get(t, http.MethodGet, one, token, "application/json"); status != http.StatusOK {
		t.Errorf("document: status %d: %.300s", status, body)
	}
	if len(page.Data[0].ReadOnly.ContentTypes) > 0 {
		if status, _ := get(t, http.MethodHead, one, token, "audio/mpeg"); status != http.StatusOK {
			t.Errorf("HEAD of the audio: status %d", status)
		}
	}
}

// get makes one request, checks it against the API's definition, and returns the
// status and body.
func get(t *testing.T, method, url, token, accept string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if token != "" {
		req.Header.Set("X-Auth-Token", token)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	restore(resp.Header)
	base, _, _ := strings.Cut(url, "/v2/")
	if err := conforms(base, resp, nil, body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, body
}

// accountOf returns the account in the token. It does not verify the token.
func accountOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("TOKEN is not a JWT")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(fmt.Errorf("TOKEN: %w", err))
	}
	var claims struct {
		Account string `json:"account_id"`
	}
	if err := json.Unmarshal(text, &claims); err != nil || claims.Account == "" {
		t.Fatalf("TOKEN has no account_id: %v", err)
	}
	return claims.Account
}
