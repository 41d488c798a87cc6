package retention_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
)

func to(s retention.Settings) func(retention.Settings) (retention.Settings, error) {
	return func(old retention.Settings) (retention.Settings, error) {
		old.Policy = s.Policy
		return old, nil
	}
}

func nothing() error { return nil }

// A policy that would remove recordings is saved only with their number.
func TestChangeNeedsTheNumber(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i, age := range []time.Duration{40 * day, 50 * day, 60 * day} {
		r := f.put("A", fmt.Sprintf("202601-%d", i), age, `{}`)
		_, err := f.store.Update(t.Context(), "A", r.ID, func(r *recording.Recording) error {
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 100}
			return nil
		})
		f.check(err)
	}
	f.put("A", "202601-new", day, `{}`)
	book := hold.NewBook(f.store, f.clock, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "c", Reason: "r", Scope: hold.Scope{Recording: "202601-0"}})
	f.check(err)
	f.check(book.Place(t.Context(), "A", h))
	e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	change := to(rules(retention.Rule{Name: "all", Days: 30}))
	want := retention.Preview{
		Complete: true, Count: 2, Bytes: 200, Held: 1, Accounts: 1,
		Oldest: recording.SecondsOf(start.Add(-60 * day)), Newest: recording.SecondsOf(start.Add(-50 * day)),
	}
	for _, confirmed := range []int{0, 1, 3} {
		_, err := e.Change(t.Context(), "A", confirmed, change, nothing)
		var u *retention.UnconfirmedError
		if !errors.As(err, &u) || u.Preview != want {
			t.Fatalf("Change with %d = %+v, want %+v", confirmed, err, want)
		}
	}
	got, err := e.Preview(t.Context(), "A", change)
	if err != nil || got != want {
		t.Errorf("Preview = %+v, %v, want %+v", got, err, want)
	}
	_, err = e.Change(t.Context(), "A", 2, change, nothing)
	f.check(err)
	// What expires already does not count again, and a longer policy removes nothing.
	_, err = e.Change(t.Context(), "A", 0, to(rules(retention.Rule{Name: "all", Days: 31})), nothing)
	f.check(err)
	// A preview counts for an hour, and only for the settings that it began with.
	f.now = f.now.Add(29*day + day/2)
	got, err = e.Preview(t.Context(), "A", change)
	if err != nil || got.Count != 1 {
		t.Errorf("a later Preview = %+v, %v, want the recording that has come of age", got, err)
	}
}

// A preview counts the accounts below that follow the account, and continues where its
// time was up.
func TestPreviewContinues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tree := access.NewTree(f.store)
	for _, add := range [][2]string{{"top", ""}, {"mid", "top"}, {"own", "top"}, {"low", "mid"}} {
		f.check(tree.Add(t.Context(), add[0], add[1], ""))
		f.put(add[0], "202601-x", 40*day, `{}`)
	}
	f.settings("own", rules())
	ticks := 0
	e := retention.Editor{Entries: f.store, Recordings: f.store, Time: 2, Now: func() time.Time {
		ticks++
		return f.now.Add(time.Duration(ticks))
	}}
	change := to(rules(retention.Rule{Name: "all", Days: 30}))
	calls := 0
	for {
		p, err := e.Preview(t.Context(), "top", change)
		f.check(err)
		if calls++; p.Complete {
			if p.Count != 3 || p.Accounts != 3 {
				t.Errorf("the preview counts %+v, want 3 recordings of 3 accounts", p)
			}
			break
		}
		if calls > 20 {
			t.Fatal("the preview does not end")
		}
	}
	if calls < 2 {
		t.Errorf("the preview ended after %d calls, want more", calls)
	}
}
