package retention

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// View is a Watched in which expired recordings do not exist, unless they are on hold. It
// sets the Kept of the others. Clients read and change recordings through a View, so an
// expired recording is gone for them at once, even if the sweep removes it hours later.
//
// Policies and holds are read at the same time as the recordings, and cached for 10 s. A
// page may be shorter than its limit, because expired recordings are left out after it was
// read.
type View struct{ Watched }

// NewView returns s as a View.
func NewView(s Driver, rules *Rules) View { return View{Watch(s, rules)} }

// Get implements [store.Reader].
func (v View) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	wait := v.begin(ctx, account)
	r, err := v.Driver.Get(ctx, account, id)
	applied, failed := wait()
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	case !applied.Keeps(r, v.seconds()):
		return nil, store.ErrNotFound
	}
	return r, nil
}

// Page implements [store.Reader].
func (v View) Page(ctx context.Context, q store.Query) (store.Page, error) {
	wait := v.begin(ctx, q.Account)
	page, err := v.Driver.Page(ctx, q)
	applied, failed := wait()
	switch {
	case err != nil:
		return page, err
	case failed != nil:
		return store.Page{}, failed
	case applied.idle():
		return page, nil
	}
	now, kept := v.seconds(), page.Recordings[:0]
	for i := range page.Recordings {
		if applied.Keeps(&page.Recordings[i], now) {
			kept = append(kept, page.Recordings[i])
		}
	}
	page.Recordings = kept
	page.Tombstones = slices.DeleteFunc(page.Tombstones, func(t store.Tombstone) bool {
		return t.Recording != nil && !applied.Keeps(t.Recording, now)
	})
	return page, nil
}

// Find implements [store.Finder]. It leaves out expired recordings. The tombstone of a
// deleted one that has expired meanwhile has no Recording.
func (v View) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	wait := v.begin(ctx, account)
	found, err := v.Driver.Find(ctx, account, ids)
	applied, failed := wait()
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	for id, f := range found {
		switch {
		case f.Recording != nil && !applied.Keeps(f.Recording, v.seconds()):
			delete(found, id)
		case f.Tombstone != nil && f.Tombstone.Recording != nil && !applied.Keeps(f.Tombstone.Recording, v.seconds()):
			f.Tombstone.Recording = nil
		}
	}
	return found, nil
}

// errOutlives ends an attempt at a deletion that would leave the recording restorable for
// longer than it is kept.
var errOutlives = errors.New("the time for a restore ends with the recording")

// Delete implements [store.Writer]. A recording that expires before d.Until can be restored
// only until it expires: a deletion must not keep it for longer. Then the result has a
// Removal with that time.
func (v View) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	applied, err := v.rules.Of(ctx, account)
	if err != nil {
		return nil, err
	}
	check := d.Check
	var expires recording.Seconds
	d.Check = func(r *recording.Recording) error {
		if !applied.Keeps(r, v.seconds()) {
			return store.ErrNotFound
		}
		kept := r.Kept
		r.Kept = nil
		if kept != nil && kept.Expires != 0 && len(kept.Holds) == 0 && kept.Expires < d.Until {
			expires = kept.Expires
			return errOutlives
		}
		if check == nil {
			return nil
		}
		return check(r)
	}
	r, err := v.Watched.Delete(ctx, account, id, d)
	for errors.Is(err, errOutlives) {
		d.Until = expires
		r, err = v.Watched.Delete(ctx, account, id, d)
	}
	if err == nil && expires != 0 {
		r.Removal = &recording.Removal{Until: d.Until}
	}
	return r, err
}

// Restore implements [store.Restorer]. A deleted recording that has expired meanwhile
// cannot be restored: store.ErrPurging.
func (v View) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	applied, err := v.rules.Of(ctx, account)
	if err != nil {
		return nil, err
	}
	r, err := v.Watched.Restore(ctx, account, id, func(t *store.Tombstone) error {
		if t.Recording != nil && !applied.Keeps(t.Recording, v.seconds()) {
			return fmt.Errorf("%w: it has expired", store.ErrPurging)
		}
		return check(t)
	})
	if err == nil {
		applied.Keeps(r, v.seconds())
	}
	return r, err
}

// ErrWouldExpire means that other tags would make a recording expire at once. A user with the
// right to tag may lack the right to delete, so a change of tags deletes nothing.
var ErrWouldExpire = errors.New("with these tags the recording would expire at once")

// keepsTagged returns ErrWouldExpire if a change of tags makes a recording expire at once. Other
// changes that do so are facts about the call, such as the duration of audio that arrives.
// Holds do not matter: the recording would expire as they end.
func (a *Applied) keepsTagged(before, after *recording.Recording, now recording.Seconds) error {
	if tagsOf(before) != tagsOf(after) && !a.Expired(before, now) && a.Expired(after, now) {
		return ErrWouldExpire
	}
	return nil
}

// Update implements [store.Writer]. Errors: also ErrWouldExpire.
func (v View) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	applied, err := v.rules.Of(ctx, account)
	if err != nil {
		return nil, err
	}
	r, err := v.Watched.Update(ctx, account, id, func(r *recording.Recording) error {
		if !applied.Keeps(r, v.seconds()) {
			return store.ErrNotFound
		}
		r.Kept = nil
		before := *r
		if err := change(r); err != nil {
			return err
		}
		return applied.keepsTagged(&before, r, v.seconds())
	})
	if err == nil {
		applied.Keeps(r, v.seconds())
	}
	return r, err
}

// Applied returns the policy and the holds of an account, at most 10 seconds old.
// Errors: store.ErrUnavailable.
func (v View) Applied(ctx context.Context, account string) (*Applied, error) {
	return v.rules.Of(ctx, account)
}

func (v View) seconds() recording.Seconds { return recording.SecondsOf(v.rules.now()) }

// begin begins to read what applies to an account. wait returns it.
func (v View) begin(ctx context.Context, account string) (wait func() (*Applied, error)) {
	if found := v.rules.get(account, v.rules.now()); found != nil {
		return func() (*Applied, error) { return found, nil }
	}
	var entry requestlog.Entry // the request's entry is in use
	var applied *Applied
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		applied, err = v.rules.Of(requestlog.With(ctx, &entry), account)
	}()
	return func() (*Applied, error) {
		<-done
		log := requestlog.From(ctx)
		log.Calls += entry.Calls
		log.ReadUnits += entry.ReadUnits
		return applied, err
	}
}
