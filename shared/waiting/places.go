// Package waiting limits the requests that keep a function busy for long: those that wait for the
// audio of a recording or for changes, and streams, which wait for their clients to read. All
// accounts share the functions. So each account has a number of places for each [Kind] of request,
// and a request that gets none is answered in another way (docs/adr/029-feed.md,
// docs/adr/031-streaming.md).
//
// [Places] are entries of the store, so that they count the requests of all functions:
//
//	partition          key      value
//	waits/{account}    number   a request that waits
//	streams/{account}  number   a stream
//
// [LocalPlaces] are for a process that gets all requests.
package waiting

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// MaxWaits is how many requests of an account may wait at once, for any reason.
	MaxWaits = 20
	// MaxStreams is how many streams of an account functions send at once: a twentieth of the
	// executions that an AWS account has at first.
	MaxStreams = 50
	// placeMargin is how long a place stays taken after the longest time that a request may
	// have it, if it is not given back, because the function was stopped.
	placeMargin = 10 * time.Second
	// placeTries is how many times a request tries to take a free place, because another request
	// may take it first. Then it gets none, even if others are free.
	placeTries = 3
	// releaseTime is how long giving a place back may take. A wait ends store.Reserve before
	// the function's deadline, and so does a stream. Half of that must be left for the answer,
	// or for the line in the log.
	releaseTime = store.Reserve / 2
)

// Kind is a kind of requests that have places of their own. The functions may write only the
// entries of the kinds that template.yaml names.
type Kind struct {
	name string // the first part of the partition
	most int    // the number of places of an account
}

// Waits returns the kind of the requests that wait for audio or for changes: MaxWaits of them.
func Waits() Kind { return Kind{"waits", MaxWaits} }

// Streams returns the kind of the streams: MaxStreams of them.
func Streams() Kind { return Kind{"streams", MaxStreams} }

// Places are the places of the accounts for one kind of request. They are entries of the store,
// so that they count the requests of all functions.
type Places struct {
	entries store.Entries
	kind    Kind
	now     func() time.Time
}

// NewPlaces returns the places of a kind in entries.
func NewPlaces(entries store.Entries, k Kind, now func() time.Time) *Places {
	return &Places{entries, k, now}
}

// Take takes a place of the account for a request that needs it for up to longest. ok is false
// if all are taken, or if other requests took the place first placeTries times. Otherwise, the
// caller calls release when the request no longer needs the place. Error: store.ErrUnavailable.
func (p *Places) Take(ctx context.Context, account string, longest time.Duration) (release func(), ok bool, err error) {
	for range placeTries {
		free, err := p.free(ctx, account)
		if err != nil {
			return nil, false, fmt.Errorf("take a place of %s: %w", p.kind.name, err)
		}
		if len(free) == 0 {
			break
		}
		key := free[rand.IntN(len(free))] //nolint:gosec // not a secret
		expires := recording.SecondsOf(p.now().Add(longest + placeMargin))
		err = p.entries.WriteEntries(ctx, store.EntryWrite{
			Entry: store.Entry{EntryKey: key, Value: []byte("1"), Expires: expires}, If: store.IfAbsent,
		})
		switch {
		case err == nil:
			return func() { p.release(ctx, key) }, true, nil
		case !errors.Is(err, store.ErrConflict): // on a conflict, another request has taken it
			return nil, false, fmt.Errorf("take a place of %s: %w", p.kind.name, err)
		}
	}
	return nil, false, nil
}

// free returns the places of an account that are not taken.
func (p *Places) free(ctx context.Context, account string) ([]store.EntryKey, error) {
	partition := p.kind.name + "/" + account
	all := make([]store.EntryKey, p.kind.most)
	for n := range all {
		all[n] = store.EntryKey{Partition: partition, Key: fmt.Sprintf("%02d", n)}
	}
	page, err := p.entries.PageEntries(ctx, store.EntryQuery{Partition: partition, Limit: p.kind.most})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(k store.EntryKey) bool {
		return slices.ContainsFunc(page.Entries, func(e store.Entry) bool { return e.EntryKey == k })
	}), nil
}

// release gives a place back, even if the client has gone meanwhile. If that fails, the place
// is free when it expires.
func (p *Places) release(ctx context.Context, key store.EntryKey) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	_ = p.entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: key}, Delete: true})
}

// LocalPlaces are the Places of requests that wait, in memory, for a process that gets all
// requests. It has no places for streams: the local server limits them itself. The zero value
// is ready for use.
type LocalPlaces struct {
	mu    sync.Mutex
	taken map[string]int // by account
}

// Take is that of Places. The error is always nil.
func (p *LocalPlaces) Take(_ context.Context, account string, _ time.Duration) (release func(), ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[account] == MaxWaits {
		return nil, false, nil
	}
	if p.taken == nil {
		p.taken = map[string]int{}
	}
	p.taken[account]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.taken[account]--; p.taken[account] == 0 {
			delete(p.taken, account)
		}
	}, true, nil
}
