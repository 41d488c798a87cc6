package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

var reindexUsage = usage{
	name: "reindex", summary: "complete the index of searches, and the totals",
	args: "--account ID [--rate N] [--restart] [OPTIONS]",
	does: `Compares each recording of an account with the index that searches read, and brings the index and the
totals up to date: for recordings from before there was an index, or after it was switched off. A run
that was stopped less than a day ago goes on where it stopped. It is safe while the service is in use.`,
	examples: []string{"reindex --account A", "reindex --account A --table T --rate 100"},
	notes:    "A recording that has to be indexed costs about 27 write units on DynamoDB.\n",
}

// reindexOptions are the options of reindex.
type reindexOptions struct {
	env
	target          *target
	account         string
	rate            float64
	restart, asJSON bool
}

// reindexCommand makes the command that completes the index.
func (e env) reindexCommand() *cobra.Command {
	o := reindexOptions{env: e}
	c := reindexUsage.command()
	fs := c.Flags()
	o.target = e.targetFlags(fs)
	accountFlag(fs, &o.account)
	fs.Float64Var(&o.rate, "rate", 0, "`N`: recordings to index per second at most (default no limit)")
	fs.BoolVar(&o.restart, "restart", false, "begin at the beginning, even if an earlier run was stopped")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if o.account == "" {
			return usageError{errors.New("--account is required")}
		}
		if o.rate < 0 {
			return usageError{errors.New("--rate must not be negative")}
		}
		return o.reindex(c.Context())
	}
	return c
}

// reindex completes the index of the account.
func (o *reindexOptions) reindex(ctx context.Context) error {
	s, closed, err := o.target.openIndex(ctx)
	if err != nil {
		return err
	}
	x := search.Reindexer{
		Indexer: &search.Indexer{Store: s, Now: o.now, Random: rand.Reader, Atomic: !o.target.deployed()},
	}
	if o.rate > 0 {
		x.Pace = rate.NewLimiter(rate.Limit(o.rate), 1).Wait
	}
	shown := o.now()
	x.Progress = func(r search.Report) {
		if now := o.now(); !o.asJSON && now.Sub(shown) >= everyLine {
			shown = now
			printf(o.stderr, "examined %d, indexed %d\n", r.Examined, r.Indexed)
		}
	}
	x.Resumed = func(from recording.Seconds) {
		printf(o.stderr, "continues at %s, where another run stopped\n", clock(from.Time()))
	}
	done, err := x.Account(ctx, o.account, o.restart)
	if err := errors.Join(err, closed()); err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(o.stdout, done)
	}
	printf(o.stdout, "examined %d, indexed %d, removed %d\n", done.Examined, done.Indexed, done.Removed)
	if done.Busy > 0 {
		printf(o.stderr, "%d are being indexed by another run; run this again in a few minutes\n", done.Busy)
	}
	return nil
}
