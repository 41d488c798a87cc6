package hold

import (
	"encoding/json"

	"github.com/callrecordings/api/shared/store"
)

// workPartition has one entry for each piece of work of a [Locker].
const workPartition = "hold-locks"

// task is the kind of a piece of work.
type task string

const (
	// placed: lock what a new hold covers.
	placed task = "placed"
	// lifted: unlock what no hold covers any more.
	lifted task = "lifted"
	// arrived: lock audio that has arrived after its hold.
	arrived task = "arrived"
)

// job is the value of a piece of work.
type job struct {
	Account string `json:"account"`
	// ID is that of the hold, or of the recording whose audio arrived.
	ID   string `json:"id"`
	Task task   `json:"task"`
	// After is how far the work has come, in a form that depends on Task.
	After string `json:"after,omitempty"`
	// Again is when a second pass may begin, in Gregorian seconds; 0 during the first.
	Again int64 `json:"again,omitempty"`
}

func (j *job) key() store.EntryKey {
	return store.EntryKey{Partition: workPartition, Key: j.Account + "/" + string(j.Task) + "/" + j.ID}
}

func (j *job) write() store.EntryWrite {
	value, _ := json.Marshal(j) // a struct of strings always encodes
	return store.EntryWrite{Entry: store.Entry{EntryKey: j.key(), Value: value}}
}

// work returns the write that leaves work for the Locker.
func (b *Book) work(account, id string, t task) []store.EntryWrite {
	if !b.locked {
		return nil
	}
	j := job{Account: account, ID: id, Task: t}
	return []store.EntryWrite{j.write()}
}
