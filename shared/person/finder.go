package person

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Store is the part of a driver that the actions need.
type Store interface {
	store.Reader
	store.Finder
	store.EntryReader
}

// The work of one page of a search.
var pageWork = store.Work{Calls: 10, Bytes: 8 << 20}

// place is where an action continues. It is the cursor of the job.
type place struct {
	// Phase is the part of the work; see the actions.
	Phase phase `json:"phase,omitempty"`
	// Place is where the work on the plan continues, and that on the file of an export.
	archive.Place

	// Position is where a search continues; nil at its beginning.
	Position *store.Position `json:"position,omitempty"`
	// Later counts the recordings that were found only by the second search. LaterIDs are
	// the first of them.
	Later    job.Totals `json:"later"`
	LaterIDs []string   `json:"later_ids,omitempty"`
}

// phase is a part of the work.
type phase string

// The phases of planning, live and deleted, and of the work.
const (
	live    phase = ""
	deleted phase = "deleted"
	work    phase = ""
	again   phase = "again"
	report  phase = "report"
)

// maxLater is how many recordings of the second search a certificate names.
const maxLater = 100

// load decodes the subject and the place of a job.
func load(j *job.Job) (s Subject, p *place, err error) {
	if err := json.Unmarshal(j.Params, &s); err != nil {
		return s, nil, fmt.Errorf("decode the subject: %w", err)
	}
	p = &place{}
	if err := j.Continue(p); err != nil {
		return s, nil, err
	}
	return s, p, s.Check()
}

// finder finds the recordings of a subject.
type finder struct {
	store Store
	// holds is true if recordings on hold are marked in the plan.
	holds bool
}

// plan makes the plan of a job: first the recordings, then those that are deleted and
// could be restored.
func (f *finder) plan(ctx context.Context, t *job.Task) (done bool, err error) {
	subject, p, err := load(t.Job)
	if err != nil {
		return false, err
	}
	var held hold.Set
	if f.holds {
		if held, err = hold.Read(ctx, f.store, t.Job.Account); err != nil {
			return false, err
		}
	}
	for {
		found, next, err := f.page(ctx, t.Job.Account, subject, p.Phase == deleted, p.Position)
		if err != nil {
			return false, err
		}
		items := make([]job.Item, len(found))
		for i := range found {
			items[i] = itemOf(&found[i], p.Phase == deleted)
			if holds := held.Covering(&found[i]); len(holds) > 0 {
				items[i].Outcome, items[i].Holds = job.Held, hold.IDs(holds)
			}
		}
		if err := t.AddPlan(items); err != nil {
			return false, err
		}
		p.Position = next
		if next == nil && p.Phase == deleted {
			return true, nil
		}
		if next == nil {
			p.Phase = deleted
		}
		if err := t.SaveAt(ctx, p); err != nil || t.Spent() {
			return false, err
		}
	}
}

// page returns a page of the recordings of a subject, in the order of their creation, or
// of those that could be restored. next is nil at the end.
func (f *finder) page(ctx context.Context, account string, s Subject, restorable bool, from *store.Position) (found []recording.Recording, next *store.Position, err error) {
	q := store.Query{
		Account: account, Owner: s.Owner, Ascending: true, Deleted: restorable, Limit: job.MaxChunk,
		MaxBytes: pageWork.Bytes, Work: pageWork,
	}
	matches := s.Matcher()
	if from != nil {
		q.Start = *from
	}
	if !restorable {
		q.Keep = matches
	}
	page, err := f.store.Page(ctx, q)
	if err != nil {
		return nil, nil, fmt.Errorf("find the recordings of a person: %w", err)
	}
	found = page.Recordings
	for i := range page.Tombstones {
		if r := page.Tombstones[i].Recording; r != nil && matches(r) {
			found = append(found, *r)
		}
	}
	return found, page.Next, nil
}

// itemOf returns the item of a recording.
func itemOf(r *recording.Recording, restorable bool) job.Item {
	return job.Item{ID: r.ID, Created: r.Created, Bytes: r.Audio.ManagedBytes(), Deleted: restorable}
}

// searchAgain searches again and counts the recordings that are not in the plan, for one
// slice. Plan and search have the same order, so both are read once. If the time of
// creation of a recording was corrected since, it counts as new.
func (f *finder) searchAgain(ctx context.Context, t *job.Task, p *place, subject Subject) (done bool, err error) {
	planned := planReader{t: t, chunk: p.Chunk}
	for {
		found, next, err := f.page(ctx, t.Job.Account, subject, false, p.Position)
		if err != nil {
			return false, err
		}
		for i := range found {
			known, err := planned.has(ctx, &found[i])
			if err != nil {
				return false, err
			}
			if known {
				continue
			}
			p.Later.Add(found[i].Audio.ManagedBytes())
			if len(p.LaterIDs) < maxLater {
				p.LaterIDs = append(p.LaterIDs, found[i].ID)
			}
		}
		p.Position, p.Chunk = next, planned.chunk
		if next == nil {
			return true, nil
		}
		if err := t.SaveAt(ctx, p); err != nil || t.Spent() {
			return false, err
		}
	}
}

// planReader reads the live recordings of a plan in their order.
type planReader struct {
	t      *job.Task
	chunk  int
	loaded bool
	items  []job.Item
	at     int
}

// has reports whether a recording is in the plan. Calls must be in the plan's order.
func (p *planReader) has(ctx context.Context, r *recording.Recording) (bool, error) {
	for {
		if !p.loaded || p.at == len(p.items) {
			if p.loaded {
				p.chunk++
			}
			if p.chunk >= p.t.Job.Chunks {
				p.loaded, p.items, p.at = false, nil, 0
				return false, nil
			}
			var err error
			if p.items, err = p.t.Planned(ctx, p.chunk); err != nil {
				return false, err
			}
			p.loaded, p.at = true, 0
			continue
		}
		item := p.items[p.at]
		switch {
		case item.Deleted: // these are at the end
			return false, nil
		case item.Created == r.Created && item.ID == r.ID:
			return true, nil
		case item.Created > r.Created, item.Created == r.Created && item.ID > r.ID:
			return false, nil
		}
		p.at++
	}
}
