// Package follow makes the account tree, users and groups follow those of another
// system, such as a running Kazoo. A run can be repeated: it changes only what differs,
// and finishes what an earlier run left undone.
//
// A run keeps the decisions of people: accounts that they disabled, and roles and groups
// that no import wrote. It also keeps accounts that the source no longer has, because
// their recordings remain; [Run] only reports them.
package follow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
)

// Account is an account of the source.
type Account struct {
	ID, Name string
	// Parent is the account directly above. It is "" for the first account, which keeps
	// its place in the tree here.
	Parent string
	// Enabled is false if the source refuses the account's tokens.
	Enabled bool
}

// User is a user of an account.
type User struct {
	ID, Name string
	Role     access.Role
}

// Group is a group of users of an account.
type Group struct {
	ID, Name string
	// Members are the IDs of users, sorted, each once.
	Members []string
}

// Source is the system to follow. All IDs satisfy auth.ValidName.
type Source interface {
	// Accounts returns an account and all accounts below it, each before those below it.
	Accounts(ctx context.Context) ([]Account, error)
	// Users returns the users of an account.
	Users(ctx context.Context, account string) ([]User, error)
	// Groups returns the groups of an account.
	Groups(ctx context.Context, account string) ([]Group, error)
}

// Change is a difference that a run has found, and removed unless it is a dry run.
type Change struct {
	// Account is the account that was changed, or the one with the user or group.
	Account string `json:"account"`
	// User or Group is set if the change is one of a user or a group.
	User  string `json:"user,omitempty"`
	Group string `json:"group,omitempty"`
	// Change describes the change, such as "added below A".
	Change string `json:"change"`
}

// Options configure a run.
type Options struct {
	// Entries is where the tree, users and groups are stored.
	Entries store.Entries
	// Source is the system to follow. Name is the name by which entries remember it.
	Source Source
	Name   string
	// DryRun only reports changes.
	DryRun bool
	// Place, if not nil, checks each place in the tree before an account gets it: below parent,
	// with everything below the account. If it returns an error, the account stays where it is,
	// and the run reports the error at its end.
	Place func(ctx context.Context, account, parent string) error
	// Members, if not nil, checks each change of the members of a group before it is made. planned
	// are the changes that a dry run would have made in the account before. If it returns an
	// error, these members stay as they are, and the run reports the error at its end.
	Members func(ctx context.Context, account string, change access.MemberChange, planned []access.MemberChange) error
	// Report gets every change, and every account that the source no longer has.
	Report func(Change)
	// Stop reports whether an error of the source ends the run. Other errors concern one
	// account, and the run continues with the next one.
	Stop func(error) bool
}

// Result counts what a run has read.
type Result struct {
	Accounts, Users, Groups int
	// Changes counts the changes. Kept counts accounts, users and groups that differ from
	// the source because people have decided so.
	Changes, Kept int
}

// run is one run.
type run struct {
	Options
	tree   *access.Tree
	result Result
	// planned are the changes of members that a dry run has not made, of the present account.
	planned []access.MemberChange
}

// Run makes accounts, users and groups follow the source. If some accounts fail, it
// continues with the others, and returns their errors at the end.
func Run(ctx context.Context, o Options) (Result, error) {
	r := &run{Options: o, tree: access.NewTree(o.Entries)}
	if !o.DryRun {
		if err := r.tree.Resume(ctx); err != nil {
			return r.result, err
		}
	}
	accounts, err := o.Source.Accounts(ctx)
	if err != nil {
		return r.result, err
	}
	var failed []error
	for _, a := range accounts {
		for _, step := range []func(context.Context, Account) error{r.account, r.users, r.groups} {
			if err := step(ctx, a); err != nil {
				err = fmt.Errorf("account %s: %w", a.ID, err)
				if failed = append(failed, err); o.Stop(err) || ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) {
					return r.result, errors.Join(failed...)
				}
			}
		}
	}
	return r.result, errors.Join(errors.Join(failed...), r.missing(ctx, accounts))
}

// change reports a change and applies it, unless this is a dry run.
func (r *run) change(c Change, apply func() error) error {
	if !r.DryRun {
		if err := apply(); err != nil {
			return err
		}
	}
	r.result.Changes++
	r.Report(c)
	return nil
}

// account gives an account its place, name and state in the tree.
func (r *run) account(ctx context.Context, a Account) error {
	r.result.Accounts++
	a.Name = shorten(a.Name)
	was, err := r.tree.Account(ctx, a.ID)
	switch {
	case errors.Is(err, access.ErrNoAccount):
		place := "at the top"
		if a.Parent != "" {
			place = "below " + a.Parent
		}
		if err := r.mayPlace(ctx, a); err != nil {
			return err
		}
		if err := r.change(Change{Account: a.ID, Change: "added " + place}, func() error { return r.tree.Add(ctx, a.ID, a.Parent, a.Name) }); err != nil {
			return err
		}
		was = access.Account{Name: a.Name, Parent: a.Parent}
	case err != nil:
		return err
	}
	return errors.Join(r.move(ctx, a, was), r.adjust(ctx, a, was))
}

// mayPlace returns the error of Place about the place that an account would get.
func (r *run) mayPlace(ctx context.Context, a Account) error {
	if r.Place == nil || a.Parent == "" {
		return nil
	}
	err := r.Place(ctx, a.ID, a.Parent)
	if r.DryRun && (errors.Is(err, access.ErrNoAccount) || errors.Is(err, access.ErrCycle)) {
		return nil // an earlier change of the run would add the parent, or move it away
	}
	if err != nil {
		return fmt.Errorf("not put below %s: %w", a.Parent, err)
	}
	return nil
}

// move gives an account that is in the tree its place. was is how it is now.
func (r *run) move(ctx context.Context, a Account, was access.Account) error {
	if a.Parent == "" || was.Parent == a.Parent {
		return nil
	}
	if err := r.mayPlace(ctx, a); err != nil {
		return err
	}
	return r.change(Change{Account: a.ID, Change: "moved below " + a.Parent}, func() error { return r.tree.Move(ctx, a.ID, a.Parent) })
}

// adjust gives an account that is in the tree its name and state. was is how it is now.
func (r *run) adjust(ctx context.Context, a Account, was access.Account) error {
	at := func(what string) Change { return Change{Account: a.ID, Change: what} }
	if was.Name != a.Name {
		if err := r.change(at("renamed"), func() error { return r.tree.Rename(ctx, a.ID, a.Name) }); err != nil {
			return err
		}
	}
	itself := was.DisabledItself(a.ID)
	switch {
	case a.Enabled && itself && was.DisabledBy != r.Name:
		r.result.Kept++
		return nil
	case a.Enabled == !itself:
		return nil
	}
	what := map[bool]string{true: "enabled", false: "disabled"}[a.Enabled]
	return r.change(at(what), func() error { return r.tree.Follow(ctx, a.ID, a.Enabled, r.Name) })
}

// shorten cuts a name that is too long, between two characters.
func shorten(name string) string {
	name = strings.ToValidUTF8(name, "\ufffd")
	if len(name) <= access.MaxAccountName {
		return name
	}
	end := access.MaxAccountName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// missing reports the accounts below the first one that the source no longer has.
func (r *run) missing(ctx context.Context, accounts []Account) error {
	if len(accounts) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, a := range accounts {
		known[a.ID] = true
	}
	err := r.tree.Walk(ctx, accounts[0].ID, func(l access.Listed) error {
		if !known[l.ID] {
			r.Report(Change{Account: l.ID, Change: "not found in " + r.Name + ", stays as it is"})
		}
		return nil
	})
	if r.DryRun && errors.Is(err, access.ErrNoAccount) {
		return nil
	}
	return err
}
