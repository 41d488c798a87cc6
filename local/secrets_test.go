package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog/requestlogtest"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// planted are secrets in the names and the contents of files. No log may contain them.
var planted = map[string]string{
	"number":  "+15559998877",
	"tag":     "marked-tag",
	"name":    "Marceline Marked",
	"secret":  "MarkedMarkedMarkedMarkedMarkedMarkedMarked1",
	"subject": "marked-subject",
}

// plantedObjects returns objects with the secrets in their keys and contents: arrivals
// of every kind, sidecars, rejected audio, leftovers, and keys that belong to nothing.
func plantedObjects(t *testing.T) map[string][]byte {
	mp3 := demoFile(t, "01-appointment.mp3")
	sidecar := []byte(`{"from":"` + planted["number"] + `","caller_id_name":"` + planted["name"] + `","user_metadata":{"tag":"` + planted["tag"] + `"}}`)
	name := "out-" + planted["number"] + "-" + planted["tag"]
	return map[string][]byte{
		"inbox/a/" + name + ".mp3":                      mp3,
		"inbox/a/" + name + ".json":                     sidecar,
		"inbox/a/" + name + "-2.mp3":                    []byte(planted["name"]), // not audio
		"inbox/a/" + name + "-3.mp3":                    mp3,
		"inbox/a/" + name + "-3.json":                   []byte(`{"from":` + planted["number"] + `,"` + planted["name"]), // not JSON
		"inbox/a/" + name + "-4.mp3":                    mp3,
		"inbox/a/" + name + "-4.json":                   []byte(`{"account_id":"` + planted["tag"] + `","account-id":"` + planted["name"] + `","id":"` + planted["number"] + `"}`),
		"inbox/a/" + name + "-5.json":                   sidecar, // without audio
		"inbox/a/" + name + "-6.jsn":                    sidecar,
		"inbox/a//" + planted["number"] + "/x.mp3":      mp3,
		"inbox/" + planted["number"] + ".mp3":           mp3, // without an account
		planted["number"] + ".mp3":                      mp3,
		"recordings/a/" + planted["number"]:             mp3,
		"set-aside/inbox/a/" + name + ".mp3":            []byte("x"),
		"probes/a/" + planted["tag"]:                    []byte("x"),
		"recordings/a/202601/202601-x~0123456789abcdef": mp3,
	}
}

// Ingest, publish, purge and the upkeep never log a secret: neither with an S3 server
// that works, nor with one that quotes keys in its errors, nor for malformed messages.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	b, now, log := newBox(t)
	objects := plantedObjects(t)
	for key, data := range objects {
		storeObject(t, b, key, data)
	}
	working := b.bucket
	rejecting, err := b.dir.OpenBucket(requestlogtest.QuotingS3(t), "")
	if err != nil {
		t.Fatal(err)
	}
	everything := func() {
		t.Helper()
		for key := range objects {
			b.enqueueArrival(t.Context(), datadir.RecheckEvent(key))
		}
		drain(t, b)
		for ctx := t.Context(); ; {
			more, err := b.publishChanges(ctx)
			if err != nil {
				b.log.ErrorContext(ctx, "publishing failed", slog.String("cause", err.Error()))
			}
			if !more {
				break
			}
		}
		_ = b.tidy(t.Context()) // it logs its errors
		b.retryFailed(t.Context())
		b.retryParked(t.Context())
		if err := b.recheck(t.Context(), b.written); err != nil {
			b.log.WarnContext(t.Context(), "the check failed", slog.String("cause", err.Error()))
		}
		request(t, b)
		now.add(ages.SetAside)
	}

	b.bucket = rejecting
	for range maxTries + 1 {
		everything()
	}
	if text := log.String(); !strings.Contains(text, "AccessDenied") || !strings.Contains(text, "an arrival is parked") {
		t.Errorf("the log has no rejected request or no parked arrival:\n%s", text)
	}
	b.bucket = working
	everything()
	deleteAll(t, b)
	b.bucket = rejecting
	everything() // purges fail
	if text := log.String(); !strings.Contains(text, "pending purges failed") {
		t.Errorf("the log has no failed purge:\n%s", text)
	}
	b.bucket = working
	for _, body := range []string{planted["number"], `{"Records":[{"s3":{"object":{"key":"` + planted["number"] + `%zz"}}}]}`, `{"Records":"` + planted["tag"] + `"}`} {
		if err := b.store.Enqueue(t.Context(), sqlite.Arrivals, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	everything()
	if err := b.store.Enqueue(t.Context(), sqlite.Changes, []byte(`{"Key":`+planted["number"])); err != nil {
		t.Fatal(err)
	}
	everything()
	_ = b.s3.Close()
	everything()

	for line := range strings.Lines(log.String()) {
		if found := requestlogtest.Leaks(line, planted); len(found) > 0 {
			t.Errorf("the log has %q: %s", found, line)
		}
	}
}

// The log names an object without the name that its uploader chose.
func TestObjectOfHidesNames(t *testing.T) {
	t.Parallel()
	for key := range plantedObjects(t) {
		got := objectOf(datadir.RecheckEvent(key))
		if found := requestlogtest.Leaks(got, planted); len(found) > 0 || got == "" {
			t.Errorf("objectOf an event of %s = %q, which has %q", key, got, found)
		}
	}
}

// request sends requests for every recording, and to misspelled paths.
func request(t *testing.T, b *box) {
	t.Helper()
	h, err := b.handler()
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Sign(b.dir.Keys.Token, auth.Claims{Account: "a", Expires: b.now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"202601-missing"}
	for _, r := range recordings(t, b) {
		ids = append(ids, r.ID)
	}
	storage := "/storage/a/0a1b2c3d-" + planted["secret"] + "/"
	targets := []string{"/V2" + storage, "//v2" + storage, "/live/v2" + storage, "/v2" + strings.ReplaceAll(storage, "/", "%2f"), "/v2" + strings.ReplaceAll(storage, "/", "%252f"), "/v2/." + storage, "/v2" + storage}
	for i := range targets {
		targets[i] += "out-%2B15559998877.mp3?from=%2B15559998877"
	}
	for _, id := range ids {
		targets = append(targets, "/v2/accounts/a/recordings/"+id, "/v2/accounts/a/recordings/"+id+"?accept=audio/mpeg&delivery=inline")
	}
	for _, target := range targets {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(`{"data":{"from":"`+planted["number"]+`"}}`))
			r.Header.Set("X-Auth-Token", token)
			r.Header.Set("Idempotency-Key", "inbox/"+planted["number"])
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
}

// recordings returns the recordings of the account a.
func recordings(t *testing.T, b *box) []recording.Recording {
	t.Helper()
	page, err := b.store.Page(t.Context(), store.Query{Account: "a", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page.Recordings
}

// deleteAll deletes all recordings of the account a. Their purges stay pending.
func deleteAll(t *testing.T, b *box) {
	t.Helper()
	all := recordings(t, b)
	if len(all) == 0 {
		t.Fatal("the account has no recordings")
	}
	for i := range all {
		if _, err := b.store.Delete(t.Context(), "a", all[i].ID, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := json.Marshal(all); err != nil || len(requestlogtest.Leaks(string(text), planted)) == 0 {
		t.Fatalf("the recordings %s, %v have none of the secrets", text, err)
	}
}
