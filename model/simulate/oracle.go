package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// keep is a rule of a policy, as the oracle knows it: recordings with that tag and owner
// are kept for that many days. "" matches all; 0 days are for good.
type keep struct {
	days       int
	tag, owner string
}

// stage is the stage of a recording, as the oracle knows it.
type stage int

const (
	alive stage = iota
	deleted
	gone
)

// truth is a recording as the oracle knows it.
type truth struct {
	account, id string
	created     recording.Seconds
	owner, tag  string
	stage       stage
	// ready is true once its audio was stored and ingested, under key.
	ready bool
	key   string
	// waits is when the audio was uploaded, or when the recording came back since. late is
	// true if the upload was late, so that it may come after the purge.
	waits time.Time
	late  bool
	// until is when a deleted recording can no longer be restored.
	until recording.Seconds
	// mayGo is true if the recording could have been removed rightly since the last change
	// of policies and holds; since is when that began, or when its purge should have begun.
	mayGo bool
	since recording.Seconds
}

// legal is a hold as the oracle knows it.
type legal struct {
	account, id      string
	recording, owner string
}

// oracle knows what must be there.
type oracle struct {
	truths   map[string]*truth
	order    []*truth
	settings map[string]settings // by account
	parents  map[string]string   // by account, "" at the top
	holds    []legal
}

// days returns how many days a recording is kept; 0 is for good.
func (o *oracle) days(t *truth) int {
	var rules []keep
	most, least := 0, 0
	for at := t.account; at != ""; at = o.parents[at] {
		s := o.settings[at]
		if rules == nil {
			rules = s.rules
		}
		if s.Max > 0 && (most == 0 || s.Max < most) {
			most = s.Max
		}
		least = max(least, s.Min)
	}
	days := 0
	for _, r := range rules {
		if (r.tag == "" || r.tag == t.tag) && (r.owner == "" || r.owner == t.owner) {
			days = r.days
			break
		}
	}
	if most > 0 && (days == 0 || days > most) {
		days = most
	}
	if days > 0 && days < least {
		days = least
	}
	return days
}

func (o *oracle) held(t *truth) bool {
	return slices.ContainsFunc(o.holds, func(h legal) bool {
		return h.account == t.account && (h.recording == "" || h.recording == t.id) && (h.owner == "" || h.owner == t.owner)
	})
}

// removable reports whether a recording may be removed at the true time now.
func (o *oracle) removable(t *truth, now recording.Seconds) bool {
	const day = 24 * 60 * 60
	switch {
	case o.held(t):
		return false
	case t.stage == deleted && t.until <= now:
		return true
	}
	days := o.days(t)
	return days > 0 && t.created+recording.Seconds(days*day) <= now
}

// judge notes which recordings may be removed from now on.
func (o *oracle) judge(now recording.Seconds) {
	for _, t := range o.order {
		switch {
		case t.stage == gone:
		case o.removable(t, now):
			t.mayGo = true
			if t.since == 0 {
				t.since = now
			}
		default:
			t.since = 0
		}
	}
}

// revoke unmarks the recordings that may no longer be removed after a change of policies or holds.
// Before that it observes each of them, because a removal was permitted until now.
func (w *world) revoke(ctx context.Context) error {
	for _, t := range w.order {
		if !t.mayGo || t.stage == gone || w.removable(t, w.seconds()) {
			continue
		}
		if err := w.observe(ctx, t); err != nil {
			return err
		}
		t.mayGo = false
	}
	return nil
}

// observe compares one recording with the store. An error is a violation.
func (w *world) observe(ctx context.Context, t *truth) error {
	found, err := w.raw.Find(ctx, t.account, []string{t.id})
	if err != nil {
		return err
	}
	return w.compare(t, found[t.id])
}

// lateRuns is the number of hourly runs after which due recordings must be gone, if the service is
// not always on: ten hours after a disturbance that lasts as long as eight runs, and some more,
// because the first run after a pause observes nothing.
const lateRuns = 24

// late reports whether a time is longer ago than a removal may take: 24 hours, or lateRuns runs.
func (w *world) late(since recording.Seconds) bool {
	if w.Hours != 0 {
		return len(w.runs) == lateRuns && since < w.runs[0]
	}
	return w.seconds()-since > 24*60*60
}

func (w *world) compare(t *truth, f store.Found) error {
	restorable := f.Tombstone != nil && f.Tombstone.Until > 0 && !f.Tombstone.PurgePending
	overdue := t.since != 0 && w.late(t.since)
	switch {
	case t.stage == gone && f.Recording != nil:
		return t.violation("is back")
	case t.stage == alive && f.Recording != nil, t.stage == deleted && restorable:
		if overdue {
			return t.violation("is kept more than 24 hours too long")
		}
		return nil
	case t.stage == deleted && f.Recording != nil:
		return t.violation("came back without a restore")
	case t.stage != gone && !t.mayGo:
		return t.violation(fmt.Sprintf("is gone too early (stage %d, found %+v)", t.stage, f.Tombstone))
	case t.stage != gone:
		if t.stage == alive {
			w.Expired++
		}
		t.stage, t.since = gone, w.seconds()
	}
	if f.Tombstone == nil {
		return t.violation("has no tombstone")
	}
	if f.Tombstone.PurgePending && w.late(t.since) {
		return t.violation("waits more than 24 hours for its purge")
	}
	return nil
}

func (t *truth) violation(what string) error {
	return fmt.Errorf("%s/%s, created %v, kept by tag %q: %s", t.account, t.id, t.created.Time(), t.tag, what)
}

// check compares recordings with the store: all of them, or those that were written, or
// should be.
func (w *world) check(ctx context.Context, all bool) error {
	byAccount := map[string][]*truth{}
	for _, t := range w.order {
		if all || t.since != 0 || w.rows.rows[t.account+"/"+t.id] {
			byAccount[t.account] = append(byAccount[t.account], t)
		}
	}
	clear(w.rows.rows)
	for account, all := range byAccount {
		for some := range slices.Chunk(all, store.MaxFind) {
			ids := make([]string, len(some))
			for i, t := range some {
				ids[i] = t.id
			}
			found, err := w.raw.Find(ctx, account, ids)
			if err != nil {
				return err
			}
			for _, t := range some {
				if err := w.compare(t, found[t.id]); err != nil {
					return err
				}
				if err := w.finish(ctx, t, found[t.id]); err != nil {
					return err
				}
			}
		}
	}
	w.order = slices.DeleteFunc(w.order, func(t *truth) bool { return w.truths[t.account+"/"+t.id] == nil })
	return nil
}

// finish forgets a recording that was purged, after a look at its audio.
func (w *world) finish(ctx context.Context, t *truth, f store.Found) error {
	if t.stage != gone || f.Tombstone == nil || f.Tombstone.PurgePending {
		return nil
	}
	if t.key != "" && !t.late {
		switch _, err := w.plain.Stat(ctx, t.key); {
		case err == nil:
			return t.violation("is purged, but its audio is there")
		case !errors.Is(err, media.ErrNotFound):
			return err
		}
	}
	w.Purged++
	if w.ghosts = append(w.ghosts, t); len(w.ghosts) > 50 {
		w.ghosts = w.ghosts[1:]
	}
	delete(w.truths, t.account+"/"+t.id)
	return nil
}
