package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/access"
)

// shownAccount is an account as --json prints it.
type shownAccount struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`
	Parent    string   `json:"parent,omitempty"`
	Ancestors []string `json:"ancestors"`
	Enabled   bool     `json:"enabled"`
	Disabled  []string `json:"disabled,omitempty"`
}

func shownOf(id string, a access.Account) shownAccount {
	return shownAccount{ID: id, Name: a.Name, Parent: a.Parent, Ancestors: append([]string{}, a.Ancestors...), Enabled: a.Enabled(), Disabled: a.Disabled}
}

// disabledAbove returns the accounts above id that are disabled.
func disabledAbove(id string, a access.Account) []string {
	return slices.DeleteFunc(slices.Clone(a.Disabled), func(one string) bool { return one == id })
}

// accountState describes whether an account is disabled, and why; "" if it is enabled.
func accountState(id string, a access.Account) string {
	switch above := disabledAbove(id, a); {
	case a.Enabled():
		return ""
	case slices.Contains(a.Disabled, id):
		return "disabled"
	default:
		return "disabled with " + strings.Join(above, ", ")
	}
}

var accountShowUsage = usage{
	name: "show", summary: "print an account, and what is above it",
	args:     "--account ID [OPTIONS]",
	does:     `Prints the name of an account, the accounts above it, and whether it is disabled.`,
	examples: []string{"account show --account B"},
}

// accountShowCommand makes the command that prints an account.
func (e env) accountShowCommand() *cobra.Command {
	c := accountShowUsage.command()
	o := e.accountFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, false, func(tree *access.Tree) error {
			a, err := tree.Account(c.Context(), o.account)
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, shownOf(o.account, a))
			}
			above := "no account"
			if len(a.Ancestors) > 0 {
				above = strings.Join(a.Ancestors, ", ")
			}
			printf(o.stdout, "account   %s\nname      %s\nbelow     %s\nstate     %s\n",
				o.account, clean(a.Name), above, first(accountState(o.account, a), "enabled"))
			return nil
		})
	}
	return c
}

var accountListUsage = usage{
	name: "list", summary: "print the tree, or the part below an account",
	args: "[--account ID] [OPTIONS]",
	does: `Prints all accounts of the tree, or one account and those below it. Each line is indented below its
parent's.`,
	examples: []string{"account list --account A", "account list --json"},
}

// accountListCommand makes the command that prints the tree.
func (e env) accountListCommand() *cobra.Command {
	c := accountListUsage.command()
	o := e.accountFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, true, func(tree *access.Tree) error {
			top := -1
			return tree.Walk(c.Context(), o.account, func(l access.Listed) error {
				if o.asJSON {
					return printJSON(o.stdout, shownOf(l.ID, l.Account))
				}
				if top < 0 {
					top = len(l.Ancestors)
				}
				line := strings.Repeat("  ", max(0, len(l.Ancestors)-top)) + l.ID
				if l.Name != "" {
					line += "  " + clean(l.Name)
				}
				if s := accountState(l.ID, l.Account); s != "" {
					line += "  (" + s + ")"
				}
				_, err := fmt.Fprintln(o.stdout, line)
				return err
			})
		})
	}
	return c
}
