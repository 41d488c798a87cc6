package bulk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Store is the part of a driver that the actions need to find recordings.
type Store interface {
	store.Finder
	store.EntryReader
}

// place is where an action continues. It is the cursor of the job.
type place struct {
	archive.Place

	// Position is where planning continues; nil at the beginning.
	Position *store.Position `json:"position,omitempty"`
	// Since is when the latest checkpoint was saved.
	Since recording.Seconds `json:"since,omitempty"`
}

// load decodes the place of a job.
func load(j *job.Job) (*place, error) {
	p := &place{}
	return p, j.Continue(p)
}

// save is a checkpoint at p.
func save(ctx context.Context, t *job.Task, p *place) error {
	p.Since = t.Now()
	return t.SaveAt(ctx, p)
}

// planner makes plans.
type planner struct {
	store  Store
	choose Select
	// holds is true if recordings on hold are marked in the plan.
	holds bool
}

// Plan implements the method of [job.Action].
func (p *planner) Plan(ctx context.Context, t *job.Task) (done bool, err error) {
	params, err := paramsOf(t.Job)
	if err != nil {
		return false, err
	}
	s, err := p.choose(ctx, t.Job.Account, params, t.Job.Created)
	if err != nil {
		return false, fmt.Errorf("read the filter of a job: %w", err)
	}
	var held hold.Set
	if p.holds {
		if held, err = hold.Read(ctx, p.store, t.Job.Account); err != nil {
			return false, err
		}
	}
	if len(params.IDs) > 0 {
		found, err := p.named(ctx, t.Job.Account, params.IDs, s)
		if err != nil {
			return false, err
		}
		return true, t.AddPlan(itemsOf(found, held))
	}
	return p.pages(ctx, t, s, held)
}

// pages adds the pages of a selection to the plan, for one slice.
func (p *planner) pages(ctx context.Context, t *job.Task, s Selection, held hold.Set) (done bool, err error) {
	at, err := load(t.Job)
	if err != nil {
		return false, err
	}
	for {
		found, next, err := s.Page(ctx, at.Position)
		if err != nil {
			return false, fmt.Errorf("find the recordings of a job: %w", err)
		}
		if err := t.AddPlan(itemsOf(found, held)); err != nil {
			return false, err
		}
		if at.Position = next; next == nil {
			return true, nil
		}
		if err := save(ctx, t, at); err != nil || t.Spent() {
			return false, err
		}
	}
}

// named returns the recordings with the IDs that match, in the order of their creation.
func (p *planner) named(ctx context.Context, account string, ids []string, s Selection) ([]recording.Recording, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var all []recording.Recording
	for some := range slices.Chunk(slices.Compact(ids), store.MaxFind) {
		found, err := p.store.Find(ctx, account, some)
		if err != nil {
			return nil, fmt.Errorf("find the recordings of a job: %w", err)
		}
		for _, id := range some {
			if r := found[id].Recording; r != nil && s.Match(r) {
				all = append(all, *r)
			}
		}
	}
	slices.SortFunc(all, func(a, b recording.Recording) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.ID, b.ID))
	})
	return all, nil
}

// itemsOf returns the items of a plan.
func itemsOf(found []recording.Recording, held hold.Set) []job.Item {
	items := make([]job.Item, len(found))
	for i := range found {
		r := &found[i]
		items[i] = job.Item{ID: r.ID, Created: r.Created, Bytes: r.Audio.ManagedBytes(), Revision: r.Revision}
		if holds := held.Covering(r); len(holds) > 0 {
			items[i].Outcome, items[i].Holds = job.Held, hold.IDs(holds)
		}
	}
	return items
}

// still reports whether a recording belongs to the job: it is as it was planned, or matches.
func still(item *job.Item, r *recording.Recording, s Selection) bool {
	return item.Revision != "" && item.Revision == r.Revision || s.Match(r)
}
