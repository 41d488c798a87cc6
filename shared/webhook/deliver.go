package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// BatchSize is the maximum number of changes in one request.
	BatchSize = 100
	// GiveUpAfter is the sum of the pauses between failed tries after which the webhook is parked.
	// Time without tries does not count, such as that of a disabled account.
	GiveUpAfter = 24 * time.Hour
	// Every is how often the deliverer runs in a deployment.
	Every = time.Minute

	// turn is how long a sender works on one account, and runTime how long a run starts work.
	turn    = 20 * time.Second
	runTime = 50 * time.Second
	// lease is for how long other runs leave a webhook to the run that works on it.
	lease = 30 * time.Second
	// maxPause is the longest pause between two tries.
	maxPause = time.Hour
	// skew is the most that the clocks of two deliverers are believed to differ.
	skew = time.Minute
)

// Deliverer sends the changes of accounts to their webhooks.
type Deliverer struct {
	// Book has the webhooks and the feed.
	Book Book
	// Client sends the requests. Its time-out is Timeout.
	Client *http.Client

	// storing has room for maxStores. Run and Serve make it.
	storing chan struct{}
}

// NewDeliverer returns a deliverer for the webhooks in entries. Hosts in private may have
// private addresses.
func NewDeliverer(entries store.Entries, f Feed, private []string, now func() time.Time) Deliverer {
	return Deliverer{
		Book:   Book{Entries: entries, Feed: f, PrivateHosts: private, Now: now},
		Client: egress.NewClient(egress.Options{PrivateHosts: private, Timeout: Timeout}),
	}
}

// Report is what senders have done.
type Report struct {
	// Delivered is the number of batches that receivers accepted.
	Delivered int
	// Parked is the number of webhooks that were parked. Those that were parked before do
	// not count, so that they do not hide a new one.
	Parked int
}

// Run looks for due changes once, sends them, and waits until that is done. Runs may overlap.
// Errors: those of the store.
func (d Deliverer) Run(ctx context.Context) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	s, done := newSenders(), &tally{}
	d.storing = make(chan struct{}, maxStores)
	d.look(ctx, s, done)
	s.running.Wait()
	return done.take()
}

// Serve looks for due changes at once, and then again and again until ctx ends. every is the
// time between two looks. A look does not wait until the changes that it found are sent, so that a
// slow receiver does not delay later changes of another account. Serve returns when all senders
// have ended.
//
// After each look, and at the end, Serve calls tell with the report since the last call, and with
// the errors of the store.
func (d Deliverer) Serve(ctx context.Context, every time.Duration, tell func(Report, error)) {
	s, done := newSenders(), &tally{}
	d.storing = make(chan struct{}, maxStores)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		d.look(ctx, s, done)
		tell(done.take())
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	s.running.Wait()
	tell(done.take())
}

// look gives a sender to each account that has webhooks, unless one works on it already.
func (d Deliverer) look(ctx context.Context, s *senders, done *tally) {
	all, err := d.Book.List(ctx, "")
	if errors.Is(ctx.Err(), context.Canceled) { // the server stops, which is no problem of the store
		return
	}
	if err != nil {
		done.add(Report{}, err)
		return
	}
	for _, hooks := range byAccount(all) {
		s.start(ctx, hooks[0].Account, func() { done.add(d.account(ctx, hooks)) })
	}
}

// byAccount returns the webhooks of each account, the accounts in random order, so that the
// same accounts are not always the last.
func byAccount(all []Webhook) [][]Webhook {
	var groups [][]Webhook
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Account == all[0].Account {
			n++
		}
		groups, all = append(groups, all[:n]), all[n:]
	}
	rand.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] }) //nolint:gosec // not a secret
	return groups
}

// account sends due changes to the webhooks of an account, one after the other. The one
// that has waited longest is first, so that a slow receiver with much to get does not take
// every turn of the account. A disabled account gets nothing until it is enabled again.
func (d Deliverer) account(ctx context.Context, hooks []Webhook) (r Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	now := recording.SecondsOf(d.Book.Now())
	slices.SortStableFunc(hooks, func(a, b Webhook) int { return cmp.Compare(a.waitingSince(now), b.waitingSince(now)) })
	enabled, err := d.enabled(ctx, hooks[0].Account)
	if ctx.Err() != nil { // the time is up
		err = nil
	}
	errs := []error{err}
	for i := range hooks {
		if !enabled || hooks[i].Parked {
			continue
		}
		n, err := d.deliver(ctx, &hooks[i])
		r.Delivered += n
		changed := errors.Is(err, store.ErrConflict) // or removed meanwhile
		if hooks[i].Parked && !changed {
			r.Parked++
		}
		if err != nil && ctx.Err() == nil && !changed {
			errs = append(errs, err)
		}
	}
	return r, errors.Join(errs...)
}

// enabled reports whether an account may get its changes: the account tree does not have it,
// or neither it nor one above it is disabled. Errors: store.ErrUnavailable.
func (d Deliverer) enabled(ctx context.Context, account string) (bool, error) {
	a, err := access.NewTree(d.Book.Entries).Account(ctx, account)
	if errors.Is(err, access.ErrNoAccount) {
		return true, nil
	}
	return err == nil && a.Enabled(), err
}

// deliver sends batches to a webhook until there is nothing more to send, the receiver does
// not accept one, or the time is up.
func (d Deliverer) deliver(ctx context.Context, w *Webhook) (delivered int, err error) {
	for !w.Parked {
		now := recording.SecondsOf(d.Book.Now())
		if ahead(w.Next, now, maxPause) || ahead(w.LeasedUntil, now, lease) {
			return delivered, nil
		}
		if !carriesRequest(ctx) {
			return delivered, nil
		}
		limit := BatchSize
		if w.Batch > w.After.Sequence { // a batch that was sent before
			limit = int(w.Batch - w.After.Sequence)
		}
		page, err := d.Book.Feed.Page(ctx, w.Account, w.After, limit)
		switch {
		case errors.Is(err, feed.ErrTooOld):
			w.Failing, w.Failure, w.Parked = now, "changes that were not delivered are no longer kept, or are missing from the feed", true
			return delivered, d.store(ctx, w)
		case err != nil || len(page.Entries) == 0:
			return delivered, err
		}
		w.Batch, w.LeasedUntil = page.Next.Sequence, now+recording.SecondsIn(lease)
		if err := d.store(ctx, w); err != nil {
			return delivered, err
		}
		if !carriesRequest(ctx) { // because of slow calls to the store
			w.LeasedUntil = 0
			return delivered, d.store(context.WithoutCancel(ctx), w)
		}
		accepted := d.send(ctx, w, page)
		// Even after the time is up, because the receiver has the batch.
		if err := d.store(context.WithoutCancel(ctx), w); err != nil {
			return delivered, err
		}
		if !accepted {
			return delivered, nil
		}
		delivered++
	}
	return delivered, nil
}

// carriesRequest reports whether ctx leaves a receiver all of Timeout to answer. With less,
// a slow answer would count as a failure of the receiver.
func carriesRequest(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= Timeout
}

// send sends a page to a webhook and sets its state. It reports whether the receiver has
// accepted the page. If the server stops meanwhile, that does not count as a failure of the
// receiver.
func (d Deliverer) send(ctx context.Context, w *Webhook, page feed.Page) (accepted bool) {
	err := sendBatch(ctx, d.Client, w, page.Entries, d.Book.Now())
	w.LeasedUntil = 0
	if err == nil || !errors.Is(ctx.Err(), context.Canceled) {
		d.settle(w, page, err)
	}
	return err == nil
}

// settle sets the state of a webhook after a batch was sent.
func (d Deliverer) settle(w *Webhook, page feed.Page, err error) {
	now := recording.SecondsOf(d.Book.Now())
	if err == nil {
		w.After, w.Batch, w.Delivered = page.Next, 0, now
		w.Failing, w.Failure, w.Tries, w.Next = 0, "", 0, 0
		return
	}
	if w.Failing == 0 || w.Failing > now { // the clock was ahead
		w.Failing = now
	}
	w.Tries++
	w.Failure, w.Next = err.Error(), now+recording.SecondsIn(pause(w.Tries))
	answer := (*AnswerError)(nil)
	// 410 asks for no more requests (Standard Webhooks, "Deliverability and reliability").
	w.Parked = pauses(w.Tries) >= GiveUpAfter || errors.As(err, &answer) && answer.Status == http.StatusGone
}

// ahead reports whether t is still to come. Deliverers set t to their own time plus at most most. A
// later t comes from a wrong clock, and must not stop the webhook.
func ahead(t, now recording.Seconds, most time.Duration) bool {
	return t > now && t <= now+recording.SecondsIn(most+skew)
}

// waitingSince returns the time from which a webhook has waited for its turn: its last delivery, or
// the time of its next try. If that lies in the future, the webhook is first: either it is not due,
// which takes no time, or the clock was wrong.
func (w *Webhook) waitingSince(now recording.Seconds) recording.Seconds {
	if t := max(w.Delivered, w.Next); t <= now {
		return t
	}
	return 0
}

// pause returns the time before the next try: 10 s, then twice as long each time, at most an
// hour.
func pause(tries int) time.Duration {
	return min(5*time.Second<<min(tries, 12), maxPause)
}

// pauses returns the sum of the pauses between that many tries. It does not compare times, so
// neither a stop of the service nor a clock that was wrong counts as failures.
func pauses(tries int) (sum time.Duration) {
	for n := 1; n < tries; n++ {
		sum += pause(n)
	}
	return sum
}

// store stores the state of a webhook, and reads its new revision. Errors:
// store.ErrConflict if it was changed or removed meanwhile, store.ErrUnavailable.
func (d Deliverer) store(ctx context.Context, w *Webhook) error {
	select {
	case d.storing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", store.ErrUnavailable, context.Cause(ctx))
	}
	defer func() { <-d.storing }()
	if err := d.Book.save(ctx, w); err != nil {
		return err
	}
	stored, err := d.Book.Get(ctx, w.Account, w.ID)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	w.revision = stored.revision
	if stored != *w {
		return store.ErrConflict
	}
	return nil
}
