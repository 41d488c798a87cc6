package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/recording"
)

var listUsage = usage{
	name: "list", summary: "list recordings, newest first", args: "[OPTIONS]",
	does: `Lists the recordings of an account, newest first, to the end. On a terminal, lines are cut to its width.`,
	examples: []string{
		"list --since 7d --direction inbound",
		"list --filter user_metadata.tag=vip --limit 20",
		"list --since 30d --sort duration --limit 10",
		"list --search 'zoe 5550142' --json --fields id,from,to,start",
		"list --url https://api.example.com --token \"$TOKEN\" --json",
	},
}

// listOptions are the options of list.
type listOptions struct {
	env
	selected            *selection
	sort, words, fields string
	limit               int
	asJSON, deleted     bool
}

// listCommand makes the command that lists recordings.
func (e env) listCommand() *cobra.Command {
	o := listOptions{env: e}
	c := listUsage.command()
	t := e.apiFlags(c.Flags())
	o.selected = e.selectionFlags(c)
	c.Flags().BoolVar(&o.deleted, "deleted", false, "list deleted recordings that can be restored")
	c.Flags().IntVar(&o.limit, "limit", 0, "list at most `N` recordings; 0 for all")
	c.Flags().StringVar(&o.sort, "sort", "", "`FIELD`: the greatest first by created, start, duration, from or to; all but created need --search, or --since, at most 31 days ago")
	searchFlag(c.Flags(), &o.words)
	c.Flags().StringVar(&o.fields, "fields", "", "`NAMES`: with --json, only these fields of each document, such as id,from,to,start")
	complete(c, "sort", "created", "start", "duration", "from", "to")
	jsonFlag(c.Flags(), &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		query, err := o.query()
		if err != nil {
			return err
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		return o.list(c.Context(), api, query)
	}
	return c
}

// query returns the parameters of the list.
func (o *listOptions) query() (url.Values, error) {
	if o.limit < 0 {
		return nil, usageError{errors.New("--limit must not be negative")}
	}
	if o.fields != "" && !o.asJSON {
		return nil, usageError{errors.New("--fields needs --json: the table has its own columns")}
	}
	q, err := o.selected.query(o.limit)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"sort": o.sort, "search": o.words, "fields": o.fields} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.deleted {
		q.Set("deleted", "true")
	}
	return q, nil
}

// list prints the recordings that a query selects.
func (o *listOptions) list(ctx context.Context, api *client.Client, query url.Values) error {
	out := &documentTable{w: o.stdout, asJSON: o.asJSON, deleted: o.deleted}
	for d, err := range api.List(ctx, query) {
		if err != nil {
			return errors.Join(out.flush(), err)
		}
		if err := out.add(d); err != nil {
			return err
		}
		if out.n == o.limit {
			break
		}
	}
	if out.n == 0 && !o.asJSON {
		printf(o.stderr, "no recordings\n")
	}
	return out.flush()
}

// tablePart is how many rows of a table are printed at a time. The columns of one part
// are aligned.
const tablePart = 200

// documentTable prints documents as the rows of a table, or as JSON lines.
type documentTable struct {
	w      io.Writer
	asJSON bool
	// deleted selects the columns for deleted recordings.
	deleted bool
	n       int

	rows    [][]string
	started bool
}

// add adds a document.
func (t *documentTable) add(d client.Document) error {
	t.n++
	if t.asJSON {
		return printDocument(t.w, d)
	}
	row := []string{
		d.ID, startOf(d, "2006-01-02 15:04"), length(d), party(d.CallerNumber, d.CallerName, d.From),
		party(d.CalleeNumber, d.CalleeName, d.To), d.Direction, state(d),
	}
	if t.deleted {
		row = deletedRow(d)
	}
	t.rows = append(t.rows, row)
	if len(t.rows) < tablePart {
		return nil
	}
	return t.flush()
}

// flush prints the rows that are not printed yet.
func (t *documentTable) flush() error {
	if len(t.rows) == 0 {
		return nil
	}
	var b bytes.Buffer
	tabs := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if !t.started {
		t.started = true
		head := []string{"ID", "START (UTC)", "LENGTH", "FROM", "TO", "DIRECTION", "STATE"}
		if t.deleted {
			head = deletedHead
		}
		t.rows = append([][]string{head}, t.rows...)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = clean(cell)
		}
		_, _ = fmt.Fprintln(tabs, strings.Join(row, "\t"))
	}
	_ = tabs.Flush() // writing to memory does not fail
	t.rows = nil
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(t.w, cut(strings.TrimRight(line, " \n"), columns(t.w))); err != nil {
			return err
		}
	}
	return nil
}

// printDocument prints a document as JSON on one line.
func printDocument(w io.Writer, d client.Document) error {
	var b bytes.Buffer
	if err := json.Compact(&b, d.Raw); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// startOf returns the start of the call, in UTC.
func startOf(d client.Document, layout string) string {
	if d.Start <= 0 {
		return ""
	}
	return recording.Seconds(d.Start).Time().Format(layout)
}

// length returns the duration of the call.
func length(d client.Document) string {
	took := time.Duration(d.DurationMS) * time.Millisecond
	if took == 0 {
		took = time.Duration(d.Duration) * time.Second
	}
	return took.Round(time.Second).String()
}

// party returns the number and the name of a caller or a callee.
func party(number, name, address string) string {
	switch {
	case number == "":
		return address
	case name == "" || name == number:
		return number
	}
	return number + " (" + name + ")"
}

// state returns how far the audio has come.
func state(d client.Document) string {
	if d.Added.Reason != "" {
		return d.Added.State + ": " + d.Added.Reason
	}
	return d.Added.State
}

var getUsage = usage{
	name: "get", summary: "show recordings", args: "ID... [OPTIONS]",
	does: `Shows the main fields of each recording. --json prints the whole documents, one per line.`,
	examples: []string{
		"get 202601-1f2e3d4c",
		"get 202601-1f2e3d4c --json",
	},
}

// getCommand makes the command that shows documents.
func (e env) getCommand() *cobra.Command {
	var asJSON bool
	c := getUsage.command()
	t := e.apiFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, ids []string) error {
		if err := checkRecordings(ids); err != nil {
			return err
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		shown := 0
		return e.eachID(c.Context(), "get", ids, func(ctx context.Context, id string) error {
			d, _, err := api.Get(ctx, id)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printDocument(e.stdout, d)
			}
			if shown++; shown > 1 {
				printf(e.stdout, "\n")
			}
			return e.printFields(d)
		})
	}
	return c
}

// checkRecordings checks IDs of recordings before any request is sent.
func checkRecordings(ids []string) error {
	if len(ids) == 0 {
		return usageError{errors.New("no ID given")}
	}
	for _, id := range ids {
		if _, err := recording.ParseID(id); err != nil {
			return usageError{fmt.Errorf("%q: %w", id, err)}
		}
	}
	return nil
}

// eachID calls do for each ID. If one fails, it reports that and goes on with the next.
func (e env) eachID(ctx context.Context, command string, ids []string, do func(context.Context, string) error) error {
	var failed error
	for _, id := range ids {
		if ctx.Err() != nil {
			return errors.New("stopped")
		}
		if err := do(ctx, id); err != nil {
			printf(e.stderr, "%srecordings %s: %s: %v\n", eraseLine(e.stderr), command, id, err)
			failed = errReported
		}
	}
	return failed
}

// printFields prints what people want to know of a recording, a line for each field.
func (e env) printFields(d client.Document) error {
	var b bytes.Buffer
	tabs := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	field := func(name, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(tabs, "%s\t%s\n", name, clean(value))
		}
	}
	field("id", d.ID)
	field("start", startOf(d, time.RFC3339))
	field("length", length(d))
	field("direction", d.Direction)
	field("from", party(d.CallerNumber, d.CallerName, d.From))
	field("to", party(d.CalleeNumber, d.CalleeName, d.To))
	field("owner", d.Owner)
	field("state", state(d))
	field("audio", strings.Join(d.Added.ContentTypes, ", "))
	field("url", d.URL)
	for _, key := range sortedKeys(d.UserMetadata) {
		value, _ := json.Marshal(d.UserMetadata[key])
		field("user_metadata."+key, strings.Trim(string(value), `"`))
	}
	_ = tabs.Flush() // writing to memory does not fail
	_, err := e.stdout.Write(b.Bytes())
	return err
}
