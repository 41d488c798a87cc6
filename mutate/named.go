package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// namedMutant is a fault that Gremlins does not make. `make mutate NAMED=1` runs the tests
// of its packages with each, and fails if they pass.
type namedMutant struct {
	// title describes the fault.
	title string
	// file has the text old once, which the mutant replaces by new.
	file, old, new string
	// tests lists the packages in which a test must fail, separated by spaces.
	tests string
}

// named are faults that lose recordings, keep what must go, or let in what must stay out.
var named = []namedMutant{
	{
		"DynamoDB: Put has no condition", "shared/store/dynamo/write.go",
		`condition{text: noItem})`, `condition{})`, "shared/store/dynamo",
	},
	{
		"DynamoDB: Purged has no condition", "shared/store/dynamo/delete.go",
		"ConditionExpression:       &when,", "ConditionExpression:       new(string),", "shared/store/dynamo",
	},
	{
		"DynamoDB: Purged does not compare the revision", "shared/store/dynamo/delete.go",
		`when += " AND " + attrRevision + " = :revision"`, ``, "shared/store/dynamo",
	},
	{
		"DynamoDB: a tombstone keeps the document", "shared/store/dynamo/tombstone.go",
		`attrAccountOwner, attrDocument, attrModified`, `attrAccountOwner, attrModified`, "shared/store/dynamo",
	},
	{
		"DynamoDB: a tombstone keeps the owner", "shared/store/dynamo/tombstone.go",
		`attrCreatedID, attrAccountOwner, attrDocument`, `attrCreatedID, attrDocument`, "shared/store/dynamo",
	},
	{
		"SQLite: a tombstone keeps the document", "shared/store/sqlite/delete.go",
		`owner = '', doc = '{}',"`, `owner = '',"`, "shared/store/sqlite",
	},
	{
		"SQLite: a tombstone keeps the owner", "shared/store/sqlite/delete.go",
		`restore_until = 0, owner = '', doc`, `restore_until = 0, doc`, "shared/store/sqlite",
	},
	{
		"SQLite: Purged does not compare the revision", "shared/store/sqlite/delete.go",
		`AND ? IN ('', revision)"`, `AND ? IS NOT NULL"`, "shared/store/sqlite",
	},
	{
		"SQLite: Purged changes recordings", "shared/store/sqlite/delete.go",
		`WHERE account = ? AND id = ? AND deleted > 0 AND restore_until = 0`, `WHERE account = ? AND id = ?`, "shared/store/sqlite",
	},

	{
		"DynamoDB: a change does not compare the revision", "shared/store/dynamo/write.go",
		`unchanged := condition{attrRevision + " = :revision", item{":revision": str(text(old, attrRevision))}}`,
		`unchanged := condition{}`, "shared/store/dynamo",
	},
	{
		"DynamoDB: guards do not count", "shared/store/dynamo/delete.go",
		"for _, g := range guards {", "for _, g := range guards[:0] {", "shared/store/dynamo",
	},
	{
		"SQLite: guards do not count", "shared/store/sqlite/delete.go",
		"for _, g := range guards {", "for _, g := range guards[:0] {", "shared/store/sqlite",
	},
	{
		"SQLite: writes are not synced", "shared/store/sqlite/sqlite.go",
		`"synchronous(FULL)"`, `"synchronous(OFF)"`, "shared/store/sqlite",
	},
	{
		"SQLite: deleted content stays on the disk", "shared/store/sqlite/sqlite.go",
		`"secure_delete(ON)"`, `"secure_delete(OFF)"`, "shared/store/sqlite",
	},
	{
		"events.jsonl is not synced", "local/eventlog/eventlog.go",
		`if synced := l.o.sync(l.file); synced != nil {`, `if synced := error(nil); synced != nil {`, "local/eventlog",
	},
	{
		"the folder of events.jsonl is not synced", "local/eventlog/eventlog.go",
		`if err := l.syncFolder(); err != nil {`, `if err := error(nil); err != nil {`, "local/eventlog",
	},
	{
		"keys.json is not synced", "local/datadir/datadir.go",
		`errors.Join(err, syncFile(f), f.Close())`, `errors.Join(err, f.Close())`, "local/datadir",
	},
	{
		"the folder of keys.json is not synced", "local/datadir/datadir.go",
		`errors.Join(d.makeKeys(), d.syncFolder())`, `d.makeKeys()`, "local/datadir",
	},
	{
		"a small file is renamed without a sync of its folder", "local/datadir/datadir.go",
		"\tif err == nil {\n\t\terr = d.syncFolder()\n\t}\n", "", "local/datadir",
	},

	{
		"an upload is answered before its event is in the queue", "local/arrivals.go",
		"if err := b.store.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event); err != nil {",
		"if err := error(nil); true {\n\t\tgo func() { _ = b.store.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event) }()\n\t} else if err != nil {", "local",
	},
	{
		"the S3 server answers before it reports a new object", "local/s3server/objects.go",
		"\ts.created(context.WithoutCancel(ctx), key, meta.ETag)", "\tgo s.created(context.WithoutCancel(ctx), key, meta.ETag)", "local local/s3server",
	},
	{
		"an event that cannot be queued is dropped", "local/arrivals.go",
		"\t\tb.unqueued.add(event)\n", "", "local",
	},
	{
		"an arrival is done although ingest failed", "local/arrivals.go",
		"case err == nil && len(answer.BatchItemFailures) == 0:", "case err == nil && len(answer.BatchItemFailures) >= 0:", "local",
	},
	{
		"an arrival is done although the invocation failed", "local/arrivals.go",
		"case err == nil && len(answer.BatchItemFailures) == 0:", "case err != nil || len(answer.BatchItemFailures) == 0:", "local",
	},
	{
		"an arrival is done before it is ingested", "local/arrivals.go",
		"\tanswer, err := a.ingest(invoked,", "\t_ = a.store.Done(ctx, m.Number)\n\tanswer, err := a.ingest(invoked,", "local",
	},
	{
		"changes are done although their events failed", "local/follow.go",
		"\tnumbers := make([]int64, done)\n", "\tdone = len(due)\n\tnumbers := make([]int64, done)\n", "local",
	},
	{
		"changes are done before their events are sent", "local/follow.go",
		"\tdone, failed := feed.New(", "\tfor _, m := range due {\n\t\t_ = b.store.Done(ctx, m.Number)\n\t}\n\tdone, failed := feed.New(", "local",
	},

	{
		"late audio of a deleted recording leaves what was set aside", "shared/incoming/bucket/bucket.go",
		`account, id, recording.SetAsideKey(a.Key), a.Key)`, `account, id, a.Key)`, "shared/incoming/bucket",
	},
	{
		"a purge leaves what was set aside", "shared/purge/purge.go",
		"\t\tkeys = append(keys, recording.SetAsideKey(r.AudioKey()))\n", "", "shared/purge",
	},
	{
		"a purge leaves the metadata beside audio in an inbox", "shared/purge/purge.go",
		"\t\tkeys = append(keys, recording.SidecarKeys(r.AudioKey())...)\n", "", "shared/purge",
	},
	{
		"late audio in an inbox leaves the metadata beside it", "shared/incoming/inbox/inbox.go",
		`append(recording.SidecarKeys(f.Key), f.Key)...)`, `f.Key)`, "shared/incoming/inbox",
	},
	{
		"a purge removes the audio before it reads the tombstone again", "shared/purge/purge.go",
		`m.Purge(ctx, step, still)`, `m.Purge(ctx, step, func(context.Context) error { _ = still; return nil })`, "shared/purge",
	},
	{
		"late audio does not renew the tombstone", "shared/incoming/deleted.go",
		"if err := StayDeleted(ctx, s, account, id); err != nil {", "if err := error(nil); err != nil {", "shared/incoming/bucket",
	},
	{
		"late audio is removed without a look at the tombstone", "shared/incoming/deleted.go",
		"audio.Purge(ctx, keys, still)", "audio.Purge(ctx, keys, func(context.Context) error { _ = still; return nil })", "shared/incoming/inbox",
	},
	{
		"rejected audio is removed whatever it is by then", "shared/incoming/bucket/bucket.go",
		"g.Audio.RemoveIf(ctx, a.Key, object)", "g.Audio.Remove(ctx, a.Key)", "shared/incoming/bucket",
	},
	{
		"a purge is done although the audio could not be removed", "shared/purge/purge.go",
		"\t\t\treturn fmt.Errorf(\"remove the audio of %s/%s: %w\", t.Account, t.ID, err)\n", "\t\t\tcontinue\n", "shared/purge",
	},

	{
		"an idempotency key stands for any request", "shared/api/create.go",
		"case claim.Made != asked.fingerprint:", "case false:", "shared/api",
	},
	{
		"all requests have one fingerprint", "shared/api/creation.go",
		"sum := sha256.Sum256(text)", "sum := sha256.Sum256(text[:0])", "shared/api",
	},
}

// runNamed tests the named mutants with a title or a file that matches pattern. It returns
// an error if one of them survives or does not compile.
func runNamed(ctx context.Context, pattern *regexp.Regexp, temp string, out io.Writer) error {
	bad := 0
	for _, m := range named {
		if !pattern.MatchString(m.title) && !pattern.MatchString(m.file) {
			continue
		}
		verdict, err := m.try(ctx, temp)
		if err != nil {
			return fmt.Errorf("%s: %w", m.title, err)
		}
		if verdict != "killed" {
			bad++
		}
		_, _ = fmt.Fprintf(out, "%-12s  %s (%s)\n", verdict, m.title, m.file)
	}
	if bad > 0 {
		return fmt.Errorf("%d named mutants are not killed", bad)
	}
	return nil
}

// try compiles the tests of the mutant's packages with an overlay of the changed file, and
// runs them until one fails.
func (m *namedMutant) try(ctx context.Context, temp string) (verdict string, err error) {
	changed, err := m.apply()
	if err != nil {
		return "", err
	}
	root, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	file, overlay := filepath.Join(temp, "mutant.go"), filepath.Join(temp, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, filepath.FromSlash(m.file)): file}})
	if err != nil {
		return "", fmt.Errorf("describe the overlay: %w", err)
	}
	for path, content := range map[string][]byte{file: []byte(changed), overlay: text} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return "", fmt.Errorf("write the mutant: %w", err)
		}
	}
	for folder := range strings.FieldsSeq(m.tests) {
		forget, err := failures(folder)
		if err != nil {
			return "", err
		}
		defer forget()
		args := []string{"test", "-overlay", overlay, "-vet=off", "-run", "^$", "./" + folder}
		if err := exec.CommandContext(ctx, "go", args...).Run(); err != nil { //nolint:gosec // a table names the packages
			return "NOT COMPILED", nil
		}
		args = []string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-timeout", "5m", "./" + folder}
		if err := exec.CommandContext(ctx, "go", args...).Run(); err != nil { //nolint:gosec // a table names the packages
			return "killed", ctx.Err()
		}
	}
	return "SURVIVED", nil
}

// failures returns a function that removes the inputs that property tests of a folder store
// after this call. They fail only with the mutant.
func failures(folder string) (forget func(), err error) {
	pattern := filepath.Join(folder, "testdata", "rapid", "*", "*.fail")
	before, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("list the inputs of failed tests: %w", err)
	}
	return func() {
		after, _ := filepath.Glob(pattern) // the pattern is valid, or it would have failed above
		for _, file := range after {
			if !slices.Contains(before, file) {
				_ = os.Remove(file)
			}
		}
	}, nil
}

// apply returns the changed file.
func (m *namedMutant) apply() (string, error) {
	text, err := os.ReadFile(filepath.FromSlash(m.file))
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("%s has the text %q %d times, want once", m.file, m.old, n)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}
