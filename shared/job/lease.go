package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// lease makes this process the only one that works for an account. taken is false if
// another one does. The lease ends by itself, if the process is killed.
func (e *Engine) lease(ctx context.Context, account string) (taken bool, err error) {
	value, err := json.Marshal(map[string]string{"holder": e.options.Holder})
	if err != nil {
		return false, fmt.Errorf("encode a lease: %w", err)
	}
	err = e.book.Entries.WriteEntries(ctx, store.EntryWrite{If: store.IfAbsent, Entry: store.Entry{
		EntryKey: store.EntryKey{Partition: leasePartition, Key: account}, Value: value,
		Expires: recording.SecondsOf(e.options.Now().Add(e.options.Lease)),
	}})
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take a lease: %w", err)
	}
	return true, nil
}

// release ends the lease, unless it has ended and another process has one.
func (e *Engine) release(ctx context.Context, account string) error {
	key := store.EntryKey{Partition: leasePartition, Key: account}
	found, err := e.book.Entries.Entries(ctx, key)
	if err != nil {
		return fmt.Errorf("read a lease: %w", err)
	}
	if len(found) == 0 {
		return nil
	}
	var lease struct {
		Holder string `json:"holder"`
	}
	if err := json.Unmarshal(found[0].Value, &lease); err != nil || lease.Holder != e.options.Holder {
		return nil //nolint:nilerr // it is not the lease of this process
	}
	err = e.book.Entries.WriteEntries(ctx, store.EntryWrite{
		Entry: store.Entry{EntryKey: key, Revision: found[0].Revision}, If: store.IfUnchanged, Delete: true,
	})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("end a lease: %w", err)
	}
	return nil
}

// Break ends all leases. Only a process that is the only one on its data calls it, at its
// start: the leases are those of a process that was killed.
func (e *Engine) Break(ctx context.Context) error {
	for {
		page, err := e.book.Entries.PageEntries(ctx, store.EntryQuery{Partition: leasePartition, Limit: store.MaxEntries})
		if err != nil {
			return fmt.Errorf("list leases: %w", err)
		}
		var writes []store.EntryWrite
		for i := range page.Entries {
			writes = append(writes, store.EntryWrite{Entry: store.Entry{EntryKey: page.Entries[i].EntryKey}, Delete: true})
		}
		if len(writes) == 0 {
			return nil
		}
		if err := e.book.Entries.WriteEntries(ctx, writes...); err != nil {
			return fmt.Errorf("end leases: %w", err)
		}
	}
}
