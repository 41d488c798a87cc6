package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Message wakes a worker for an account. A queue delivers it until [Engine.Slice] returns
// without an error.
type Message struct {
	// Account is the account with jobs.
	Account string
	// ID stays the same when the message is delivered again.
	ID string
	// Sent is when the message was sent.
	Sent time.Time
}

// lease is the value of the entry with the turns of an account.
type lease struct {
	// Holder is the process with the latest turn, and Message the ID of the message that
	// gave it the turn.
	Holder  string `json:"holder"`
	Message string `json:"message"`
	// Started is when the turn began, in Unix milliseconds. Until is when it ends by itself;
	// 0 if the process has ended it.
	Started int64 `json:"started"`
	Until   int64 `json:"until"`
}

// skew is how far the clocks of the processes and of the queue may be apart.
const skew = 5 * time.Second

// allows reports whether a message gives its account a turn. It does not if another message
// has given it one that lasts, or one that began after the message was sent: the worker with that
// turn sends a further message at its end, if there is more to do. So an account with many
// messages has one turn in each round of the queue.
//
// A message that comes again takes its own turn: the slice has failed, the process has died, or
// the queue has made a copy. If the first worker still runs, it loses its turn and stops at its
// next checkpoint.
//
// longest is [Options.Lease]. A turn that ends later than now + longest, or began in the future,
// comes from a clock that was ahead. It is ignored; otherwise the account would wait until that
// time. If it is ignored wrongly, because a clock is ahead by more than skew, the worker only loses
// its work since the last checkpoint.
func (l *lease) allows(m Message, now time.Time, longest time.Duration) bool {
	if l.Message == "" || l.Message == m.ID {
		return true
	}
	if lasts := l.Until > now.UnixMilli() && l.Until <= now.Add(longest+skew).UnixMilli(); lasts {
		return false
	}
	future := l.Started > now.Add(skew).UnixMilli()
	return future || m.Sent.Add(skew).UnixMilli() >= l.Started
}

func (e *Engine) readLease(ctx context.Context, account string) (l lease, at store.Entry, err error) {
	at.EntryKey = store.EntryKey{Partition: leasePartition, Key: account}
	found, err := e.book.Entries.Entries(ctx, at.EntryKey)
	if err != nil {
		return l, at, fmt.Errorf("read a lease: %w", err)
	}
	if len(found) == 0 {
		return l, at, nil
	}
	l, err = decodeLease(&found[0])
	return l, found[0], err
}

func decodeLease(e *store.Entry) (l lease, err error) {
	if err := json.Unmarshal(e.Value, &l); err != nil {
		return l, fmt.Errorf("decode a lease: %w", err)
	}
	return l, nil
}

// leaseWrite returns the write that replaces a lease, unless another process did.
func (e *Engine) leaseWrite(l lease, at store.Entry) (store.EntryWrite, error) {
	value, err := json.Marshal(l)
	if err != nil {
		return store.EntryWrite{}, fmt.Errorf("encode a lease: %w", err)
	}
	at.Value, at.Expires = value, recording.SecondsOf(e.options.Now().Add(KeepAge))
	return store.Replace(at), nil
}

func (e *Engine) writeLease(ctx context.Context, l lease, at store.Entry) error {
	w, err := e.leaseWrite(l, at)
	if err != nil {
		return err
	}
	return e.book.Entries.WriteEntries(ctx, w)
}

// leaseTries is how often a process tries to take a lease if its entry changes meanwhile.
const leaseTries = 3

// lease makes this process the only one that works for an account. taken is false if the
// message is not needed. died is true if the process with the turn before did not end it. After
// a conflict, lease reads the entry again: the other process may have ended its turn, and then
// nothing else wakes this account.
func (e *Engine) lease(ctx context.Context, m Message) (taken, died bool, err error) {
	err = store.Retry(ctx, leaseTries, func() error {
		l, at, err := e.readLease(ctx, m.Account)
		now := e.options.Now()
		if err != nil || !l.allows(m, now, e.options.Lease) {
			return err
		}
		err = e.writeLease(ctx, lease{
			Holder: e.options.Holder, Message: m.ID, Started: now.UnixMilli(), Until: now.Add(e.options.Lease).UnixMilli(),
		}, at)
		if err != nil {
			return fmt.Errorf("take a lease: %w", err)
		}
		taken, died = true, l.Until != 0
		return nil
	})
	return taken, died, err
}

// release ends the lease, unless another process has it by now.
func (e *Engine) release(ctx context.Context, m Message) error {
	l, at, err := e.readLease(ctx, m.Account)
	if err != nil || l.Holder != e.options.Holder || l.Message != m.ID {
		return err
	}
	l.Until = 0
	if err := e.writeLease(ctx, l, at); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("end a lease: %w", err)
	}
	return nil
}

// Break makes all leases free. Only a process that is the only one on its data calls it, at its
// start: a lease that has not ended is that of a process that was killed.
func (e *Engine) Break(ctx context.Context) error {
	for after := ""; ; {
		page, err := e.book.Entries.PageEntries(ctx, store.EntryQuery{Partition: leasePartition, After: after, Limit: store.MaxEntries})
		if err != nil {
			return fmt.Errorf("list leases: %w", err)
		}
		writes := make([]store.EntryWrite, len(page.Entries))
		for i := range page.Entries {
			if writes[i], err = e.free(page.Entries[i]); err != nil {
				return err
			}
		}
		if len(writes) > 0 {
			if err := e.book.Entries.WriteEntries(ctx, writes...); err != nil {
				return fmt.Errorf("end leases: %w", err)
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// free returns the write that makes a lease free for every message, regardless of the clock. The
// entry of a lease that has not ended stays, because the next holder counts the death.
func (e *Engine) free(at store.Entry) (store.EntryWrite, error) {
	l, err := decodeLease(&at)
	if err != nil || l.Until == 0 {
		return store.EntryWrite{Entry: store.Entry{EntryKey: at.EntryKey}, Delete: true}, err
	}
	l.Message = ""
	return e.leaseWrite(l, at)
}
