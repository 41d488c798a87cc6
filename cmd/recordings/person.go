package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/person"
)

// personCommand makes `recordings person`, which copies or erases everything about a
// person (docs/how-to/person.md).
func (e env) personCommand() *cobra.Command {
	return usage{
		name: "person", summary: "copy or erase everything about a person",
		does: `Finds everything about a person in the recordings of an account: by a phone number, in any spelling and in
any field that has numbers, or by the ID of the user who owns the recordings. Both ways have two steps:
the first prints a plan, the second confirms its number of recordings.`,
		examples: []string{personExportUsage.examples[0], personEraseUsage.examples[0]},
	}.parent(e.personJobCommand(personExportUsage, person.ExportAction), e.personJobCommand(personEraseUsage, person.EraseAction),
		e.personCancelCommand(), e.personVerifyCommand(), e.personKeyCommand())
}

var personExportUsage = usage{
	name: "export", summary: "copy documents and audio of a person into a ZIP file",
	args: "(--number NUMBER | --owner ID | --job ID) [--confirm NUMBER] [OPTIONS]",
	does: `Without --confirm, makes a plan and prints it. With --confirm, which repeats the number of recordings in the
plan, waits for the copy and downloads it, with a list of the recordings and a signed certificate.`,
	examples: []string{
		`person export --number "+1 555 123 4567"`,
		"person export --job 20260131T093000-0a1b2c3d4e5f --confirm 37 --output copy",
	},
	notes: "With --job, an export that was interrupted continues. The files are kept for 7 days.",
}

var personEraseUsage = usage{
	name: "erase", summary: "delete documents and audio of a person for good",
	args: "(--number NUMBER | --owner ID | --job ID) [--confirm NUMBER] [OPTIONS]",
	does: `Without --confirm, makes a plan and prints it. With --confirm, which repeats the number of recordings in the
plan, deletes the recordings for good, and downloads the list of them and a signed certificate. What is
on legal hold stays.`,
	examples: []string{
		`person erase --owner 77bc1d2e3f405162738495a6b7c8d9e0`,
		"person erase --job 20260131T093000-0a1b2c3d4e5f --confirm 37",
	},
	notes: "With --job, an erasure that was interrupted continues.",
}

// personOptions are the options of export and erase.
type personOptions struct {
	jobOptions

	action             string
	number, owner, job string
	confirm            int
}

// personJobCommand makes export or erase.
func (e env) personJobCommand(u usage, action string) *cobra.Command {
	c := u.command()
	fs := c.Flags()
	o := personOptions{jobOptions: jobOptions{env: e, api: e.apiFlags(fs), resume: "--job %s"}, action: action}
	fs.StringVar(&o.number, "number", "", "`NUMBER`: phone number of the person, in any spelling")
	fs.StringVar(&o.owner, "owner", "", "`ID`: ID of the user who owns the recordings")
	fs.StringVar(&o.job, "job", "", "`ID`: the job of an earlier plan")
	fs.IntVar(&o.confirm, "confirm", -1, "`NUMBER`: confirm the plan, with its number of recordings")
	fs.StringVar(&o.output, "output", ".", "`FOLDER`: where to save the files")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if err := o.check(); err != nil {
			return usageError{err}
		}
		api, err := o.api.open()
		if err != nil {
			return err
		}
		defer api.Close()
		return o.run(c.Context(), api)
	}
	return c
}

// check checks which options are given together.
func (o *personOptions) check() error {
	given := 0
	for _, text := range []string{o.number, o.owner, o.job} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		return errors.New("want one of --number, --owner and --job")
	}
	if o.api.user != "" {
		return errors.New("--user does not apply here: use --owner")
	}
	if o.job != "" {
		return nil
	}
	return person.Subject{Number: o.number, Owner: o.owner}.Check()
}

// run makes a plan or continues a job.
func (o *personOptions) run(ctx context.Context, api *client.Client) error {
	j, err := o.plan(ctx, api)
	if err != nil {
		return err
	}
	if j.State == "planned" && o.confirm >= 0 {
		if err := checkNumber(j, o.confirm); err != nil {
			return err
		}
		if j, err = api.ConfirmJob(ctx, j.ID, j.Plan.Totals); err != nil {
			return err
		}
	}
	if j.State == "planned" {
		return o.printPlan(j)
	}
	if j, err = o.await(ctx, api, j, (*client.Job).Ended); err != nil {
		return err
	}
	if err := o.save(ctx, api, j); err != nil {
		return err
	}
	return o.report(j)
}

// plan returns a job with a plan: a new one, or that of --job.
func (o *personOptions) plan(ctx context.Context, api *client.Client) (j *client.Job, err error) {
	if o.job != "" {
		j, err = api.Job(ctx, o.job)
	} else {
		j, err = api.StartJob(ctx, client.JobRequest{Action: o.action, Number: o.number, Owner: o.owner})
	}
	if err != nil {
		return nil, err
	}
	if j.Action != o.action {
		return nil, fmt.Errorf("the job %s is of another kind: %s", j.ID, j.Action)
	}
	return o.await(ctx, api, j, func(j *client.Job) bool { return j.State != "planning" })
}

// printPlan prints the plan and how to confirm it.
func (o *personOptions) printPlan(j *client.Job) error {
	if o.asJSON {
		return printJSON(o.stdout, j.Raw)
	}
	printf(o.stdout, "job %s: %s", j.ID, planned(j))
	if j.Plan.Held.Count > 0 {
		printf(o.stdout, "; legal holds keep %d of them", j.Plan.Held.Count)
	}
	command := "export"
	if o.action == person.EraseAction {
		command = "erase"
	}
	printf(o.stdout, "\nto go on: recordings person %s --job %s --confirm %d\n", command, j.ID, j.Plan.Count)
	return nil
}

// personCancelCommand makes the command that cancels a job.
func (e env) personCancelCommand() *cobra.Command {
	return e.cancelCommand(usage{
		name: "cancel", summary: "cancel an export or an erasure", args: "JOB [OPTIONS]",
		does:     "Cancels a job. What it has erased stays erased.",
		examples: []string{"person cancel 20260131T093000-0a1b2c3d4e5f"},
	})
}
