package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

var deletionReportUsage = usage{
	name: "deletion-report", summary: "print what remains of a deleted recording, and until when",
	args: "--account ID --id ID [OPTIONS]",
	does: `Prints what still exists of a deleted recording and when it ends: versions of its audio, the table's backups
and stream, the logs, sent events in archives, queues, the index of searches and for bills, totals that name deleted
owners or tags, the feed, legal holds, links, jobs and the files that they exported, presigned URLs, and the
tombstone. What cannot be looked up "may exist" until a time: it exists no longer than that.
It asks AWS, so it needs the permissions to describe these. For the logs and the archives of a deployment, give its stack with --stack.`,
	examples: []string{
		"deletion-report --account A --id 202601-1f2e3d4c",
		"deletion-report --account A --id 202601-1f2e3d4c --table recordings-Table --bucket recordings-audio --stack recordings",
	},
}

// countersAtOnce is how many totals one read asks for.
const countersAtOnce = 1000

// trace is something that remains of a deleted recording.
type trace struct {
	// What names it.
	What string `json:"what"`
	// Exists reports whether it exists. It is unknown if Cause is set.
	Exists bool `json:"exists"`
	// Until is when it ends; "" if it has no known end.
	Until string `json:"until,omitempty"`
	// AtMost is true if it cannot be looked up. Then Exists and Until say how long it exists at
	// most.
	AtMost bool `json:"at_most,omitempty"`
	// Note explains it.
	Note string `json:"note,omitempty"`
	// Cause is why it could not be examined.
	Cause string `json:"cause,omitempty"`
}

// deletionReport is the deletion that a report is about.
type deletionReport struct {
	env
	target             *target
	account, id, stack string
	asJSON             bool

	tombstone store.Tombstone
	namer     *job.Namer
	traces    []trace
}

// deletionReportCommand makes `recordings deletion-report`.
func (e env) deletionReportCommand() *cobra.Command {
	o := deletionReport{env: e}
	c := deletionReportUsage.command()
	fs := c.Flags()
	o.target = e.targetFlags(fs)
	accountFlag(fs, &o.account)
	fs.StringVar(&o.id, "id", "", "`ID`: the deleted recording")
	fs.StringVar(&o.stack, "stack", "", "`NAME`: CloudFormation stack of the deployment (or STACK), for its logs and archives")
	jsonFlag(fs, &o.asJSON)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if err := checkIDs(o.account, ""); err != nil {
			return usageError{err}
		}
		if _, err := recording.ParseID(o.id); err != nil {
			return usageError{fmt.Errorf("--id %q: %w", o.id, err)}
		}
		o.stack = first(o.stack, o.getenv("STACK"))
		return o.run(c.Context())
	}
	return c
}

// run examines the deletion and prints the report.
func (o *deletionReport) run(ctx context.Context) error {
	opened, closed, err := o.target.open(ctx)
	if err != nil {
		return err
	}
	err = o.examine(ctx, opened)
	if err := errors.Join(err, closed()); err != nil {
		return err
	}
	return o.print()
}

// examine collects the traces.
func (o *deletionReport) examine(ctx context.Context, opened opened) error {
	found, err := opened.driver.Find(ctx, o.account, []string{o.id})
	switch f := found[o.id]; {
	case err != nil:
		return err
	case f.Recording != nil:
		return fmt.Errorf("the recording %s is not deleted", o.id)
	case f.Tombstone != nil:
		o.tombstone = *f.Tombstone
	}
	o.addTombstone(found[o.id].Tombstone != nil)
	for _, add := range []func(context.Context, store.Entries) error{
		o.addTrail, o.addIndex, o.addTotals, o.addHolds, o.addLinks, o.addJobs,
	} {
		if err := add(ctx, opened.driver); err != nil {
			return err
		}
	}
	o.addSent()
	if o.target.deployed() {
		return o.examineAWS(ctx)
	}
	return o.examineFolder(ctx, opened)
}

// clock prints a time.
func clock(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// addTombstone adds the tombstone.
func (o *deletionReport) addTombstone(exists bool) {
	t := trace{What: "tombstone", Exists: exists}
	switch {
	case !exists:
		t.Note = "the ID is not in use: the recording never existed, or its tombstone has expired"
	case o.tombstone.Until > 0:
		t.Until = clock(o.tombstone.Until.Time())
		t.Note = "restorable until then, with its document and audio; after that they are purged"
	case o.tombstone.PurgePending:
		t.Note = fmt.Sprintf("its audio is being removed; the tombstone ends %s after that", count(store.TombstoneDays, "day"))
	default:
		t.Until = clock(o.tombstone.Expires.Time())
		t.Note = "it has the account, the ID and times only"
	}
	if o.tombstone.Deleted > 0 {
		t.Note += "; deleted at " + clock(o.tombstone.Deleted.Time())
	}
	o.traces = append(o.traces, t)
}

// addTrail adds the audit trail. It looks for entries around the deletion only, because a
// trail may be long.
func (o *deletionReport) addTrail(ctx context.Context, entries store.Entries) error {
	t := trace{What: "audit trail", Note: "it has no entry of the deletion"}
	if at := o.tombstone.Deleted; at > 0 {
		q := audit.Query{Account: o.account, Recording: o.id, From: at.Time().Add(-time.Hour), To: at.Time().Add(time.Hour), Limit: 1}
		page, err := audit.NewReader(entries).Page(ctx, q)
		if err != nil {
			return err
		}
		if len(page.Entries) > 0 {
			t.Exists, t.Note = true, "who deleted it and when; entries end AUDIT_DAYS days after they were made"
		}
	}
	o.traces = append(o.traces, t)
	return nil
}

// addIndex adds the words and numbers in the index of searches, and the numbers for bills.
func (o *deletionReport) addIndex(ctx context.Context, entries store.Entries) error {
	t := trace{What: "index of searches"}
	var err error
	if t.Exists, err = search.Indexed(ctx, entries, o.account, o.id); err != nil {
		return err
	}
	if t.Exists {
		t.Note = "words and numbers, which no search shows; `recordings fsck --repair` removes them, and the service within eight days"
	}
	bill := trace{What: "index, for bills"}
	until, billed, err := search.Billed(ctx, entries, o.account, o.id)
	if err != nil {
		return err
	}
	if bill.Exists = billed; billed {
		bill.Until, bill.Note = clock(until.Time()), "the ID, seconds and bytes"
	}
	o.traces = append(o.traces, t, bill)
	return nil
}

// addTotals adds the totals of owners and tags that count nothing. The owner and the tags of the
// deleted recording are no longer known, so it looks at all totals of the account.
func (o *deletionReport) addTotals(ctx context.Context, entries store.Entries) error {
	t := trace{What: "totals of owners and tags"}
	for after := ""; ; {
		empty, next, err := search.EmptyCounters(ctx, entries, o.account, after, countersAtOnce)
		if err != nil {
			return err
		}
		if t.Exists = len(empty) > 0; t.Exists || next == "" {
			break
		}
		after = next
	}
	if t.Exists {
		t.Note = "the account has some without recordings, which name owners or tags; the index, or an hour later `recordings fsck --repair`, removes them, and the service within eight days"
	}
	o.traces = append(o.traces, t)
	return nil
}

// keys returns the keys that the audio may have had, also the ones under which audio was set
// aside. A purged tombstone does not remember the key of a file in an inbox.
func (o *deletionReport) keys() []string {
	own, imported := recording.AudioKey(o.account, o.id), recording.ImportedKey(o.account, o.id)
	keys := []string{own, imported, recording.SetAsideKey(own)}
	if key := o.tombstone.Audio.Key; key != "" && key != imported {
		keys = append(keys, key, recording.SetAsideKey(key))
	}
	return keys
}

// examineFolder collects the traces in a data folder.
func (o *deletionReport) examineFolder(ctx context.Context, opened opened) error {
	audio := trace{What: "audio", Note: "without versions: removed audio is gone from the folder"}
	for _, key := range o.keys() {
		switch _, err := opened.audio.Stat(ctx, key); {
		case err == nil:
			audio.Exists, audio.Note = true, media.KeyText(key)
		case !errors.Is(err, media.ErrNotFound):
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(o.target.dataDir, "events*.jsonl"))
	if err != nil {
		return err
	}
	events := trace{What: "events", Note: "events.jsonl and its earlier files name the recording; EVENTS_KEEP limits how many are kept"}
	for _, name := range files {
		named, err := contains(name, o.id)
		if err != nil {
			return err
		}
		events.Exists = events.Exists || named
	}
	o.traces = append(o.traces, audio, events)
	if err := o.addExports(ctx, opened.audio); err != nil {
		return err
	}
	o.traces = append(o.traces,
		trace{What: "queues", Exists: false, Note: "a running server empties them within seconds, apart from files that it cannot ingest"},
		trace{What: "write-ahead log", Exists: false, Note: "a running server empties it once a minute"},
		trace{What: "unused space of the database", Exists: false, Note: "a running server overwrites it within a day, mostly within an hour"},
		trace{What: "backups", Exists: false, Cause: "backups of the folder are not known to the service"})
	return nil
}

// contains reports whether a file contains a text. It reads the file in parts.
func contains(name, text string) (bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, cause(err)
	}
	defer f.Close() //nolint:errcheck // only read
	const part = 1 << 20
	buffer, kept := make([]byte, part+len(text)), 0
	for {
		n, err := f.Read(buffer[kept:])
		if strings.Contains(string(buffer[:kept+n]), text) {
			return true, nil
		}
		if err != nil {
			return false, nil
		}
		kept = copy(buffer, buffer[max(0, kept+n-len(text)):kept+n])
	}
}

// print prints the traces.
func (o *deletionReport) print() error {
	if o.asJSON {
		return printJSON(o.stdout, map[string]any{"account": o.account, "id": o.id, "traces": o.traces})
	}
	for _, t := range o.traces {
		state := "gone"
		switch {
		case t.Cause != "":
			state = "unknown: " + t.Cause
		case t.Exists && t.AtMost:
			state = "may exist until " + t.Until
		case t.Exists && t.Until != "":
			state = "exists until " + t.Until
		case t.Exists:
			state = "exists"
		}
		line := t.What + ": " + state
		if t.Note != "" {
			line += " (" + t.Note + ")"
		}
		printf(o.stdout, "%s\n", clean(line))
	}
	return nil
}
