package bulk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
)

// listOf returns the lines of the list of a job, nil without one.
func (f *fixture) listOf(t *testing.T, j *job.Job) []string {
	t.Helper()
	if j.Result == nil {
		return nil
	}
	var result bulk.Result
	if err := json.Unmarshal(j.Result, &result); err != nil || result.Zip != "" || !strings.HasSuffix(result.List, ".jsonl") {
		t.Fatalf("%v: %s", err, j.Result)
	}
	return strings.Split(strings.TrimSuffix(string(f.read(t, result.List)), "\n"), "\n")
}

// remove deletes the first n inbound recordings, so that a job skips them.
func (f *fixture) remove(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if _, err := f.store.Delete(t.Context(), f.account, recordingID(2*i), store.Deletion{}); err != nil {
			t.Fatal(err)
		}
	}
}

// A job has its first 100 failures itself. If there are more, a list has what became of each
// recording.
func TestMoreFailuresThanAJobHas(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	for _, c := range []struct {
		action string
		params bulk.Params
		failed int
		lines  int
	}{
		{bulk.DeleteAction, bulk.Params{Filter: inbound}, 101, 103},
		{bulk.DeleteAction, bulk.Params{Filter: inbound}, 100, 0},
		{bulk.TagAction, bulk.Params{Filter: inbound, Metadata: []byte(`{"a":1}`)}, 101, 103},
		{bulk.HoldAction, bulk.Params{Filter: inbound, Case: "C", Reason: "R"}, 101, 103},
	} {
		f := open(t)
		f.sparse = true
		f.fill(t, c.failed+2)
		j := f.plan(t, c.action, c.params)
		f.remove(t, c.failed)
		j = f.run(t, j)
		lines := f.listOf(t, j)
		if j.State != job.Done || j.Progress.Skipped.Count != c.failed || j.Progress.Done.Count != 2 || len(j.NotDone) != 100 || len(lines) != c.lines {
			t.Fatalf("%s: %s, %+v, %d failures and %d lines, want %d", c.action, j.State, j.Progress, len(j.NotDone), len(lines), c.lines)
		}
		if c.lines == 0 {
			continue
		}
		if want := `"outcome":"skipped","cause":"deleted"}`; !strings.HasSuffix(lines[100], want) || !strings.Contains(lines[100], recordingID(200)) {
			t.Errorf("%s: line 101 is %s, want one of %s with %s", c.action, lines[100], recordingID(200), want)
		}
		if want := `"outcome":"done"}`; !strings.HasSuffix(lines[102], want) {
			t.Errorf("%s: line 103 is %s, want %s", c.action, lines[102], want)
		}
	}
}

// The list of a cancelled job has the recordings that it worked on.
func TestMoreFailuresThanACancelledJobHas(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	f := open(t)
	f.sparse = true
	f.fill(t, 210)
	j := f.plan(t, bulk.DeleteAction, bulk.Params{Filter: inbound})
	f.remove(t, 101)
	f.between = func() {
		if got := f.get(t, j); got.State == job.Running && got.Reports > 0 {
			if _, err := f.book.Cancel(t.Context(), f.account, j.ID, func() error { return nil }); err != nil {
				t.Error(err)
			}
		}
	}
	j = f.run(t, j)
	if lines := f.listOf(t, j); j.State != job.Cancelled || j.Progress.Done.Count != 99 || len(lines) != 200 {
		t.Errorf("%s, %+v, %d lines", j.State, j.Progress, len(lines))
	}
}
