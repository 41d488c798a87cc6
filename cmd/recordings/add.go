package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"callrecordings/shared/incoming/upload"
	"callrecordings/shared/recording"
)

// add stores each FILE as a recording. It goes on after one that fails.
func add(ctx context.Context, e env, args []string) error {
	var call upload.Request
	fs := flags("add")
	t := e.targetFlags(fs)
	fs.StringVar(&call.Account, "account", "", "`id` of the account")
	fs.StringVar(&call.Owner, "owner", "", "`id` of the user whose recording it is")
	fs.StringVar(&call.ID, "id", "", "`id` of the recording, YYYYMM-…; made if missing")
	fs.StringVar(&call.Direction, "direction", "", "`way` of the call: inbound (the default) or outbound")
	fs.StringVar(&call.Caller, "caller", "", "`number` of the caller")
	fs.StringVar(&call.CallerName, "caller-name", "", "`name` of the caller")
	fs.StringVar(&call.Callee, "callee", "", "`number` of the callee")
	fs.StringVar(&call.CalleeName, "callee-name", "", "`name` of the callee")
	fs.StringVar(&call.Realm, "realm", "", "SIP `realm` of both")
	fs.Func("start", "`time` of the call's start: 2026-01-31T09:30:00Z, or Unix or Gregorian seconds", func(s string) (err error) {
		call.Start, err = recording.ParseTime(s)
		return err
	})
	fs.StringVar(&call.UserMetadata, "metadata", "", "`JSON` object for user_metadata")
	asJSON := fs.Bool("json", false, "print a JSON object for each file")
	files, err := e.parse(fs, "FILE… --account A [--owner U] [--caller NUMBER] [--callee NUMBER] [--start TIME]", args)
	if err != nil {
		return err
	}
	if err := check(call, files); err != nil {
		return usageError{err}
	}
	in, closed, err := t.openIntake(ctx)
	if err != nil {
		return err
	}
	var failed error
	for i, name := range files {
		r, err := e.addFile(ctx, in, call, name)
		if err != nil {
			failed = errReported
		}
		e.report(name, r, err, *asJSON)
		if left := len(files) - i - 1; ctx.Err() != nil && left > 0 {
			failed = fmt.Errorf("stopped; %d not tried, the first of them %s", left, files[i+1])
			break
		}
	}
	if err := closed(); err != nil {
		return err
	}
	return failed
}

// check finds what is wrong with the call before any file is opened.
func check(c upload.Request, files []string) error {
	switch {
	case len(files) == 0:
		return errors.New("no file is named")
	case c.ID != "" && len(files) > 1:
		return errors.New("--id is for one file")
	case c.Direction != "" && c.Direction != "inbound" && c.Direction != "outbound":
		return fmt.Errorf("--direction %q: %w", c.Direction, upload.ErrDirection)
	}
	return checkNames(c.Account, c.Owner)
}

// addFile stores one file.
func (e env) addFile(ctx context.Context, in upload.Uploader, call upload.Request, name string) (*recording.Recording, error) {
	f, err := os.Open(name) //nolint:gosec // the operator says which
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	p := &progress{out: e.stderr, name: name, total: info.Size(), now: e.now, terminal: isTerminal(e.stderr)}
	defer p.end()
	r, err := in.Add(ctx, call, f, info.Size(), p.at)
	if err != nil && ctx.Err() != nil {
		return nil, errStopped
	}
	return r, err
}

// errStopped stands for what an interrupted upload gives.
var errStopped = errors.New("stopped; nothing was stored")

// reason drops the file's name from err: the report has it already.
func reason(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// outcome is what --json prints of a file.
type outcome struct {
	File        string `json:"file"`
	Error       string `json:"error,omitempty"`
	ID          string `json:"id,omitempty"`
	Account     string `json:"account_id,omitempty"`
	Owner       string `json:"owner_id,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	DurationMS  *int64 `json:"duration_ms,omitempty"`
	Bytes       int64  `json:"bytes,omitempty"`
}

// report prints what became of a file.
func (e env) report(name string, r *recording.Recording, err error, asJSON bool) {
	o := outcome{File: name}
	var ms int64
	if err != nil {
		o.Error = err.Error()
	} else {
		ms, _ = r.Document.Int("duration_ms")
		o = outcome{name, "", r.ID, r.Account, r.Owner, r.Audio.ContentType, &ms, r.Audio.Size}
	}
	switch {
	case asJSON:
		_ = printJSON(e.stdout, o) // nothing to do if standard output is gone
	case err != nil:
		say(e.stderr, "recordings add: %s: %v\n", name, err)
	default:
		say(e.stdout, "%s  %s  %s, %.1f s\n", r.ID, name, r.Audio.ContentType, float64(ms)/1000)
	}
}
