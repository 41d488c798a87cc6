package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/callrecordings/api/shared/store"
)

// digits is the length of a sequence in a key, so that keys sort by number.
const digits = 16

var stateKey = store.EntryKey{Partition: "feed", Key: "state"}

func partition(account string, epoch int64) string {
	return "feed/" + account + "/" + strconv.FormatInt(epoch, 10)
}

func entryKey(account string, epoch, sequence int64) store.EntryKey {
	return store.EntryKey{Partition: partition(account, epoch), Key: sequenceKey(sequence)}
}

// sequenceKey returns the key of an entry.
func sequenceKey(sequence int64) string { return fmt.Sprintf("%0*d", digits, sequence) }

// headKey has a partition of its own, so that its writes do not count against the
// throughput of the entries' partition.
func headKey(account string, epoch int64) store.EntryKey {
	return store.EntryKey{Partition: partition(account, epoch) + "/head", Key: "head"}
}

// markKey has a partition for each recording, for the same reason.
func markKey(account string, epoch int64, e *Entry) store.EntryKey {
	return store.EntryKey{Partition: partition(account, epoch) + "/seen/" + e.ID, Key: e.Revision}
}

// lostKey is the key of the mark of a change that is lost to the feed.
func lostKey(account, id string) store.EntryKey {
	return store.EntryKey{Partition: "feed/lost", Key: account + "/" + id}
}

// state is whether the feed is on.
type state struct {
	On bool `json:"on"`
	// Epoch counts the times that the feed was switched on or off, or restarted for all
	// accounts. The first is 1.
	Epoch int64 `json:"epoch"`

	revision string
}

// head is the end of an account's feed in an epoch.
type head struct {
	// Sequence is the number of the last entry; 0 if there is none.
	Sequence int64 `json:"seq"`
	// Floor is the least number that a cursor may have; 0 unless the feed was restarted.
	// It is the number that the last restart took instead of an entry.
	Floor int64 `json:"floor,omitempty"`

	revision string
}

func decodeState(e *store.Entry) (s state, err error) {
	if err := json.Unmarshal(e.Value, &s); err != nil {
		return s, fmt.Errorf("the state of the feed: %w", err)
	}
	s.revision = e.Revision
	return s, nil
}

func decodeHead(e *store.Entry) (h head, err error) {
	if err := json.Unmarshal(e.Value, &h); err != nil {
		return h, fmt.Errorf("the head of the feed: %w", err)
	}
	h.revision = e.Revision
	return h, nil
}

// writeJSON returns the write that stores a value as JSON, in place of the entry that was read
// with that revision, "" if it did not exist.
func writeJSON(key store.EntryKey, value any, revision string) (store.EntryWrite, error) {
	text, err := json.Marshal(value)
	return store.Replace(store.Entry{EntryKey: key, Value: text, Revision: revision}), err
}

// switched returns the state, after switching the feed on or off if it is not so yet.
func (f *Feed) switched(ctx context.Context, on bool) (state, error) {
	for {
		found, err := f.entries.Entries(ctx, stateKey)
		if err != nil {
			return state{}, fmt.Errorf("read the state of the feed: %w", err)
		}
		var s state
		if len(found) > 0 {
			if s, err = decodeState(&found[0]); err != nil {
				return s, err
			}
		}
		if s.On == on && s.Epoch > 0 {
			return s, nil
		}
		s.On, s.Epoch = on, s.Epoch+1
		w, err := writeJSON(stateKey, s, s.revision)
		if err != nil {
			return s, err
		}
		err = f.entries.WriteEntries(ctx, w)
		switch {
		case err == nil:
			return s, nil
		case !errors.Is(err, store.ErrConflict): // on a conflict, another writer has switched it
			return state{}, fmt.Errorf("switch the feed: %w", err)
		case ctx.Err() != nil:
			return state{}, fmt.Errorf("switch the feed: %w: %w", store.ErrUnavailable, ctx.Err())
		}
	}
}
