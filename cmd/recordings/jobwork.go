package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

// jobOptions are the options of the commands that wait for a job.
type jobOptions struct {
	env
	api    *apiTarget
	output string
	asJSON bool
	// resume is the hint on how to wait for a job again, with a verb for its ID.
	resume string
}

// The time between two looks at a job.
const (
	firstLook = 200 * time.Millisecond
	lastLook  = 5 * time.Second
)

// await looks at a job until far is true for it. It shows the progress meanwhile.
func (o *jobOptions) await(ctx context.Context, api *client.Client, j *client.Job, far func(*client.Job) bool) (*client.Job, error) {
	p := progress{out: o.stderr, name: j.ID, now: o.now, terminal: isTerminal(o.stderr), quiet: o.asJSON}
	for wait := firstLook; !far(j); wait = min(2*wait, lastLook) {
		if err := client.Sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("%w; the job continues without this command: "+o.resume, err, j.ID)
		}
		var err error
		if j, err = api.Job(ctx, j.ID); err != nil {
			return nil, err
		}
		if j.Plan != nil {
			p.total = j.Plan.Bytes
		}
		p.at(j.Progress.Done.Bytes)
	}
	printf(o.stderr, "%s", eraseLine(o.stderr))
	// An action that returns the job may not have its result yet.
	return api.Job(ctx, j.ID)
}

// report prints what became of the job. An incomplete job is a failure.
func (o *jobOptions) report(j *client.Job) error {
	if o.asJSON {
		if err := printJSON(o.stdout, j.Raw); err != nil {
			return err
		}
	} else {
		printf(o.stdout, "job %s is %s: %s\n", j.ID, j.State, progressed(j))
	}
	switch {
	case j.State == "failed":
		return fmt.Errorf("the job failed: %s", j.Cause)
	case j.State == "cancelled":
		return errors.New("the job was cancelled")
	case j.Progress.Failed.Count > 0:
		return errReported
	}
	return nil
}

// save saves the files of a job, and prints their names.
func (o *jobOptions) save(ctx context.Context, api *client.Client, j *client.Job) error {
	if j.Result == nil {
		return nil
	}
	if err := os.MkdirAll(o.output, 0o700); err != nil {
		return err
	}
	err := o.saveCertificate(j)
	for extension, file := range map[string]*client.JobFile{".jsonl": j.Result.List, ".zip": j.Result.Zip} {
		if err == nil && file != nil {
			err = o.write(j.ID+extension, func(w io.Writer) error { return api.File(ctx, file, w) })
		}
	}
	return err
}

// saveCertificate saves the certificate of a job, if it has one.
func (o *jobOptions) saveCertificate(j *client.Job) error {
	if len(j.Result.Certificate) == 0 {
		return nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, j.Result.Certificate, "", "  "); err != nil {
		return fmt.Errorf("the certificate: %w", err)
	}
	indented.WriteByte('\n')
	return o.write(j.ID+".certificate.json", func(w io.Writer) error {
		_, err := w.Write(indented.Bytes())
		return err
	})
}

// write writes a file of the output folder. It holds personal data, so only its owner may
// read it. A file that is not complete does not stay.
func (o *jobOptions) write(name string, fill func(io.Writer) error) error {
	path := filepath.Join(o.output, name)
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("save %s: %w", name, err), os.Remove(path+".part"))
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	if !o.asJSON {
		printf(o.stdout, "saved %s\n", path)
	}
	return nil
}

// cancelCommand makes a command that cancels a job.
func (e env) cancelCommand(u usage) *cobra.Command {
	c := u.command()
	var asJSON bool
	t := e.apiFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.withJob(t, args, func(api *client.Client, id string) error {
			j, err := api.CancelJob(c.Context(), id)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(e.stdout, j.Raw)
			}
			printf(e.stdout, "job %s is %s\n", j.ID, j.State)
			return nil
		})
	}
	return c
}

// withJob calls do with the only argument, the ID of a job.
func (env) withJob(t *apiTarget, args []string, do func(api *client.Client, id string) error) error {
	if len(args) != 1 {
		return usageError{errors.New("want the ID of a job")}
	}
	if t.user != "" {
		return usageError{errors.New("--user does not apply here: use --owner")}
	}
	api, err := t.open()
	if err != nil {
		return err
	}
	defer api.Close()
	return do(api, args[0])
}
