package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/intake"
	"callrecordings/shared/recording"
)

// add stores each FILE as a recording. It goes on after one that fails.
func add(ctx context.Context, e env, args []string) error {
	var call intake.Call
	fs := e.flags("add", "FILE… --account A [--owner U] [--caller NUMBER] [--callee NUMBER] [--start TIME]")
	t := e.targetFlags(fs)
	fs.StringVar(&call.Account, "account", "", "`id` of the account")
	fs.StringVar(&call.Owner, "owner", "", "`id` of the user whose recording it is")
	fs.StringVar(&call.ID, "id", "", "`id` of the recording, YYYYMM-…; made if missing")
	fs.StringVar(&call.Direction, "direction", "", "inbound (the default) or outbound")
	fs.StringVar(&call.Caller, "caller", "", "`number` of the caller")
	fs.StringVar(&call.CallerName, "caller-name", "", "`name` of the caller")
	fs.StringVar(&call.Callee, "callee", "", "`number` of the callee")
	fs.StringVar(&call.CalleeName, "callee-name", "", "`name` of the callee")
	fs.StringVar(&call.Realm, "realm", "", "SIP `realm` of both")
	fs.Func("start", "`time` of the call's start: 2026-01-31T09:30:00Z, or Unix or Gregorian seconds", func(s string) (err error) {
		call.Start, err = parseStart(s)
		return err
	})
	asJSON := fs.Bool("json", false, "print a JSON object for each file")
	files, err := parse(fs, args)
	if err != nil {
		return err
	}
	if err := check(call, files); err != nil {
		return usageError{err}
	}
	in, closed, err := t.open(ctx)
	if err != nil {
		return err
	}
	failures := 0
	for _, name := range files {
		r, err := addFile(ctx, in, call, name, e.stderr)
		if err != nil {
			failures++
		}
		e.report(name, r, err, *asJSON)
	}
	if err := closed(); err != nil {
		return err
	}
	if failures > 0 {
		return errReported
	}
	return nil
}

// check finds what is wrong with the call before any file is opened.
func check(c intake.Call, files []string) error {
	switch {
	case len(files) == 0:
		return errors.New("no file is named")
	case c.Account == "":
		return errors.New("--account is missing")
	case !auth.ValidName(c.Account):
		return fmt.Errorf("--account %q: want 1 to 64 of A-Z, a-z, 0-9, _ -", c.Account)
	case c.Owner != "" && !auth.ValidName(c.Owner):
		return fmt.Errorf("--owner %q: want 1 to 64 of A-Z, a-z, 0-9, _ -", c.Owner)
	case c.ID != "" && len(files) > 1:
		return errors.New("--id is for one file")
	case c.Direction != "" && c.Direction != "inbound" && c.Direction != "outbound":
		return fmt.Errorf("--direction %q: %w", c.Direction, intake.ErrDirection)
	}
	return nil
}

// gregorianFrom is where numbers begin to mean Gregorian seconds: as Unix
// seconds they would lie past the year 3000.
const gregorianFrom = 32_503_680_000

// parseStart reads a time as people and as PBXs write it.
func parseStart(s string) (recording.Seconds, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		if n >= gregorianFrom {
			return recording.Seconds(n), nil
		}
		return recording.SecondsOf(time.Unix(n, 0)), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errors.New("want 2026-01-31T09:30:00Z, or Unix or Gregorian seconds")
	}
	return recording.SecondsOf(at), nil
}

// addFile stores one file.
func addFile(ctx context.Context, in intake.Intake, call intake.Call, name string, stderr io.Writer) (*recording.Recording, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, reason(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	}
	p := &progress{out: stderr, name: name, total: info.Size(), now: time.Now, terminal: isTerminal(stderr)}
	defer p.end()
	return in.Add(ctx, call, f, info.Size(), p.at)
}

// reason drops the file's name from err: the report has it already.
func reason(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// report prints what became of a file.
func (e env) report(name string, r *recording.Recording, err error, asJSON bool) {
	switch {
	case asJSON:
		line := map[string]any{"file": name}
		if err != nil {
			line["error"] = err.Error()
		} else {
			ms, _ := r.Document.Int("duration_ms")
			line["id"], line["account_id"], line["bytes"] = r.ID, r.Account, r.Audio.Size
			line["content_type"], line["duration_ms"] = r.Audio.ContentType, ms
		}
		_ = json.NewEncoder(e.stdout).Encode(line) // nothing to do if standard output is gone
	case err != nil:
		fmt.Fprintf(e.stderr, "recordings add: %s: %v\n", name, err)
	default:
		ms, _ := r.Document.Int("duration_ms")
		fmt.Fprintf(e.stdout, "%s  %s  %s, %.1f s\n", r.ID, name, r.Audio.ContentType, float64(ms)/1000)
	}
}
