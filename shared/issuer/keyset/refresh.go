package keyset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/issuer"
)

// Every is how often the keys are fetched.
const Every = 15 * time.Minute

// atOnce is how many issuers are fetched at a time, so that slow providers do not delay
// the others.
const atOnce = 10

// Refresher fetches the keys of the issuers in the table and stores them.
type Refresher struct {
	// Book has the issuers.
	Book issuer.Book
	// Fetcher fetches their keys.
	Fetcher *Fetcher
	// Now is the clock.
	Now func() time.Time
}

// Outcome is the result of a refresh of one issuer.
type Outcome struct {
	// Name is the name of the issuer.
	Name string
	// Keys is the number of its keys.
	Keys int
	// Skipped is as in Parse.
	Skipped []string
	// Err is why its keys could not be fetched or stored; nil if they were. The earlier
	// keys then stay in use.
	Err error
}

// Refresh fetches and stores the keys of the issuers that have a URL, or of those among
// them that names lists. It returns one outcome for each, in the order of the names.
// Errors: issuer.ErrUnknown for a name, an error for a name without a URL, and those of
// the store for the list of issuers.
func (r Refresher) Refresh(ctx context.Context, names ...string) ([]Outcome, error) {
	list, err := r.choose(ctx, names)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(list))
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for n, one := range list {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			outcomes[n] = r.one(ctx, one)
		})
	}
	wait.Wait()
	return outcomes, nil
}

// Run refreshes all issuers for a schedule. It returns the number of issuers that have a
// URL. Errors: those of Refresh, and one that lists the issuers that failed.
func (r Refresher) Run(ctx context.Context) (issuers int, err error) {
	outcomes, err := r.Refresh(ctx)
	if err != nil {
		return 0, err
	}
	var failed []string
	for _, o := range outcomes {
		if o.Err != nil {
			failed = append(failed, fmt.Sprintf("issuer %s: %v", o.Name, o.Err))
		}
	}
	if len(failed) > 0 {
		return len(outcomes), errors.New(strings.Join(failed, "; "))
	}
	return len(outcomes), nil
}

// choose returns the issuers to refresh.
func (r Refresher) choose(ctx context.Context, names []string) ([]issuer.Record, error) {
	all, err := r.Book.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n := slices.IndexFunc(all, func(one issuer.Record) bool { return one.Name == name })
		switch {
		case n < 0:
			return nil, fmt.Errorf("%w %s", issuer.ErrUnknown, name)
		case all[n].URL == "":
			return nil, fmt.Errorf("issuer %s has no URL: its keys were given by hand", name)
		}
	}
	return slices.DeleteFunc(all, func(one issuer.Record) bool {
		return one.URL == "" || len(names) > 0 && !slices.Contains(names, one.Name)
	}), nil
}

// one refreshes one issuer.
func (r Refresher) one(ctx context.Context, old issuer.Record) Outcome {
	o := Outcome{Name: old.Name}
	keys, skipped, fetchErr := r.Fetcher.Keys(ctx, old.Definition)
	if ctx.Err() != nil {
		o.Err = ctx.Err() // the provider has not failed
		return o
	}
	err := r.Book.Update(ctx, old.Name, func(now *issuer.Record) bool {
		if now.URL != old.URL || now.Iss != old.Iss || !slices.Equal(now.Algorithms, old.Algorithms) {
			return false // changed meanwhile; the keys were fetched by other rules
		}
		at := r.Now().Unix()
		switch {
		case fetchErr == nil:
			now.Keys = issuer.Keys{List: keys, Fetched: at, Skipped: skipped}
		case now.Failed == 0:
			now.Failure, now.Failed = fetchErr.Error(), at
		default:
			now.Failure = fetchErr.Error()
		}
		return true
	})
	if errors.Is(err, issuer.ErrUnknown) {
		err = nil // removed meanwhile
	}
	o.Keys, o.Skipped = len(keys), skipped
	o.Err = errors.Join(fetchErr, err)
	return o
}
