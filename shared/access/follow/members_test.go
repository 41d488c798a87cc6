package follow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/access/follow"
	"github.com/callrecordings/api/shared/store"
)

// errLoss is the error of a change that would remove recordings.
var errLoss = errors.New("it would lose recordings")

// in returns the members of a group of the account a.
func (f *follower) in(group string) string {
	f.Helper()
	users, _, err := access.NewDirectory(f.entries).Members(f.Context(), "a", group, "", 100)
	if err != nil {
		f.Fatal(err)
	}
	return strings.Join(users, " ")
}

// Members who may not leave stay, also if the group is gone. New ones are added all the same, and
// everything else is copied.
func TestRunWithRefusedMembers(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.want(first...)
	f.members = func(_ context.Context, _ string, c access.MemberChange, _ []access.MemberChange) error {
		if slices.Contains(c.Remove, "bob") {
			return errLoss
		}
		return nil
	}
	f.system.groups["a"] = []follow.Group{{"sales", "Sales team", []string{"ada", "eve"}}, {"new", "New", []string{"ada"}}}
	want := []string{"a sales renamed", "a sales members: 1 added, 0 removed", "a new added", "a new members: 1 added, 0 removed"}
	for _, f.dry = range []bool{true, false} {
		changes, _, err := f.run()
		if !errors.Is(err, errLoss) || strings.Count(err.Error(), "account a: group sales: members stay as they are: it would lose") != 1 || !slices.Equal(changes, want) {
			t.Errorf("Run = %v after %q, want %q and one refusal", err, changes, want)
		}
	}
	if got := f.in("sales"); got != "ada bob eve" {
		t.Errorf("the members are %s, want those that may not leave, and the new one", got)
	}
	f.system.groups["a"] = nil
	for range 2 {
		changes, _, err := f.run()
		if !errors.Is(err, errLoss) || slices.Contains(changes, "a sales removed") {
			t.Errorf("Run = %v after %q, want the group to stay", err, changes)
		}
	}
	if got := f.in("sales"); got != "ada bob eve" {
		t.Errorf("the members are %s, want them as they were", got)
	}
	f.members = nil
	f.want("a sales members: 0 added, 3 removed", "a sales removed")
}

// A user who changes from one group to another loses nothing once it is in the second. The order
// of the groups does not matter, and a dry run says the same.
func TestRunMovesMembers(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	f.want(first...)
	f.members = func(_ context.Context, _ string, c access.MemberChange, planned []access.MemberChange) error {
		if slices.Contains(c.Remove, "bob") && f.in("support") != "bob" &&
			!slices.ContainsFunc(planned, func(p access.MemberChange) bool { return p.Group == "support" }) {
			return errLoss
		}
		return nil
	}
	f.system.groups["a"] = []follow.Group{{"sales", "Sales", []string{"ada", "eve"}}, {"support", "Support", []string{"bob"}}}
	want := []string{
		"a sales members: 1 added, 0 removed", "a support added", "a support members: 1 added, 0 removed",
		"a sales members: 0 added, 1 removed",
	}
	f.dry = true
	f.want(want...)
	f.dry = false
	f.want(want...)
	f.want()
}

// Only changes are checked. If the check itself fails, the run ends.
func TestRunChecksMembers(t *testing.T) {
	t.Parallel()
	f := newFollower(t)
	calls := 0
	f.members = func(context.Context, string, access.MemberChange, []access.MemberChange) error {
		calls++
		return nil
	}
	f.want(first...)
	f.want()
	if calls != 1 {
		t.Errorf("Members was asked %d times, want once", calls)
	}
	f.system.groups["a"] = nil
	f.members = func(context.Context, string, access.MemberChange, []access.MemberChange) error {
		return store.ErrUnavailable
	}
	if changes, _, err := f.run(); !errors.Is(err, store.ErrUnavailable) || len(changes) > 0 {
		t.Errorf("Run = %v after %q, want %v", err, changes, store.ErrUnavailable)
	}
}
