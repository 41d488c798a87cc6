package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/recording"
)

var restoreUsage = usage{
	name: "restore", summary: "bring deleted recordings back", args: "ID... [OPTIONS]",
	does: `Brings deleted recordings back, with their audio, as they were. That works only until the time that
"list --deleted" shows. After it, and if the operator has not set RestoreDays, nothing brings them back.`,
	examples: []string{
		"restore 202601-1f2e3d4c",
	},
}

// restoreCommand makes the command that restores deleted recordings.
func (e env) restoreCommand() *cobra.Command {
	var asJSON bool
	c := restoreUsage.command()
	t := e.apiFlags(c.Flags())
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, ids []string) error {
		if len(ids) == 0 {
			return usageError{errors.New("no ID given")}
		}
		if err := checkRecordings(ids); err != nil {
			return err
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		return e.eachID(c.Context(), "restore", ids, func(ctx context.Context, id string) error {
			d, err := api.Restore(ctx, id)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printDocument(e.stdout, d)
			}
			printf(e.stdout, "restored %s\n", id)
			return nil
		})
	}
	return c
}

// deletedHead are the columns of a list of deleted recordings.
var deletedHead = []string{"ID", "DELETED (UTC)", "BY", "RESTORABLE UNTIL", "FROM", "TO", "STATE"}

// deletedRow returns the row of a deleted recording.
func deletedRow(d client.Document) []string {
	at := func(n client.Number) string { return recording.Seconds(n).Time().Format("2006-01-02 15:04") }
	return []string{
		d.ID, at(d.Added.DeletedAt), d.Added.DeletedBy, at(d.Added.RestorableUntil), party(d.CallerNumber, d.CallerName, d.From),
		party(d.CalleeNumber, d.CalleeName, d.To), state(d),
	}
}
