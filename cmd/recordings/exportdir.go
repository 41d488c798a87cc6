package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
)

var exportDirUsage = usage{
	name: "dir", summary: "into a folder that import dir can read",
	args: "FOLDER --account ID [OPTIONS]",
	does: `Writes the recordings of an account into FOLDER: each as a JSON document with its audio beside it.
Recordings that are already there and unchanged are skipped, so you can run it again at any time.`,
	examples: []string{
		"export dir backup/ --account A --since 2026-01-01",
	},
}

// exportCommand makes `recordings export`.
func (e env) exportCommand() *cobra.Command {
	return usage{
		name: "export", summary: "write recordings into a folder",
		does:     "Writes recordings into a folder that import dir can read.",
		examples: exportDirUsage.examples,
	}.parent(e.exportDirCommand())
}

// exportDirCommand makes the command that writes the recordings of an account into
// a folder.
func (e env) exportDirCommand() *cobra.Command {
	var x folder.Export
	var asJSON bool
	c := exportDirUsage.command()
	fs := c.Flags()
	t := e.targetFlags(fs)
	accountFlag(fs, &x.Account)
	fs.StringVar(&x.Owner, "owner", "", "`ID`: only recordings of this user")
	e.periodFlags(fs, &x.From, &x.To)
	concurrencyFlag(fs, &x.Concurrency, dirConcurrency)
	jsonFlag(fs, &asJSON)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if err := checkExport(x, args); err != nil {
			return err
		}
		x.Root = args[0]
		o, closed, err := t.open(c.Context())
		if err != nil {
			return err
		}
		defer func() {
			if e := closed(); e != nil && err == nil {
				err = e
			}
		}()
		x.Store, x.Audio = o.visible, o.audio
		return e.export(c.Context(), x, asJSON)
	}
	return c
}

// checkExport checks the options and the arguments.
func checkExport(x folder.Export, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no FOLDER given")}
	}
	if err := unexpected(args, 1); err != nil {
		return err
	}
	for _, err := range []error{checkIDs(x.Account, x.Owner), checkConcurrency(x.Concurrency), checkPeriod(x.From, x.To)} {
		if err != nil {
			return usageError{err}
		}
	}
	return nil
}

// exported maps the outcomes of an export to those that a tally counts.
var exported = map[folder.Outcome]importer.Outcome{
	folder.Written: importer.Copied, folder.Unchanged: importer.Known, folder.Gone: importer.Deleted, folder.Failed: importer.Failed,
}

// export runs x, shows its progress and prints its result.
func (e env) export(ctx context.Context, x folder.Export, asJSON bool) error {
	tally := &importer.Tally{}
	d := e.newDisplay(asJSON, 0)
	x.Report = func(one folder.Exported) {
		tally.Exported(exported[one.Outcome], one.Bytes)
		switch {
		case one.Missing:
			d.problem(one, one.ID+": its audio is missing from the bucket")
		case one.Outcome == folder.Failed:
			d.problem(one, one.ID+": "+one.Reason)
		}
	}
	end := d.follow(ctx, tally, &bar{began: e.now(), verb: writing})
	s, err := x.Run(ctx)
	end()
	d.result(map[string]int64{
		"written": s.Written, "already_there": s.Unchanged, "without_audio": s.WithoutAudio, "deleted_meanwhile": s.Gone,
		"failed": s.Failed, "audio_bytes": s.Bytes,
	}, table(
		row{"written", s.Written, size(s.Bytes) + " of audio", true},
		row{"already there", s.Unchanged, "", true},
		row{"audio missing", s.WithoutAudio, included + "; the bucket does not have their audio", false},
		row{"deleted meanwhile", s.Gone, "", false},
		row{"failed", s.Failed, retry, false},
	))
	switch {
	case ctx.Err() != nil:
		printf(e.stderr, "%s\n", stopped)
		return errReported
	case err != nil:
		return err
	case s.Failed > 0:
		return errReported
	case s.Written+s.Unchanged+s.Gone == 0:
		return fmt.Errorf("there is nothing to export: the account %s has no such recordings here", x.Account)
	}
	return nil
}
