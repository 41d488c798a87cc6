package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/feed"
)

// Types of messages.
const (
	// TypeChanged is a batch of changes.
	TypeChanged = "recordings.changed"
	// TypeTest is a message without changes, which shows that a webhook works.
	TypeTest = "recordings.test"
)

// Timeout is how long a request to a receiver may take.
const Timeout = 10 * time.Second

// message is the body of a request.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      struct {
		Account string      `json:"account_id"`
		Changes []feed.View `json:"changes"`
	} `json:"data"`
}

// Sign returns the value of webhook-signature: HMAC-SHA256 over ID.TIMESTAMP.BODY, as
// "v1," and base64. secret is that of the webhook, and timestamp is in Unix seconds. An
// error means that the secret is malformed.
func Sign(secret, id string, timestamp int64, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, SecretPrefix))
	if err != nil {
		return "", errors.New("the secret of the webhook is malformed")
	}
	h := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(h, "%s.%d.", id, timestamp)
	_, _ = h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

// Test sends a message without changes to a webhook. Error: an [*AnswerError].
func Test(ctx context.Context, client *http.Client, w *Webhook, now time.Time) error {
	m := message{Type: TypeTest, Timestamp: now.UTC().Format(time.RFC3339)}
	m.Data.Account, m.Data.Changes = w.Account, []feed.View{}
	return send(ctx, client, w, "msg_"+w.ID+"_test_"+strconv.FormatInt(now.Unix(), 10), now, &m)
}

// sendBatch sends entries to a webhook.
func sendBatch(ctx context.Context, client *http.Client, w *Webhook, entries []feed.Entry, now time.Time) error {
	last := &entries[len(entries)-1]
	m := message{Type: TypeChanged, Timestamp: last.Time.UTC().Format(time.RFC3339)}
	m.Data.Account = w.Account
	for i := range entries {
		m.Data.Changes = append(m.Data.Changes, entries[i].View())
	}
	return send(ctx, client, w, fmt.Sprintf("msg_%s_%d_%d", w.ID, w.After.Epoch, last.Sequence), now, &m)
}

// AnswerError is why a receiver did not accept a message.
type AnswerError struct {
	// Status is that of the answer; 0 if there was none.
	Status int
	// Reason is for people. It has no URL and no content of the answer. It is the same
	// for a host with a private address and one that does not exist, so that an account
	// cannot find out which internal names exist.
	Reason string

	cause error
}

// Error implements error.
func (a *AnswerError) Error() string { return a.Reason }

// Unwrap returns egress.ErrAddress if the host has a private address that is not allowed, and
// otherwise nil. It is for operators only.
func (a *AnswerError) Unwrap() error { return a.cause }

// send sends a message. Error: an *AnswerError.
func send(ctx context.Context, client *http.Client, w *Webhook, id string, now time.Time, m *message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return &AnswerError{Reason: "the message could not be encoded"}
	}
	signature, err := Sign(w.Secret, id, now.Unix(), body)
	if err != nil {
		return &AnswerError{Reason: err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return &AnswerError{Reason: ErrURL.Error()}
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "callrecordings-webhook/1",
		"Webhook-Id": id, "Webhook-Timestamp": strconv.FormatInt(now.Unix(), 10), "Webhook-Signature": signature,
	} {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return unreachable(err)
	}
	_ = response.Body.Close() // the answer is its status
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return &AnswerError{Status: code, Reason: fmt.Sprintf("the answer is a redirect (%d), which is not followed", code)}
	default:
		return &AnswerError{Status: code, Reason: fmt.Sprintf("the answer is %d", code)}
	}
}

// unreachable returns the answer for a request that failed. It omits the URL, because its
// query may have a secret.
func unreachable(err error) *AnswerError {
	a := &AnswerError{Reason: "no answer from the host, its certificate is not valid, or its address is not public"}
	timeout := interface{ Timeout() bool }(nil)
	switch {
	case errors.Is(err, egress.ErrAddress):
		a.cause = egress.ErrAddress
	case errors.As(err, &timeout) && timeout.Timeout():
		a.Reason = "no answer in time"
	}
	return a
}
