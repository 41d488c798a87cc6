package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var (
	owners = []string{"ann", "bob", "cem"}
	tags   = []string{"", "sale", "complaint"}
	terms  = []int{1, 7, 30, 90, 365, 2000}
)

func pick[T any](w *world, all []T) T { return all[w.rnd.IntN(len(all))] }

// attempt runs a request. Its process may die at any call, and interrupt, if not nil, may
// run in the middle. Then the client mostly retries. gaveUp is true if it does not.
func (w *world) attempt(part string, interrupt func(), request func(a application) error) (gaveUp bool, err error) {
	w.mayDie(part, 3)
	if interrupt != nil {
		w.kill.at, w.kill.interrupt = w.point(), interrupt
	}
	err = request(w.app)
	dead := w.kill.dead
	w.kill.reset()
	switch {
	case !dead:
		return false, err
	case w.rnd.IntN(4) == 0:
		return true, nil
	}
	return false, request(w.app)
}

// mayDie begins a process, which dies in one of n cases, at any of its calls.
func (w *world) mayDie(part string, n int) {
	w.kill.reset()
	w.kill.part = part
	if w.rnd.IntN(n) == 0 {
		w.kill.last, w.kill.after = w.point(), w.rnd.IntN(2) == 0
	}
}

// point returns the number of a call that a process like the present one may make. A few
// calls are much more frequent than many, so mostly it is among the first ones.
func (w *world) point() int {
	if w.rnd.IntN(4) > 0 {
		return 1 + w.rnd.IntN(12)
	}
	return 1 + w.rnd.IntN(max(12, w.kill.longest[w.kill.part]+1))
}

// act lets a user do something.
func (w *world) act(ctx context.Context) error {
	switch n := w.rnd.IntN(1008); {
	case n < 450:
		return w.create(ctx)
	case n < 600:
		return w.importOld(ctx)
	case n < 700:
		return w.tag(ctx)
	case n < 830:
		return w.removeAny(ctx, false)
	case n < 840:
		return w.removeAny(ctx, true)
	case n < 975:
		return w.restore(ctx)
	case n < 980:
		return w.changePolicy(ctx, w.app)
	case n < 984:
		return w.move(ctx, w.app)
	case n < 988:
		return w.pause(ctx)
	}
	return w.changeHolds(ctx, w.app)
}

// any returns a recording in that stage, or nil.
func (w *world) any(s stage) *truth {
	for range 20 {
		if len(w.order) == 0 {
			return nil
		}
		if t := pick(w, w.order); t.stage == s {
			return t
		}
	}
	return nil
}

// tag gives a recording another tag. Another rule may match it then.
func (w *world) tag(ctx context.Context) error {
	t := w.any(alive)
	if t == nil {
		return nil
	}
	before, to := t.tag, pick(w, tags[1:])
	body := fmt.Sprintf(`{"user_metadata":{"tags":{%q:true}}}`, to)
	if before != "" && before != to {
		body = fmt.Sprintf(`{"user_metadata":{"tags":{%q:null,%q:true}}}`, before, to)
	}
	patch, err := recording.ParsePatch([]byte(body))
	if err != nil {
		return err
	}
	gaveUp, err := w.attempt("tag", nil, func(a application) error {
		_, err := a.store.Update(ctx, t.account, t.id, func(r *recording.Recording) (err error) {
			r.Document, err = patch.Apply(r.Document)
			return err
		})
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return w.observe(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("tag: %w", err)
	}
	if gaveUp {
		r, err := w.raw.Get(ctx, t.account, t.id)
		if err != nil {
			return ignoreGone(err)
		}
		if _, took := r.Document.Raw("user_metadata", "tags", to); !took {
			return nil
		}
	}
	w.Tagged++
	t.tag = to
	return w.revoke(ctx)
}

func ignoreGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// removeAny deletes or erases a recording.
func (w *world) removeAny(ctx context.Context, erase bool) error {
	t := w.any(alive)
	if w.AudioFirst && (t == nil || !t.ready || w.held(t)) {
		return nil
	}
	if erase && w.rnd.IntN(2) == 0 {
		t = w.any(deleted)
	}
	if t == nil {
		return nil
	}
	return w.remove(ctx, t, erase)
}

// remove deletes a recording, or erases it at once. A hold must prevent it.
func (w *world) remove(ctx context.Context, t *truth, erase bool) error {
	var failed error
	missing := false // it has expired for clients
	gaveUp, err := w.attempt("delete", w.holdMeanwhile(ctx, t, &failed), func(a application) error {
		var err error
		if w.AudioFirst {
			if err = a.bucket.Remove(ctx, t.key); err != nil {
				return err
			}
		}
		if erase {
			_, err = a.deleter.Erase(ctx, t.account, t.id, deletion.Request{By: "admin"})
		} else {
			_, err = a.requests.Delete(ctx, t.account, t.id, deletion.Request{By: "admin"})
		}
		if err == nil {
			_ = purge.Pending(ctx, a.store, a.bucket, t.account, t.id) // the background work finishes it
		}
		missing = errors.Is(err, store.ErrNotFound)
		return ignoreGone(err)
	})
	var heldBack *hold.HeldError
	switch {
	case failed != nil:
		return failed
	case errors.As(err, &heldBack) != w.held(t) && !gaveUp && !missing:
		return t.violation(fmt.Sprintf("on hold %v, but its deletion was answered with %v", w.held(t), err))
	case heldBack != nil:
		return w.observe(ctx, t)
	case err != nil:
		return fmt.Errorf("delete: %w", err)
	}
	return w.removed(ctx, t)
}

// removed notes the outcome of a deletion.
func (w *world) removed(ctx context.Context, t *truth) error {
	found, err := w.raw.Find(ctx, t.account, []string{t.id})
	if err != nil {
		return err
	}
	f := found[t.id]
	switch {
	case f.Tombstone == nil, t.stage == deleted && f.Tombstone.Until > 0: // the request died before it took effect
		return nil
	case w.held(t):
		return t.violation("was deleted although it is on hold")
	case f.Tombstone.Until > 0 && t.stage == alive:
		w.Deleted++
		t.stage, t.until, t.mayGo, t.since = deleted, f.Tombstone.Until, false, 0
	case f.Tombstone.Until == 0 && t.stage != gone:
		w.Erased++
		t.stage, t.since = gone, w.seconds()
	}
	return nil
}

// restore brings a deleted recording back. It must succeed in time and fail afterwards.
func (w *world) restore(ctx context.Context) error {
	t := w.any(deleted)
	if t == nil || w.skew != 0 {
		return nil
	}
	gaveUp, err := w.attempt("restore", nil, func(a application) error {
		_, err := a.requests.Restore(ctx, t.account, t.id, deletion.Request{By: "admin"})
		if errors.Is(err, store.ErrExists) {
			return nil
		}
		return err
	})
	late := t.until <= w.seconds() || w.removable(t, w.seconds())
	switch {
	case gaveUp:
	case late && errors.Is(err, store.ErrPurging):
		return nil
	case late || err != nil:
		return t.violation(fmt.Sprintf("its restore, late %v, was answered with %v", late, err))
	}
	r, err := w.raw.Get(ctx, t.account, t.id)
	if err != nil {
		return ignoreGone(err)
	}
	// An ingest that died after its last call may have completed the recording before the deletion.
	t.ready = t.ready || r.Audio.Place == recording.Managed
	w.Restored++
	t.stage, t.until, t.mayGo, t.since, t.waits = alive, 0, false, 0, w.now
	return nil
}

// holdMeanwhile places a hold on a recording while it is being deleted, unless that is too
// late. It does so rarely.
func (w *world) holdMeanwhile(ctx context.Context, t *truth, failed *error) func() {
	if w.rnd.IntN(16) > 0 || w.AudioFirst {
		return nil
	}
	stage := t.stage
	return func() {
		found, err := w.raw.Find(ctx, t.account, []string{t.id})
		f := found[t.id]
		switch {
		case err != nil:
			*failed = err
		case stage == alive && f.Recording != nil, stage == deleted && f.Tombstone != nil && f.Tombstone.Until > 0:
			*failed = w.place(ctx, w.aside, legal{account: t.account, recording: t.id})
			w.Meanwhile++
		}
	}
}

// insist repeats a request until it was not interrupted.
func (w *world) insist(part string, request func(application) error, a application) error {
	if a.store.Driver == w.aside.store.Driver {
		return request(a)
	}
	for {
		if gaveUp, err := w.attempt(part, nil, request); !gaveUp {
			return err
		}
	}
}

// changed updates the oracle after a change of policies or holds.
func (w *world) changed(ctx context.Context) error {
	if err := w.revoke(ctx); err != nil {
		return err
	}
	w.judge(w.seconds())
	return nil
}

// changeHolds places or releases a hold.
func (w *world) changeHolds(ctx context.Context, a application) error {
	if len(w.holds) > 0 && w.rnd.IntN(10) < 4+len(w.holds) {
		return w.releaseHold(ctx, a)
	}
	l := legal{account: pick(w, accounts)}
	switch t := w.any(pick(w, []stage{alive, alive, deleted})); {
	case t == nil || w.rnd.IntN(20) == 0: // the whole account
	case w.rnd.IntN(3) == 0:
		l.account, l.owner = t.account, t.owner
	default:
		l.account, l.recording = t.account, t.id
	}
	return w.place(ctx, a, l)
}

// place places a hold.
func (w *world) place(ctx context.Context, a application, l legal) error {
	h, err := w.book(a).Draft(hold.Hold{Case: fmt.Sprint("case ", w.Holds), Reason: "reason", Scope: hold.Scope{Recording: l.recording, Owner: l.owner}})
	if err != nil {
		return err
	}
	if err := w.insist("hold", func(a application) error { return w.book(a).Place(ctx, l.account, h) }, a); err != nil {
		return fmt.Errorf("place a hold: %w", err)
	}
	l.id = h.ID
	w.Holds++
	w.holds = append(w.holds, l)
	return w.changed(ctx)
}

func (w *world) book(a application) *hold.Book { return hold.NewBook(a.store, w.clock, w.bytes, false) }

func (w *world) releaseHold(ctx context.Context, a application) error {
	i := w.rnd.IntN(len(w.holds))
	l := w.holds[i]
	err := w.insist("release", func(a application) error {
		_, err := w.book(a).Release(ctx, l.account, l.id, hold.Release{Reason: "over"})
		return err
	}, a)
	if err != nil {
		return fmt.Errorf("release a hold: %w", err)
	}
	w.Releases++
	w.holds = slices.Delete(w.holds, i, i+1)
	return w.changed(ctx)
}
