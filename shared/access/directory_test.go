package access

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

func TestDirectory(t *testing.T) {
	t.Parallel()
	r := newRules(t, OwnOnly)
	d, ctx := NewDirectory(r.Store), t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := d.SetUser(ctx, "A", "anna", UserEntry{Role: Supervisor, Name: "Anna", Leads: []string{"forged"}})
	ok(err)
	team, err := d.SetGroup(ctx, "A", "sales", Group{Name: "Sales", Leaders: []string{"otto", "anna", "anna"}})
	ok(err)
	if !slices.Equal(team.Leaders, []string{"anna", "otto"}) {
		t.Errorf("leaders = %q", team.Leaders)
	}
	ok(d.AddMembers(ctx, "A", "sales", "carl", "ben", "ben"))
	ok(d.AddMembers(ctx, "A", "sales", "ben"))
	anna, err := d.User(ctx, "A", "anna")
	if want := (Person{"anna", UserEntry{Role: Supervisor, Name: "Anna", Leads: []string{"sales"}}}); err != nil || !reflect.DeepEqual(anna, want) {
		t.Errorf("User = %+v, %v, want %+v", anna, err, want)
	}
	g, err := r.Grant(ctx, auth.Bearer{Account: "A", Owner: "anna"}, "A")
	if err != nil || !slices.Equal(g.Members, []string{"ben", "carl"}) {
		t.Errorf("Grant = %+v, %v, want the members", g, err)
	}
	ok(d.RemoveMembers(ctx, "A", "sales", "carl", "nobody"))
	members, next, err := d.Members(ctx, "A", "sales", "", 10)
	if err != nil || next != "" || !slices.Equal(members, []string{"ben"}) {
		t.Errorf("Members = %q, %q, %v", members, next, err)
	}
	ok(d.RemoveUser(ctx, "A", "anna"))
	if team, err = d.Group(ctx, "A", "sales"); err != nil || !slices.Equal(team.Leaders, []string{"otto"}) {
		t.Errorf("Group after its leader was removed = %+v, %v", team, err)
	}
	ok(d.RemoveGroup(ctx, "A", "sales"))
	if otto, err := d.User(ctx, "A", "otto"); !errors.Is(err, ErrNoUser) {
		t.Errorf("User of a former leader without a role = %+v, %v, want ErrNoUser", otto, err)
	}
	left, err := r.PageEntries(ctx, store.EntryQuery{Partition: Partition("A"), Limit: 10})
	if err != nil || len(left.Entries) != 0 {
		t.Errorf("entries left behind: %+v, %v", left.Entries, err)
	}
}

func TestDirectoryRejects(t *testing.T) {
	t.Parallel()
	d, ctx := NewDirectory(newRules(t, OwnOnly).Store), t.Context()
	long := make([]string, MaxLeaders+1)
	for i := range long {
		long[i] = fmt.Sprintf("u%d", i)
	}
	user := func(account, user string, u UserEntry) error {
		_, err := d.SetUser(ctx, account, user, u)
		return err
	}
	group := func(group string, g Group) error {
		_, err := d.SetGroup(ctx, "A", group, g)
		return err
	}
	for name, tt := range map[string]struct{ err, want error }{
		"unknown role":          {user("A", "u", UserEntry{Role: "owner"}), ErrInvalid},
		"user with a slash":     {user("A", "u/v", UserEntry{}), ErrInvalid},
		"account with a slash":  {user("A/user", "u", UserEntry{}), ErrInvalid},
		"name with line break":  {user("A", "u", UserEntry{Name: "a\nb"}), ErrInvalid},
		"group without an ID":   {group("", Group{}), ErrInvalid},
		"leader with a slash":   {group("g", Group{Leaders: []string{"a/b"}}), ErrInvalid},
		"too many leaders":      {group("g", Group{Leaders: long}), ErrLimit},
		"member of no group":    {d.AddMembers(ctx, "A", "none", "u"), ErrNoGroup},
		"no member of no group": {d.AddMembers(ctx, "A", "none"), ErrNoGroup},
		"removing no user":      {d.RemoveUser(ctx, "A", "u"), ErrNoUser},
		"removing no group":     {d.RemoveGroup(ctx, "A", "g"), ErrNoGroup},
		"members of no group":   {d.RemoveMembers(ctx, "A", "g", "u"), ErrNoGroup},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.want)
		}
	}
	for i := range MaxLeaders {
		if err := group(fmt.Sprintf("g%d", i), Group{Leaders: []string{"busy"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := group("another", Group{Leaders: []string{"busy"}}); !errors.Is(err, ErrLimit) {
		t.Errorf("a user leads more than %d groups: %v", MaxLeaders, err)
	}
	if _, err := d.Group(ctx, "A", "another"); !errors.Is(err, ErrNoGroup) {
		t.Errorf("the rejected group was stored: %v", err)
	}
}

// A group of 10,000 members is added in batches, listed page by page, and removed.
func TestLargeGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	r := newRules(t, OwnOnly)
	d, ctx := NewDirectory(r.Store), t.Context()
	if _, err := d.SetGroup(ctx, "A", "all", Group{Leaders: []string{"boss"}}); err != nil {
		t.Fatal(err)
	}
	users := make([]string, MaxMembers)
	for i := range users {
		users[i] = fmt.Sprintf("u%05d", i)
	}
	if err := d.AddMembers(ctx, "A", "all", users...); err != nil {
		t.Fatal(err)
	}
	if err := d.AddMembers(ctx, "A", "all", "u99999"); !errors.Is(err, ErrLimit) {
		t.Errorf("AddMembers to a full group = %v, want ErrLimit", err)
	}
	if err := d.AddMembers(ctx, "A", "all", users[7]); err != nil {
		t.Errorf("AddMembers of a member of a full group = %v", err)
	}
	if _, err := d.SetUser(ctx, "A", "boss", UserEntry{Role: Supervisor}); err != nil {
		t.Fatal(err)
	}
	g, err := r.Grant(ctx, auth.Bearer{Account: "A", Owner: "boss"}, "A")
	if err != nil || !slices.Equal(g.Members, users) {
		t.Errorf("Grant = %d members, %v, want %d", len(g.Members), err, len(users))
	}
	if err := d.RemoveGroup(ctx, "A", "all"); err != nil {
		t.Fatal(err)
	}
	if left, _, err := d.Members(ctx, "A", "all", "", 10); err != nil || len(left) > 0 {
		t.Errorf("members after the removal: %q, %v", left, err)
	}
}

// whole is a store that works. An embedded store.Entries would hide its own method.
type whole store.Entries

// brittle is a store with writes that fail at random, before or after they take effect.
type brittle struct {
	whole
	mu     sync.Mutex
	random *rand.Rand
}

func (b *brittle) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	b.mu.Lock()
	n := b.random.IntN(10)
	b.mu.Unlock()
	if n == 0 {
		return store.ErrUnavailable
	}
	err := b.whole.WriteEntries(ctx, writes...)
	if n == 1 && err == nil {
		return store.ErrUnavailable
	}
	return err
}

// Several clients change the same users and groups while writes fail. In the end, a user
// leads exactly the groups that have it as a leader, and groups that do not exist have
// no members.
func TestDirectoryStaysConsistent(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := newRules(t, OwnOnly)
		failing := NewDirectory(&brittle{whole: r.Store, random: rand.New(rand.NewPCG(seed, 1))})
		var clients sync.WaitGroup
		for client := range uint64(4) {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(seed, 100+client))
				for range 60 {
					changeAtRandom(t, failing, random)
				}
			})
		}
		clients.Wait()
		finishRemovals(t, NewDirectory(r.Store))
		checkDirectory(t, r.Store, seed)
	}
}

// changeAtRandom makes one change. Failures of the store and conflicts are expected.
func changeAtRandom(t *testing.T, d *Directory, random *rand.Rand) {
	t.Helper()
	group, user := fmt.Sprintf("g%d", random.IntN(3)), fmt.Sprintf("u%d", random.IntN(5))
	var err error
	switch random.IntN(6) {
	case 0:
		_, err = d.SetUser(t.Context(), "A", user, UserEntry{Role: Supervisor})
	case 1:
		err = d.RemoveUser(t.Context(), "A", user)
	case 2:
		err = d.RemoveGroup(t.Context(), "A", group)
	case 3:
		_, err = d.SetGroup(t.Context(), "A", group, Group{Leaders: []string{user, fmt.Sprintf("u%d", random.IntN(5))}})
	case 4:
		err = d.AddMembers(t.Context(), "A", group, user, "m")
	case 5:
		err = d.RemoveMembers(t.Context(), "A", group, user)
	}
	for _, expected := range []error{nil, store.ErrUnavailable, store.ErrConflict, ErrNoUser, ErrNoGroup} {
		if errors.Is(err, expected) {
			return
		}
	}
	t.Error(err)
}

// finishRemovals repeats removals that failed partway.
func finishRemovals(t *testing.T, d *Directory) {
	t.Helper()
	for i := range 3 {
		group := fmt.Sprintf("g%d", i)
		if _, err := d.Group(t.Context(), "A", group); errors.Is(err, ErrNoGroup) {
			if err := d.RemoveGroup(t.Context(), "A", group); err != nil && !errors.Is(err, ErrNoGroup) {
				t.Error(err)
			}
		}
	}
}

// checkDirectory compares users with groups, and members with groups.
func checkDirectory(t *testing.T, s store.Entries, seed uint64) {
	t.Helper()
	d := NewDirectory(s)
	users, _, err := d.Users(t.Context(), "A", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	groups, _, err := d.Groups(t.Context(), "A", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var byUser, byGroup []string
	for _, u := range users {
		for _, g := range u.Leads {
			byUser = append(byUser, u.ID+" leads "+g)
		}
	}
	exists := map[string]bool{}
	for _, g := range groups {
		exists[g.ID] = true
		for _, u := range g.Leaders {
			byGroup = append(byGroup, u+" leads "+g.ID)
		}
	}
	slices.Sort(byUser)
	slices.Sort(byGroup)
	if !slices.Equal(byUser, byGroup) {
		t.Errorf("seed %d: by the users %q, by the groups %q", seed, byUser, byGroup)
	}
	for i := range 3 {
		group := fmt.Sprintf("g%d", i)
		if members, _, err := d.Members(t.Context(), "A", group, "", 100); err != nil || len(members) > 0 && !exists[group] {
			t.Errorf("seed %d: %s does not exist, but has members %q, %v", seed, group, members, err)
		}
	}
}

func TestMemberChangesApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change MemberChange
		want   []string
	}{
		{"nothing", MemberChange{}, []string{"ben", "eva"}},
		{"users who join and leave", MemberChange{Add: []string{"carl", "eva"}, Remove: []string{"ben", "dora"}}, []string{"carl", "eva"}},
		{"all leave", MemberChange{RemoveAll: true}, nil},
	} {
		members := map[string]bool{"ben": true, "eva": true}
		c.change.Apply(members)
		if got := slices.Sorted(maps.Keys(members)); !slices.Equal(got, c.want) {
			t.Errorf("%s: the members are %q, want %q", c.name, got, c.want)
		}
	}
}
