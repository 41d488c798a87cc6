package webhook_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/webhook"
)

// fixture is a store with a feed and a deliverer, and a clock that tests advance.
type fixture struct {
	webhook.Deliverer
	feed *feed.Feed
	at   atomic.Int64 // Unix seconds
	made int
}

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{}
	f.at.Store(1_769_860_800)
	now := func() time.Time { return time.Unix(f.at.Load(), 0).UTC() }
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	private := []string{"127.0.0.1"}
	f.feed = feed.New(s, now)
	f.Deliverer = webhook.Deliverer{
		Book:   webhook.Book{Entries: s, Feed: f.feed, PrivateHosts: private, Now: now},
		Client: egress.NewClient(egress.Options{PrivateHosts: private, Timeout: webhook.Timeout}),
	}
	return f
}

func (f *fixture) advance(d time.Duration) { f.at.Add(int64(d / time.Second)) }

// change adds n changes to the feed of an account.
func (f *fixture) change(t *testing.T, account string, n int) {
	t.Helper()
	changes := make([]store.Change, n)
	for i := range changes {
		f.made++
		changes[i].After = &store.Image{Recording: recording.Recording{
			Account: account, ID: fmt.Sprintf("202601-%04d", f.made), Revision: "r", Owner: "o", Created: recording.SecondsOf(f.Book.Now()),
		}}
	}
	if done, err := f.feed.Append(t.Context(), changes); err != nil {
		t.Fatal(done, err)
	}
}

func (f *fixture) add(t *testing.T, account, url string) webhook.Webhook {
	t.Helper()
	w, err := f.Book.Add(t.Context(), account, url)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *fixture) get(t *testing.T, w webhook.Webhook) webhook.Webhook {
	t.Helper()
	w, err := f.Book.Get(t.Context(), w.Account, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs the deliverer once, and checks the number of batches, and of webhooks that this
// run has parked.
func (f *fixture) run(t *testing.T, delivered, parked int) {
	t.Helper()
	r, err := f.Run(t.Context())
	if r != (webhook.Report{Delivered: delivered, Parked: parked}) || err != nil {
		t.Errorf("Run = %+v, %v, want %d delivered and %d parked", r, err, delivered, parked)
	}
}

// request is a request to a receiver.
type request struct {
	id, body string
	changes  []string // IDs of recordings
}

// receiver is a receiver on a loopback address. It checks signatures.
type receiver struct {
	*httptest.Server
	answer atomic.Int64 // status
	mu     sync.Mutex
	got    []request
}

// newReceiver returns a receiver. secret is set before the first request.
func newReceiver(t *testing.T, secret *string) *receiver {
	t.Helper()
	r := &receiver{}
	r.answer.Store(http.StatusNoContent)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		body, err := io.ReadAll(hr.Body)
		if err != nil {
			t.Error(err)
		}
		id, stamp := hr.Header.Get("Webhook-Id"), hr.Header.Get("Webhook-Timestamp")
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(*secret, "whsec_"))
		if err != nil || len(key) != 32 {
			t.Errorf("the secret %q: %v", *secret, err)
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + stamp + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)); hr.Header.Get("Webhook-Signature") != want {
			t.Errorf("the signature is %q, want %q", hr.Header.Get("Webhook-Signature"), want)
		}
		var m struct {
			Type string
			Data struct {
				Changes []struct{ ID string }
			}
		}
		if err := json.Unmarshal(body, &m); err != nil || hr.Method != http.MethodPost || hr.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", hr.Method, body, err)
		}
		got := request{id: id, body: string(body)}
		for _, c := range m.Data.Changes {
			got.changes = append(got.changes, c.ID)
		}
		r.mu.Lock()
		r.got = append(r.got, got)
		r.mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(int(r.answer.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

// requests returns the requests so far.
func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// Changes are delivered in order, in batches, from the moment the webhook was added.
func TestDelivery(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.change(t, "a", 3)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL+"/hook?key=x")
	secret = w.Secret
	f.run(t, 0, 0)
	f.change(t, "other", 1)
	f.change(t, "a", 250)
	f.run(t, 3, 0)
	f.run(t, 0, 0)
	var ids []string
	for _, got := range r.requests() {
		ids = append(ids, got.changes...)
	}
	if len(ids) != 250 || !slices.IsSorted(ids) || ids[0] != "202601-0005" {
		t.Errorf("%d changes from %q, want 250 in order", len(ids), ids[0])
	}
	if got := f.get(t, w); got.State() != "active" || got.Delivered == 0 || got.After.Sequence != 253 || got.LeasedUntil != 0 {
		t.Errorf("the webhook is %+v", got)
	}
	want := `{"type":"recordings.changed","timestamp":"2026-01-31T12:00:00Z","data":{"account_id":"a","changes":[` +
		`{"type":"created","id":"202601-0005","revision":"r","owner_id":"o","state":"pending","time":"2026-01-31T12:00:00Z"},`
	if body := r.requests()[0].body; !strings.HasPrefix(body, want) {
		t.Errorf("the body is %.300s, want %s", body, want)
	}
}

// A batch that was not accepted is sent again unchanged, although there are more changes by
// then. Pauses grow, and after a day the webhook is parked.
func TestRetries(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL)
	secret = w.Secret
	r.answer.Store(http.StatusInternalServerError)
	f.change(t, "a", 2)
	begun := f.at.Load()
	var pauses []time.Duration
	for tries := 1; ; tries++ {
		f.change(t, "a", 1)
		report, err := f.Run(t.Context())
		got := f.get(t, w)
		if err != nil || report.Delivered != 0 || (report.Parked == 1) != got.Parked {
			t.Fatalf("try %d: Run = %+v, %v, the webhook is %+v", tries, report, err, got)
		}
		if len(r.requests()) != tries || got.Failure != "the answer is 500" || got.Tries != tries {
			t.Fatalf("try %d: %d requests, %+v", tries, len(r.requests()), got)
		}
		if got.Parked {
			break
		}
		f.run(t, 0, 0) // not before its time
		pause := time.Duration(got.Next-recording.SecondsOf(f.Book.Now())) * time.Second
		pauses = append(pauses, pause)
		f.advance(pause)
	}
	if took := time.Duration(f.at.Load()-begun) * time.Second; took < webhook.GiveUpAfter || took > webhook.GiveUpAfter+time.Hour {
		t.Errorf("parked after %v, want a day", took)
	}
	if pauses[0] != 10*time.Second || pauses[1] != 20*time.Second || pauses[len(pauses)-1] != time.Hour {
		t.Errorf("pauses %v, want 10 s, 20 s … 1 h", pauses)
	}
	f.run(t, 0, 0) // it was parked before
	sent := len(r.requests())
	for _, got := range r.requests() {
		if got.id != r.requests()[0].id || got.body != r.requests()[0].body {
			t.Errorf("a retry is %+v, want %+v", got, r.requests()[0])
		}
	}
	r.answer.Store(http.StatusOK)
	f.advance(time.Hour)
	f.run(t, 0, 0)
	if _, skipped, err := f.Book.Resume(t.Context(), "a", w.ID); skipped || err != nil {
		t.Fatalf("Resume: skipped %t, %v", skipped, err)
	}
	f.run(t, 2, 0)
	got := r.requests()[sent:]
	if total := len(got[0].changes) + len(got[1].changes); total != f.made || len(got[0].changes) != 3 {
		t.Errorf("after the resume: %+v, want all %d changes, the first 3 in the batch that failed", got, f.made)
	}
	if now := f.get(t, w); now.State() != "active" {
		t.Errorf("the webhook is %+v", now)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		failure string
		parked  bool
	}{
		{http.StatusOK, "", false},
		{http.StatusAccepted, "", false},
		{http.StatusFound, "the answer is a redirect (302), which is not followed", false},
		{http.StatusNotFound, "the answer is 404", false},
		{http.StatusGone, "the answer is 410", true},
		{http.StatusServiceUnavailable, "the answer is 503", false},
	} {
		t.Run(strconv.Itoa(c.status), func(t *testing.T) {
			t.Parallel()
			f := open(t)
			var secret string
			r := newReceiver(t, &secret)
			r.answer.Store(int64(c.status))
			w := f.add(t, "a", r.URL)
			secret = w.Secret
			f.change(t, "a", 1)
			if r, err := f.Run(t.Context()); err != nil || (r.Delivered == 1) != (c.failure == "") || (r.Parked == 1) != c.parked {
				t.Errorf("Run = %+v, %v", r, err)
			}
			if got := f.get(t, w); got.Failure != c.failure || got.Parked != c.parked || len(r.requests()) != 1 {
				t.Errorf("%d requests, %+v, want %+v", len(r.requests()), got, c)
			}
		})
	}
}

// A run reports only the webhooks that it parks, so that one that stays parked does not hide
// another one.
func TestEachParkedWebhookIsReportedOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	f.add(t, "a", gone.URL)
	f.change(t, "a", 1)
	f.run(t, 0, 1)
	f.add(t, "a", gone.URL)
	f.add(t, "b", gone.URL)
	f.run(t, 0, 0)
	f.change(t, "a", 1)
	f.change(t, "b", 1)
	f.run(t, 0, 2)
	f.run(t, 0, 0)
}

// A receiver that does not answer delays only its own account.
func TestASlowReceiverDelaysOnlyItsAccount(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.Client.Timeout = 3 * time.Second
	var secret string
	fast := newReceiver(t, &secret)
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	hung := f.add(t, "a", slow.URL)
	secret = f.add(t, "b", fast.URL).Secret
	f.change(t, "a", 1)
	f.change(t, "b", 1)
	done := make(chan struct{})
	go func() { defer close(done); f.run(t, 1, 0) }()
	for end := time.Now().Add(f.Client.Timeout * 9 / 10); len(fast.requests()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the other account waits for the slow receiver")
		}
	}
	<-done
	if got := f.get(t, hung); got.Failure != "no answer in time" {
		t.Errorf("the slow one is %+v", got)
	}
}

// Runs that overlap send each batch once.
func TestOverlappingRuns(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	secret = f.add(t, "a", r.URL).Secret
	f.change(t, "a", 450)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if _, err := f.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	f.run(t, 0, 0)
	seen := map[string]int{}
	for _, got := range r.requests() {
		for _, id := range got.changes {
			seen[id]++
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
	if len(seen) != 450 {
		t.Errorf("%d changes were delivered, want 450", len(seen))
	}
}

// If undelivered changes expire, the webhook is parked. Once resumed, it continues from now.
func TestExpiredChanges(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL)
	secret = w.Secret
	f.change(t, "a", 2)
	f.advance((feed.Days + 1) * 24 * time.Hour)
	f.run(t, 0, 1)
	if got := f.get(t, w); !strings.Contains(got.Failure, "no longer kept") {
		t.Errorf("the webhook is %+v", got)
	}
	if _, skipped, err := f.Book.Resume(t.Context(), "a", w.ID); !skipped || err != nil {
		t.Fatalf("Resume: skipped %t, %v", skipped, err)
	}
	f.change(t, "a", 1)
	f.run(t, 1, 0)
	if got := r.requests(); len(got) != 1 || len(got[0].changes) != 1 {
		t.Errorf("the receiver got %+v, want the change after the resume", got)
	}
}
