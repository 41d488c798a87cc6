package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/webhook"
)

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL)
	f.change(t, "a", 1)
	f.Client = egress.NewClient(egress.Options{Timeout: webhook.Timeout})
	f.run(t, 0, 0)
	got := f.get(t, w)
	if got.Failure == "" || len(r.requests()) != 0 {
		t.Errorf("%d requests, the webhook is %+v", len(r.requests()), got)
	}
	// A host that does not answer fails with the same text.
	r.Close()
	open := egress.NewClient(egress.Options{PrivateHosts: []string{"127.0.0.1"}, Timeout: webhook.Timeout})
	for client, private := range map[*http.Client]bool{f.Client: true, open: false} {
		err := webhook.Test(t.Context(), client, &w, f.Book.Now())
		if err == nil || err.Error() != got.Failure || errors.Is(err, egress.ErrAddress) != private {
			t.Errorf("Test = %v, want %q, which tells operators of a private address: %t", err, got.Failure, private)
		}
	}
}

// The URL of a webhook has a public host as far as the URL tells, or one that the operator
// allows.
func TestURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://hooks.example.com/x": true, "https://8.8.8.8/": true, "https://127.0.0.1/": false, "https://localhost/": false, "https://LocalHost.:8443/": false,
		"https://10.0.0.1:8443/": false, "https://[::1]/": false, "https://[::1]:8443/": false, "https://169.254.169.254/latest": false, "https://[::ffff:127.0.0.1]/": false,
		"https://10.1.1.1/": true, "http://10.1.1.1/": true, "http://a.internal/": true, "http://8.8.8.8/": false,
	} {
		if err := webhook.CheckURL(url, []string{"10.1.1.1", "*.internal"}); errors.Is(err, webhook.ErrURL) == want || want && err != nil {
			t.Errorf("CheckURL(%s) = %v, want accepted: %t", url, err, want)
		}
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	f := open(t)
	ctx := t.Context()
	for _, url := range []string{
		"", "x", "http://hooks.example.com/", "https://", "https:///x", "https://u:p@hooks.example.com/", "https://hooks.example.com/#x",
		"ftp://127.0.0.1/", "https://hooks.example.com/\n", "https://hooks.example.com/" + strings.Repeat("x", webhook.MaxURL),
	} {
		if _, err := f.Book.Add(ctx, "a", url); !errors.Is(err, webhook.ErrURL) {
			t.Errorf("Add(%q) = %v, want %v", url, err, webhook.ErrURL)
		}
	}
	first := f.add(t, "a", "https://hooks.example.com/0")
	f.add(t, "ab", "https://hooks.example.com/other")
	for n := 1; n < webhook.MaxPerAccount; n++ {
		f.add(t, "a", "https://hooks.example.com/"+strconv.Itoa(n))
	}
	if _, err := f.Book.Add(ctx, "a", "https://hooks.example.com/"); !errors.Is(err, webhook.ErrTooMany) {
		t.Errorf("one more: %v, want %v", err, webhook.ErrTooMany)
	}
	for account, want := range map[string]int{"a": webhook.MaxPerAccount, "ab": 1, "b": 0, "": webhook.MaxPerAccount + 1} {
		if all, err := f.Book.List(ctx, account); len(all) != want || err != nil {
			t.Errorf("List(%q) = %d, %v, want %d", account, len(all), err, want)
		}
	}
	if removed, err := f.Book.Remove(ctx, "a", first.ID); err != nil || removed.URL != first.URL {
		t.Errorf("Remove = %+v, %v", removed, err)
	}
	for name, do := range map[string]func() error{
		"Get":    func() error { _, err := f.Book.Get(ctx, "a", first.ID); return err },
		"Remove": func() error { _, err := f.Book.Remove(ctx, "a", first.ID); return err },
		"Resume": func() error { _, _, err := f.Book.Resume(ctx, "a", first.ID); return err },
		"of another account": func() error {
			all, err := f.Book.List(ctx, "ab")
			if err != nil {
				return err
			}
			_, err = f.Book.Get(ctx, "a", all[0].ID)
			return err
		},
	} {
		if err := do(); !errors.Is(err, webhook.ErrUnknown) {
			t.Errorf("%s = %v, want %v", name, err, webhook.ErrUnknown)
		}
	}
}

func TestTestMessage(t *testing.T) {
	t.Parallel()
	f := open(t)
	var secret string
	r := newReceiver(t, &secret)
	w := f.add(t, "a", r.URL)
	secret = w.Secret
	if err := webhook.Test(context.WithoutCancel(t.Context()), f.Client, &w, f.Book.Now()); err != nil {
		t.Fatal(err)
	}
	if got := r.requests(); len(got) != 1 || !strings.Contains(got[0].body, `"type":"recordings.test"`) || !strings.Contains(got[0].body, `"changes":[]`) {
		t.Errorf("the receiver got %+v", got)
	}
}

// The example of the specification has this signature
// (github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
func TestSignature(t *testing.T) {
	t.Parallel()
	got, err := webhook.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("Sign = %q, %v, want %q", got, err, want)
	}
}
