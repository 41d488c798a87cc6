package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// Partition is the partition of the entries of all webhooks.
	Partition = "webhooks"
	// MaxPerAccount is how many webhooks an account may have.
	MaxPerAccount = 10
	// MaxURL is the maximum length of a URL, in bytes.
	MaxURL = 1000
	// SecretPrefix begins a secret; 32 random bytes in base64 follow.
	SecretPrefix = "whsec_"

	pageSize = 500
	tries    = 5
)

var (
	// ErrUnknown means that there is no such webhook.
	ErrUnknown = errors.New("unknown webhook")
	// ErrTooMany means that the account has as many webhooks as it may have.
	ErrTooMany = errors.New("the account has as many webhooks as it may have")
	// ErrURL means that a URL cannot be that of a webhook.
	ErrURL = errors.New("want https://HOST/PATH with a public host, at most 1000 characters, without a password or a fragment")
)

// Webhook is a URL that gets the changes of an account.
type Webhook struct {
	Account string `json:"-"`
	ID      string `json:"-"`
	URL     string `json:"url"`
	// Secret signs the requests. Answers have it once, when the webhook is made.
	Secret  string            `json:"secret"`
	Created recording.Seconds `json:"created"`
	// After is the position up to which the receiver has accepted all changes.
	After feed.Cursor `json:"after"`
	// Batch is the number of the last change in the batch that is being delivered; 0 if
	// none is.
	Batch int64 `json:"batch,omitempty"`
	// LeasedUntil is until when a deliverer has the lease of the webhook; 0 if none has it.
	LeasedUntil recording.Seconds `json:"claimed,omitempty"`
	// Delivered is when the receiver last accepted a batch; 0 means never.
	Delivered recording.Seconds `json:"delivered,omitempty"`
	// Failing is since when deliveries have failed, and Failure why the last one did. Both
	// are zero after a success.
	Failing recording.Seconds `json:"failing,omitempty"`
	Failure string            `json:"failure,omitempty"`
	// Tries counts the tries since Failing, and Next is the time of the next one.
	Tries int               `json:"tries,omitempty"`
	Next  recording.Seconds `json:"next,omitempty"`
	// Parked is true if deliveries were given up until an administrator resumes them.
	Parked bool `json:"parked,omitempty"`

	revision string
}

// State describes the webhook in one word: active, failing or parked.
func (w *Webhook) State() string {
	switch {
	case w.Parked:
		return "parked"
	case w.Failing != 0:
		return "failing"
	}
	return "active"
}

// Book lists and changes webhooks.
type Book struct {
	// Entries is the table.
	Entries store.Entries
	// Feed has the positions of new webhooks.
	Feed Feed
	// PrivateHosts are the hosts that may have private addresses and http URLs.
	PrivateHosts []string
	// Now is the clock.
	Now func() time.Time
}

// Feed is the part of [feed.Feed] that webhooks need.
type Feed interface {
	Page(ctx context.Context, account string, after feed.Cursor, limit int) (feed.Page, error)
	Now(ctx context.Context, account string) (feed.Cursor, error)
}

func key(account, id string) store.EntryKey {
	return store.EntryKey{Partition: Partition, Key: account + "/" + id}
}

// CheckURL returns ErrURL unless text can be the URL of a webhook: https with a host that may
// be public, or https or http with one of the private hosts. A name that has a private address
// is found only when a request is sent.
func CheckURL(text string, private []string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > MaxURL || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.ContainsFunc(text, isControl) {
		return ErrURL
	}
	allowed := egress.Allows(private, u.Hostname())
	if u.Scheme == "https" && (allowed || egress.MayBePublic(u.Hostname())) || u.Scheme == "http" && allowed {
		return nil
	}
	return ErrURL
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Add makes a webhook for the changes from now on. Errors: those of Draft and Make.
func (b Book) Add(ctx context.Context, account, target string) (Webhook, error) {
	w, err := b.Draft(ctx, account, target)
	if err != nil {
		return w, err
	}
	return w, b.Make(ctx, &w)
}

// Draft returns a new webhook for the changes from now on, which Make stores. Errors:
// ErrURL, ErrTooMany, store.ErrUnavailable. Drafts at the same moment may exceed
// MaxPerAccount by a few.
func (b Book) Draft(ctx context.Context, account, target string) (Webhook, error) {
	if err := CheckURL(target, b.PrivateHosts); err != nil {
		return Webhook{}, err
	}
	present, err := b.List(ctx, account)
	if err != nil {
		return Webhook{}, err
	}
	if len(present) >= MaxPerAccount {
		return Webhook{}, ErrTooMany
	}
	var id [8]byte
	var secret [32]byte
	_, _ = rand.Read(id[:]) // it never fails
	_, _ = rand.Read(secret[:])
	w := Webhook{
		Account: account, ID: hex.EncodeToString(id[:]), URL: target, Created: recording.SecondsOf(b.Now()),
		Secret: SecretPrefix + base64.StdEncoding.EncodeToString(secret[:]),
	}
	w.After, err = b.Feed.Now(ctx, account)
	return w, err
}

// Make stores a draft. Error: store.ErrUnavailable.
func (b Book) Make(ctx context.Context, w *Webhook) error { return b.save(ctx, w) }

// save stores a webhook, unless it was changed since it was read. Errors:
// store.ErrConflict, store.ErrUnavailable.
func (b Book) save(ctx context.Context, w *Webhook) error {
	text, err := json.Marshal(w) //nolint:gosec // the secret signs requests, and is stored in the table only
	if err != nil {
		return err
	}
	write := store.Replace(store.Entry{EntryKey: key(w.Account, w.ID), Value: text, Revision: w.revision})
	if err := b.Entries.WriteEntries(ctx, write); err != nil {
		return fmt.Errorf("store a webhook: %w", err)
	}
	return nil
}

// List returns the webhooks of an account, or of all accounts if account is "", in the
// order of their accounts and IDs. Error: store.ErrUnavailable.
func (b Book) List(ctx context.Context, account string) ([]Webhook, error) {
	q := store.EntryQuery{Partition: Partition, Limit: pageSize}
	if account != "" {
		q.Prefix = account + "/"
	}
	var all []Webhook
	for e, err := range store.AllEntries(ctx, b.Entries, q) {
		if err != nil {
			return nil, fmt.Errorf("read the webhooks: %w", err)
		}
		if w, err := decode(e); err == nil { // a damaged entry must not disable the others
			all = append(all, w)
		}
	}
	return all, nil
}

// Get returns a webhook. Errors: ErrUnknown, store.ErrUnavailable.
func (b Book) Get(ctx context.Context, account, id string) (Webhook, error) {
	found, err := b.Entries.Entries(ctx, key(account, id))
	if err != nil {
		return Webhook{}, fmt.Errorf("read a webhook: %w", err)
	}
	if len(found) == 0 {
		return Webhook{}, ErrUnknown
	}
	return decode(&found[0])
}

func decode(e *store.Entry) (w Webhook, err error) {
	if err := json.Unmarshal(e.Value, &w); err != nil {
		return w, fmt.Errorf("the webhook %s: %w", e.Key, err)
	}
	w.Account, w.ID, _ = strings.Cut(e.Key, "/")
	w.revision = e.Revision
	return w, nil
}

// Remove removes a webhook and returns it as it was. A request that is being sent may still
// arrive. Errors: ErrUnknown, store.ErrUnavailable.
func (b Book) Remove(ctx context.Context, account, id string) (Webhook, error) {
	w, err := b.Get(ctx, account, id)
	if err != nil {
		return w, err
	}
	remove := store.EntryWrite{Entry: store.Entry{EntryKey: key(account, id)}, Delete: true}
	if err := b.Entries.WriteEntries(ctx, remove); err != nil {
		return w, fmt.Errorf("remove a webhook: %w", err)
	}
	return w, nil
}

// Resume makes the deliverer try again at once. If changes after the position are no longer
// kept, skipped is true and the webhook continues from now. Errors: ErrUnknown,
// store.ErrConflict, store.ErrUnavailable.
func (b Book) Resume(ctx context.Context, account, id string) (w Webhook, skipped bool, err error) {
	err = store.Retry(ctx, tries, func() error {
		skipped = false
		if w, err = b.Get(ctx, account, id); err != nil {
			return err
		}
		switch _, err := b.Feed.Page(ctx, account, w.After, 1); {
		case errors.Is(err, feed.ErrTooOld):
			if w.After, err = b.Feed.Now(ctx, account); err != nil {
				return err
			}
			w.Batch, skipped = 0, true
		case err != nil:
			return err
		}
		w.Parked, w.Failing, w.Failure, w.Tries, w.Next, w.LeasedUntil = false, 0, "", 0, 0, 0
		return b.save(ctx, &w)
	})
	return w, skipped, err
}
