package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

// exampleJob is the ID of a job in examples.
const exampleJob = "20260131T093000-0a1b2c3d4e5f"

// jobCommand makes `recordings job`, which works on many recordings at once
// (docs/how-to/bulk.md).
func (e env) jobCommand() *cobra.Command {
	return usage{
		name: "job", summary: "delete, export, tag or hold many recordings",
		does: `Works on many recordings in two steps: start makes a plan and prints it, and confirm starts the work. The
work goes on in the service, without this command.`,
		examples: []string{jobStartUsage.examples[0], "job confirm " + exampleJob + " --count 37", "job wait " + exampleJob},
	}.parent(e.jobStartCommand(), e.jobListCommand(), e.jobShowCommand(), e.jobConfirmCommand(), e.jobWaitCommand(), e.cancelCommand(usage{
		name: "cancel", summary: "cancel a job", args: "JOB [OPTIONS]",
		does:     "Cancels a job. What was done stays done.",
		examples: []string{"job cancel " + exampleJob},
	}))
}

// jobListCommand makes the command that lists jobs.
func (e env) jobListCommand() *cobra.Command {
	c := usage{
		name: "list", summary: "list the jobs of an account, newest first", args: "[OPTIONS]",
		does:     "Lists the jobs of the last 30 days, newest first.",
		examples: []string{"job list --json"},
	}.command()
	var asJSON bool
	t := e.apiFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		tabs := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		for after, first := "", true; first || after != ""; first = false {
			var jobs []*client.Job
			if jobs, after, err = api.Jobs(c.Context(), after); err != nil {
				return err
			}
			for _, j := range jobs {
				if asJSON {
					if err := printJSON(e.stdout, j.Raw); err != nil {
						return err
					}
					continue
				}
				_, _ = fmt.Fprintf(tabs, "%s\t%s\t%s\t%s\n", j.ID, j.Action, j.State, planned(j))
			}
		}
		return tabs.Flush()
	}
	return c
}

// planned returns the size of the plan of a job, "" before it is complete.
func planned(j *client.Job) string {
	if j.Plan == nil {
		return ""
	}
	return fmt.Sprintf("%s with %s of audio", count(j.Plan.Count, "recording"), size(j.Plan.Bytes))
}

// jobShowCommand makes the command that shows a job.
func (e env) jobShowCommand() *cobra.Command {
	c := usage{
		name: "show", summary: "show a job", args: "JOB [OPTIONS]",
		does: `Shows the plan and the progress of a job, the recordings that are on legal hold, and those that could not be
worked on, with the reason.`,
		examples: []string{"job show " + exampleJob},
	}.command()
	var asJSON bool
	t := e.apiFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.withJob(t, args, func(api *client.Client, id string) error {
			j, err := api.Job(c.Context(), id)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(e.stdout, j.Raw)
			}
			e.printJob(j)
			return nil
		})
	}
	return c
}

// printJob prints a job as text.
func (e env) printJob(j *client.Job) {
	printf(e.stdout, "job %s: %s, %s", j.ID, j.Action, j.State)
	if j.Cause != "" {
		printf(e.stdout, " (%s)", clean(j.Cause))
	}
	printf(e.stdout, "\n")
	if j.Plan == nil {
		return
	}
	e.printPlan(j)
	if j.State != "planned" {
		printf(e.stdout, "%s\n", progressed(j))
	}
	for _, f := range j.Failures {
		printf(e.stdout, "  %s  %s: %s\n", clean(f.ID), clean(f.Outcome), clean(f.Cause))
	}
}

// progressed returns what became of the recordings of a job so far.
func progressed(j *client.Job) string {
	p := j.Progress
	return fmt.Sprintf("%s done, %d on legal hold, %d changed or gone, %d failed", count(p.Done.Count, "recording"), p.Held.Count,
		p.Skipped.Count, p.Failed.Count)
}

// printPlan prints the plan of a job.
func (e env) printPlan(j *client.Job) {
	printf(e.stdout, "plan: %s", planned(j))
	if m := j.Plan.Money; m != nil && m.Saved != "" {
		printf(e.stdout, ", saves %s %s a month", clean(m.Saved), clean(m.Currency))
	} else if m != nil {
		printf(e.stdout, ", costs %s %s", clean(m.Cost), clean(m.Currency))
	}
	printf(e.stdout, "\n")
	if j.Plan.Held.Count == 0 {
		return
	}
	printf(e.stdout, "legal holds keep %d of them, with %s:\n", j.Plan.Held.Count, size(j.Plan.Held.Bytes))
	for _, item := range j.Plan.HeldItems {
		printf(e.stdout, "  %s  %s\n", clean(item.ID), clean(strings.Join(item.Holds, ", ")))
	}
	if rest := j.Plan.Held.Count - len(j.Plan.HeldItems); rest > 0 {
		printf(e.stdout, "  and %d more\n", rest)
	}
}

// jobConfirmCommand makes the command that confirms a plan.
func (e env) jobConfirmCommand() *cobra.Command {
	c := usage{
		name: "confirm", summary: "confirm the plan of a job, which starts the work", args: "JOB --count NUMBER [OPTIONS]",
		does: `Starts the work of a job. --count repeats the number of recordings in its plan, so that no other plan is
confirmed by mistake. Confirming a job again changes nothing.`,
		examples: []string{"job confirm " + exampleJob + " --count 37"},
	}.command()
	var asJSON bool
	var number int
	t := e.apiFlags(c.Flags())
	c.Flags().IntVar(&number, "count", -1, "`NUMBER`: the number of recordings in the plan; required")
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.withJob(t, args, func(api *client.Client, id string) error {
			if number < 0 {
				return usageError{errors.New("--count is required: the number of recordings in the plan")}
			}
			j, err := api.Job(c.Context(), id)
			switch {
			case err != nil:
				return err
			case j.Plan == nil:
				return fmt.Errorf("the job is %s, and has no plan to confirm", j.State)
			}
			if err := checkNumber(j, number); err != nil {
				return err
			}
			if j, err = api.ConfirmJob(c.Context(), id, j.Plan.Totals); err != nil {
				return err
			}
			if asJSON {
				return printJSON(e.stdout, j.Raw)
			}
			printf(e.stdout, "job %s is %s; to wait for its end: recordings job wait %s\n", j.ID, j.State, j.ID)
			return nil
		})
	}
	return c
}

// checkNumber checks the number of recordings with which a plan is confirmed.
func checkNumber(j *client.Job, confirmed int) error {
	if j.Plan.Count == confirmed {
		return nil
	}
	return fmt.Errorf("nothing is done: the plan has %s, not %d", count(j.Plan.Count, "recording"), confirmed)
}

// confirmation returns the command that confirms the plan of a job.
func confirmation(j *client.Job) string {
	return fmt.Sprintf("recordings job confirm %s --count %d", j.ID, j.Plan.Count)
}

// idle reports whether j has ended, or waits until a client confirms it.
func idle(j *client.Job) bool { return j.Ended() || j.State == "planned" }

// jobWaitCommand makes the command that waits for the end of a job.
func (e env) jobWaitCommand() *cobra.Command {
	c := usage{
		name: "wait", summary: "wait for the end of a job", args: "JOB [OPTIONS]",
		does: `Waits until a job has ended, and prints what became of its recordings. A plan that is not confirmed is an
error. With --output, it downloads the files of the job. They are kept for 7 days.`,
		examples: []string{"job wait " + exampleJob + " --output copy"},
	}.command()
	o := jobOptions{env: e, resume: "recordings job wait %s"}
	t := e.apiFlags(c.Flags())
	c.Flags().StringVar(&o.output, "output", "", "`FOLDER`: where to save the files of the job")
	jsonFlag(c.Flags(), &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.withJob(t, args, func(api *client.Client, id string) error {
			j, err := api.Job(c.Context(), id)
			if err != nil {
				return err
			}
			for !j.Ended() {
				if j.State == "planned" {
					return errors.New("the plan is not confirmed; to confirm it: " + confirmation(j))
				}
				if j, err = o.await(c.Context(), api, j, idle); err != nil {
					return err
				}
			}
			if o.output != "" {
				if err := o.save(c.Context(), api, j); err != nil {
					return err
				}
			}
			return o.report(j)
		})
	}
	return c
}
