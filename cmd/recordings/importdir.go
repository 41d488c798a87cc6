package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"callrecordings/shared/config"
	"callrecordings/shared/incoming/importer/folder"
	"callrecordings/shared/incoming/namepattern"
)

// dirConcurrency is how many files are copied at once: what keeps a deployment
// busy, which is a millisecond or two away for each of the steps of a file.
const dirConcurrency = 16

// importDir copies a folder of audio.
func importDir(ctx context.Context, e env, args []string) error {
	s := folder.Source{Now: e.now}
	fs := flags("import dir")
	f := e.importFlagsOf(fs, dirConcurrency, 0, "recordings")
	var patterns []string
	fs.Func("pattern", "`layout` of names, besides those that are known (or INBOX_PATTERNS); may be given again", func(p string) error {
		patterns = append(patterns, p)
		return nil
	})
	zone := fs.String("timezone", "", "`zone` of the times in names, Europe/Berlin (or INBOX_TIMEZONE)")
	metadata := fs.String("metadata", "", "`file` with a row for each recording: .csv, .json or .jsonl, by its member \"file\"")
	fs.BoolVar(&s.Watch, "watch", false, "go on and take what arrives, until it is stopped")
	fs.DurationVar(&s.Settle, "settle", folder.DefaultSettle, "`time` for which a file has not changed when it is taken: a call may be in progress")
	rest, err := e.parse(fs, "FOLDER --account A", args)
	if err != nil {
		return err
	}
	if err := f.wrong(rest, 1); err != nil {
		return err
	}
	switch {
	case len(rest) == 0:
		return usageError{errors.New("no folder is named")}
	case s.Settle <= 0:
		return usageError{errors.New("--settle is more than 0")}
	case s.Watch && (f.dry || f.verify || f.check):
		return usageError{errors.New("--watch goes on until it is stopped; verify and count without it")}
	}
	s.Root, s.Account, s.Interval = rest[0], f.account, min(s.Settle, folder.DefaultInterval)
	if s.Names, err = e.names(strings.Join(patterns, " "), *zone); err != nil {
		return err
	}
	if *metadata != "" {
		if s.Table, err = folder.ReadTable(*metadata); err != nil {
			return err
		}
	}
	return e.migrate(ctx, f, func(i *importJob, _ int64) error {
		i.source = s
		if i.endless = s.Watch; i.endless {
			return nil
		}
		n, _, err := s.Count(ctx)
		i.total = int64(n)
		return err
	})
}

// names are the patterns of names, own ones first, as flags or the environment
// have them.
func (e env) names(patterns, zone string) (namepattern.Set, error) {
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return namepattern.Set{}, err
	}
	if patterns == "" {
		patterns = s.InboxPatterns
	}
	if zone == "" {
		zone = s.InboxTimezone
	}
	names, err := namepattern.Open(patterns, zone)
	if err != nil {
		return names, usageError{fmt.Errorf("--pattern, --timezone: %w", err)}
	}
	return names, nil
}
