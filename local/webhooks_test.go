package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// posted is a request to a receiver of webhooks.
type posted struct {
	path, id, stamp, signature string
	body                       []byte
}

// newReceiver returns a receiver of webhooks that accepts requests to /ok, and answers 410 to all
// others. It sends each request to got.
func newReceiver(t *testing.T) (url string, got chan posted) {
	t.Helper()
	got = make(chan posted, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusGone)
		}
		h := r.Header
		got <- posted{r.URL.Path, h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), h.Get("Webhook-Signature"), body}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// next returns the next request to a receiver.
func next(t *testing.T, got chan posted) posted {
	t.Helper()
	select {
	case d := <-got:
		return d
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was delivered")
		return posted{}
	}
}

// addHook adds a webhook, and returns its secret.
func addHook(t *testing.T, vars map[string]string, url string) (secret string) {
	t.Helper()
	a := call(t, vars, http.MethodPost, "/recordings/webhooks", `{"data":{"url":"`+url+`"}}`)
	var made struct{ Secret string }
	if err := json.Unmarshal(a.Data, &made); err != nil || a.status != http.StatusCreated {
		t.Fatalf("adding a webhook for %s: %d %s, %v", url, a.status, a.Data, err)
	}
	return made.Secret
}

// A server delivers a change to a webhook, signed with its secret. Each webhook that is parked
// is logged once.
func TestAServerDeliversToWebhooks(t *testing.T) {
	t.Parallel()
	url, got := newReceiver(t)
	p := launchWith(t, filepath.Join(t.TempDir(), "data"), []string{"WEBHOOK_PRIVATE_HOSTS=127.0.0.1"})
	id := ids(t, p.vars)[0]
	change := func() answer {
		t.Helper()
		a := call(t, p.vars, http.MethodPatch, "/recordings/"+id, `{"data":{"user_metadata":{"tag":"x"}}}`)
		if a.status != http.StatusOK {
			t.Fatalf("the patch = %d %s", a.status, a.Data)
		}
		return a
	}
	secret := addHook(t, p.vars, url+"/ok")
	a := change()
	d := next(t, got)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(d.id + "." + d.stamp + "." + string(d.body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)); d.signature != want {
		t.Errorf("the signature is %q, want %q", d.signature, want)
	}
	var m struct {
		Type string
		Data struct {
			Account string `json:"account_id"`
			Changes []struct{ Type, ID, Revision string }
		}
	}
	if err := json.Unmarshal(d.body, &m); err != nil {
		t.Fatal(err)
	}
	if last := len(m.Data.Changes) - 1; m.Type != "recordings.changed" || m.Data.Account != p.vars["ACCOUNT_ID"] || last < 0 ||
		m.Data.Changes[last].Type != "changed" || m.Data.Changes[last].ID != id || m.Data.Changes[last].Revision != a.Revision {
		t.Errorf("the body is %s, want the change of %s to %s", d.body, id, a.Revision)
	}
	for n := 1; n <= 2; n++ {
		addHook(t, p.vars, url+"/gone")
		change()
		for next(t, got).path != "/gone" {
		}
		const line = `"webhooks are parked; recordings webhook list shows them"`
		for end := time.Now().Add(30 * time.Second); strings.Count(p.stderr.String(), line) < n && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond)
		}
		if logged := strings.Count(p.stderr.String(), line); logged != n {
			t.Errorf("%d parked webhooks are logged in %d lines: %s", n, logged, p.stderr)
		}
	}
}

// A receiver that does not answer delays no change that another account makes meanwhile, and not
// the end of the server.
func TestASlowReceiverDelaysNoOtherAccount(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	b.settings.Feed, b.settings.WebhookPrivateHosts = true, []string{"127.0.0.1"}
	fast, got := newReceiver(t)
	asked, release := make(chan struct{}, 100), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	change := func(account string) {
		t.Helper()
		c := store.Change{After: &store.Image{Recording: recording.Recording{Account: account, ID: "202601-1", Revision: "r", Created: 1}}}
		if _, err := feed.New(b.store, b.now).Append(t.Context(), []store.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	for account, url := range map[string]string{"a": slow.URL, "b": fast + "/ok"} {
		if _, err := b.hooks().Add(t.Context(), account, url); err != nil {
			t.Fatal(err)
		}
	}
	change("a")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.deliverWebhooks(ctx) }()
	<-asked
	begun := time.Now()
	change("b")
	next(t, got)
	stop()
	<-ended
	if took := time.Since(begun); took > webhook.Timeout*9/10 {
		t.Errorf("the other account got its change, and the server ended, after %v", took)
	}
}
