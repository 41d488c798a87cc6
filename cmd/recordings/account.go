package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// accountCommand makes `recordings account`, which manages the account tree
// (docs/how-to/accounts.md).
func (e env) accountCommand() *cobra.Command {
	return usage{
		name: "account", summary: "manage the account tree: resellers and the accounts below them",
		does: `A token reaches its own account and every account below it. An account without an entry here stands
alone, and its own tokens reach it. Changes take effect within 60 seconds. If a change is interrupted, the
next account command finishes it.`,
		examples: []string{accountAddUsage.examples[0], "account list"},
	}.parent(e.accountAddCommand(), e.accountShowCommand(), e.accountListCommand(), e.accountMoveCommand(),
		e.accountSwitchCommand(accountDisableUsage, (*access.Tree).Disable, "disabled"),
		e.accountSwitchCommand(accountEnableUsage, (*access.Tree).Enable, "enabled"))
}

// accountOptions are the options of an account command.
type accountOptions struct {
	env
	target  *target
	account string
	audit   string // when to record changes; "" for a command that makes none
	asJSON  bool

	adds    bool   // the command adds the account
	parent  string // where a command puts the account; "" is the top
	confirm int
}

// accountFlags adds the options that all account commands share.
func (e env) accountFlags(fs *pflag.FlagSet) *accountOptions {
	o := &accountOptions{env: e, target: e.targetFlags(fs)}
	accountFlag(fs, &o.account)
	jsonFlag(fs, &o.asJSON)
	return o
}

// changeFlags is like accountFlags, for commands that change the tree.
func (e env) changeFlags(fs *pflag.FlagSet) *accountOptions {
	o := e.accountFlags(fs)
	auditFlag(fs, &o.audit)
	return o
}

// placeFlags is like changeFlags, for commands that give the account a place in the tree.
func (e env) placeFlags(fs *pflag.FlagSet) *accountOptions {
	o := e.changeFlags(fs)
	fs.StringVar(&o.parent, "parent", "", "`ID`: ID of the account directly above")
	confirmFlag(fs, &o.confirm)
	return o
}

// changed reports a change: in words, or the account as it is now.
func (o *accountOptions) changed(ctx context.Context, tree *access.Tree, what string) error {
	a, err := tree.Account(ctx, o.account)
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(o.stdout, shownOf(o.account, a))
	}
	printf(o.stderr, "account %s %s\n", o.account, what)
	if above := disabledAbove(o.account, a); len(above) > 0 {
		printf(o.stderr, "it is refused in any case, because %s is disabled\n", strings.Join(above, ", "))
	}
	return nil
}

// run opens the tree, and calls do after the change is recorded.
func (o *accountOptions) run(ctx context.Context, args []string, all bool, do func(*access.Tree) error) error {
	return o.open(ctx, args, all, func(entries readableEntries, tree *access.Tree) error {
		return o.recorded(ctx, entries, func() error { return do(tree) })
	})
}

// place is like run, for a change that puts the account below o.parent. If that would remove
// recordings, their number must be confirmed.
func (o *accountOptions) place(ctx context.Context, args []string, do func(*access.Tree) error) error {
	if o.parent != "" && !auth.ValidName(o.parent) {
		return usageError{fmt.Errorf("--parent %q: want 1 to %d of A-Z, a-z, 0-9, _ -", o.parent, auth.MaxName)}
	}
	return o.open(ctx, args, false, func(entries readableEntries, tree *access.Tree) error {
		if err := o.confirmPlace(ctx, entries, tree); err != nil {
			return unconfirmed(err)
		}
		return o.recorded(ctx, entries, func() error { return do(tree) })
	})
}

// confirmPlace returns an error if the place would remove recordings and their number is not
// confirmed.
func (o *accountOptions) confirmPlace(ctx context.Context, entries readableEntries, tree *access.Tree) error {
	if o.adds {
		if _, err := tree.Account(ctx, o.account); err == nil {
			return nil // the tree refuses to add it again
		}
	}
	return retention.Editor{Entries: entries, Recordings: entries, Now: o.now}.ConfirmPlace(ctx, o.account, o.parent, o.confirm)
}

// open checks the command line, opens the tree, finishes a change that was interrupted,
// and calls do. An empty --account is valid only if all is true.
func (o *accountOptions) open(ctx context.Context, args []string, all bool, do func(readableEntries, *access.Tree) error) error {
	if err := unexpected(args, 0); err != nil {
		return err
	}
	if err := checkIDs(o.account, ""); err != nil && (!all || o.account != "") {
		return usageError{err}
	}
	if err := checkAudit(first(o.audit, auditAuto)); err != nil {
		return err
	}
	entries, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	tree := access.NewTree(entries)
	if err = tree.Resume(ctx); err == nil {
		err = do(entries, tree)
	}
	return errors.Join(err, closed())
}

// recorded calls do, after the change is recorded in the trail of the account.
func (o *accountOptions) recorded(ctx context.Context, entries store.Entries, do func() error) error {
	if o.audit == "" {
		return do()
	}
	t, err := o.trailed(entries, o.audit)
	if err != nil {
		return err
	}
	return t.record(ctx, []ruleChange{{account: o.account, object: "account/" + o.account}}, do)
}

var accountAddUsage = usage{
	name: "add", summary: "add an account to the tree",
	args: "--account ID [--parent ID] [--confirm NUMBER] [OPTIONS]",
	does: `Adds an account below another one, or at the top. Tokens of all accounts above then reach it. If it has no
policy of its own, it follows the one above. If that would remove recordings, nothing is changed unless
--confirm has their number.`,
	examples: []string{
		"account add --account B --parent A --name 'Shop in the east'",
	},
}

// accountAddCommand makes the command that adds an account to the tree.
func (e env) accountAddCommand() *cobra.Command {
	c := accountAddUsage.command()
	o := e.placeFlags(c.Flags())
	o.adds = true
	var name string
	c.Flags().StringVar(&name, "name", "", "`TEXT`: name of the account, for people")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.place(c.Context(), args, func(tree *access.Tree) error {
			if err := tree.Add(c.Context(), o.account, o.parent, name); err != nil {
				return err
			}
			return o.changed(c.Context(), tree, "added "+below(o.parent))
		})
	}
	return c
}

// below describes the place of an account in the tree.
func below(parent string) string {
	if parent == "" {
		return "at the top"
	}
	return "below " + parent
}

var accountMoveUsage = usage{
	name: "move", summary: "move an account, with all accounts below it",
	args: "--account ID (--parent ID | --top) [--confirm NUMBER] [OPTIONS]",
	does: `Moves an account, with all accounts below it, below another one or to the top. While it moves, a token
reaches each account as before or as after, and never more. Accounts without a policy of their own follow the
one above, so a move may remove recordings. Then nothing is changed unless --confirm has their number.`,
	examples: []string{
		"account move --account B --parent C",
	},
}

// accountMoveCommand makes the command that moves an account.
func (e env) accountMoveCommand() *cobra.Command {
	c := accountMoveUsage.command()
	o := e.placeFlags(c.Flags())
	var top bool
	c.Flags().BoolVar(&top, "top", false, "move it to the top, below no account")
	c.RunE = func(c *cobra.Command, args []string) error {
		if top == (o.parent != "") {
			return usageError{errors.New("want either --parent or --top")}
		}
		return o.place(c.Context(), args, func(tree *access.Tree) error {
			if err := tree.Move(c.Context(), o.account, o.parent); err != nil {
				return err
			}
			return o.changed(c.Context(), tree, "is now "+below(o.parent))
		})
	}
	return c
}

var accountDisableUsage = usage{
	name: "disable", summary: "refuse all tokens for an account and the accounts below it",
	args:     "--account ID [OPTIONS]",
	does:     `Refuses every request for an account and for all accounts below it. PBXs can still store recordings.`,
	examples: []string{"account disable --account B"},
}

var accountEnableUsage = usage{
	name: "enable", summary: "enable a disabled account",
	args:     "--account ID [OPTIONS]",
	does:     `Takes back disable. Accounts below that are disabled themselves stay disabled.`,
	examples: []string{"account enable --account B"},
}

// accountSwitchCommand makes the command that disables or enables an account.
func (e env) accountSwitchCommand(u usage, do func(*access.Tree, context.Context, string) error, did string) *cobra.Command {
	c := u.command()
	o := e.changeFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, false, func(tree *access.Tree) error {
			if err := do(tree, c.Context(), o.account); err != nil {
				return err
			}
			return o.changed(c.Context(), tree, "is "+did)
		})
	}
	return c
}
