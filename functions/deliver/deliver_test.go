package main

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/webhook"
)

// The run that parks a webhook counts it in the metric of the alarm. It is not an error, and later
// runs are silent.
func TestParkedWebhooksAreCountedOnce(t *testing.T) {
	t.Parallel()
	entries, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = entries.Close() })
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	private := []string{"127.0.0.1"}
	changes := feed.New(entries, time.Now)
	book := webhook.Book{Entries: entries, Feed: changes, PrivateHosts: private, Now: time.Now}
	if _, err := book.Add(t.Context(), "a", gone.URL); err != nil {
		t.Fatal(err)
	}
	change := store.Change{After: &store.Image{Recording: recording.Recording{Account: "a", ID: "202601-1", Revision: "r", Created: 1}}}
	if _, err := changes.Append(t.Context(), []store.Change{change}); err != nil {
		t.Fatal(err)
	}
	metrics, err := requestlog.NewMetrics("CallRecordings/x")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	e := wiring.Env{Settings: &config.Settings{WebhookPrivateHosts: private}, Log: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: metrics}
	job := deliver(e, entries, time.Now)
	for range 2 {
		if items, err := job(t.Context()); items != 0 || err != nil {
			t.Fatalf("the job = %d, %v, want no error", items, err)
		}
	}
	for _, want := range []string{`"route":"deliver","webhooks_parked":1`, `"Namespace":"CallRecordings/x"`, `"Name":"webhooks_parked"`} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log has %s %d times, want once: %s", want, strings.Count(log.String(), want), &log)
		}
	}
}
