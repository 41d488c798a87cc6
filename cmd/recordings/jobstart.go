package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/bulk"
)

var jobStartUsage = usage{
	name: "start", summary: "plan a job, and print the plan",
	args: "(delete | export | tag KEY=VALUE... [--remove KEY] | hold --case NAME --reason TEXT) [--id ID]... [--all] [OPTIONS]",
	does: `Makes the plan of a job and prints it. Nothing else happens until the plan is confirmed. The recordings are
those that match all options; --all stands for the whole account. tag sets and removes keys of user_metadata,
as the command tag does. hold places a legal hold on each recording.`,
	examples: []string{
		"job start delete --until 2025-12-31 --filter user_metadata.tag=draft",
		"job start export --since 30d --search zoe",
		"job start tag tags.reviewed:=true --owner 77bc1d2e3f405162738495a6b7c8d9e0",
		`job start hold --case "Smith v. Example" --reason "letter of 5 May" --id 202601-1f2e3d4c`,
	},
	notes: `--query takes the query of a list of the API, such as "kept_over=365d&has_key=user_metadata.tags.price", and
adds to the other options.
`,
}

// bulkActions are the actions of the command line.
var bulkActions = []string{bulk.DeleteAction, bulk.ExportAction, bulk.TagAction, bulk.HoldAction}

// startOptions are the options of job start.
type startOptions struct {
	jobOptions

	selected                *selection
	ids, remove             []string
	all                     bool
	search, query, caseName string
}

// jobStartCommand makes the command that plans a job.
func (e env) jobStartCommand() *cobra.Command {
	c := jobStartUsage.command()
	fs := c.Flags()
	o := startOptions{jobOptions: jobOptions{env: e, api: e.apiFlags(fs), resume: "recordings job show %s"}}
	o.selected = e.selectionFlags(c)
	fs.StringArrayVar(&o.ids, "id", nil, "only the recording with this `ID`; repeatable, at most 1,000 times")
	fs.BoolVar(&o.all, "all", false, "all recordings of the account")
	searchFlag(fs, &o.search)
	fs.StringVar(&o.query, "query", "", "`QUERY`: only recordings that a list with this query has")
	fs.StringArrayVar(&o.remove, "remove", nil, "tag: remove `KEY`; repeatable")
	fs.StringVar(&o.caseName, "case", "", "`NAME`: hold: the name or number of the case")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := o.request(args)
		if err != nil {
			return usageError{err}
		}
		api, err := o.api.open()
		if err != nil {
			return err
		}
		defer api.Close()
		return o.start(c.Context(), api, r)
	}
	return c
}

// request returns the body that starts the job.
func (o *startOptions) request(args []string) (r client.JobRequest, err error) {
	if len(args) == 0 || !slices.Contains(bulkActions, args[0]) {
		return r, fmt.Errorf("want one of %s", strings.Join(bulkActions, ", "))
	}
	r = client.JobRequest{Action: args[0], Owner: o.selected.owner, IDs: o.ids, Account: o.all}
	if o.api.user != "" {
		return r, errors.New("--user does not apply here: use --owner")
	}
	if len(o.ids) > 0 {
		if err := checkRecordings(o.ids); err != nil {
			return r, err
		}
	}
	if r.Filter, err = o.filter(); err != nil {
		return r, err
	}
	if selects := r.Filter != "" || r.Owner != "" || len(r.IDs) > 0; selects == r.Account {
		return r, errors.New("give --id or filters such as --since 7d, or else --all")
	}
	return r, o.detail(&r, args[1:])
}

// filter returns the query of a list that selects the recordings.
func (o *startOptions) filter() (string, error) {
	others := *o.selected
	others.owner = "" // it is a member of its own, which reads less
	q, err := others.query(0)
	if err != nil {
		return "", err
	}
	q.Del("page_size")
	if o.search != "" {
		q.Set("search", o.search)
	}
	return strings.Trim(q.Encode()+"&"+strings.TrimPrefix(o.query, "?"), "&"), nil
}

// detail adds the parameters of the action.
func (o *startOptions) detail(r *client.JobRequest, rest []string) error {
	tags := len(rest) > 0 || len(o.remove) > 0
	switch {
	case tags && r.Action != bulk.TagAction:
		return errors.New("KEY=VALUE and --remove are for tag")
	case o.caseName != "" && r.Action != bulk.HoldAction:
		return errors.New("--case is for hold")
	case r.Action == bulk.TagAction:
		changes, err := parseChanges(rest, o.remove)
		if err != nil {
			return err
		}
		r.Metadata = patch(changes)
	case r.Action == bulk.HoldAction:
		if o.caseName == "" || o.api.reason == "" {
			return errors.New("hold needs --case and --reason")
		}
		r.Case, r.Reason = o.caseName, o.api.reason
	}
	return nil
}

// start starts the job, waits for its plan and prints it.
func (o *startOptions) start(ctx context.Context, api *client.Client, r client.JobRequest) error {
	j, err := api.StartJob(ctx, r)
	if err != nil {
		return err
	}
	j, err = o.await(ctx, api, j, func(j *client.Job) bool { return j.State != "planning" })
	if err != nil {
		return err
	}
	if o.asJSON {
		if err := printJSON(o.stdout, j.Raw); err != nil {
			return err
		}
	} else {
		o.printJob(j)
	}
	if j.State != "planned" {
		return fmt.Errorf("the job is %s: %s", j.State, first(j.Cause, "it has no plan"))
	}
	if !o.asJSON {
		printf(o.stdout, "to go on: %s\n", confirmation(j))
	}
	return nil
}
