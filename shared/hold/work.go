package hold

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// workPartition has one entry for each piece of work of a [Locker].
const workPartition = "hold-locks"

// task is the kind of a piece of work.
type task string

const (
	// placed: lock the audio that a new hold covers.
	placed task = "placed"
	// released: unlock audio that no hold covers any more. The stored value is older than the word.
	released task = "lifted"
	// joined: lock the audio of one recording that came under a hold: because its audio arrived,
	// or because the recording came into the scope of the hold. The stored value says only the
	// first.
	joined task = "arrived"
	// alone: lock or unlock the audio of one recording, as the holds say. It is left for an
	// object that failed, so that the rest of its page need not wait for it.
	alone task = "alone"
)

// tasks has every task, in the order in which a turn does them.
var tasks = [...]task{joined, released, placed, alone}

// lockWork is the value of a piece of work.
type lockWork struct {
	Account string `json:"account"`
	// ID is the ID of the hold, or of the recording for the tasks joined and alone.
	ID   string `json:"id"`
	Task task   `json:"task"`
	// After is how far the pass has come, in a form that depends on Task; "" at its start.
	After string `json:"after,omitempty"`
	// Again is when the second pass may begin; 0 during the first.
	Again recording.Seconds `json:"again,omitempty"`

	revision string
}

func (w *lockWork) key() store.EntryKey {
	return store.EntryKey{Partition: workPartition, Key: w.Account + "/" + string(w.Task) + "/" + w.ID}
}

// entry returns the entry of w.
func (w *lockWork) entry() (store.Entry, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return store.Entry{}, fmt.Errorf("encode the work on a hold: %w", err)
	}
	return store.Entry{EntryKey: w.key(), Value: text, Revision: w.revision}, nil
}

// lockWrite returns the write that leaves work for the Locker. Programs leave it even if the
// bucket has no Object Lock: once it has, the Locker does it.
func lockWrite(account, id string, t task) (store.EntryWrite, error) {
	w := lockWork{Account: account, ID: id, Task: t}
	e, err := w.entry()
	return store.EntryWrite{Entry: e}, err
}

// note leaves work for the Locker for recordings: [joined] before a recording on hold gets audio,
// and before a recording with audio comes under a hold, and [alone] after an object has failed.
func note(ctx context.Context, entries store.Entries, account string, t task, ids ...string) error {
	for _, id := range ids {
		w, err := lockWrite(account, id, t)
		if err != nil {
			return err
		}
		if err := entries.WriteEntries(ctx, w); err != nil {
			return fmt.Errorf("note audio that is to be locked or unlocked: %w", err)
		}
	}
	return nil
}
