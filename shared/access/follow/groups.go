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
		failed, r.result.Kept = nil, kept
		here, err := r.read(ctx, a.ID, access.GroupPrefix)
		if err != nil {
			return err
		}
		for _, g := range groups {
			err := r.group(ctx, a.ID, g, here[g.ID])
			if delete(here, g.ID); errors.Is(err, errTooMany) {
				failed = errors.Join(failed, err)
				continue
			}
			if err != nil {
				return err
			}
		}
		for _, id := range slices.Sorted(maps.Keys(here)) {
			if err := r.formerGroup(ctx, a.ID, id, here[id]); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, failed)
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

// members adds and removes members of a group.
func (r *run) members(ctx context.Context, account, group string, want []string) error {
	prefix := access.MemberPrefix(group)
	here, err := r.read(ctx, account, prefix)
	if err != nil {
		return err
	}
	var writes []store.EntryWrite
	write := func(user string, remove bool) {
		writes = append(writes, store.EntryWrite{Delete: remove, Entry: store.Entry{
			EntryKey: store.EntryKey{Partition: access.Partition(account), Key: prefix + user}, Value: []byte("{}"),
		}})
	}
	added, removed := 0, 0
	for _, user := range want {
		if _, ok := here[user]; !ok {
			write(user, false)
			added++
		}
		delete(here, user)
	}
	for user := range here {
		write(user, true)
		removed++
	}
	if len(writes) == 0 {
		return nil
	}
	what := fmt.Sprintf("members: %d added, %d removed", added, removed)
	return r.change(Change{Account: account, Group: group, Change: what}, func() error {
		for some := range slices.Chunk(writes, store.MaxEntries) {
			if err := r.Entries.WriteEntries(ctx, some...); err != nil {
				return err
			}
		}
		return nil
	})
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
