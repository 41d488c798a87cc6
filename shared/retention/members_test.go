package retention_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// newTeams returns a store in which the policy keeps the recordings of sales for ten years, those of
// trainees for five days, and the rest for 30. Ben is in sales; Eva and Fay are in no group. Each
// has a recording of 10 days and one of 100.
func newTeams(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	d := access.NewDirectory(f.store)
	for _, group := range []string{"sales", "trainees", "leads"} {
		_, err := d.SetGroup(t.Context(), "A", group, access.Group{})
		f.check(err)
	}
	f.check(d.AddMembers(t.Context(), "A", "sales", "ben"))
	for _, owner := range []string{"ben", "eva", "fay"} {
		for _, days := range []time.Duration{10, 100} {
			f.put("A", fmt.Sprintf("202601-%s%d", owner, days), days*day, fmt.Sprintf(`{"owner_id":%q}`, owner))
		}
	}
	f.settings("A", rules(
		retention.Rule{Name: "trainees", Days: 5, Group: "trainees"}, retention.Rule{Name: "sales", Days: 3650, Group: "sales"},
		retention.Rule{Name: "rest", Days: 30},
	))
	return f
}

// A change of the members of a group that would remove recordings wants their number. Eva's and
// Fay's recordings of 100 days have expired already.
func TestConfirmMembers(t *testing.T) {
	t.Parallel()
	f := newTeams(t)
	e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	add := func(group string, users ...string) access.MemberChange {
		return access.MemberChange{Group: group, Add: users}
	}
	remove := func(group string, users ...string) access.MemberChange {
		return access.MemberChange{Group: group, Remove: users}
	}
	for name, tt := range map[string]struct {
		changes []access.MemberChange
		confirm int
		want    int // recordings to confirm; -1 for none
	}{
		"a member leaves the group of a longer rule":   {[]access.MemberChange{remove("sales", "ben")}, 0, 1},
		"with another number":                          {[]access.MemberChange{remove("sales", "ben")}, 2, 1},
		"with the number":                              {[]access.MemberChange{remove("sales", "ben")}, 1, -1},
		"the group is removed":                         {[]access.MemberChange{{Group: "sales", RemoveAll: true}}, 0, 1},
		"a user joins the group of a shorter rule":     {[]access.MemberChange{add("trainees", "eva")}, 0, 1},
		"two users join it":                            {[]access.MemberChange{add("trainees", "fay", "eva")}, 0, 2},
		"a member of another group joins it":           {[]access.MemberChange{add("trainees", "ben")}, 0, 2},
		"a user joins the group of a longer rule":      {[]access.MemberChange{add("sales", "eva")}, 0, -1},
		"a member joins again":                         {[]access.MemberChange{add("sales", "ben")}, 0, -1},
		"a user who is no member leaves":               {[]access.MemberChange{remove("sales", "eva")}, 0, -1},
		"a user without recordings joins":              {[]access.MemberChange{add("trainees", "gus")}, 0, -1},
		"nothing to remove, and a number of a retry":   {[]access.MemberChange{remove("sales", "eva")}, 1, -1},
		"an unknown group":                             {[]access.MemberChange{{Group: "unknown", RemoveAll: true}}, 0, -1},
		"a group that no rule names":                   {[]access.MemberChange{add("leads", "eva")}, 0, -1},
		"a change together with the one that makes up": {[]access.MemberChange{add("trainees", "fay"), remove("trainees", "fay")}, 0, -1},
	} {
		err := e.ConfirmMembers(t.Context(), "A", tt.confirm, tt.changes...)
		u := (*retention.UnconfirmedError)(nil)
		switch got := -1; {
		case errors.As(err, &u):
			if got = u.Preview.Count; got != tt.want || !u.Preview.Complete {
				t.Errorf("%s: the change would remove %+v, want %d", name, u.Preview, tt.want)
			}
		case err != nil || tt.want != got:
			t.Errorf("%s: ConfirmMembers = %v, want %d recordings to confirm", name, err, tt.want)
		}
	}
}

// A rule means the groups of the recording's own account, also if the policy is that of an
// account above.
func TestConfirmMembersBelow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	tree := access.NewTree(f.store)
	f.check(tree.Add(t.Context(), "top", "", ""))
	f.check(tree.Add(t.Context(), "shop", "top", ""))
	f.settings("top", rules(retention.Rule{Name: "sales", Days: 3650, Group: "sales"}, retention.Rule{Name: "rest", Days: 5}))
	for _, account := range []string{"top", "shop"} {
		_, err := access.NewDirectory(f.store).SetGroup(t.Context(), account, "sales", access.Group{})
		f.check(err)
		f.check(access.NewDirectory(f.store).AddMembers(t.Context(), account, "sales", "ben"))
		f.put(account, "202601-a", 40*day, `{"owner_id":"ben"}`)
	}
	f.put("shop", "202601-b", 40*day, `{"owner_id":"ben"}`)
	e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	for account, want := range map[string]int{"top": 1, "shop": 2} {
		err := e.ConfirmMembers(t.Context(), account, 0, access.MemberChange{Group: "sales", RemoveAll: true})
		if u := (*retention.UnconfirmedError)(nil); !errors.As(err, &u) || u.Preview.Count != want || u.Preview.Accounts != 1 {
			t.Errorf("sales of %s = %+v, want %d recordings of one account", account, err, want)
		}
	}
}

// A change that removes nothing leaves no preview behind. So if the same change is asked for again,
// what was imported in between counts.
func TestConfirmMembersCountsAnew(t *testing.T) {
	t.Parallel()
	f := newTeams(t)
	e := retention.Editor{Entries: f.store, Recordings: f.store, Now: f.clock}
	change := access.MemberChange{Group: "trainees", Add: []string{"gus"}}
	f.check(e.ConfirmMembers(t.Context(), "A", 0, change))
	f.put("A", "202601-gus", 10*day, `{"owner_id":"gus"}`)
	err := e.ConfirmMembers(t.Context(), "A", 0, change)
	if u := (*retention.UnconfirmedError)(nil); !errors.As(err, &u) || u.Preview.Count != 1 {
		t.Errorf("after an import: %v, want 1 recording to confirm", err)
	}
}

// A count whose time is up goes on with the next request. Few owners have a list each; for
// many there is one list of the account.
func TestConfirmMembersContinues(t *testing.T) {
	t.Parallel()
	for users, least := range map[int]int{3: 2, 60: 1} { // the requests that it takes
		f := newTeams(t)
		var all []string
		for i := range users {
			user := fmt.Sprintf("u%02d", i)
			all = append(all, user)
			f.put("A", "202601-"+user, 10*day, fmt.Sprintf(`{"owner_id":%q}`, user))
		}
		r := f.put("A", "202601-deleted", 10*day, `{"owner_id":"u00"}`)
		_, err := f.store.Delete(t.Context(), "A", r.ID, store.Deletion{Until: recording.SecondsOf(f.now) + recording.Day})
		f.check(err)
		ticks := 0
		e := retention.Editor{Entries: f.store, Recordings: f.store, Time: 3, Now: func() time.Time {
			ticks++
			return f.now.Add(time.Duration(ticks))
		}}
		for calls := 1; ; calls++ {
			err := e.ConfirmMembers(t.Context(), "A", 0, access.MemberChange{Group: "trainees", Add: all})
			u := (*retention.UnconfirmedError)(nil)
			if !errors.As(err, &u) || calls > 100 {
				t.Fatalf("%d users, call %d: %v, want an UnconfirmedError", users, calls, err)
			}
			if !u.Preview.Complete {
				continue
			}
			if calls < least || u.Preview.Count != users+1 || u.Preview.Restorable != 1 {
				t.Errorf("%d users: %+v after %d calls, want %d and one restorable after %d calls or more", users, u.Preview, calls, users+1, least)
			}
			break
		}
	}
}

// An account without a rule that names the group costs the reads of its policy, and no others.
func TestConfirmMembersCosts(t *testing.T) {
	t.Parallel()
	f := newTeams(t)
	tree := access.NewTree(f.store)
	f.check(tree.Add(t.Context(), "top", "", ""))
	f.check(tree.Add(t.Context(), "B", "top", ""))
	f.settings("B", rules(retention.Rule{Name: "rest", Days: 30}))
	for _, tt := range []struct {
		account, group string
		want           int // calls of the store
	}{
		{"alone", "sales", 1},
		{"A", "leads", 1},
		{"B", "sales", 2}, // its own settings, and those above
	} {
		counted := faultstore.New(f.store)
		e := retention.Editor{Entries: counted, Recordings: counted, Now: f.clock}
		f.check(e.ConfirmMembers(t.Context(), tt.account, 0, access.MemberChange{Group: tt.group, Add: []string{"eva"}}))
		if got := counted.Calls(); got != tt.want {
			t.Errorf("a member of %s of %s costs %d calls, want %d", tt.group, tt.account, got, tt.want)
		}
	}
}
