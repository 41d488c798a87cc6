package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

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
	if got := f.get(t, hung); got.Batch != 1 || got.State() != "active" || got.Claimed != 0 {
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
