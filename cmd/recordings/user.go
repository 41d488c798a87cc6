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
)

// pageOfIDs is how many users, groups or members one call reads.
const pageOfIDs = 500

// userCommand makes `recordings user`, which manages the roles of users
// (docs/access.md).
func (e env) userCommand() *cobra.Command {
	return usage{
		name: "user", summary: "manage the roles of users",
		does: `A role decides what the tokens of a user may do. The roles are ` + roleNames() + `.
Users without a role follow the setting USER_ACCESS. Changes take effect within 60 seconds.`,
		examples: []string{userSetUsage.examples[0], "user list --account A"},
	}.parent(e.userSetCommand(), e.userShowCommand(), e.userListCommand(), e.userRemoveCommand())
}

func roleNames() string {
	var names []string
	for _, r := range access.Roles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// directoryOptions are the options of the commands for users and groups.
type directoryOptions struct {
	env
	target      *target
	account, id string
	kind        string // user or group
	asJSON      bool
	audit       string // when to record changes; "" for a command that makes none

	confirm int
	editor  retention.Editor // set by run
}

// directoryFlags adds the options that these commands share. kind is "" for a command
// about all users or groups.
func (e env) directoryFlags(fs *pflag.FlagSet, kind string) *directoryOptions {
	o := &directoryOptions{env: e, target: e.targetFlags(fs), kind: kind}
	accountFlag(fs, &o.account)
	if kind != "" {
		fs.StringVar(&o.id, kind, "", "`ID`: ID of the "+kind+" (required)")
	}
	jsonFlag(fs, &o.asJSON)
	return o
}

// directoryChangeFlags is like directoryFlags, for a command that changes a user or a
// group.
func (e env) directoryChangeFlags(fs *pflag.FlagSet, kind string) *directoryOptions {
	o := e.directoryFlags(fs, kind)
	auditFlag(fs, &o.audit)
	return o
}

// run checks the command line, opens the directory and calls do.
func (o *directoryOptions) run(ctx context.Context, args []string, do func(*access.Directory) error) error {
	if err := unexpected(args, 0); err != nil {
		return err
	}
	if err := checkIDs(o.account, ""); err != nil {
		return usageError{err}
	}
	if o.kind != "" && !auth.ValidName(o.id) {
		return usageError{fmt.Errorf("--%s %q: want 1 to %d of A-Z, a-z, 0-9, _ -", o.kind, o.id, auth.MaxName)}
	}
	when := first(o.audit, auditAuto)
	if err := checkAudit(when); err != nil {
		return err
	}
	plain, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	o.editor = retention.Editor{Entries: plain, Recordings: plain, Now: o.now}
	entries, err := o.trailed(plain, when)
	if err == nil {
		err = do(access.NewDirectory(entries))
	}
	switch {
	case errors.Is(err, access.ErrNoUser):
		err = fmt.Errorf("nothing is stored about the user %s", o.id)
	case errors.Is(err, access.ErrNoGroup):
		err = fmt.Errorf("account %s has no group %s", o.account, o.id)
	case errors.Is(err, access.ErrInvalid):
		err = usageError{fmt.Errorf("invalid: an ID is 1 to %d of A-Z, a-z, 0-9, _ - and a name has at most %d bytes without control characters", auth.MaxName, access.MaxName)}
	}
	return errors.Join(err, closed())
}

// confirmMembers returns an error if a change of the members of the group would remove
// recordings and their number is not confirmed.
func (o *directoryOptions) confirmMembers(ctx context.Context, d *access.Directory, change access.MemberChange) error {
	change.Group = o.id
	err := o.editor.ConfirmMembers(ctx, o.account, o.confirm, change)
	if err != nil && len(change.Add) > 0 {
		if _, e := d.Group(ctx, o.account, o.id); e != nil {
			return e // the group does not exist, so nobody has to confirm anything
		}
	}
	return unconfirmed(err)
}

// pages calls read with the start of each page until there is none.
func pages(read func(after string) (next string, err error)) error {
	for after := ""; ; {
		next, err := read(after)
		if err != nil || next == "" {
			return err
		}
		after = next
	}
}

var userSetUsage = usage{
	name: "set", summary: "set the role of a user",
	args: "--account ID --user ID --role ROLE [OPTIONS]",
	does: `Sets the role of a user, and its name if there is one. An import does not replace this role. An empty
role leaves it to the default.`,
	examples: []string{"user set --account A --user anna --role supervisor"},
}

// userSetCommand makes the command that sets a role.
func (e env) userSetCommand() *cobra.Command {
	c := userSetUsage.command()
	o := e.directoryChangeFlags(c.Flags(), "user")
	var role, name string
	c.Flags().StringVar(&role, "role", "", "`ROLE`: "+roleNames()+" (required)")
	c.Flags().StringVar(&name, "name", "", "`TEXT`: name of the user, for people")
	c.RunE = func(c *cobra.Command, args []string) error {
		switch {
		case !c.Flags().Changed("role"):
			return usageError{errors.New("want --role")}
		case role != "" && !access.Role(role).Valid():
			return usageError{fmt.Errorf("--role %q: want one of %s", role, roleNames())}
		}
		return o.run(c.Context(), args, func(d *access.Directory) error {
			p, err := d.ChangeUser(c.Context(), o.account, o.id, func(u *access.UserEntry) error {
				u.Role, u.Source = access.Role(role), ""
				if c.Flags().Changed("name") {
					u.Name = name
				}
				return nil
			})
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, p)
			}
			printf(o.stderr, "user %s has %s\n", o.id, roleWords(access.Role(role)))
			return nil
		})
	}
	return c
}

func roleWords(r access.Role) string {
	if r == "" {
		return "the default role"
	}
	return "the role " + string(r)
}

// userShowCommand makes the command that prints a user.
func (e env) userShowCommand() *cobra.Command {
	c := usage{
		name: "show", summary: "print the role of a user", args: "--account ID --user ID [OPTIONS]",
		does: `Prints the role and the name of a user, and the groups that it leads.`, examples: []string{"user show --account A --user anna"},
	}.command()
	o := e.directoryFlags(c.Flags(), "user")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			p, err := d.User(c.Context(), o.account, o.id)
			if err != nil {
				return err
			}
			return o.printUser(p)
		})
	}
	return c
}

// userListCommand makes the command that prints all users.
func (e env) userListCommand() *cobra.Command {
	c := usage{
		name: "list", summary: "print the users with a role or a group to lead", args: "--account ID [OPTIONS]",
		does:     `Prints the ID, the role, the groups that the user leads, and the name, one user on each line.`,
		examples: []string{"user list --account A"},
	}.command()
	o := e.directoryFlags(c.Flags(), "")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			return pages(func(after string) (string, error) {
				found, next, err := d.Users(c.Context(), o.account, after, pageOfIDs)
				for _, p := range found {
					if err == nil {
						err = o.printUser(p)
					}
				}
				return next, err
			})
		})
	}
	return c
}

// printUser prints a user on one line.
func (o *directoryOptions) printUser(p access.Person) error {
	if o.asJSON {
		return printJSON(o.stdout, p)
	}
	printf(o.stdout, "%s\n", strings.TrimRight(fmt.Sprintf("%-32s  %-10s  %s  %s", p.ID,
		first(string(p.Role), "default"), first(strings.Join(p.Leads, ","), "-"), clean(p.Name)), " "))
	return nil
}

// userRemoveCommand makes the command that removes a user's role.
func (e env) userRemoveCommand() *cobra.Command {
	c := usage{
		name: "remove", summary: "remove the role of a user", args: "--account ID --user ID [OPTIONS]",
		does: `Removes what is stored about a user: its role, its name, and the groups that it leads. It stays a member
of groups.`,
		examples: []string{"user remove --account A --user anna"},
	}.command()
	o := e.directoryChangeFlags(c.Flags(), "user")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			if err := d.RemoveUser(c.Context(), o.account, o.id); err != nil {
				return err
			}
			printf(o.stderr, "user %s has the default role\n", o.id)
			return nil
		})
	}
	return c
}
