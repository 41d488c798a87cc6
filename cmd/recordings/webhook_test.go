package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
)

// A webhook is added, tested, shown, resumed and removed. Its receiver has a local address,
// which WEBHOOK_PRIVATE_HOSTS allows.
func TestWebhookCommands(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	folder := filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	store, err := dir.OpenStore(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var status atomic.Int64
	var signature atomic.Value
	status.Store(http.StatusNoContent)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signature.Store(r.Header.Get("Webhook-Signature"))
		w.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(receiver.Close)
	private := "127.0.0.1"
	command := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		e := env{now: func() time.Time { return now }, stdout: &out, stderr: &errs, getenv: func(name string) string {
			return map[string]string{"WEBHOOK_PRIVATE_HOSTS": private}[name]
		}}
		if code := run(t.Context(), e, append(append([]string{"webhook"}, args...), "--account", "A", "--data-dir", folder)); code != want {
			t.Errorf("webhook %q = %d, want %d: %s", args, code, want, &errs)
		}
		return out.String() + errs.String()
	}
	id := regexp.MustCompile(`[0-9a-f]{16}`).FindString(command(done, "add", "--url", receiver.URL+"/x"))
	if shown := command(done, "show", id); !strings.Contains(shown, "state       active\n") || !strings.Contains(shown, "created     2026-03-05T10:00:00Z\n") {
		t.Errorf("show = %s", shown)
	}
	if text := command(done, "test", id); !strings.Contains(text, "accepted the test") || !strings.HasPrefix(signature.Load().(string), "v1,") {
		t.Errorf("test = %s, with the signature %q", text, signature.Load())
	}
	status.Store(http.StatusTeapot)
	if text := command(failed, "test", id); !strings.Contains(text, "did not accept the test: the answer is 418") {
		t.Errorf("test = %s", text)
	}
	private = ""
	if text := command(failed, "test", id); !strings.Contains(text, "private or local address") {
		t.Errorf("test without WEBHOOK_PRIVATE_HOSTS = %s", text)
	}
	if text := command(done, "resume", id, "--json"); !strings.Contains(text, `"state":"active"`) {
		t.Errorf("resume = %s", text)
	}
	command(done, "remove", id)
	if list := command(done, "list"); list != "" {
		t.Errorf("list = %s, want none", list)
	}
}
