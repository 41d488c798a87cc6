package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

const (
	// redoAfter is when a new policy is swept once more. Those who write recordings cache
	// what applies for 10 s; until then they may have left no notes.
	redoAfter = 2 * 60
	// noteAge is how old a note must be before the sweep follows it. The recording is
	// written after its note, by a request or a function of at most 15 minutes.
	noteAge = 20 * 60
	// pageSize and pageBytes bound one read of the index.
	pageSize  = 500
	pageBytes = 1 << 20
)

// bookmarks are the state of the sweep for an account.
type bookmarks struct {
	// Version is that of what applied when Places began. It has to be more than a fingerprint: while
	// nothing limits the account, a recording may appear behind Places without a note.
	Version string `json:"version"`
	// Places has, for each number of days, how far the index was examined.
	Places map[string]store.Position `json:"places"`
	// Redo is when Places are emptied once more, in Gregorian seconds; 0 for never.
	Redo recording.Seconds `json:"redo,omitempty"`
	// Held is when the oldest expired recording on hold was created, 0 without one. Holds
	// is the revision of the holds that the last sweep saw; "" makes the next one look at
	// recordings on hold again. Once Held is stored, a recording on hold needs no note: when the
	// holds change, the sweep examines the index from Held on.
	Held  recording.Seconds `json:"held,omitempty"`
	Holds string            `json:"holds,omitempty"`
	// Deleted is the look at deleted recordings that can still be restored.
	Deleted deletedLook `json:"deleted"`
}

// accountSweep sweeps one account.
type accountSweep struct {
	*Sweeper
	account string
	now     recording.Seconds
	began   time.Time
	limit   time.Duration

	applied  *retention.Applied
	marks    bookmarks
	revision string
	loaded   []byte            // the entry as it is stored
	held     recording.Seconds // marks.Held as it is stored
	removed  int
	// failed has what failed alone and was passed, by account and name. failures counts them.
	failed   map[string]error
	failures int
	// announced are the recordings that the audit trail names as removed, and that are not
	// removed yet.
	announced []string
}

// over reports whether the turn is over.
func (a *accountSweep) over(ctx context.Context) bool {
	return ctx.Err() != nil || a.Now().Sub(a.began) >= a.limit
}

// run sweeps until nothing is left or the turn is over, and stores how far it got.
// Errors: store.ErrConflict if another sweeper does the same.
func (a *accountSweep) run(ctx context.Context) (done bool, err error) {
	if a.applied, err = (retention.Book{Entries: a.Entries}).Applied(ctx, a.account); err != nil {
		return false, err
	}
	if err := a.load(ctx); err != nil {
		return false, err
	}
	if !a.applied.Limits() {
		if done, err = a.follow(ctx); err != nil || !done {
			return done, err
		}
		return true, a.forget(ctx)
	}
	a.renew()
	done, err = steps(ctx, a.advanceAll, a.follow, a.lookAtDeleted)
	return done, errors.Join(err, a.save(context.WithoutCancel(ctx)))
}

// steps takes one step after the other, until one fails or is not done because the turn is over.
func steps(ctx context.Context, all ...func(context.Context) (bool, error)) (done bool, err error) {
	for _, step := range all {
		if done, err = step(ctx); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// advanceAll examines the index for each number of days in the policy.
func (a *accountSweep) advanceAll(ctx context.Context) (done bool, err error) {
	for _, days := range a.applied.Days() {
		if done, err = a.advance(ctx, days); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

func (a *accountSweep) key() store.EntryKey {
	return store.EntryKey{Partition: retention.StateOf(a.account), Key: "bookmarks"}
}

// load reads the bookmarks.
func (a *accountSweep) load(ctx context.Context) error {
	found, err := a.Entries.Entries(ctx, a.key())
	if err != nil || len(found) == 0 {
		return err
	}
	a.revision, a.loaded = found[0].Revision, found[0].Value
	err = decode(found[0].Value, &a.marks)
	a.held = a.marks.Held
	return err
}

// renew moves the bookmarks back if the policy, the account's place or the holds have changed,
// even if they are the same again.
func (a *accountSweep) renew() {
	m := &a.marks
	switch version := a.applied.Version(); {
	case m.Version != version:
		*m = bookmarks{Version: version, Redo: a.now + redoAfter, Deleted: deletedLook{Due: a.now}}
	case m.Redo != 0 && m.Redo <= a.now:
		*m = bookmarks{Version: version, Deleted: deletedLook{Due: a.now}}
	}
	if m.Places == nil {
		m.Places = map[string]store.Position{}
	}
	a.setBack()
	holds := a.applied.Holds.Guard().Revision
	if m.Held != 0 && m.Holds != holds {
		for days, place := range m.Places {
			if place.Created >= m.Held {
				m.Places[days] = store.Position{Created: m.Held}
			}
		}
		m.Held = 0
	}
	if m.Holds != holds {
		m.Deleted = deletedLook{Due: a.now}
	}
	m.Holds = holds
}

// setBack moves bookmarks back to where the clock allows them to be. If the clock was set
// back, recordings are created behind them, and notes are followed too early for them.
func (a *accountSweep) setBack() {
	for name, place := range a.marks.Places {
		days, err := strconv.Atoi(name)
		if limit := a.now - recording.Seconds(days*recording.Day); err == nil && place.Created > limit {
			a.marks.Places[name] = store.Position{Created: max(0, limit)}
		}
	}
}

// advance examines the index up to the recordings that are that many days old.
func (a *accountSweep) advance(ctx context.Context, days int) (done bool, err error) {
	name := strconv.Itoa(days)
	q := store.Query{
		Account: a.account, Ascending: true, To: a.now - recording.Seconds(days*recording.Day), Limit: pageSize, MaxBytes: pageBytes,
	}
	if q.To <= 0 {
		return true, nil
	}
	for {
		if a.over(ctx) {
			return false, nil
		}
		q.Start = a.marks.Places[name]
		page, err := a.Recordings.Page(ctx, q)
		if err != nil {
			return false, fmt.Errorf("read the oldest recordings: %w", err)
		}
		for some := range slices.Chunk(page.Recordings, audit.MaxRecordings) {
			n, err := a.examineAll(ctx, some)
			if n > 0 {
				a.marks.Places[name] = store.After(&some[n-1])
			}
			if err != nil || n < len(some) {
				return false, err
			}
		}
		if page.Next == nil {
			return true, nil
		}
		a.marks.Places[name] = *page.Next
	}
}

// examine removes r if it has expired.
func (a *accountSweep) examine(ctx context.Context, r *recording.Recording) error {
	if !a.applied.Expired(r, a.now) {
		return nil
	}
	if len(a.applied.Holds.Covering(r)) > 0 {
		a.keepHeld(r)
		return nil
	}
	err := a.Remove.Expire(ctx, r.Account, r.ID, a.now)
	a.removedOne(r.ID, err)
	var held *hold.HeldError
	switch {
	case err == nil:
		a.removed++
	case errors.As(err, &held):
		a.keepHeld(r)
		a.marks.Holds = "" // they have changed since they were read
	case errors.Is(err, ErrNotDue), errors.Is(err, store.ErrNotFound):
	default:
		return fmt.Errorf("remove an expired recording: %w", err)
	}
	return nil
}

// keepHeld remembers an expired recording on hold.
func (a *accountSweep) keepHeld(r *recording.Recording) {
	if a.marks.Held == 0 || r.Created < a.marks.Held {
		a.marks.Held = r.Created
	}
}

// follow looks at the recordings that notes name, and drops the notes that are no longer needed.
// After the look, a recording needs no note: it is gone, or ahead of the bookmarks, or behind Held.
func (a *accountSweep) follow(ctx context.Context) (done bool, err error) {
	q := store.EntryQuery{Partition: retention.StateOf(a.account), Prefix: retention.AgainPrefix, Limit: store.MaxEntries}
	for {
		page, err := a.Entries.PageEntries(ctx, q)
		if err != nil {
			return false, fmt.Errorf("read the notes: %w", err)
		}
		var followed []store.EntryWrite
		over := a.over(ctx)
		for i := 0; i < len(page.Entries) && !over; i++ {
			e := &page.Entries[i]
			ok, err := a.followOne(ctx, e)
			if err != nil {
				if err := a.pass(ctx, e.Key, err); err != nil {
					return false, err
				}
				ok = false // the note stays for the next run
			}
			if ok {
				followed = append(followed, store.EntryWrite{Entry: *e, If: store.IfUnchanged, Delete: true})
			}
			over = a.over(ctx)
		}
		if err := a.saveHeld(ctx); err != nil {
			return false, err
		}
		if err := a.drop(ctx, followed); err != nil || over {
			return false, err
		}
		if q.After = page.Next; q.After == "" {
			return true, nil
		}
	}
}

// drop removes notes. A note that was written again stays for the next run.
func (a *accountSweep) drop(ctx context.Context, notes []store.EntryWrite) error {
	if len(notes) == 0 {
		return nil
	}
	err := a.Entries.WriteEntries(ctx, notes...)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	if len(notes) == 1 {
		return nil // it was written again
	}
	for i := range notes {
		if err := a.drop(ctx, notes[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// followOne looks at the recording that a note names. It returns false if the note is still
// needed: it is too new, or the turn is over.
func (a *accountSweep) followOne(ctx context.Context, e *store.Entry) (bool, error) {
	var n retention.Note
	if err := decode(e.Value, &n); err != nil {
		return false, err
	}
	switch {
	case n.At > a.now:
		return false, a.setTime(ctx, e, n)
	case n.At > a.now-noteAge:
		return false, nil
	}
	r, err := a.Recordings.Get(ctx, a.account, n.ID)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at a recording again: %w", err)
	}
	examined, err := a.examineAll(ctx, []recording.Recording{*r})
	return examined == 1, err
}

// setTime sets the time of a note to now. A clock that was ahead wrote a time in the future, and
// the sweep would wait until then.
func (a *accountSweep) setTime(ctx context.Context, e *store.Entry, n retention.Note) error {
	n.At = a.now
	value, err := encode(n)
	if err != nil {
		return err
	}
	dated := *e
	dated.Value = value
	err = a.Entries.WriteEntries(ctx, store.EntryWrite{Entry: dated, If: store.IfUnchanged})
	if errors.Is(err, store.ErrConflict) { // it was written again
		return nil
	}
	return err
}

// saveHeld stores the bookmarks if the stored ones do not go back to all recordings on hold.
// Otherwise a run that dies after it has dropped their notes would forget such a recording.
// Errors: store.ErrConflict if another sweeper does the same.
func (a *accountSweep) saveHeld(ctx context.Context) error {
	if a.marks.Held == 0 || a.held != 0 && a.held <= a.marks.Held {
		return nil
	}
	if err := a.save(ctx); err != nil {
		return err
	}
	found, err := a.Entries.Entries(ctx, a.key()) // a later save needs the new revision
	if err != nil {
		return fmt.Errorf("read the bookmarks again: %w", err)
	}
	if len(found) == 0 || !bytes.Equal(found[0].Value, a.loaded) {
		return store.ErrConflict
	}
	a.revision, a.held = found[0].Revision, a.marks.Held
	return nil
}

// save stores the bookmarks, if they have moved.
func (a *accountSweep) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	value, err := encode(a.marks)
	if err != nil || bytes.Equal(value, a.loaded) {
		return err
	}
	w := store.Replace(store.Entry{EntryKey: a.key(), Value: value, Revision: a.revision})
	if err := a.Entries.WriteEntries(ctx, w); err != nil {
		return err
	}
	a.loaded = value
	return nil
}

// forget removes the bookmarks of an account in which nothing expires.
func (a *accountSweep) forget(ctx context.Context) error {
	if a.revision == "" {
		return nil
	}
	w := store.EntryWrite{Entry: store.Entry{EntryKey: a.key(), Revision: a.revision}, If: store.IfUnchanged, Delete: true}
	return a.Entries.WriteEntries(ctx, w)
}
