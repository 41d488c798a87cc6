package webhook

import (
	"context"
	"errors"
	"sync"
)

const (
	// maxSenders is the maximum number of accounts that are worked on at once. Only if that many are
	// slow does another account wait, for the end of a turn.
	maxSenders = 256
	// maxStores is how many of them may store the state of a webhook at once. SQLite has one
	// writer, which the requests of clients also need.
	maxStores = 4
)

// senders are goroutines that work on accounts: at most maxSenders, and one for each account.
type senders struct {
	running sync.WaitGroup
	places  chan struct{}
	mu      sync.Mutex
	busy    map[string]bool // by account
}

func newSenders() *senders {
	return &senders{places: make(chan struct{}, maxSenders), busy: map[string]bool{}}
}

// start calls work in a goroutine of the account. It does nothing if the account has one. If
// maxSenders are at work, it waits for one to end, or for the end of ctx.
func (s *senders) start(ctx context.Context, account string, work func()) {
	if !s.take(account) {
		return
	}
	select {
	case <-ctx.Done():
		s.free(account)
		return
	case s.places <- struct{}{}:
	}
	s.running.Go(func() {
		defer func() {
			s.free(account)
			<-s.places
		}()
		work()
	})
}

// take marks an account as busy. It returns false if it is already.
func (s *senders) take(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[account] {
		return false
	}
	s.busy[account] = true
	return true
}

// free marks the account as not busy.
func (s *senders) free(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, account)
}

// tally adds up what senders have done. The zero value is ready for use.
type tally struct {
	mu     sync.Mutex
	report Report
	errs   []error
}

// add adds the report of a sender.
func (t *tally) add(r Report, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Delivered += r.Delivered
	t.report.Parked += r.Parked
	if err != nil {
		t.errs = append(t.errs, err)
	}
}

// take returns the report and the errors since the last call.
func (t *tally) take() (Report, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.report, errors.Join(t.errs...)
	t.report, t.errs = Report{}, nil
	return r, err
}
