package webhook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// The webhook of an account that has waited longest gets its changes first, regardless of the order
// of the IDs: a slow receiver may use up the account's turn.
func TestTheLongestWaitingWebhookIsFirst(t *testing.T) {
	t.Parallel()
	f := open(t)
	var mu sync.Mutex
	var paths []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
	}))
	t.Cleanup(receiver.Close)
	// The webhook that is added later has the greater ID, which alone would put it last.
	early := f.add(t, "a", receiver.URL+"/early")
	f.change(t, "a", 1)
	f.run(t, 1, 0)
	late := f.add(t, "a", receiver.URL+"/late")
	for late.ID < early.ID {
		if _, err := f.Book.Remove(t.Context(), "a", late.ID); err != nil {
			t.Fatal(err)
		}
		late = f.add(t, "a", receiver.URL+"/late")
	}
	f.advance(time.Minute)
	f.change(t, "a", 1)
	f.run(t, 2, 0)
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(paths, " "); got != "/early /late /early" {
		t.Errorf("the deliveries went to %s, want the webhook without one first", got)
	}
}

// A disabled account gets nothing, nor does one below it, and misses nothing.
func TestDisabledAccountsGetNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	tree := access.NewTree(f.Book.Entries)
	for _, err := range []error{tree.Add(t.Context(), "top", "", ""), tree.Add(t.Context(), "a", "top", ""), tree.Disable(t.Context(), "top")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	secret = f.add(t, "a", r.URL).Secret
	f.change(t, "a", 1)
	f.run(t, 0, 0)
	if got := r.requests(); len(got) > 0 {
		t.Errorf("a disabled account got %q", got)
	}
	if err := tree.Enable(t.Context(), "top"); err != nil {
		t.Fatal(err)
	}
	f.run(t, 1, 0)
	if got := r.requests(); len(got) != 1 || len(got[0].changes) != 1 {
		t.Errorf("after it is enabled, the account got %q", got)
	}
}

type all = store.Entries // a field named Entries would hide the method

// slowEntries is a store whose writes take their time.
type slowEntries struct {
	all
	write time.Duration
}

func (s slowEntries) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	time.Sleep(s.write)
	return s.all.WriteEntries(ctx, writes...)
}

// If slow writes take the time in which a receiver could answer, it is not asked, and nothing
// counts as its failure.
func TestASlowStoreIsNoFailureOfTheReceiver(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL)
	secret = w.Secret
	f.change(t, "a", 1)
	fast := f.Book.Entries
	f.Book.Entries = slowEntries{fast, 1500 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), webhook.Timeout+time.Second)
	defer cancel()
	if report, err := f.Run(ctx); report != (webhook.Report{}) || err != nil {
		t.Errorf("Run = %+v, %v, want nothing delivered", report, err)
	}
	if got := f.get(t, w); len(r.requests()) != 0 || got.Failing != 0 || got.Tries != 0 {
		t.Errorf("%d requests were sent, and the webhook is %+v; want none, and no failure", len(r.requests()), got)
	}
	f.Book.Entries = fast
	f.run(t, 1, 0)
}
