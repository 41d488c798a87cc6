package follow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
)

// errTooMany means that a group has too many members.
var errTooMany = errors.New("too many members")

// groups gives an account the groups of the source. Who leads a group is decided here.
func (r *run) groups(ctx context.Context, a Account) error {
	groups, err := r.Source.Groups(ctx, a.ID)
	if err != nil {
		return err
	}
	r.result.Groups += len(groups)
	kept := r.result.Kept
	var failed error
	err = store.Retry(ctx, maxTries, func() error {
		failed, r.result.Kept, r.planned = nil, kept, nil
		here, err := r.read(ctx, a.ID, access.GroupPrefix)
		if err != nil {
			return err
		}
		var refused []func() error
		for _, g := range groups {
			err := r.group(ctx, a.ID, g, here[g.ID])
			switch delete(here, g.ID); {
			case errors.Is(err, errTooMany):
				failed = errors.Join(failed, err)
			case isRefusal(err):
				refused = append(refused, func() error { return r.members(ctx, a.ID, g.ID, g.Members) })
			case err != nil:
				return err
			}
		}
		for _, id := range slices.Sorted(maps.Keys(here)) {
			former := func() error { return r.formerGroup(ctx, a.ID, id, here[id]) }
			if err := former(); isRefusal(err) {
				refused = append(refused, former)
			} else if err != nil {
				return err
			}
		}
		again, err := retry(refused)
		failed = errors.Join(failed, again)
		return err
	})
	return errors.Join(err, failed)
}

// retry makes changes that were refused, after all others: a user who changes from one group to
// another may leave the first one without harm as soon as it is in the second. It goes on as long
// as that helps, and returns the refusals that remain.
func retry(changes []func() error) (refused, err error) {
	for {
		var again []func() error
		refused = nil
		for _, change := range changes {
			err := change()
			switch {
			case isRefusal(err):
				again, refused = append(again, change), errors.Join(refused, err)
			case err != nil:
				return nil, err
			}
		}
		if len(again) == len(changes) || len(again) == 0 {
			return refused, nil
		}
		changes = again
	}
}

// group gives a group its name and members, unless a person has made it.
func (r *run) group(ctx context.Context, account string, g Group, was stored) error {
	if len(g.Members) > access.MaxMembers {
		return fmt.Errorf("group %s: %w: %d, the limit is %d", g.ID, errTooMany, len(g.Members), access.MaxMembers)
	}
	if was.Revision != "" && was.value.text("source") != r.Name {
		r.result.Kept++
		return nil
	}
	next := was.value.with(map[string]string{"name": shorten(g.Name), "source": r.Name})
	if !next.same(was.value) {
		what := "renamed"
		if was.Revision == "" {
			what = "added"
		}
		err := r.change(Change{Account: account, Group: g.ID, Change: what}, func() error {
			return r.replace(ctx, account, access.GroupPrefix+g.ID, was, next)
		})
		if err != nil {
			return err
		}
	}
	return r.members(ctx, account, g.ID, g.Members)
}

// members adds and removes members of a group. What is refused stays as it is: if members may
// not leave, new ones are added all the same, so that their recordings get the right rule.
func (r *run) members(ctx context.Context, account, group string, want []string) error {
	entries, err := r.read(ctx, account, access.MemberPrefix(group))
	if err != nil {
		return err
	}
	here := make(map[string]bool, len(entries))
	for user := range entries {
		here[user] = true
	}
	for _, p := range r.planned {
		if p.Group == group {
			p.Apply(here)
		}
	}
	c := access.MemberChange{Group: group}
	for _, user := range want {
		if !here[user] {
			c.Add = append(c.Add, user)
		}
		delete(here, user)
	}
	c.Remove = slices.Sorted(maps.Keys(here))
	err = r.changeMembers(ctx, account, c)
	if !isRefusal(err) || len(c.Add) == 0 || len(c.Remove) == 0 {
		return err
	}
	added := r.changeMembers(ctx, account, access.MemberChange{Group: group, Add: c.Add})
	if added != nil && !isRefusal(added) {
		return added
	}
	return errors.Join(added, r.changeMembers(ctx, account, access.MemberChange{Group: group, Remove: c.Remove}))
}

// changeMembers makes a change of members, unless it is refused or empty.
func (r *run) changeMembers(ctx context.Context, account string, c access.MemberChange) error {
	if len(c.Add) == 0 && len(c.Remove) == 0 {
		return nil
	}
	if err := r.mayChange(ctx, account, c); err != nil {
		return err
	}
	var writes []store.EntryWrite
	write := func(users []string, remove bool) {
		for _, user := range users {
			writes = append(writes, store.EntryWrite{Delete: remove, Entry: store.Entry{
				EntryKey: access.MemberKey(account, c.Group, user), Value: []byte("{}"),
			}})
		}
	}
	write(c.Add, false)
	write(c.Remove, true)
	what := fmt.Sprintf("members: %d added, %d removed", len(c.Add), len(c.Remove))
	err := r.change(Change{Account: account, Group: c.Group, Change: what}, func() error {
		for some := range slices.Chunk(writes, store.MaxEntries) {
			if err := r.Entries.WriteEntries(ctx, some...); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && r.DryRun {
		r.planned = append(r.planned, c)
	}
	return err
}

// refusal is the error of Members about a change.
type refusal struct {
	group string
	cause error
}

// Error implements error.
func (e *refusal) Error() string {
	return fmt.Sprintf("group %s: members stay as they are: %v", e.group, e.cause)
}

// Unwrap returns the error of Members.
func (e *refusal) Unwrap() error { return e.cause }

// isRefusal reports whether a change was refused. A store that fails refuses nothing.
func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r) && !errors.Is(err, store.ErrUnavailable)
}

// mayChange returns the error of Members about a change.
func (r *run) mayChange(ctx context.Context, account string, c access.MemberChange) error {
	if r.Members == nil {
		return nil
	}
	if err := r.Members(ctx, account, c, r.planned); err != nil {
		return &refusal{group: c.Group, cause: err}
	}
	return nil
}

// formerGroup removes the members of a group that the source no longer has, and the
// group, unless it has leaders: their entries name it.
func (r *run) formerGroup(ctx context.Context, account, id string, was stored) error {
	if was.value.text("source") != r.Name {
		return nil
	}
	if err := r.members(ctx, account, id, nil); err != nil {
		return err
	}
	if _, led := was.value["leaders"]; led {
		return nil
	}
	return r.change(Change{Account: account, Group: id, Change: "removed"}, func() error {
		return r.replace(ctx, account, access.GroupPrefix+id, was, nil)
	})
}
