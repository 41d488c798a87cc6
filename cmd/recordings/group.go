package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
)

// groupCommand makes `recordings group`, which manages groups, their leaders and their
// members (docs/access.md).
func (e env) groupCommand() *cobra.Command {
	return usage{
		name: "group", summary: "manage groups, whose leaders hear the recordings of the members",
		does: `A user with the role supervisor sees the recordings of the members of the groups that it leads. Changes
take effect within 60 seconds.`,
		examples: []string{groupSetUsage.examples[0], groupAddUsage.examples[0]},
	}.parent(e.groupSetCommand(), e.groupShowCommand(), e.groupListCommand(), e.groupRemoveCommand(),
		e.groupMembersCommand(groupAddUsage, (*access.Directory).AddMembers, "in group %s now: %d of the given users\n",
			func(users []string) access.MemberChange { return access.MemberChange{Add: users} }),
		e.groupMembersCommand(groupDropUsage, (*access.Directory).RemoveMembers, "not in group %s now: %d of the given users\n",
			func(users []string) access.MemberChange { return access.MemberChange{Remove: users} }))
}

var groupSetUsage = usage{
	name: "set", summary: "create a group, or change its name and leaders",
	args: "--account ID --group ID [--name TEXT] [--leader ID]... [--confirm NUMBER] [OPTIONS]",
	does: `Creates a group, or changes its name and its leaders where they are given. The members stay. Leading a
group does not give the role supervisor: set it with recordings user set. If a removal of the group was
interrupted, it is finished first, which may need --confirm as recordings group remove does.`,
	examples: []string{"group set --account A --group sales --name Sales --leader anna"},
}

// groupSetCommand makes the command that creates or changes a group.
func (e env) groupSetCommand() *cobra.Command {
	c := groupSetUsage.command()
	o := e.directoryChangeFlags(c.Flags(), "group")
	var name string
	var leaders []string
	c.Flags().StringVar(&name, "name", "", "`TEXT`: name of the group, for people")
	confirmFlag(c.Flags(), &o.confirm)
	c.Flags().StringArrayVar(&leaders, "leader", nil, "`ID`: a user who leads the group; repeatable. An empty ID stands for no leaders")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			t, err := d.Group(c.Context(), o.account, o.id)
			if err != nil && !errors.Is(err, access.ErrNoGroup) {
				return err
			}
			g := access.Group{Name: t.Name, Leaders: t.Leaders}
			if c.Flags().Changed("name") {
				g.Name = name
			}
			if c.Flags().Changed("leader") {
				g.Leaders = leaders
				if len(leaders) == 1 && leaders[0] == "" {
					g.Leaders = nil
				}
			}
			removing, err := d.Removing(c.Context(), o.account, o.id)
			if err == nil && removing { // SetGroup finishes the removal
				err = o.confirmMembers(c.Context(), d, access.MemberChange{RemoveAll: true})
			}
			if err != nil {
				return err
			}
			if t, err = d.SetGroup(c.Context(), o.account, o.id, g); err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, t)
			}
			printf(o.stderr, "group %s is led by %s\n", o.id, first(strings.Join(t.Leaders, ", "), "no user"))
			return nil
		})
	}
	return c
}

// groupShowCommand makes the command that prints a group with its members.
func (e env) groupShowCommand() *cobra.Command {
	c := usage{
		name: "show", summary: "print a group and its members", args: "--account ID --group ID [OPTIONS]",
		does: `Prints the name and the leaders of a group, and its members.`, examples: []string{"group show --account A --group sales"},
	}.command()
	o := e.directoryFlags(c.Flags(), "group")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			t, err := d.Group(c.Context(), o.account, o.id)
			if err != nil {
				return err
			}
			members := []string{}
			err = pages(func(after string) (string, error) {
				some, next, err := d.Members(c.Context(), o.account, o.id, after, pageOfIDs)
				members = append(members, some...)
				return next, err
			})
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, struct {
					access.Team
					Members []string `json:"members"`
				}{t, members})
			}
			printf(o.stdout, "group    %s\nname     %s\nleaders  %s\nmembers  %d\n", t.ID, clean(t.Name), strings.Join(t.Leaders, ", "), len(members))
			for _, m := range members {
				printf(o.stdout, "  %s\n", m)
			}
			return nil
		})
	}
	return c
}

// groupListCommand makes the command that prints all groups.
func (e env) groupListCommand() *cobra.Command {
	c := usage{
		name: "list", summary: "print the groups of an account", args: "--account ID [OPTIONS]",
		does: `Prints the ID, the leaders and the name of each group.`, examples: []string{"group list --account A"},
	}.command()
	o := e.directoryFlags(c.Flags(), "")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			return pages(func(after string) (string, error) {
				found, next, err := d.Groups(c.Context(), o.account, after, pageOfIDs)
				for _, t := range found {
					if err != nil {
						break
					}
					if o.asJSON {
						err = printJSON(o.stdout, t)
						continue
					}
					printf(o.stdout, "%s\n", strings.TrimRight(fmt.Sprintf("%-32s  %s  %s", t.ID, first(strings.Join(t.Leaders, ","), "-"), clean(t.Name)), " "))
				}
				return next, err
			})
		})
	}
	return c
}

// groupRemoveCommand makes the command that removes a group.
func (e env) groupRemoveCommand() *cobra.Command {
	c := usage{
		name: "remove", summary: "remove a group and its members", args: "--account ID --group ID [--confirm NUMBER] [OPTIONS]",
		does: `Removes a group. Its leaders no longer hear the recordings of its members. If it is interrupted, repeat it.
A retention policy may name the group. If recordings would expire without it, nothing is changed unless
--confirm has their number.`,
		examples: []string{"group remove --account A --group sales"},
	}.command()
	o := e.directoryChangeFlags(c.Flags(), "group")
	confirmFlag(c.Flags(), &o.confirm)
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(d *access.Directory) error {
			if err := o.confirmMembers(c.Context(), d, access.MemberChange{RemoveAll: true}); err != nil {
				return err
			}
			if err := d.RemoveGroup(c.Context(), o.account, o.id); err != nil {
				return err
			}
			printf(o.stderr, "group %s removed\n", o.id)
			return nil
		})
	}
	return c
}

var groupAddUsage = usage{
	name: "add", summary: "add members to a group",
	args: "--account ID --group ID (--user ID... | --users FILE) [--confirm NUMBER] [OPTIONS]",
	does: fmt.Sprintf(`Adds users to a group, which has at most %d members. Users who are members already stay so. If it is
interrupted, repeat it. If a retention policy names the group and recordings of the users would expire by its
rule, nothing is changed unless --confirm has their number.`, access.MaxMembers),
	examples: []string{"group add --account A --group sales --user ben --user carl"},
}

var groupDropUsage = usage{
	name: "drop", summary: "take members out of a group",
	args: "--account ID --group ID (--user ID... | --users FILE) [--confirm NUMBER] [OPTIONS]",
	does: `Takes users out of a group. Users who are not members are ignored. If a retention policy names the group and
recordings of the users would expire without its rule, nothing is changed unless --confirm has their number.`,
	examples: []string{
		"group drop --account A --group sales --user ben",
	},
}

// groupMembersCommand makes a command that adds or removes members. changeOf describes its change.
func (e env) groupMembersCommand(u usage, change func(*access.Directory, context.Context, string, string, ...string) error, words string,
	changeOf func([]string) access.MemberChange,
) *cobra.Command {
	c := u.command()
	o := e.directoryChangeFlags(c.Flags(), "group")
	var users []string
	var file string
	c.Flags().StringArrayVar(&users, "user", nil, "`ID`: a user; repeatable")
	confirmFlag(c.Flags(), &o.confirm)
	c.Flags().StringVar(&file, "users", "", "`FILE`: a file with the ID of a user on each line")
	c.RunE = func(c *cobra.Command, args []string) error {
		if file != "" {
			listed, err := readLines(file, checkUser)
			if err != nil {
				return err
			}
			users = append(users, sortedKeys(listed)...)
		}
		if len(users) == 0 {
			return usageError{errors.New("want --user or --users")}
		}
		return o.run(c.Context(), args, func(d *access.Directory) error {
			if err := o.confirmMembers(c.Context(), d, changeOf(users)); err != nil {
				return err
			}
			if err := change(d, c.Context(), o.account, o.id, users...); err != nil {
				return err
			}
			printf(o.stderr, words, o.id, len(users))
			return nil
		})
	}
	return c
}

// checkUser checks the ID of a user.
func checkUser(id string) error {
	if !auth.ValidName(id) {
		return fmt.Errorf("invalid user %q: want 1 to %d of A-Z, a-z, 0-9, _ -", id, auth.MaxName)
	}
	return nil
}
