package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/feed"
)

// feedCommand makes `recordings feed`, which operates the feed of changes
// (docs/how-to/follow-changes.md).
func (e env) feedCommand() *cobra.Command {
	return usage{
		name: "feed", summary: "operate the feed of changes",
		does: `The feed has the changes of an account in their order. Clients follow it with cursors, and webhooks deliver
it.`,
		examples: feedRestartUsage.examples,
	}.parent(e.feedRestartCommand())
}

var feedRestartUsage = usage{
	name: "restart", summary: "make clients of the feed start again from a list",
	args: "(--account ID | --all) [OPTIONS]",
	does: `Makes all present cursors of an account, or of all accounts, too old: for changes that are missing from the
feed, because publish gave them up or the table was restored. Clients get a 410 and start again from a list.
Their webhooks are parked until "recordings webhook resume". Later changes are added to the feed as before.`,
	examples: []string{"feed restart --account A", "feed restart --all"},
}

// feedOptions are the options of feed restart.
type feedOptions struct {
	env
	target  *target
	account string
	all     bool
}

func (e env) feedRestartCommand() *cobra.Command {
	c := feedRestartUsage.command()
	o := feedOptions{env: e, target: e.targetFlags(c.Flags())}
	accountFlag(c.Flags(), &o.account)
	c.Flags().BoolVar(&o.all, "all", false, "restart the feeds of all accounts")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		return o.restart(c.Context())
	}
	return c
}

// restart restarts the feed of the account, or of all accounts.
func (o *feedOptions) restart(ctx context.Context) error {
	if o.all == (o.account != "") {
		return usageError{errors.New("want either --account or --all")}
	}
	if !o.all {
		if err := checkIDs(o.account, ""); err != nil {
			return usageError{err}
		}
	}
	entries, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	err = feed.New(entries, o.now).Restart(ctx, o.account)
	if err := errors.Join(err, closed()); err != nil {
		return err
	}
	printf(o.stderr, "cursors from before now are too old\n")
	return nil
}
