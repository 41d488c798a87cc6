package sweep_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
)

// trailed gives the sweeper an audit trail.
func (w *world) trailed() {
	w.Record = audit.NewTrail(w.store, audit.Options{Level: audit.Changes, Now: w.Now, Random: rand.Reader}).Record
}

// trail returns the entries of an account, oldest first, as text.
func (w *world) trail(account, id string) []string {
	w.Helper()
	page, err := audit.NewReader(w.store).Page(w.ctx(), audit.Query{Account: account, Recording: id, Limit: 1000})
	w.check(err)
	var all []string
	for _, e := range slices.Backward(page.Entries) {
		if e.Action != access.Delete || e.Actor != (audit.Actor{Issuer: audit.Retention}) {
			w.Errorf("entry %+v, want one of the retention", e)
		}
		all = append(all, strings.TrimSpace(fmt.Sprint(e.Object, " ", e.Result, " ", e.Recording)))
	}
	return all
}

// One entry names up to a hundred recordings that have expired. That of each recording is in
// its own trail.
func TestRemovalsAreInTheTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trailed()
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(0)
	w.pass(time.Hour, 0)
	for i := range 140 {
		w.put("A", 31+float64(i)/1000)
	}
	w.put("A", 1, 2)
	w.put("B", 50) // it has no policy
	w.run(140)
	if got, want := w.trail("A", ""), []string{"expired/100 done", "expired/40 done"}; !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
	if got, want := w.trail("A", "202601-d31"), []string{"expired/40 done 202601-d31"}; !slices.Equal(got, want) {
		t.Errorf("the trail of one recording has %q, want %q", got, want)
	}
	if got := append(w.trail("A", "202601-d1"), w.trail("B", "")...); got != nil {
		t.Errorf("the trail of what is kept has %q, want nothing", got)
	}
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	w.check(s.Put(w.ctx(), w.rec("A", "note", 60, `{}`))) // behind the bookmarks
	w.pass(time.Hour, 1)
	if got, want := w.trail("A", "202601-note"), []string{"expired/1 done 202601-note"}; !slices.Equal(got, want) {
		t.Errorf("the trail of a recording behind the bookmarks has %q, want %q", got, want)
	}
	report, err := audit.NewReader(w.store).Verify(w.ctx(), "A", w.now.Format(time.DateOnly))
	if err != nil || len(report.Problems) > 0 || report.Entries != 3 {
		t.Errorf("Verify = %+v, %v, want 3 entries without problems", report, err)
	}
}

// Without its entry, no recording is removed. The next run tries again.
func TestNothingIsRemovedWithoutTheTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.put("A", 31, 32)
	broken := errors.New("no trail")
	w.Record = func(context.Context, audit.Entry) error { return broken }
	if n, err := w.Sweeper.Run(w.ctx()); n != 0 || !errors.Is(err, broken) {
		t.Errorf("Run = %d, %v, want %v", n, err, broken)
	}
	w.wantLeft("A", "d32 d31")
	w.trailed()
	w.pass(time.Hour, 2)
	w.wantLeft("A", "")
}

// ticking takes a second for each removal.
type ticking struct {
	sweep.Remover
	w *world
}

func (s ticking) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	s.w.now = s.w.now.Add(time.Second)
	return s.Remover.Expire(ctx, account, id, now)
}

// A turn that ends between two entries announces no removals that only the next turn makes.
func TestTheEndOfATurnIsNotInTheTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trailed()
	w.save("A", retention.Rule{Name: "all", Days: 30})
	for i := range 140 {
		w.put("A", 31+float64(i)/1000)
	}
	w.Remove, w.Turn = ticking{w.Remove, w}, 100*time.Second
	w.run(140)
	if got, want := w.trail("A", ""), []string{"expired/100 done", "expired/40 done"}; !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}

// choosy fails for some recordings.
type choosy struct {
	sweep.Remover
	errs map[string]error
}

func (f choosy) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	if err := f.errs[strings.TrimPrefix(id, "202601-")]; err != nil {
		return err
	}
	return f.Remover.Expire(ctx, account, id, now)
}

func (f choosy) Condemn(ctx context.Context, account, id string, now recording.Seconds) error {
	if err := f.errs[strings.TrimPrefix(id, "202601-")]; err != nil {
		return err
	}
	return f.Remover.Condemn(ctx, account, id, now)
}

// Recordings that were announced and then not removed have a second entry, unless the removal
// may have happened.
func TestRemovalsThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trailed()
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.put("A", 31, 32, 33, 34, 35)
	w.Remove = choosy{w.Remove, map[string]error{
		"d34": sweep.ErrNotDue, "d33": &hold.HeldError{Holds: []hold.Hold{{ID: "h"}}}, "d32": store.ErrUnavailable,
	}}
	if n, err := w.Sweeper.Run(w.ctx()); n != 2 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Run = %d, %v, want 2 and %v", n, err, store.ErrUnavailable)
	}
	want := map[string][]string{
		"":    {"expired/5 done", "expired/2 failed"},
		"d35": {"expired/5 done 202601-d35"},
		"d34": {"expired/5 done 202601-d34", "expired/2 failed 202601-d34"},
		"d33": {"expired/5 done 202601-d33", "expired/2 failed 202601-d33"},
		"d32": {"expired/5 done 202601-d32"}, // its outcome is unknown
		"d31": {"expired/5 done 202601-d31"},
	}
	for name, want := range want {
		id := name
		if id != "" {
			id = "202601-" + id
		}
		if got := w.trail("A", id); !slices.Equal(got, want) {
			t.Errorf("the trail of %q has %q, want %q", id, got, want)
		}
	}
}
