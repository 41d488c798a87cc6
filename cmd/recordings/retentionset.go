package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/retention"
)

var retentionSetUsage = usage{
	name: "set", summary: "set or remove the policy of an account",
	args: "--account ID (--policy FILE | --none) [--confirm NUMBER] [OPTIONS]",
	does: `Saves the policy of an account, also for recordings that exist. If it would remove recordings, nothing is
saved unless --confirm has their number.`,
	examples: []string{"retention set --account A --policy policy.json --confirm 1204"},
	notes: `A policy is JSON, such as
  {"rules": [{"name": "complaints", "days": 1095, "tag": "complaint"}, {"name": "all others", "days": 90}]}
The conditions are direction, owner_id, group, tag, min_seconds and max_seconds. "forever": true keeps for good.`,
}

// retentionSetCommand makes the command that sets a policy.
func (e env) retentionSetCommand() *cobra.Command {
	c := retentionSetUsage.command()
	o := e.retentionFlags(c.Flags())
	o.policyFlags(c.Flags())
	o.changeFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := o.readPolicy()
		if err != nil {
			return err
		}
		return o.run(c.Context(), args, func(editor retention.Editor) error {
			return o.change(c.Context(), editor, o.replacing(c.Context(), editor.Entries, p))
		})
	}
	return c
}

// retentionShowCommand makes the command that prints what applies.
func (e env) retentionShowCommand() *cobra.Command {
	c := usage{
		name: "show", summary: "print how long the recordings of an account are kept", args: "--account ID [OPTIONS]",
		does:     `Prints the rules that apply, of the account itself or of the nearest account above it, and the bounds.`,
		examples: []string{"retention show --account A"},
	}.command()
	o := e.retentionFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), args, func(editor retention.Editor) error { return o.show(c.Context(), editor) })
	}
	return c
}

// retentionPreviewCommand makes the command that previews a policy.
func (e env) retentionPreviewCommand() *cobra.Command {
	c := usage{
		name: "preview", summary: "count what a policy would remove", args: "--account ID (--policy FILE | --none) [OPTIONS]",
		does: `Counts the recordings that are kept now and that the policy would remove, in the account and in those below
that follow it. Nothing is saved.`,
		examples: []string{"retention preview --account A --policy policy.json"},
	}.command()
	o := e.retentionFlags(c.Flags())
	o.policyFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		p, err := o.readPolicy()
		if err != nil {
			return err
		}
		return o.run(c.Context(), args, func(editor retention.Editor) error {
			found, err := editor.Preview(c.Context(), o.account, o.replacing(c.Context(), editor.Entries, p))
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, found)
			}
			printf(o.stdout, "would remove %s\n", previewWords(found))
			return nil
		})
	}
	return c
}

var retentionBoundsUsage = usage{
	name: "bounds", summary: "limit the policies of an account and of those below it",
	args: "--account ID [--min DAYS] [--max DAYS] [--confirm NUMBER] [OPTIONS]",
	does: `No rule keeps a recording for fewer days than --min, and no recording is kept for more than --max. The
bounds that are not given stay. 0 removes one. If the bounds contradict those of another account above or
below, the longer time counts.`,
	examples: []string{"retention bounds --account reseller --min 30 --max 3650"},
}

// retentionBoundsCommand makes the command that sets bounds.
func (e env) retentionBoundsCommand() *cobra.Command {
	c := retentionBoundsUsage.command()
	o := e.retentionFlags(c.Flags())
	o.changeFlags(c.Flags())
	var b retention.Bounds
	c.Flags().IntVar(&b.Min, "min", 0, "`DAYS`: the least that rules keep recordings; 0 for no limit")
	c.Flags().IntVar(&b.Max, "max", 0, "`DAYS`: the most that recordings are kept; 0 for no limit")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !c.Flags().Changed("min") && !c.Flags().Changed("max") {
			return usageError{errors.New("want --min or --max")}
		}
		return o.run(c.Context(), args, func(editor retention.Editor) error {
			return o.change(c.Context(), editor, func(s retention.Settings) (retention.Settings, error) {
				if c.Flags().Changed("min") {
					s.Min = b.Min
				}
				if c.Flags().Changed("max") {
					s.Max = b.Max
				}
				return s, s.Validate()
			})
		})
	}
	return c
}
