package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

var deleteUsage = usage{
	name: "delete", summary: "delete recordings with their audio", args: "ID... | FILTERS [OPTIONS]",
	does: `Deletes recordings with their audio: those with the IDs, or those that the filters select. It lists
them and asks before it deletes anything. If the operator has set RestoreDays, "restore" brings them back
for so many days. Otherwise nothing does.`,
	examples: []string{
		"delete 202601-1f2e3d4c",
		"delete --until 365d --filter user_metadata.tag=test",
		"delete 202601-1f2e3d4c --yes",
	},
}

// deleteCommand makes the command that deletes recordings.
func (e env) deleteCommand() *cobra.Command {
	var asJSON, yes bool
	c := deleteUsage.command()
	t := e.apiFlags(c.Flags())
	s := e.selectionFlags(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "delete without asking")
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, ids []string) error {
		query, err := s.choose(ids, false)
		if err != nil {
			return err
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		all, err := e.documents(c.Context(), api, ids, query)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("no recordings match: nothing was deleted")
		}
		if !yes {
			if err := e.confirm(t.account, all); err != nil {
				return err
			}
		}
		return e.deleteAll(c.Context(), api, all, asJSON)
	}
	return c
}

// choose checks that a command line has either IDs or filters. all allows neither. It
// returns the query of the list, or nil if there are IDs.
func (s *selection) choose(ids []string, all bool) (url.Values, error) {
	switch {
	case len(ids) > 0 && (s.given() || all):
		return nil, usageError{errors.New("give IDs or filters, not both")}
	case len(ids) > 0:
		return nil, checkRecordings(ids)
	case !s.given() && !all:
		return nil, usageError{errors.New("give IDs, or filters such as --since 7d")}
	}
	q, err := s.query(0)
	if err != nil {
		return nil, err
	}
	if err := checkFilters(q); err != nil {
		return nil, usageError{err}
	}
	return q, nil
}

// documents returns the recordings with these IDs, or those that a query selects,
// without the fields that no table shows.
func (e env) documents(ctx context.Context, api *client.Client, ids []string, query url.Values) ([]client.Document, error) {
	var all []client.Document
	for _, id := range ids {
		d, _, err := api.Get(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		all = append(all, d)
	}
	if query == nil {
		return all, nil
	}
	for d, err := range api.List(ctx, query) {
		if err != nil {
			return nil, err
		}
		d.Raw, d.UserMetadata = nil, nil // there may be many
		all = append(all, d)
	}
	return all, nil
}

// mostListed is how many recordings are listed before they are deleted.
const mostListed = 20

// confirm lists the recordings and asks whether to delete them.
func (e env) confirm(account string, all []client.Document) error {
	out := &documentTable{w: e.stderr}
	for _, d := range all[:min(len(all), mostListed)] {
		if err := out.add(d); err != nil {
			return err
		}
	}
	if err := out.flush(); err != nil {
		return err
	}
	if more := len(all) - mostListed; more > 0 {
		printf(e.stderr, "… and %d more\n", more)
	}
	what := "this recording"
	if len(all) > 1 {
		what = "these " + count(len(all), "recording")
	}
	printf(e.stderr, "Delete %s of the account %s with all audio? [y/N] ", what, account)
	answer, err := bufio.NewReader(e.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if err != nil && answer == "" {
		printf(e.stderr, "\n")
		return usageError{errors.New("no answer: nothing was deleted; --yes deletes without asking")}
	}
	return errors.New("nothing was deleted")
}

// deleteAll deletes the recordings. If one fails, it continues with the next.
func (e env) deleteAll(ctx context.Context, api *client.Client, all []client.Document, asJSON bool) error {
	ids := make([]string, len(all))
	for i, d := range all {
		ids[i] = d.ID
	}
	return e.eachID(ctx, "delete", ids, func(ctx context.Context, id string) error {
		if err := api.Delete(ctx, id); err != nil {
			return err
		}
		if asJSON {
			return printJSON(e.stdout, map[string]any{"id": id, "deleted": true})
		}
		printf(e.stdout, "deleted %s\n", id)
		return nil
	})
}
