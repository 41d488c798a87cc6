package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/search"
)

var fsckUsage = usage{
	name: "fsck", summary: "compare the recordings with the audio, and repair what does not match",
	args: "[--repair] [--account ID] [OPTIONS]",
	does: `Finds what no event will ever finish: deletions that got stuck, audio without a recording, recordings
without their audio, uploads and rejected audio past their time, claims and links that nothing uses, and
what the index of searches and the totals still have of deleted recordings.
Without --repair it changes nothing. With it, it repairs what has one right answer. A service does the
same once a day, and --last prints the report of its last run. The exit code is 1 if something remains
that a person has to look at.`,
	examples: []string{
		"fsck",
		"fsck --repair --account A",
		"fsck --last --json",
	},
}

// fsckOptions are the options of fsck.
type fsckOptions struct {
	env
	target               *target
	names                *nameOptions
	account              string
	repair, last, asJSON bool
}

// fsckCommand makes the command that compares the table with the bucket
// (docs/adr/026-reconcile.md).
func (e env) fsckCommand() *cobra.Command {
	o := fsckOptions{env: e}
	c := fsckUsage.command()
	fs := c.Flags()
	o.target = e.targetFlags(fs)
	accountFlag(fs, &o.account)
	o.names = nameFlags(fs)
	fs.BoolVar(&o.repair, "repair", false, "repair what has one right answer")
	fs.BoolVar(&o.last, "last", false, "print the report of the service's last run, and compare nothing")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if o.last && (o.repair || o.account != "") {
			return usageError{errors.New("--last prints a report of the past: it works without --repair and --account")}
		}
		if o.account != "" {
			if err := checkIDs(o.account, ""); err != nil {
				return usageError{err}
			}
		}
		report, err := o.report(c.Context())
		if err != nil {
			return err
		}
		return o.print(report)
	}
	return c
}

// report returns the last report, or makes one.
func (o *fsckOptions) report(ctx context.Context) (reconcile.Report, error) {
	if o.last {
		entries, closed, err := o.target.openEntries(ctx)
		if err != nil {
			return reconcile.Report{}, err
		}
		report, err := reconcile.Last(ctx, entries)
		return report, errors.Join(err, closed())
	}
	s, err := config.Load(o.getenv, config.Tool)
	if err != nil {
		return reconcile.Report{}, err
	}
	names, err := o.names.open(o.env)
	if err != nil {
		return reconcile.Report{}, err
	}
	opened, closed, err := o.target.open(ctx)
	if err != nil {
		return reconcile.Report{}, err
	}
	r := o.reconciler(opened, s.SetAsideDays)
	r.Arrive = opened.ingester(names, s.MaxAudioBytes, o.now).Stored
	report, err := r.Run(ctx)
	return report, errors.Join(err, closed())
}

// reconciler returns the reconciler of an open target. It keeps its progress in memory.
func (o *fsckOptions) reconciler(opened opened, setAsideDays int) *reconcile.Reconciler {
	r := &reconcile.Reconciler{
		Store: opened.driver, Bucket: opened.audio, Book: reconcile.Memory(), Repair: o.repair, Account: o.account, Deep: true,
		Ages: reconcile.LocalAges(), Log: slog.New(slog.DiscardHandler), Now: o.now,
		Index: &search.Indexer{Store: opened.driver, Now: o.now, Random: rand.Reader, Atomic: !o.target.deployed()},
	}
	r.EndRestores = sweep.WhenTrusted(opened.driver, o.now, deletion.New(opened.driver, 0, o.now).Ending)
	if o.target.deployed() {
		r.Ages, r.Pace = reconcile.CloudAges(setAsideDays), reconcile.Steady()
		r.Ages.Failure = 0 // there is no later call that tries an account again
	}
	return r
}

// print prints a report. It returns errReported if something remains to be looked at.
func (o *fsckOptions) print(report reconcile.Report) error {
	open := report.Open()
	if o.asJSON {
		if err := printJSON(o.stdout, struct {
			reconcile.Report
			Open int `json:"open"`
		}{report, open}); err != nil {
			return err
		}
	} else {
		o.printText(report)
	}
	if open > 0 {
		return errReported
	}
	return nil
}

func (o *fsckOptions) printText(report reconcile.Report) {
	for _, e := range report.Examples {
		columns := []string{string(e.Kind), e.Account, e.Recording, e.Object}
		switch {
		case e.Repaired:
			columns = append(columns, "repaired")
		case e.Cause != "":
			columns = append(columns, "not repaired: "+e.Cause)
		}
		columns = deleteEmpty(columns)
		printf(o.stdout, "%s\n", clean(strings.Join(columns, "  ")))
	}
	for _, k := range reconcile.Kinds {
		if c := report.Findings[k.Kind]; c != nil {
			printf(o.stdout, "%s: %d found, %d repaired (%s)\n", k.Kind, c.Found, c.Repaired, k.Doc)
		}
	}
	printf(o.stdout, "examined: %s, %s, %s, %s, %s\n", count(report.Accounts, "account"), count(report.Recordings, "recording"),
		count(report.Tombstones, "tombstone"), count(report.Objects, "object"), count(report.Claims, "claim"))
	if found, repaired := report.Totals(); found == 0 {
		printf(o.stdout, "everything matches\n")
	} else {
		printf(o.stdout, "%d found, %d repaired, %d to look at\n", found, repaired, report.Open())
	}
}

// deleteEmpty removes the empty columns of a line.
func deleteEmpty(columns []string) []string {
	kept := columns[:0]
	for _, c := range columns {
		if c != "" {
			kept = append(kept, c)
		}
	}
	return kept
}
