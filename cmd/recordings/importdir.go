package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/incoming/importer/folder"
)

// dirConcurrency is how many files are copied at a time. It is high enough to keep a
// deployment busy, where each step for a file takes a millisecond or two.
const dirConcurrency = 16

var importDirUsage = usage{
	name: "dir", summary: "from a folder of audio files, or from what export dir has written",
	args: "FOLDER --account ID [OPTIONS]",
	does: `Copies the audio files in FOLDER and its subfolders. The details of a call come from a JSON file beside
the audio, from the --metadata table, and from the file name, in this order. You can stop the import
at any time; run the same command again to continue.`,
	examples: []string{
		"import dir /var/spool/asterisk/monitor --account A --timezone Europe/Berlin",
		"import dir calls/ --account A --metadata calls.csv --dry-run",
	},
}

// importDirCommand makes the command that copies the audio files of a folder.
func (e env) importDirCommand() *cobra.Command {
	s := folder.Source{Now: e.now}
	c := importDirUsage.command()
	fs := c.Flags()
	o := e.importFlags(fs, dirConcurrency, 0, "copy at most `N` recordings per second; 0 for no limit")
	names := nameFlags(fs)
	metadata := fs.String("metadata", "", "`FILE`: table (.csv, .json, .jsonl) with a row for each file, whose path is in the field \"file\"")
	fs.BoolVar(&o.update, "update", false, "also correct the fields of recordings that were copied before, where the metadata has changed since")
	fs.BoolVar(&s.Watch, "watch", false, "keep running and copy new files, until stopped")
	durationFlag(fs, &s.Settle, "settle", folder.DefaultSettle, "skip files that changed within the last `DURATION`, because their calls may still be going on")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if err := checkImportDir(o, s, args); err != nil {
			return err
		}
		s.Root, s.Account, s.Interval = args[0], o.account, min(s.Settle, folder.DefaultInterval)
		if s.Names, err = names.open(e); err != nil {
			return err
		}
		if *metadata != "" {
			if s.Table, err = folder.ReadTable(*metadata); err != nil {
				return err
			}
		}
		return e.runImport(c.Context(), o, func(job *importJob, _ int64) error {
			job.source = s
			if job.endless = s.Watch; job.endless {
				return nil
			}
			n, _, err := s.Count(c.Context())
			job.total = int64(n)
			return err
		})
	}
	return c
}

// checkImportDir checks the options and the arguments.
func checkImportDir(o *importOptions, s folder.Source, args []string) error {
	if err := o.check(args, 1); err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return usageError{errors.New("no FOLDER given")}
	case s.Settle <= 0:
		return usageError{errors.New("--settle must be greater than 0")}
	case s.Watch && (o.dryRun || o.verify || o.verifyOnly):
		return usageError{errors.New("--watch never ends by itself; use --dry-run, --verify and --verify-only without it")}
	}
	return nil
}
