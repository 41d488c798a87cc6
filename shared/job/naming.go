package job

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Naming describes how a job names a recording.
type Naming struct {
	// ID is that of the job. Action and State are "" if the job has expired, and only its plan or
	// its report is left.
	ID     string
	Action string
	State  State
	// Outcome is what became of the recording; "" if the report does not have it.
	Outcome Outcome
	// Until is when the last entry that names the recording ends.
	Until recording.Seconds
	// Chunks is how many chunks the plan and the report have. With none, a job that has expired may
	// have named any recording.
	Chunks int
}

// MayHold reports whether a file that the job makes of its recordings may have the recording.
func (n *Naming) MayHold() bool { return n.Outcome == "" || n.Outcome == Completed }

const (
	// NamingChunks is how many chunks of plans and reports a [Namer] reads. They have up to
	// NamingChunks*MaxChunk recordings, and some 250 MB.
	NamingChunks = 1000
	// namingPage is how many chunks are read with one call.
	namingPage = 20
)

// ErrTooMuch means that a [Namer] has read NamingChunks and stopped.
var ErrTooMuch = fmt.Errorf("plans and reports of jobs have more than %d chunks, and the others were not read", NamingChunks)

// Namer finds out which jobs of an account name a recording. Plans and reports have no index, so
// it reads them, once each, and up to NamingChunks of all calls together.
type Namer struct {
	// Entries are the entries of the store.
	Entries store.EntryReader
	// Account and Recording are the recording's account and ID.
	Account, Recording string

	chunks int
	known  map[string]answer
}

// answer is the result of [Namer.Of].
type answer struct {
	naming Naming
	ok     bool
}

// All returns the jobs that name the recording, the newest first, and with an error those so far.
// Errors: ErrTooMuch, store.ErrUnavailable.
func (n *Namer) All(ctx context.Context) (found []Naming, err error) {
	q := store.EntryQuery{Partition: jobsPartition + n.Account, Descending: true, Limit: maxListed}
	for e, err := range store.AllEntries(ctx, n.Entries, q) {
		if err != nil {
			return found, fmt.Errorf("list jobs: %w", err)
		}
		naming, ok, err := n.ofJob(ctx, e)
		if ok {
			found = append(found, naming)
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// ofJob reports whether and how a job that exists names the recording.
func (n *Namer) ofJob(ctx context.Context, e *store.Entry) (found Naming, ok bool, err error) {
	j, err := decode(n.Account, e)
	if err != nil {
		return found, false, err
	}
	found, ok, err = n.Of(ctx, j.ID)
	found.Action, found.State = j.Action, j.State
	if bytes.Contains(e.Value, n.quoted()) { // in its parameters, its failures or its result
		ok, found.Until = true, max(found.Until, e.Expires)
	}
	if err == nil {
		n.known[j.ID] = answer{found, ok}
	}
	return found, ok, err
}

// quoted returns the ID of the recording as a text of JSON.
func (n *Namer) quoted() []byte {
	text, _ := json.Marshal(n.Recording) //nolint:errchkjson // a string
	return text
}

// Of reports whether and how the plan or the report of a job names the recording. The job itself
// may have expired. Errors: ErrTooMuch, store.ErrUnavailable.
func (n *Namer) Of(ctx context.Context, id string) (found Naming, ok bool, err error) {
	if known, is := n.known[id]; is {
		return known.naming, known.ok, nil
	}
	found, ok, err = n.read(ctx, id)
	if n.known == nil {
		n.known = map[string]answer{}
	}
	if err == nil {
		n.known[id] = answer{found, ok}
	}
	return found, ok, err
}

// read reads the plan and the report of a job.
func (n *Namer) read(ctx context.Context, id string) (found Naming, ok bool, err error) {
	found.ID = id
	for _, kind := range []string{planPartition, donePartition} {
		q := store.EntryQuery{Partition: kind + n.Account + "/" + id, Limit: namingPage}
		for {
			if n.chunks >= NamingChunks {
				return found, ok, ErrTooMuch
			}
			page, err := n.Entries.PageEntries(ctx, q)
			if err != nil {
				return found, ok, fmt.Errorf("read the items of a job: %w", err)
			}
			n.chunks += len(page.Entries)
			found.Chunks += len(page.Entries)
			for i := range page.Entries {
				in, err := n.in(&page.Entries[i], &found)
				if err != nil {
					return found, ok, err
				}
				ok = ok || in
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return found, ok, nil
}

// in reports whether a chunk names the recording, and adds to found what it says.
func (n *Namer) in(e *store.Entry, found *Naming) (bool, error) {
	if !bytes.Contains(e.Value, n.quoted()) {
		return false, nil
	}
	var c Chunk
	if err := json.Unmarshal(e.Value, &c); err != nil {
		return false, fmt.Errorf("decode items: %w", err)
	}
	for i := range c.Items {
		if c.Items[i].ID != n.Recording {
			continue
		}
		found.Until = max(found.Until, e.Expires)
		if e.Partition[:len(donePartition)] == donePartition {
			found.Outcome = c.Items[i].Outcome
		}
		return true, nil
	}
	return false, nil
}
