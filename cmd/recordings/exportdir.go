package main

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/incoming/importer/folder"
)

// exportDir writes the recordings of an account into a folder.
func exportDir(ctx context.Context, e env, args []string) (err error) {
	var x folder.Export
	fs := flags("export dir")
	t := e.targetFlags(fs)
	fs.StringVar(&x.Account, "account", "", "`id` of the account")
	fs.StringVar(&x.Owner, "owner", "", "`id` of the user whose recordings are meant; all if missing")
	timeFlag(fs, &x.From, "since", "the oldest, by a `day` or a time")
	timeFlag(fs, &x.To, "until", "the newest, by a `day` or a time")
	fs.IntVar(&x.Concurrency, "concurrency", dirConcurrency, "`number` of recordings that are written at once")
	asJSON := fs.Bool("json", false, "print the result, and what was not written, as lines of JSON")
	rest, err := e.parse(fs, "FOLDER --account A", args)
	if err != nil {
		return err
	}
	switch err := checkNames(x.Account, x.Owner); {
	case err != nil:
		return usageError{err}
	case len(rest) == 0:
		return usageError{errors.New("no folder is named")}
	case len(rest) > 1:
		return usageError{fmt.Errorf("unexpected argument %q", rest[1])}
	case x.Concurrency < 1 || x.Concurrency > maxConcurrency:
		return usageError{errConcurrency}
	case x.To != 0 && x.To < x.From:
		return usageError{errBounds}
	}
	x.Root = rest[0]
	o, closed, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if e := closed(); e != nil && err == nil {
			err = e
		}
	}()
	x.Store, x.Audio = o.store, o.audio
	return e.export(ctx, x, *asJSON)
}

// export runs x and tells how far it comes, and what came of it.
func (e env) export(ctx context.Context, x folder.Export, asJSON bool) error {
	tally := &importer.Tally{}
	x.Tell = func(one folder.Exported) {
		tally.Exported(one.Bytes)
		if one.Outcome != folder.Failed && !one.Missing {
			return
		}
		reason := one.Reason
		if one.Missing {
			reason = "the bucket does not have its audio"
		}
		if asJSON {
			_ = printJSON(e.stdout, one) // nothing to do if standard output is gone
		} else {
			say(e.stderr, "%s%s: %s\n", wiped(e.stderr), one.ID, reason)
		}
	}
	shown := (&importJob{env: e, importFlags: &importFlags{asJSON: asJSON}, report: &reportFile{}}).show(ctx, tally, "written")
	s, err := x.Run(ctx)
	shown()
	if asJSON {
		_ = printJSON(e.stdout, map[string]int64{
			"written": s.Written, "already_there": s.Unchanged, "without_audio": s.WithoutAudio, "deleted_meanwhile": s.Gone,
			"failed": s.Failed, "audio_bytes": s.Bytes,
		})
	} else {
		say(e.stdout, "%s", table(
			row{"written", s.Written, size(s.Bytes) + " of audio", true},
			row{"already there", s.Unchanged, "", true},
			row{"audio missing", s.WithoutAudio, "among those two; the bucket does not have it", false},
			row{"deleted meanwhile", s.Gone, "", false},
			row{"failed", s.Failed, "the same command tries them again", false},
		))
	}
	switch {
	case ctx.Err() != nil:
		say(e.stderr, "stopped; the same command goes on where this one ended\n")
		return errReported
	case err != nil:
		return err
	case s.Failed > 0:
		return errReported
	}
	return nil
}
