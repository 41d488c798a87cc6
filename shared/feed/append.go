package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// chunk is the maximum number of changes in one transaction. Each has an entry and a
	// mark, and the head is one more write.
	chunk = 45
	// writers is the maximum number of accounts that are written at once.
	writers = 8
	// attempts is how often a transaction is tried while other writers of the account's
	// feed are faster. After that, the stream delivers the changes again.
	attempts = 12
	// firstPause and maxPause bound the random pause after a conflict.
	firstPause = 5 * time.Millisecond
	maxPause   = 400 * time.Millisecond
)

// Feed reads and writes the feeds of all accounts. It is safe for concurrent use.
type Feed struct {
	entries store.Entries
	now     func() time.Time
}

// New returns the feed in entries.
func New(entries store.Entries, now func() time.Time) *Feed { return &Feed{entries, now} }

// pending is a change that is not yet in the feed.
type pending struct {
	index int // in the changes
	entry Entry
}

// Append adds changes to the feeds of their accounts, in their order. done counts the
// changes, from the first, that are in the feed or have no place there. The caller must
// retry from changes[done] on; changes after it that are in the feed already are
// recognized. done equals len(changes) if and only if the error is nil. Errors:
// store.ErrUnavailable, store.ErrConflict.
//
// Accounts are written independently of each other: the failure of one does not stop the
// others.
func (f *Feed) Append(ctx context.Context, changes []store.Change) (done int, err error) {
	accounts, waiting := byAccount(changes)
	if len(accounts) == 0 {
		return len(changes), nil
	}
	s, err := f.switched(ctx, true)
	if err != nil {
		return waiting[accounts[0]][0].index, err
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	done = len(changes)
	places := make(chan struct{}, writers)
	for _, account := range accounts {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			all := waiting[account]
			n, e := f.appendAll(ctx, account, s.Epoch, all)
			if e == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if all[n].index < done {
				done, err = all[n].index, e
			}
		})
	}
	running.Wait()
	return done, err
}

// Skip notes that the changes are not in the feed, because it is switched off. done and
// the errors are those of Append.
func (f *Feed) Skip(ctx context.Context, changes []store.Change) (done int, err error) {
	accounts, waiting := byAccount(changes)
	if len(accounts) == 0 {
		return len(changes), nil
	}
	if _, err := f.switched(ctx, false); err != nil {
		return waiting[accounts[0]][0].index, err
	}
	return len(changes), nil
}

// byAccount returns the changes that have a place in the feed, by account. accounts are
// in the order of their first changes.
func byAccount(changes []store.Change) (accounts []string, waiting map[string][]pending) {
	waiting = map[string][]pending{}
	for i := range changes {
		account, e, ok := entryOf(&changes[i])
		if !ok {
			continue
		}
		if waiting[account] == nil {
			accounts = append(accounts, account)
		}
		waiting[account] = append(waiting[account], pending{i, e})
	}
	return accounts, waiting
}

// appendAll adds the changes of an account. n is the number of those that are in the feed.
func (f *Feed) appendAll(ctx context.Context, account string, epoch int64, all []pending) (n int, err error) {
	for n < len(all) {
		size := min(chunk, len(all)-n)
		if err := f.appendChunk(ctx, account, epoch, all[n:n+size]); err != nil {
			return n, fmt.Errorf("append %d changes to the feed: %w", size, err)
		}
		n += size
	}
	return n, nil
}

// appendChunk adds up to chunk changes in one transaction.
func (f *Feed) appendChunk(ctx context.Context, account string, epoch int64, all []pending) error {
	return f.commit(ctx, func() ([]store.EntryWrite, error) { return f.writes(ctx, account, epoch, all) })
}

// commit stores the transaction that prepare returns, unless it is empty. After a conflict
// with another writer, prepare reads again. Errors: those of prepare, store.ErrConflict,
// store.ErrUnavailable.
func (f *Feed) commit(ctx context.Context, prepare func() ([]store.EntryWrite, error)) error {
	for try := 1; ; try++ {
		writes, err := prepare()
		if err != nil || len(writes) == 0 {
			return err
		}
		err = f.entries.WriteEntries(ctx, writes...)
		if err == nil || !errors.Is(err, store.ErrConflict) || try == attempts {
			return err
		}
		timer := time.NewTimer(pause(try))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, ctx.Err())
		case <-timer.C:
		}
	}
}

// pause returns a random time to wait after the conflict of a try.
func pause(try int) time.Duration {
	return rand.N(min(firstPause<<try, maxPause)) //nolint:gosec // not a secret
}

// writes returns the transaction that adds those of the changes that are not in the feed
// yet. It is empty if all are.
//
// The head and the marks are not read at one moment: another writer may store a change
// after its mark was read, and before the head was. So each mark has a condition too.
func (f *Feed) writes(ctx context.Context, account string, epoch int64, all []pending) ([]store.EntryWrite, error) {
	keys := make([]store.EntryKey, 1, len(all)+1)
	keys[0] = headKey(account, epoch)
	for i := range all {
		keys = append(keys, markKey(account, epoch, &all[i].entry))
	}
	found, err := f.entries.Entries(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var h head
	known := make(map[store.EntryKey]bool, len(found))
	for i := range found {
		if known[found[i].EntryKey] = true; found[i].EntryKey == keys[0] {
			if h, err = decodeHead(&found[i]); err != nil {
				return nil, err
			}
		}
	}
	now := recording.SecondsOf(f.now())
	writes := make([]store.EntryWrite, 1, 2*len(all)+1)
	for i := range all {
		mark := keys[i+1]
		if known[mark] {
			continue
		}
		known[mark] = true
		h.Sequence++
		text, err := all[i].entry.encode()
		if err != nil {
			return nil, err
		}
		writes = append(writes,
			store.EntryWrite{Entry: store.Entry{EntryKey: entryKey(account, epoch, h.Sequence), Value: text, Expires: now + Days*recording.Day}},
			store.EntryWrite{Entry: store.Entry{EntryKey: mark, Value: []byte("1"), Expires: now + MarkDays*recording.Day}, If: store.IfAbsent})
	}
	if len(writes) == 1 {
		return nil, nil
	}
	if writes[0], err = writeJSON(keys[0], h, h.revision); err != nil {
		return nil, err
	}
	return writes, nil
}
