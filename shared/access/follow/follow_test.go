package follow_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/access/follow"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// system is a source in memory.
type system struct {
	accounts []follow.Account
	users    map[string][]follow.User
	groups   map[string][]follow.Group
	// broken accounts have no list of users.
	broken map[string]error
}

func (s *system) Accounts(context.Context) ([]follow.Account, error) { return s.accounts, nil }

func (s *system) Users(_ context.Context, account string) ([]follow.User, error) {
	return s.users[account], s.broken[account]
}

func (s *system) Groups(_ context.Context, account string) ([]follow.Group, error) {
	return s.groups[account], nil
}

// office is a reseller with two accounts, of which one has users and a group.
func office() *system {
	return &system{
		accounts: []follow.Account{{"top", "Top", "", true}, {"a", "Account A", "top", true}, {"b", "B", "top", false}, {"c", "C", "a", true}},
		users:    map[string][]follow.User{"a": {{"ada", "Ada", access.Admin}, {"bob", "Bob", access.User}}},
		groups:   map[string][]follow.Group{"a": {{"sales", "Sales", []string{"ada", "bob"}}}},
	}
}

// errStop ends a run.
var errStop = errors.New("stop")

// follower is a store that follows a system.
type follower struct {
	*testing.T
	entries store.Entries
	system  *system
	dry     bool
	place   func(ctx context.Context, account, parent string) error
	members func(ctx context.Context, account string, change access.MemberChange, planned []access.MemberChange) error
}

func newFollower(t *testing.T) *follower {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &follower{T: t, entries: s, system: office()}
}

// run runs once and returns the changes, one a line.
func (f *follower) run() ([]string, follow.Result, error) {
	var changes []string
	result, err := follow.Run(f.Context(), follow.Options{
		Entries: f.entries, Source: f.system, Name: "kazoo", DryRun: f.dry, Place: f.place, Members: f.members,
		Report: func(c follow.Change) {
			changes = append(changes, strings.Join(strings.Fields(fmt.Sprint(c.Account, " ", c.User, " ", c.Group, " ", c.Change)), " "))
		},
		Stop: func(err error) bool { return errors.Is(err, errStop) },
	})
	return changes, result, err
}

// want runs once, and fails the test unless it makes these changes.
func (f *follower) want(changes ...string) follow.Result {
	f.Helper()
	got, result, err := f.run()
	if err != nil {
		f.Fatal(err)
	}
	if !slices.Equal(got, changes) {
		f.Errorf("the changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(changes, "\n"))
	}
	return result
}

// set stores an entry of the account a.
func (f *follower) set(key, value string) {
	f.Helper()
	e := store.Entry{EntryKey: store.EntryKey{Partition: access.Partition("a"), Key: key}, Value: []byte(value)}
	if err := f.entries.WriteEntries(f.Context(), store.EntryWrite{Entry: e}); err != nil {
		f.Fatal(err)
	}
}

// dump returns all entries of the accounts of the office.
func (f *follower) dump() string {
	f.Helper()
	var all []string
	for _, account := range []string{"", "top", "a", "b", "c"} {
		p, err := f.entries.PageEntries(f.Context(), store.EntryQuery{Partition: access.Partition(account), Limit: 1000})
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range p.Entries {
			all = append(all, account+" "+e.Key+" "+string(e.Value))
		}
	}
	return strings.Join(all, "\n")
}

// first are the changes of the first run.
var first = []string{
	"top added at the top",
	"a added below top", "a ada role admin", "a bob role user", "a sales added", "a sales members: 2 added, 0 removed",
	"b added below top", "b disabled",
	"c added below a",
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.dry = true
	f.want(first...)
	if got := f.dump(); got != "" {
		t.Errorf("a dry run stored\n%s", got)
	}
	f.dry = false
	if r := f.want(first...); r.Accounts != 4 || r.Users != 2 || r.Groups != 1 || r.Changes != len(first) || r.Kept != 0 {
		t.Errorf("the result is %+v", r)
	}
	want := ` child/top {}
top account {"name":"Top"}
top child/a {}
top child/b {}
a account {"name":"Account A","parent":"top","ancestors":["top"]}
a child/c {}
a group/sales {"name":"Sales","source":"kazoo"}
a member/sales/ada {}
a member/sales/bob {}
a user/ada {"name":"Ada","role":"admin","source":"kazoo"}
a user/bob {"name":"Bob","role":"user","source":"kazoo"}
b account {"name":"B","parent":"top","ancestors":["top"],"disabled":["b"],"disabled_by":"kazoo"}
c account {"name":"C","parent":"a","ancestors":["a","top"]}`
	if got := f.dump(); got != want {
		t.Errorf("the entries are\n%s\nwant\n%s", got, want)
	}
	if r := f.want(); r.Changes != 0 || r.Kept != 0 {
		t.Errorf("the second result is %+v, want no changes", r)
	}
}

// The source changes in every way.
func TestRunFollowsChanges(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.want(first...)
	f.set("user/bob", `{"name":"Bob","role":"user","source":"kazoo","leads":["sales"]}`)
	f.system.accounts = []follow.Account{{"top", "Top", "", true}, {"b", "B", "top", true}, {"a", "Account", "b", true}}
	f.system.users["a"] = []follow.User{{"ada", "Ada L.", access.User}, {"eve", "Eve", access.Admin}}
	f.system.groups["a"] = []follow.Group{{"sales", "Sales team", []string{"bob", "eve"}}, {"new", "New", nil}}
	changes := []string{
		"b enabled", "a moved below b", "a renamed", "a ada role user", "a eve role admin", "a bob role removed",
		"a sales renamed", "a sales members: 1 added, 1 removed", "a new added", "c not found in kazoo, stays as it is",
	}
	f.dry = true
	f.want(changes...)
	f.dry = false
	f.want(changes...)
	f.want("c not found in kazoo, stays as it is")
	if a, err := access.NewTree(f.entries).Account(t.Context(), "c"); err != nil || strings.Join(a.Ancestors, " ") != "a b top" || !a.Enabled() {
		t.Errorf("c is %+v, %v, want it moved with a", a, err)
	}
	f.system.users["a"], f.system.groups["a"] = nil, nil
	f.want("a ada role removed", "a eve role removed", "a new removed", "a sales members: 0 added, 2 removed", "a sales removed",
		"c not found in kazoo, stays as it is")
	if got := f.dump(); !strings.Contains(got, `a user/bob {"leads":["sales"]}`) || strings.Contains(got, "group/") || strings.Contains(got, "ada") {
		t.Errorf("the entries are\n%s", got)
	}
}

// Decisions of people stay.
func TestRunKeepsDecisions(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.want(first...)
	tree := access.NewTree(f.entries)
	if err := tree.Disable(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Disable(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	f.set("user/bob", `{"name":"Bob","role":"supervisor","leads":["sales"]}`)
	f.set("user/guest", `{"role":"auditor"}`)
	f.set("group/sales", `{"name":"Sales","source":"kazoo","leaders":["bob"]}`)
	f.set("group/mine", `{"name":"Mine","leaders":["bob"]}`)
	f.set("member/mine/bob", `{}`)
	f.system.accounts[2].Enabled = true
	f.system.groups["a"] = append(f.system.groups["a"], follow.Group{ID: "mine", Name: "Theirs", Members: []string{"ada"}})
	before := f.dump()
	if r := f.want(); r.Kept != 4 {
		t.Errorf("the result is %+v, want four decisions kept: two accounts, a user and a group", r)
	}
	if got := f.dump(); got != before {
		t.Errorf("the entries are\n%s\nwant\n%s", got, before)
	}
	f.system.groups["a"] = nil
	f.want("a sales members: 0 added, 2 removed") // its leader's entry still names it
	f.want()
}

// If the new place of an account is refused, the account keeps its old one. Its other fields,
// and the other accounts, are copied all the same.
func TestRunWithRefusedPlaces(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	refusal := errors.New("it would lose recordings")
	var asked []string
	f.place = func(_ context.Context, account, parent string) error {
		asked = append(asked, account+" below "+parent)
		if account == "a" {
			return refusal
		}
		return nil
	}
	f.system.accounts = f.system.accounts[:3]
	// It is not added, but its users and groups are copied.
	want := slices.Concat(first[:1], first[2:8])
	changes, _, err := f.run()
	if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "account a: not put below top") || !slices.Equal(changes, want) {
		t.Errorf("Run = %v after %q, want %q and the refusal", err, changes, want)
	}
	if err := access.NewTree(f.entries).Add(t.Context(), "a", "b", "old"); err != nil {
		t.Fatal(err)
	}
	f.system.accounts[1].Enabled = false
	asked = nil
	for _, f.dry = range []bool{true, false} {
		changes, _, err = f.run()
		if want := []string{"a renamed", "a disabled"}; !errors.Is(err, refusal) || !slices.Equal(changes, want) {
			t.Errorf("Run = %v after %q, want %q and the refusal", err, changes, want)
		}
	}
	if want := []string{"a below top", "a below top"}; !slices.Equal(asked, want) {
		t.Errorf("Place was asked about %q, want %q", asked, want)
	}
	if a, err := access.NewTree(f.entries).Account(t.Context(), "a"); err != nil || a.Parent != "b" {
		t.Errorf("a is %+v, %v, want it below b", a, err)
	}
}

// The place of the first account is decided here.
func TestRunKeepsTheFirstPlace(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	tree := access.NewTree(f.entries)
	for _, err := range []error{tree.Add(t.Context(), "above", "", ""), tree.Add(t.Context(), "top", "above", "Top")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f.want(first[1:]...)
	if a, err := tree.Account(t.Context(), "c"); err != nil || strings.Join(a.Ancestors, " ") != "a top above" {
		t.Errorf("c is %+v, %v", a, err)
	}
}

// An account that fails does not keep the others from following, unless the source is
// down. Then, or when the store fails, the next run does the rest.
func TestRunFails(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.system.broken = map[string]error{"a": errors.New("its list is broken")}
	changes, _, err := f.run()
	if err == nil || !strings.Contains(err.Error(), "account a: its list is broken") {
		t.Errorf("Run = %v, want the error of a", err)
	}
	if want := slices.Concat(first[:2], first[4:]); !slices.Equal(changes, want) {
		t.Errorf("the changes are %q, want %q", changes, want)
	}
	f = newFollower(t)
	f.system.broken = map[string]error{"a": errStop}
	if changes, _, err = f.run(); !errors.Is(err, errStop) || !slices.Equal(changes, first[:2]) {
		t.Errorf("Run = %v after %q, want it to stop after %q", err, changes, first[:2])
	}
	f = newFollower(t)
	f.system.groups["c"] = []follow.Group{{ID: "large", Members: make([]string, 10_001)}, {ID: "small", Members: []string{"u"}}}
	if changes, _, err = f.run(); err == nil || !strings.Contains(err.Error(), "too many members") || len(changes) != len(first)+2 {
		t.Errorf("Run = %v after %q, want the error of a large group, and all others", err, changes)
	}
	f = newFollower(t)
	long := strings.Repeat("ü", access.MaxAccountName)
	f.system.accounts[0].Name = long
	f.want(first...)
	if a, err := access.NewTree(f.entries).Account(t.Context(), "top"); err != nil || a.Name != long[:access.MaxAccountName] {
		t.Errorf("the long name is %q, %v", a.Name, err)
	}
	f.want()
}

// If a run dies at any call of the store, the next run still reaches the same state.
func TestRunAfterCrash(t *testing.T) {
	t.Parallel()
	whole := newFollower(t)
	whole.want(first...)
	want := whole.dump()
	for call := 1; ; call++ {
		done := false
		for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
			f := newFollower(t)
			driver, ok := f.entries.(faultstore.Driver)
			if !ok {
				t.Fatal("the store has no faults")
			}
			f.entries = faultstore.New(driver, faultstore.Fault{Call: call, When: when, Err: store.ErrUnavailable})
			_, _, err := f.run()
			if done = err == nil; !done && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("call %d: Run = %v, want %v", call, err, store.ErrUnavailable)
			}
			f.entries = driver
			if _, _, err := f.run(); err != nil {
				t.Errorf("call %d: the next run: %v", call, err)
			}
			if got := f.dump(); got != want {
				t.Errorf("call %d: the entries are\n%s\nwant\n%s", call, got, want)
			}
		}
		if done {
			if call < 30 {
				t.Errorf("the run takes %d calls, want more", call-1)
			}
			return
		}
	}
}
