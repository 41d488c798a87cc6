package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/store"
)

// batch is how many members one transaction adds or removes, beside the group itself.
const batch = store.MaxEntries - 1

// MemberChange is a change of the members of one group. A group may decide how long the
// recordings of its members are kept, so a change is checked before it is made
// (retention.Editor).
type MemberChange struct {
	Group string
	// Add are users who become members. Users who are members already stay so.
	Add []string
	// Remove are users who cease to be members. RemoveAll means all members.
	Remove    []string
	RemoveAll bool
}

// Apply makes the change in a set of members. It does not look at Group.
func (c MemberChange) Apply(members map[string]bool) {
	if c.RemoveAll {
		clear(members)
	}
	for _, user := range c.Remove {
		delete(members, user)
	}
	for _, user := range c.Add {
		members[user] = true
	}
}

// Group returns a group. Error: ErrNoGroup.
func (d *Directory) Group(ctx context.Context, account, group string) (Team, error) {
	t, err := d.existing(ctx, account, group)
	if err == nil && t.Removing {
		err = ErrNoGroup
	}
	return t.Team, err
}

// Groups returns the groups after the ID after, in order, at most limit of them. The
// next page begins after the ID next; "" means that this is the last page.
func (d *Directory) Groups(ctx context.Context, account, after string, limit int) (groups []Team, next string, err error) {
	next, err = d.page(ctx, account, GroupPrefix, after, limit, func(id string, value []byte) error {
		g, err := ParseGroup(value)
		if !g.Removing {
			groups = append(groups, Team{id, g})
		}
		return err
	})
	return groups, next, err
}

// SetGroup stores the name, the leaders and the source of a group, and creates it if
// necessary. Its members stay. Each leader's entry changes in the same transaction.
// Errors: ErrInvalid, ErrLimit.
func (d *Directory) SetGroup(ctx context.Context, account, group string, to Group) (Team, error) {
	to.Leaders = slices.Sorted(slices.Values(to.Leaders))
	to.Leaders, to.Removing = slices.Compact(to.Leaders), false
	if !validName(to.Name) {
		return Team{}, ErrInvalid
	}
	if len(to.Leaders) > MaxLeaders {
		return Team{}, ErrLimit
	}
	var t team
	err := store.Retry(ctx, maxTries, func() (err error) {
		if t, err = d.team(ctx, account, group); err != nil {
			return err
		}
		if t.Removing {
			if err := d.finishRemoval(ctx, account, group); err != nil {
				return err
			}
			return store.ErrConflict // start over
		}
		before := t.Leaders
		t.Group = to
		writes := []store.EntryWrite{t.write(account)}
		return d.lead(ctx, account, group, before, to.Leaders, writes)
	})
	return t.Team, err
}

// lead writes the entries of the users who begin or cease to lead a group, together
// with writes.
func (d *Directory) lead(ctx context.Context, account, group string, before, after []string, writes []store.EntryWrite) error {
	ids := slices.Concat(before, after)
	people, err := d.people(ctx, account, ids...)
	if err != nil {
		return err
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		p := people[id]
		leads := without(p.Leads, group)
		if slices.Contains(after, id) {
			leads = append(leads, group)
			slices.Sort(leads)
		}
		if len(leads) > MaxLeaders && len(leads) > len(p.Leads) {
			return fmt.Errorf("%w: user %s leads %d groups", ErrLimit, id, len(p.Leads))
		}
		if !slices.Equal(leads, p.Leads) {
			p.Leads = leads
			writes = append(writes, p.write(account)...)
		}
	}
	return d.entries.WriteEntries(ctx, writes...)
}

// RemoveGroup removes a group with its members. Its leaders lose their rights at once.
// If it fails partway, the group is hidden and takes no members; a retry, or the next
// SetGroup, finishes the removal. Error: ErrNoGroup.
func (d *Directory) RemoveGroup(ctx context.Context, account, group string) error {
	err := store.Retry(ctx, maxTries, func() error {
		t, err := d.existing(ctx, account, group)
		if err != nil || t.Removing {
			return err
		}
		before := t.Leaders
		t.Leaders, t.Removing = nil, true
		return d.lead(ctx, account, group, before, nil, []store.EntryWrite{t.write(account)})
	})
	if err != nil {
		return err
	}
	return d.finishRemoval(ctx, account, group)
}

// Removing reports whether a removal of the group has begun and did not finish. The next
// RemoveGroup or SetGroup then removes the members that are left.
func (d *Directory) Removing(ctx context.Context, account, group string) (bool, error) {
	t, err := d.team(ctx, account, group)
	return t.Removing, err
}

// finishRemoval removes the members of a group that is being removed, and then the group
// itself. Each step checks that the group has not been created anew meanwhile.
func (d *Directory) finishRemoval(ctx context.Context, account, group string) error {
	return store.Retry(ctx, maxTries, func() error {
		t, err := d.team(ctx, account, group)
		if err != nil || !t.Removing {
			return err
		}
		check := t.write(account)
		check.CheckOnly = true
		for more := true; more; {
			members, next, err := d.Members(ctx, account, group, "", batch)
			if err != nil {
				return err
			}
			if err := d.writeMembers(ctx, account, group, members, true, &check); err != nil {
				return err
			}
			more = next != ""
		}
		remove := t.write(account)
		remove.Delete = true
		return d.entries.WriteEntries(ctx, remove)
	})
}

// Members returns the members of a group after the ID after, in order, at most limit of
// them. The next page begins after the ID next; "" means that this is the last page. A group that
// does not exist has no members.
func (d *Directory) Members(ctx context.Context, account, group, after string, limit int) (users []string, next string, err error) {
	if !auth.ValidName(group) {
		return nil, "", ErrInvalid
	}
	next, err = d.page(ctx, account, MemberPrefix(group), after, limit, func(id string, _ []byte) error {
		users = append(users, id)
		return nil
	})
	return users, next, err
}

// AddMembers makes users members of a group, in batches. A failure may leave some of
// them added; a retry adds the rest. Errors: ErrNoGroup, ErrInvalid, ErrLimit.
func (d *Directory) AddMembers(ctx context.Context, account, group string, users ...string) error {
	if slices.ContainsFunc(users, func(u string) bool { return !auth.ValidName(u) }) {
		return ErrInvalid
	}
	members, err := d.allMembers(ctx, account, group)
	if err != nil {
		return err
	}
	var added []string
	for _, u := range slices.Compact(slices.Sorted(slices.Values(users))) {
		if !contains(members, u) {
			added = append(added, u)
		}
	}
	if n := len(members) + len(added); n > MaxMembers && len(added) > 0 {
		return fmt.Errorf("%w: the group would have %d members, the limit is %d", ErrLimit, n, MaxMembers)
	}
	for some := range slices.Chunk(added, batch) {
		err := store.Retry(ctx, maxTries, func() error {
			t, err := d.existing(ctx, account, group)
			if err != nil {
				return err
			}
			if t.Removing {
				return ErrNoGroup
			}
			check := t.write(account)
			check.CheckOnly = true
			return d.writeMembers(ctx, account, group, some, false, &check)
		})
		if err != nil {
			return err
		}
	}
	if len(added) == 0 {
		_, err = d.existing(ctx, account, group)
	}
	return err
}

// RemoveMembers ends the membership of users in a group. It ignores users who are not
// members. Errors: ErrNoGroup, ErrInvalid.
func (d *Directory) RemoveMembers(ctx context.Context, account, group string, users ...string) error {
	if _, err := d.existing(ctx, account, group); err != nil {
		return err
	}
	if slices.ContainsFunc(users, func(u string) bool { return !auth.ValidName(u) }) {
		return ErrInvalid
	}
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	for some := range slices.Chunk(users, batch) {
		if err := d.writeMembers(ctx, account, group, some, true, nil); err != nil {
			return err
		}
	}
	return nil
}

// allMembers returns all members of a group, sorted.
func (d *Directory) allMembers(ctx context.Context, account, group string) ([]string, error) {
	var all []string
	for after := ""; ; {
		some, next, err := d.Members(ctx, account, group, after, pageOfMembers)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// writeMembers adds or removes members in one transaction, with a check of the group if
// there is one.
func (d *Directory) writeMembers(ctx context.Context, account, group string, users []string, remove bool, check *store.EntryWrite) error {
	if len(users) == 0 {
		return nil
	}
	var writes []store.EntryWrite
	if check != nil {
		writes = append(writes, *check)
	}
	for _, u := range users {
		writes = append(writes, store.EntryWrite{
			Entry: store.Entry{EntryKey: MemberKey(account, group, u), Value: []byte("{}")}, Delete: remove,
		})
	}
	return d.entries.WriteEntries(ctx, writes...)
}

// team is a group and the revision of its entry, "" if it has none.
type team struct {
	Team
	revision string
}

// existing returns a group. Error: ErrNoGroup.
func (d *Directory) existing(ctx context.Context, account, group string) (team, error) {
	t, err := d.team(ctx, account, group)
	if err == nil && t.revision == "" {
		err = ErrNoGroup
	}
	return t, err
}

// team returns a group, also one that does not exist.
func (d *Directory) team(ctx context.Context, account, group string) (team, error) {
	t := team{Team: Team{ID: group}}
	if !auth.ValidName(account) || !auth.ValidName(group) {
		return t, ErrInvalid
	}
	found, err := d.entries.Entries(ctx, GroupKey(account, group))
	if err != nil {
		return t, fmt.Errorf("read a group: %w", err)
	}
	for i := range found {
		t.revision = found[i].Revision
		t.Group, err = ParseGroup(found[i].Value)
	}
	return t, err
}

// write returns the write that stores t.
func (t *team) write(account string) store.EntryWrite {
	return entryWrite(GroupKey(account, t.ID), t.Group, t.revision)
}
