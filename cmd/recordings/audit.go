package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
)

// trailPage is how many entries of the audit trail one call returns.
const trailPage = 500

// auditCommand makes `recordings audit`, which reads and verifies the audit trail
// (docs/how-to/audit.md).
func (e env) auditCommand() *cobra.Command {
	return usage{
		name: "audit", summary: "read and verify the audit trail",
		does: `The audit trail records who listened to, changed, deleted or shared recordings, who was refused, and who
changed the access rules. The setting AUDIT of the service switches it on.`,
		examples: []string{auditListUsage.examples[0], auditVerifyUsage.examples[0]},
	}.parent(e.auditListCommand(), e.auditVerifyCommand(), e.auditHashCommand())
}

// trailOptions are the options that choose a trail.
type trailOptions struct {
	env
	target  *target
	account string
	system  bool
	asJSON  bool
}

func (e env) trailFlags(fs *pflag.FlagSet) *trailOptions {
	o := &trailOptions{env: e, target: e.targetFlags(fs)}
	accountFlag(fs, &o.account)
	fs.BoolVar(&o.system, "system", false, "the trail of the token issuers, which belong to no account")
	jsonFlag(fs, &o.asJSON)
	return o
}

// run checks the command line, opens the trail and calls do with the name of its account.
func (o *trailOptions) run(ctx context.Context, args []string, do func(r *audit.Reader, account string) error) error {
	if err := unexpected(args, 0); err != nil {
		return err
	}
	account := o.account
	if o.system {
		if account != "" {
			return usageError{errors.New("want either --account or --system")}
		}
		account = audit.System
	} else if err := checkIDs(account, ""); err != nil {
		return usageError{err}
	}
	entries, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(audit.NewReader(entries), account), closed())
}

var auditListUsage = usage{
	name: "list", summary: "print entries, the newest first",
	args: "--account ID [OPTIONS]",
	does: `Prints the time, the actor, the action, the result, and the recording or what else was changed, one entry on
each line. --json prints everything that an entry has.`,
	examples: []string{
		"audit list --account A --since 7d",
		"audit list --account A --action listen --actor anna --json",
	},
}

func (e env) auditListCommand() *cobra.Command {
	c := auditListUsage.command()
	o := e.trailFlags(c.Flags())
	q := audit.Query{Limit: trailPage}
	var since, until recording.Seconds
	var action string
	e.timeFlag(c.Flags(), &since, "since", "only entries made at `TIME` or later; 7d (ago), 2026-01-31 or 2026-01-31T09:30:00Z")
	e.timeFlag(c.Flags(), &until, "until", "only entries made at `TIME` or earlier")
	c.Flags().StringVar(&q.Actor, "actor", "", "`ID`: only entries of this user, or of this subject of a token")
	c.Flags().StringVar(&action, "action", "", "`ACTION`: only entries of this action: "+actionNames())
	c.Flags().StringVar(&q.Recording, "recording", "", "`ID`: only entries about this recording")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := errors.Join(checkPeriod(since, until), checkAction(action)); err != nil {
			return usageError{err}
		}
		q.Action, q.From, q.To = access.Action(action), timeOf(since), endOf(until)
		return o.run(c.Context(), args, func(r *audit.Reader, account string) error {
			q.Account = account
			return eachEntry(c.Context(), r, q, o.print)
		})
	}
	return c
}

func actionNames() string {
	names := make([]string, len(access.Actions))
	for i, a := range access.Actions {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

func checkAction(name string) error {
	for _, a := range access.Actions {
		if name == "" || access.Action(name) == a {
			return nil
		}
	}
	return fmt.Errorf("--action %q: want one of %s", name, actionNames())
}

// timeOf returns the time of an option; the zero time if it was not given.
func timeOf(s recording.Seconds) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return s.Time()
}

// endOf is like timeOf, and includes the whole second.
func endOf(s recording.Seconds) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return s.Time().Add(time.Second - time.Nanosecond)
}

// eachEntry calls do with each entry that q selects.
func eachEntry(ctx context.Context, r *audit.Reader, q audit.Query, do func(*audit.Entry) error) error {
	for {
		page, err := r.Page(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			if err := do(&page.Entries[i]); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.Start = *page.Next
	}
}

// print prints an entry.
func (o *trailOptions) print(e *audit.Entry) error {
	at := e.Time.Format("2006-01-02T15:04:05.000Z07:00")
	if o.asJSON {
		return printJSON(o.stdout, struct {
			Timestamp string `json:"timestamp"`
			*audit.Entry
		}{at, e})
	}
	actor := actorName(e.Actor)
	if actor == "" && e.Link != "" { // a link works without a token
		actor = "link/" + e.Link
	}
	columns := []string{at, actor, string(e.Action), string(e.Result)}
	for _, more := range []string{e.Recording, e.Object, e.Address, e.Reason} {
		if more != "" {
			columns = append(columns, more)
		}
	}
	_, err := fmt.Fprintln(o.stdout, clean(strings.Join(columns, "  ")))
	return err
}

// actorName names an actor on a line: its user, or else the subject or the account of
// its token. It names the issuer and the role, too.
func actorName(a audit.Actor) string {
	name := first(a.Owner, a.Subject, a.Account)
	if a.Issuer != "" {
		name = strings.TrimSuffix(a.Issuer+":"+name, ":")
	}
	if a.Role != "" {
		name += " (" + string(a.Role) + ")"
	}
	return name
}

var auditVerifyUsage = usage{
	name: "verify", summary: "check that no entry of a day was altered or removed",
	args: "--account ID --day DAY [OPTIONS]",
	does: `Checks the chains of a day in UTC, reports entries that were altered or are missing, and prints the hash of
the day. If the hash was kept elsewhere, --expect compares it, and so also finds a removed end of a chain and
a removed chain. The hash is final when the day is over.`,
	examples: []string{
		"audit verify --account A --day 2026-01-31",
		"audit verify --account A --day 2026-01-31 --expect 5f0c",
	},
}

func (e env) auditVerifyCommand() *cobra.Command {
	c := auditVerifyUsage.command()
	o := e.trailFlags(c.Flags())
	var onDay, expect string
	dayFlag(c.Flags(), &onDay)
	c.Flags().StringVar(&expect, "expect", "", "`HASH`: the hash that the day must have")
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.verified(c.Context(), args, onDay, func(report audit.Report) error {
			if expect != "" && !strings.EqualFold(expect, report.Hash) {
				report.Problems = append(report.Problems, "the hash of the day is not the expected one: entries were added, altered or removed")
			}
			if o.asJSON {
				if err := printJSON(o.stdout, map[string]any{
					"day": onDay, "entries": report.Entries, "chains": report.Chains, "hash": report.Hash, "problems": append([]string{}, report.Problems...),
				}); err != nil {
					return err
				}
			} else {
				for _, p := range report.Problems {
					printf(o.stderr, "%s\n", clean(p))
				}
				printf(o.stdout, "%s  entries: %d  chains: %d  %s\n", onDay, report.Entries, report.Chains, report.Hash)
			}
			if len(report.Problems) > 0 {
				return errReported
			}
			return nil
		})
	}
	return c
}

func (e env) auditHashCommand() *cobra.Command {
	c := usage{
		name: "hash", summary: "print the hash of a day, to keep elsewhere",
		args:     "--account ID --day DAY [OPTIONS]",
		does:     `Prints only the hash of a day in UTC. It does not report problems; audit verify does.`,
		examples: []string{"audit hash --account A --day 2026-01-31"},
	}.command()
	o := e.trailFlags(c.Flags())
	var onDay string
	dayFlag(c.Flags(), &onDay)
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.verified(c.Context(), args, onDay, func(report audit.Report) error {
			if o.asJSON {
				return printJSON(o.stdout, map[string]string{"day": onDay, "hash": report.Hash})
			}
			_, err := fmt.Fprintln(o.stdout, report.Hash)
			return err
		})
	}
	return c
}

// dayFlag adds --day.
func dayFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "day", "", "`DAY`: the day in UTC, such as 2026-01-31")
}

// verified calls do with the report about a day.
func (o *trailOptions) verified(ctx context.Context, args []string, onDay string, do func(audit.Report) error) error {
	if _, err := time.Parse(time.DateOnly, onDay); err != nil {
		return usageError{fmt.Errorf("--day %q: want a day such as 2026-01-31", onDay)}
	}
	return o.run(ctx, args, func(r *audit.Reader, account string) error {
		report, err := r.Verify(ctx, account, onDay)
		if err != nil {
			return err
		}
		return do(report)
	})
}
