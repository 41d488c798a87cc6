package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/access/follow"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/kazoo"
	"github.com/callrecordings/api/shared/retention"
)

var accessImportKazooUsage = usage{
	name: "kazoo", summary: "from a running Kazoo, through its API",
	args: "--url URL --account ID (--token TOKEN | --api-key KEY) [OPTIONS]",
	does: `Copies an account and all accounts below it: their place in the tree, whether they are enabled, their users
with priv_level as the role, and their groups with their members. Prints what it changes. Repeat it to follow
Kazoo's changes, for example once an hour. It keeps what was decided here: accounts that you disabled, roles
that you set, and groups that you made. An account that Kazoo no longer has stays. An account keeps its place
if the policy of the new one would remove recordings, and so do the members of a group that a policy names: the
command says so, and ends with an error.`,
	examples: []string{
		"access import kazoo --url https://pbx.example.com:8443 --account A --dry-run",
	},
}

// accessImportKazooCommand makes the command that copies the account tree, users and
// groups of a running Kazoo.
func (e env) accessImportKazooCommand() *cobra.Command {
	i := accessImport{env: e}
	c := accessImportKazooUsage.command()
	fs := c.Flags()
	i.target = e.targetFlags(fs)
	accountFlag(fs, &i.kazoo.Account)
	e.kazooFlags(fs, &i.kazoo)
	fs.Float64Var(&i.kazoo.Rate, "rate", kazooRate, "send at most `N` requests per second; 0 for no limit")
	fs.BoolVar(&i.dryRun, "dry-run", false, "print what would change, but change nothing")
	jsonFlag(fs, &i.asJSON)
	auditFlag(fs, &i.audit)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if err := checkIDs(i.kazoo.Account, ""); err != nil {
			return usageError{err}
		}
		if i.kazoo.Rate < 0 {
			return usageError{errNegativeRate}
		}
		if err := e.completeKazoo(&i.kazoo); err != nil {
			return err
		}
		return i.run(c.Context())
	}
	return c
}

// accessImport is one invocation of access import kazoo.
type accessImport struct {
	env
	target         *target
	kazoo          kazoo.Options
	dryRun, asJSON bool
	audit          string
}

// run copies, and prints each change and a summary.
func (i *accessImport) run(ctx context.Context) error {
	if err := checkAudit(i.audit); err != nil {
		return err
	}
	plain, closed, err := i.target.openEntries(ctx)
	if err != nil {
		return err
	}
	entries, err := i.trailed(plain, i.audit)
	if err != nil {
		return errors.Join(err, closed())
	}
	i.kazoo.Now = i.now
	source, err := kazoo.Connect(ctx, i.kazoo)
	if err != nil {
		if errors.Is(err, kazoo.ErrURL) || errors.Is(err, kazoo.ErrLogin) {
			err = usageError{err}
		}
		return errors.Join(err, closed())
	}
	editor := retention.Editor{Entries: plain, Recordings: plain, Now: i.now}
	var printing error
	result, err := follow.Run(ctx, follow.Options{
		Entries: entries, Source: people{source}, Name: "kazoo", DryRun: i.dryRun,
		Place: func(ctx context.Context, account, parent string) error {
			return unplaced(account, parent, editor.ConfirmPlace(ctx, account, parent, 0))
		},
		Members: func(ctx context.Context, account string, change access.MemberChange, planned []access.MemberChange) error {
			err := editor.ConfirmMembers(ctx, account, 0, append(slices.Clone(planned), change)...)
			return unchanged(account, change, err)
		},
		Report: func(c follow.Change) { printing = errors.Join(printing, i.print(c)) },
		Stop: func(err error) bool {
			return errors.Is(err, importer.ErrStop) || errors.Is(err, importer.ErrUnreachable)
		},
	})
	if result.Accounts > 0 {
		made := "made"
		if i.dryRun {
			made = "that would be made"
		}
		printf(i.stderr, "accounts %d, users %d, groups %d; changes %s %d, decisions kept %d\n",
			result.Accounts, result.Users, result.Groups, made, result.Changes, result.Kept)
	}
	return errors.Join(err, printing, closed())
}

// unplaced explains the error of a place where an account would lose recordings. It returns
// other errors as they are.
func unplaced(account, parent string, err error) error {
	u := (*retention.UnconfirmedError)(nil)
	if !errors.As(err, &u) {
		return err
	}
	return fmt.Errorf("the policy there would remove %s; if that is right, use recordings account add or move with --account %s --parent %s --confirm %d",
		previewWords(u.Preview), account, parent, u.Preview.Count)
}

// maxUsersNamed is how many users an error names.
const maxUsersNamed = 10

// unchanged explains the error of a change of members that would remove recordings. It returns
// other errors as they are.
func unchanged(account string, change access.MemberChange, err error) error {
	u := (*retention.UnconfirmedError)(nil)
	if !errors.As(err, &u) {
		return err
	}
	command := func(name string, users []string) string {
		text := fmt.Sprintf("recordings group %s --account %s --group %s", name, account, change.Group)
		text += " --user " + strings.Join(users[:min(len(users), maxUsersNamed)], " --user ")
		if n := len(users) - maxUsersNamed; n > 0 {
			text += fmt.Sprintf(" … (%d more)", n)
		}
		return text
	}
	commands := command("drop", change.Remove)
	if len(change.Add) > 0 {
		commands = command("add", change.Add)
	}
	return fmt.Errorf("the policy would then remove %s; if that is right, use %s --confirm %d", previewWords(u.Preview), commands, u.Preview.Count)
}

// print prints a change on one line.
func (i *accessImport) print(c follow.Change) error {
	if i.asJSON {
		return printJSON(i.stdout, c)
	}
	what := ""
	switch {
	case c.User != "":
		what = "  user " + c.User
	case c.Group != "":
		what = "  group " + c.Group
	}
	printf(i.stdout, "%s%s  %s\n", c.Account, what, c.Change)
	return nil
}

// people is a Kazoo as the source of accounts, users and groups.
type people struct{ *kazoo.Source }

// Accounts implements follow.Source.
func (p people) Accounts(ctx context.Context) ([]follow.Account, error) {
	found, err := p.Source.Accounts(ctx)
	return convert(found, func(a kazoo.Account) follow.Account { return follow.Account(a) }), err
}

// Users implements follow.Source. Kazoo has two levels (kazoo.md 6.5).
func (p people) Users(ctx context.Context, account string) ([]follow.User, error) {
	found, err := p.Source.Users(ctx, account)
	return convert(found, func(u kazoo.User) follow.User {
		if u.Admin {
			return follow.User{ID: u.ID, Name: u.Name, Role: access.Admin}
		}
		return follow.User{ID: u.ID, Name: u.Name, Role: access.User}
	}), err
}

// Groups implements follow.Source.
func (p people) Groups(ctx context.Context, account string) ([]follow.Group, error) {
	found, err := p.Source.Groups(ctx, account)
	return convert(found, func(g kazoo.Group) follow.Group { return follow.Group(g) }), err
}

func convert[A, B any](all []A, one func(A) B) []B {
	converted := make([]B, len(all))
	for i, a := range all {
		converted[i] = one(a)
	}
	return converted
}
