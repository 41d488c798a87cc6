package retention

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/callrecordings/api/shared/access"
)

// maxOwners is for how many owners the recordings are counted owner by owner. For more of
// them, the list of the whole account is read: it needs fewer calls.
const maxOwners = 25

// ConfirmMembers checks changes of the members of groups before they are made. A rule can name
// a group, so the recordings of a user who joins or leaves it may follow another rule. If that
// would remove recordings, confirmed must be their number, as for [Editor.Change]. If it would
// remove none, confirmed does not count, so that a request can be repeated. An account
// without a rule that names one of the groups costs only the reads of its policy. Errors:
// *UnconfirmedError, store.ErrUnavailable.
func (e Editor) ConfirmMembers(ctx context.Context, account string, confirmed int, changes ...access.MemberChange) error {
	named, err := e.book().namesOne(ctx, account, changes)
	if err != nil || !named {
		return err
	}
	err = e.confirm(ctx, "", proposal{account: account, groups: changes}, confirmed)
	if u := (*UnconfirmedError)(nil); errors.As(err, &u) && u.Preview.Complete && u.Preview.Count == 0 {
		return nil
	}
	return err
}

// namesOne reports whether a rule that applies to an account names a group of the changes.
func (b Book) namesOne(ctx context.Context, account string, changes []access.MemberChange) (bool, error) {
	found, err := b.entries(ctx, access.AccountKey(account), SettingsKey(account))
	if err != nil {
		return false, err
	}
	e, err := b.inherited(ctx, account, found, proposal{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(e.Policy.Rules, func(rule Rule) bool {
		return rule.Group != "" && slices.ContainsFunc(changes, func(c access.MemberChange) bool { return c.Group == rule.Group })
	}), nil
}

// regroup makes the changes of members in e. A group that no rule names is not in e.
func (p proposal) regroup(e *Effective) {
	if e.Account != p.account {
		return
	}
	for _, c := range p.groups {
		if members := e.members[c.Group]; members != nil {
			c.Apply(members)
		}
	}
}

// owners returns whose recordings a change may remove, in order. A single "" stands for
// everyone's.
func (c *counter) owners(before, after *Effective) []string {
	everyone := []string{""}
	if c.change.groups == nil {
		return everyone
	}
	other := map[string]bool{}
	for group, was := range before.members {
		is := after.members[group]
		for user := range was {
			if !is[user] {
				other[user] = true
			}
		}
		for user := range is {
			if !was[user] {
				other[user] = true
			}
		}
	}
	if len(other) > maxOwners {
		return everyone
	}
	return slices.Sorted(maps.Keys(other))
}
