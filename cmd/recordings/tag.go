package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
)

var tagUsage = usage{
	name: "tag", summary: "change the user_metadata of a recording", args: "ID KEY=VALUE... [--remove KEY] [OPTIONS]",
	does: `Sets keys of the recording's user_metadata, and leaves its other keys as they are. KEY=VALUE sets a text,
KEY:=JSON any JSON value. A dot in KEY leads into an object: customer.name=Zoe. If another client
changes one of the same keys at the same time, its change is kept, and this command fails.`,
	examples: []string{
		"tag 202601-1f2e3d4c tag=vip customer.name=Zoe",
		"tag 202601-1f2e3d4c score:=4 --remove draft",
	},
}

// tagCommand makes the command that changes user_metadata.
func (e env) tagCommand() *cobra.Command {
	var asJSON bool
	var remove []string
	c := tagUsage.command()
	t := e.apiFlags(c.Flags())
	c.Flags().StringArrayVar(&remove, "remove", nil, "remove `KEY`; repeatable")
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{errors.New("no ID given")}
		}
		if err := checkRecordings(args[:1]); err != nil {
			return err
		}
		changes, err := parseChanges(args[1:], remove)
		if err != nil {
			return usageError{err}
		}
		api, err := t.open()
		if err != nil {
			return err
		}
		defer api.Close()
		d, err := tag(c.Context(), api, args[0], changes)
		switch {
		case err != nil:
			return named(args[0], err)
		case asJSON:
			return printDocument(e.stdout, d)
		}
		return e.printFields(d)
	}
	return c
}

// change is a change of one key: the path to it, and its new value; nil removes it.
type change struct {
	path  []string
	value any
}

// parseChanges reads the changes of a command line.
func parseChanges(set, remove []string) ([]change, error) {
	var all []change
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		ch := change{value: value}
		if name, found := strings.CutSuffix(key, ":"); found {
			key = name
			if err := json.Unmarshal([]byte(value), &ch.value); err != nil {
				return nil, fmt.Errorf("%q: %q is not JSON", s, value)
			}
		}
		if !ok {
			return nil, fmt.Errorf("%q: want KEY=VALUE or KEY:=JSON", s)
		}
		ch.path = strings.Split(key, ".")
		all = append(all, ch)
	}
	for _, key := range remove {
		all = append(all, change{path: strings.Split(key, ".")})
	}
	if len(all) == 0 {
		return nil, errors.New("no KEY=VALUE given")
	}
	for i, ch := range all {
		name := strings.Join(ch.path, ".")
		if slices.Contains(ch.path, "") {
			return nil, fmt.Errorf("%q is not a key", name)
		}
		for _, other := range all[:i] {
			n := min(len(ch.path), len(other.path))
			if slices.Equal(ch.path[:n], other.path[:n]) {
				return nil, fmt.Errorf("%s is given twice", name)
			}
		}
	}
	return all, nil
}

// patch returns the changes as a value that the API merges.
func patch(changes []change) map[string]any {
	all := map[string]any{}
	for _, ch := range changes {
		at := all
		for _, key := range ch.path[:len(ch.path)-1] {
			next, _ := at[key].(map[string]any)
			if next == nil {
				next = map[string]any{}
				at[key] = next
			}
			at = next
		}
		at[ch.path[len(ch.path)-1]] = ch.value
	}
	return all
}

// valueAt returns the value at a path of user_metadata, or nil if it does not exist.
func valueAt(metadata map[string]any, path []string) any {
	var v any = metadata
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// maxTagTries is how often a change is tried while others change the recording.
const maxTagTries = 8

// tag makes the changes with If-Match, so that it does not overwrite a value that
// another client sets at the same time. If other keys changed, it retries. After a lost
// answer, a document that has all the values counts as changed.
func tag(ctx context.Context, api *client.Client, id string, changes []change) (client.Document, error) {
	d, etag, err := api.Get(ctx, id)
	if err != nil {
		return d, err
	}
	before := maps.Clone(d.UserMetadata)
	for range maxTagTries {
		changed, err := api.Tag(ctx, id, etag, patch(changes))
		if !client.Changed(err) {
			return changed, err
		}
		if d, etag, err = api.Get(ctx, id); err != nil {
			return d, err
		}
		all := true
		for _, ch := range changes {
			now := valueAt(d.UserMetadata, ch.path)
			same := reflect.DeepEqual(now, ch.value)
			all = all && same
			if !same && !reflect.DeepEqual(now, valueAt(before, ch.path)) {
				text, _ := json.Marshal(now)
				return d, fmt.Errorf("another client has changed %s to %s meanwhile; nothing was overwritten: run the command again to set it", strings.Join(ch.path, "."), text)
			}
		}
		if all {
			return d, nil
		}
	}
	return d, errors.New("other clients keep changing the recording; nothing was changed: try again later")
}
