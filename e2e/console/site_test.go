//go:build e2e

package console

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
)

// site is a running server with a gate in front of it, and a browser.
type site struct {
	box     *given.Box
	dir     *datadir.Dir
	browser context.Context //nolint:containedctx // tabs derive their contexts from it
}

// startSite starts a server without recordings, and a browser.
func startSite(t *testing.T) *site {
	t.Helper()
	folder := given.Programs(t, "github.com/callrecordings/api/local")
	data := filepath.Join(folder, "data")
	s := &site{box: given.StartBox(t, filepath.Join(folder, "local"), data, given.Ports(t), "RESTORE_DAYS=7")}
	var err error
	if s.dir, err = datadir.Open(data); err != nil {
		t.Fatal(err)
	}
	s.browser = startBrowser(t)
	return s
}

// startBrowser starts Chromium without a window. It ends with the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(cmp.Or(os.Getenv("CHROMIUM"), "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 800),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		// Screenshots of text are the same on all machines with the same fonts.
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("disable-lcd-text", true), chromedp.Flag("force-color-profile", "srgb"))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return ctx
}

// tenant is an account and a token for it.
type tenant struct {
	t              *testing.T
	account, token string
	// recordings is the URL of the account's list.
	recordings string
}

// newTenant returns an account that no other test uses.
func (s *site) newTenant(t *testing.T) *tenant {
	t.Helper()
	return s.tenantOf(t, randomID(), "")
}

// tenantOf returns a token of an account, for a user unless owner is "".
func (s *site) tenantOf(t *testing.T, account, owner string) *tenant {
	t.Helper()
	token, err := auth.Sign(s.dir.Keys.Token, auth.Claims{Account: account, Owner: owner, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return &tenant{t: t, account: account, token: token, recordings: s.box.URL + "/v2/accounts/" + account + "/recordings"}
}

// randomID returns an ID as Kazoo makes them.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// call sends a request to the API and decodes the data of the answer, which must be a
// success.
func (a *tenant) call(method, url string, header map[string]string, body []byte, data any) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", a.token)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && data != nil {
		err = json.Unmarshal(text, &struct{ Data any }{data})
	}
	if err != nil || resp.StatusCode/100 != 2 {
		a.t.Fatalf("%s %s = %d %.300s %v", method, url, resp.StatusCode, text, err)
	}
}

// document is the part of a recording's document that tests read.
type document struct {
	ID           string `json:"id"`
	UserMetadata struct {
		Tags  map[string]any            `json:"tags"`
		Notes map[string]map[string]any `json:"notes"`
	} `json:"user_metadata"`
	ReadOnly struct {
		State  string `json:"state"`
		Upload struct {
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
		} `json:"upload"`
	} `json:"_read_only"`
}

// fields are the fields of a new recording.
type fields = map[string]any

// add adds a recording, with audio unless it is nil, and waits until its audio is ready.
func (a *tenant) add(f fields, kind string, audio []byte) string {
	a.t.Helper()
	body := map[string]any{"data": f}
	if audio != nil {
		body["upload"] = map[string]any{"content_type": kind, "size": len(audio)}
	}
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	var made document
	a.call(http.MethodPut, a.recordings, map[string]string{"Content-Type": "application/json"}, text, &made)
	if audio == nil {
		return made.ID
	}
	a.call(http.MethodPut, made.ReadOnly.Upload.URL, made.ReadOnly.Upload.Headers, audio, nil)
	for deadline := time.Now().Add(time.Minute); made.ReadOnly.State != "ready"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatalf("the recording is %s, want ready", made.ReadOnly.State)
		}
		made = a.get(made.ID)
	}
	return made.ID
}

// get returns a recording.
func (a *tenant) get(id string) (d document) {
	a.t.Helper()
	a.call(http.MethodGet, a.recordings+"/"+id, nil, nil, &d)
	return d
}

// demo returns the audio of a demo recording.
func demo(t *testing.T, name string) []byte {
	t.Helper()
	audio, err := os.ReadFile("../../local/demo/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return audio
}
