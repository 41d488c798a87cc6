package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// failing returns a webhook of account a. Its receiver answers 500.
func failing(t *testing.T) (*fixture, *receiver, webhook.Webhook) {
	t.Helper()
	f := open(t)
	secret := new(string)
	r := newReceiver(t, secret)
	r.answer.Store(http.StatusInternalServerError)
	w := f.add(t, "a", r.URL)
	*secret = w.Secret
	f.change(t, "a", 1)
	return f, r, w
}

// put stores the state of a webhook, and overwrites any earlier state.
func (f *fixture) put(t *testing.T, w webhook.Webhook) {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	entry := store.Entry{EntryKey: store.EntryKey{Partition: webhook.Partition, Key: w.Account + "/" + w.ID}, Value: text}
	if err := f.Book.Entries.WriteEntries(t.Context(), store.EntryWrite{Entry: entry}); err != nil {
		t.Fatal(err)
	}
}

// Time without tries does not count as failures: a webhook is not parked because the service was
// off, or its account disabled, for days between two tries.
func TestTimeWithoutTriesDoesNotPark(t *testing.T) {
	t.Parallel()
	const weekend = 60 * time.Hour
	for name, between := range map[string]func(*testing.T, *fixture){
		"off": func(*testing.T, *fixture) {},
		"disabled": func(t *testing.T, f *fixture) {
			t.Helper()
			f.run(t, 0, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r, w := failing(t)
			tree := access.NewTree(f.Book.Entries)
			if err := tree.Add(t.Context(), "a", "", ""); err != nil {
				t.Fatal(err)
			}
			f.run(t, 0, 0)
			if err := tree.Disable(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			f.advance(weekend)
			between(t, f)
			if err := tree.Enable(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			f.run(t, 0, 0)
			if got := f.get(t, w); got.Parked || len(r.requests()) != 2 {
				t.Fatalf("after %d requests, the webhook is %+v, want it not parked after 2", len(r.requests()), got)
			}
			tries := 2
			for ; !f.get(t, w).Parked && tries < 100; tries++ {
				f.advance(time.Hour)
				if _, err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if tries != 33 {
				t.Errorf("parked after %d tries, want 33: their pauses are a day", tries)
			}
		})
	}
}

// A clock that was a year ahead when a delivery failed, or when one was made, stops a webhook no
// longer than until it is corrected.
func TestAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	t.Run("at a failure", func(t *testing.T) {
		t.Parallel()
		f, r, w := failing(t)
		f.advance(year)
		f.run(t, 0, 0)
		f.advance(-year)
		f.run(t, 0, 0)
		if got := f.get(t, w); len(r.requests()) != 2 || got.Tries != 2 || got.Failing != recording.SecondsOf(f.Book.Now()) {
			t.Errorf("after %d requests, the webhook is %+v, want 2 tries, failing since now", len(r.requests()), got)
		}
		f.run(t, 0, 0) // the pause is that of the second try again
		f.advance(20 * time.Second)
		r.answer.Store(http.StatusOK)
		f.run(t, 1, 0)
	})
	t.Run("at a success", func(t *testing.T) {
		t.Parallel()
		f, r, _ := failing(t)
		r.answer.Store(http.StatusOK)
		f.advance(year)
		f.run(t, 1, 0)
		f.advance(-year)
		f.change(t, "a", 1)
		f.run(t, 1, 0)
	})
}

// The lease of a deliverer that died lasts for half a minute. A lease from a clock that was ahead
// counts for nothing. But a clock that is only a second ahead is not a reason to send a request twice.
func TestLeases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lease     time.Duration
		delivered int
	}{{time.Second, 0}, {31 * time.Second, 0}, {0, 1}, {-time.Second, 1}, {24 * time.Hour, 1}} {
		t.Run(c.lease.String(), func(t *testing.T) {
			t.Parallel()
			f, r, w := failing(t)
			r.answer.Store(http.StatusOK)
			w.LeasedUntil = recording.SecondsOf(f.Book.Now().Add(c.lease))
			f.put(t, w)
			f.run(t, c.delivered, 0)
		})
	}
}

// If the clock was ahead at the last delivery to a webhook, the webhook does not wait for its turn
// until that time.
func TestAClockThatWasAheadTakesNoTurns(t *testing.T) {
	t.Parallel()
	f := open(t)
	paths := make(chan string, 2)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	t.Cleanup(receiver.Close)
	for path, delivered := range map[string]time.Duration{"/ahead": time.Hour, "/right": -time.Minute} {
		w := f.add(t, "a", receiver.URL+path)
		w.Delivered = recording.SecondsOf(f.Book.Now().Add(delivered))
		f.put(t, w)
	}
	f.change(t, "a", 1)
	f.run(t, 2, 0)
	if first := <-paths; first != "/ahead" {
		t.Errorf("%s was first, want the one with a wrong time", first)
	}
}
