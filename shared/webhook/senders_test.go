package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// hanging returns a receiver that does not answer while the test runs. It sends to asked when
// a request comes.
func hanging(t *testing.T) (url string, asked chan struct{}) {
	t.Helper()
	asked, release := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	return s.URL, asked
}

// A change of another account that comes while a receiver does not answer is sent at once, too.
// When Serve is told to end, it ends, although the receiver still does not answer.
func TestServeDoesNotWaitForASlowReceiver(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	fast := newReceiver(t, &secret)
	slow, asked := hanging(t)
	hung := f.add(t, "a", slow)
	quick := f.add(t, "b", fast.URL)
	secret = quick.Secret
	f.change(t, "a", 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		delivered := 0
		f.Serve(ctx, 10*time.Millisecond, func(r webhook.Report, err error) {
			delivered += r.Delivered
			if err != nil {
				t.Error(err)
			}
		})
		ended <- delivered
	}()
	<-asked
	begun := time.Now()
	f.change(t, "b", 1)
	for len(fast.requests()) == 0 && time.Since(begun) < webhook.Timeout {
		time.Sleep(10 * time.Millisecond)
	}
	if waited := time.Since(begun); waited > webhook.Timeout/2 {
		t.Errorf("the other account has waited for %v", waited)
	}
	for f.get(t, quick).Delivered == 0 && time.Since(begun) < webhook.Timeout {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if delivered := <-ended; delivered != 1 {
		t.Errorf("Serve told of %d batches, want 1", delivered)
	}
	if took := time.Since(begun); took > webhook.Timeout*9/10 {
		t.Errorf("Serve has ended after %v", took)
	}
	if len(asked) > 0 {
		t.Errorf("the slow receiver got %d more requests", len(asked))
	}
	// The receiver has not failed. The request is sent again by the next start, at once.
	if got := f.get(t, hung); got.Batch != 1 || got.State() != "active" || got.LeasedUntil != 0 {
		t.Errorf("the webhook of the slow receiver is %+v, want it active with the batch", got)
	}
}

// Many slow receivers, each of an account of its own, do not delay the others.
func TestManySlowReceiversDelayNoOtherAccount(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.Client.Timeout = 5 * time.Second
	slow, _ := hanging(t)
	var got atomic.Int64
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	t.Cleanup(fast.Close)
	const others = 20
	for n := range 40 + others {
		url := slow
		if n < others {
			url = fast.URL
		}
		account := fmt.Sprintf("account%02d", n)
		f.add(t, account, url)
		f.change(t, account, 1)
	}
	begun := time.Now()
	done := make(chan struct{})
	go func() { defer close(done); f.run(t, others, 0) }()
	for got.Load() < others && time.Since(begun) < f.Client.Timeout {
		time.Sleep(10 * time.Millisecond)
	}
	if n := got.Load(); n < others {
		t.Errorf("%d of %d other accounts have got their change before a slow receiver timed out", n, others)
	}
	<-done
}

// allEntries is store.Entries under a name that is not one of its methods, so that it can be embedded.
type allEntries = store.Entries

// writing counts the writes that are in progress at the same time.
type writing struct {
	allEntries
	now, most atomic.Int64
}

func (w *writing) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	n := w.now.Add(1)
	defer w.now.Add(-1)
	for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
	}
	time.Sleep(time.Millisecond)
	return w.allEntries.WriteEntries(ctx, writes...)
}

// Many senders leave the store to others: only a few write at once.
func TestSendersLeaveTheStoreToOthers(t *testing.T) {
	t.Parallel()
	f := open(t)
	fast := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(fast.Close)
	const accounts = 40
	for n := range accounts {
		account := fmt.Sprintf("account%02d", n)
		f.add(t, account, fast.URL)
		f.change(t, account, 1)
	}
	w := &writing{allEntries: f.Book.Entries}
	f.Book.Entries = w
	f.run(t, accounts, 0)
	if most := w.most.Load(); most < 1 || most > 4 {
		t.Errorf("%d senders have written at once, want at most 4", most)
	}
}
