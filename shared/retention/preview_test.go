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
	"github.com/callrecordings/api/shared/store"
)

func to(s retention.Settings) func(retention.Settings) (retention.Settings, error) {
	return func(old retention.Settings) (retention.Settings, error) {
		old.Policy = s.Policy
		return old, nil
	}
}

func nothing() error { return nil }

// A change that meets another one is made again on top of it. The number must still be right then.
func TestChangeMeetsAnother(t *testing.T) {
	t.Parallel()
	bounds := retention.Bounds{Max: 4000}
	for name, c := range map[string]struct {
		other retention.Settings
		saved bool
	}{
		"other bounds": {retention.Settings{Bounds: bounds}, true},
		"a policy by which the recording has expired": {retention.Settings{Policy: rules(retention.Rule{Name: "all", Days: 35}).Policy, Bounds: bounds}, false},
	} {
		f := newFixture(t)
		f.put("A", "202601-a", 40*day, `{}`)
		e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
		records := 0
		record := func() error {
			if records++; records > 1 {
				return nil
			}
			_, revision, err := retention.Book{Entries: f.store}.Own(t.Context(), "A")
			f.check(err)
			return retention.Save(t.Context(), f.store, "A", revision, c.other)
		}
		after, err := e.Change(t.Context(), "A", 1, to(rules(retention.Rule{Name: "new", Days: 30})), record)
		own, _, failed := retention.Book{Entries: f.store}.Own(t.Context(), "A")
		f.check(failed)
		u := (*retention.UnconfirmedError)(nil)
		switch saved := own.Policy != nil && own.Policy.Rules[0].Name == "new"; {
		case own.Bounds != bounds:
			t.Errorf("%s: the other change is lost: %+v", name, own)
		case saved != c.saved:
			t.Errorf("%s: saved %t, want %t: %v", name, saved, c.saved, err)
		case saved && (err != nil || records != 2 || after.Bounds != bounds):
			t.Errorf("%s: %+v, %v after %d records", name, after, err, records)
		case !saved && !errors.As(err, &u):
			t.Errorf("%s: %v, want another number", name, err)
		}
	}
}

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

// An account that gets another place in the tree takes over the policy there. If that would
// remove recordings, of the account or of one below it, their number has to be confirmed.
func TestConfirmPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tree := access.NewTree(f.store)
	for _, add := range [][2]string{{"strict", ""}, {"strictest", "strict"}, {"shop", ""}, {"till", "shop"}, {"own", "shop"}} {
		f.check(tree.Add(t.Context(), add[0], add[1], ""))
	}
	for _, account := range []string{"shop", "till", "own", "alone"} {
		f.put(account, "202601-old", 100*day, `{}`)
		f.put(account, "202601-new", 10*day, `{}`)
	}
	f.settings("strict", rules(retention.Rule{Name: "all others", Days: 90}))
	f.settings("own", rules(retention.Rule{Name: "all", Forever: true}))
	e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	for _, tt := range []struct {
		account, parent string
		confirm         int
		want            int // recordings to confirm; -1 for none
	}{
		{"shop", "strict", 0, 2},
		{"shop", "strictest", 1, 2},
		{"shop", "strictest", 2, -1},
		{"till", "strict", 0, 1},
		{"own", "strict", 0, -1},   // it has a policy of its own
		{"alone", "strict", 0, 1},  // it is not in the tree yet
		{"alone", "shop", 0, -1},   // there is no policy
		{"shop", "", 0, -1},        // nothing changes
		{"strictest", "", 0, -1},   // it has no recordings
		{"strictest", "", 1, 0},    // the number is wrong
		{"empty", "strict", 0, -1}, // an account without anything
	} {
		err := e.ConfirmPlace(t.Context(), tt.account, tt.parent, tt.confirm)
		u := (*retention.UnconfirmedError)(nil)
		switch got := -1; {
		case errors.As(err, &u):
			if got = u.Preview.Count; got != tt.want {
				t.Errorf("%s below %q would remove %d recordings, want %d", tt.account, tt.parent, got, tt.want)
			}
		case err != nil || tt.want != got:
			t.Errorf("%s below %q with %d = %v, want %d recordings to confirm", tt.account, tt.parent, tt.confirm, err, tt.want)
		}
	}
	for parent, want := range map[string]error{"till": access.ErrCycle, "shop": access.ErrCycle, "unknown": access.ErrNoAccount} {
		if err := e.ConfirmPlace(t.Context(), "shop", parent, 0); !errors.Is(err, want) {
			t.Errorf("shop below %s = %v, want %v", parent, err, want)
		}
	}
}

// A policy also applies to deleted recordings that can be restored. Those that it would remove
// have to be confirmed, too.
func TestPreviewCountsRestorable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	now := recording.SecondsOf(f.now)
	for id, age := range map[string]time.Duration{"202601-old": 40 * day, "202601-held": 41 * day, "202601-over": 42 * day, "202601-new": 10 * day} {
		f.put("A", id, age, `{}`)
		until := now + 10*recording.Day
		if id == "202601-over" { // it goes under any policy
			until = now
		}
		_, err := f.store.Delete(t.Context(), "A", id, store.Deletion{Until: until})
		f.check(err)
	}
	f.put("A", "202601-live", 40*day, `{}`)
	book := hold.NewBook(f.store, f.clock, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "c", Reason: "r", Scope: hold.Scope{Recording: "202601-held"}})
	f.check(err)
	f.check(book.Place(t.Context(), "A", h))
	created := now - 40*recording.Day
	want := retention.Preview{Complete: true, Count: 2, Restorable: 1, Oldest: created, Newest: created, Held: 1, Accounts: 1}
	change := to(rules(retention.Rule{Name: "all", Days: 30}))
	whole := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	got, err := whole.Preview(t.Context(), "A", change)
	if err != nil || got != want {
		t.Errorf("Preview = %+v, %v, want %+v", got, err, want)
	}
	_, err = whole.Change(t.Context(), "A", 1, change, nothing)
	if u := (*retention.UnconfirmedError)(nil); !errors.As(err, &u) {
		t.Errorf("Change with the number of the existing ones = %v, want an UnconfirmedError", err)
	}
	// If the time of a preview is up between the two lists, nothing is counted twice.
	ticks := 0
	slow := retention.Editor{Entries: f.store, Recordings: f.store, Time: 3, Now: func() time.Time {
		ticks++
		return f.now.Add(time.Duration(ticks))
	}}
	other := to(rules(retention.Rule{Name: "others", Days: 30}))
	for calls := 0; ; calls++ {
		if got, err = slow.Preview(t.Context(), "A", other); err != nil || calls > 20 {
			t.Fatalf("Preview = %+v, %v after %d calls", got, err, calls)
		}
		if got.Complete {
			break
		}
	}
	if got != want {
		t.Errorf("a preview in steps = %+v, want %+v", got, want)
	}
}

// A finished preview is counted again if something else has changed the effect of the settings.
func TestPreviewOfOtherCircumstances(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fixture, *access.Tree){
		"bounds further up":     func(f *fixture, _ *access.Tree) { f.settings("top", retention.Settings{}) },
		"another account above": func(f *fixture, tree *access.Tree) { f.check(tree.Move(f.Context(), "A", "")) },
		"a member of a group": func(f *fixture, _ *access.Tree) {
			f.check(access.NewDirectory(f.store).AddMembers(f.Context(), "A", "g", "ben"))
		},
		"another account below":  func(f *fixture, tree *access.Tree) { f.check(tree.Move(f.Context(), "shop", "A")) },
		"an account added below": func(f *fixture, tree *access.Tree) { f.check(tree.Add(f.Context(), "new", "A", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tree := access.NewTree(f.store)
			for _, add := range [][2]string{{"top", ""}, {"A", "top"}, {"shop", ""}} {
				f.check(tree.Add(t.Context(), add[0], add[1], ""))
			}
			_, err := access.NewDirectory(f.store).SetGroup(t.Context(), "A", "g", access.Group{})
			f.check(err)
			f.settings("top", retention.Settings{Bounds: retention.Bounds{Min: 100}})
			for _, account := range []string{"A", "shop", "new"} {
				f.put(account, "202601-a", 40*day, `{}`)
				f.put(account, "202601-b", 400*day, `{"owner_id":"ben"}`)
			}
			settings := to(rules(
				retention.Rule{Name: "group", Days: 1000, Group: "g"}, retention.Rule{Name: "others", Days: 30, Owner: "ben"},
				retention.Rule{Name: "all", Days: 30},
			))
			e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
			p, err := e.Preview(t.Context(), "A", settings)
			if err != nil || p.Count != 1 {
				t.Fatalf("Preview = %+v, %v, want 1 recording", p, err)
			}
			change(f, tree)
			_, err = e.Change(t.Context(), "A", 1, settings, nothing)
			if u := (*retention.UnconfirmedError)(nil); !errors.As(err, &u) {
				t.Errorf("Change = %v, want an UnconfirmedError", err)
			}
		})
	}
}
