package job_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A recording is found in the plan of a job, in its report, and in both after the job has expired,
// until the chunks end.
func TestJobsThatNameARecording(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	e := f.engine("one", f.store)
	j := f.confirmed(t, e)
	f.start(t, "B")
	all := func(id string) []job.Naming {
		t.Helper()
		n := job.Namer{Entries: f.store, Account: "A", Recording: id}
		found, err := n.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got := all("202601-1"); len(got) != 1 || got[0].ID != j.ID || got[0].Action != "count" || got[0].State != job.Running || got[0].Outcome != "" || !got[0].MayHold() {
		t.Errorf("a running job: %+v, want %s", got, j.ID)
	}
	f.work(t, e)
	got := all("202601-1")
	if len(got) != 1 || got[0].State != job.Done || got[0].Outcome != job.Completed {
		t.Fatalf("a job that is done: %+v, want %s", got, j.ID)
	}
	if end := recording.SecondsOf(f.now().AddDate(0, 0, 60)); got[0].Until > end || got[0].Until < end-recording.Day {
		t.Errorf("it ends at %d, want about %d", got[0].Until, end)
	}
	for _, id := range []string{"202601-3", "202601-", "202601-11"} {
		if got := all(id); len(got) > 0 {
			t.Errorf("%s: %+v, want none", id, got)
		}
	}
	f.at.Add(int64(40 * 24 * time.Hour / time.Second))
	n := job.Namer{Entries: f.store, Account: "A", Recording: "202601-1"}
	if found, ok, err := n.Of(t.Context(), j.ID); !ok || err != nil || found.Outcome != job.Completed || len(all("202601-1")) > 0 {
		t.Errorf("after 40 days: %+v, %v, %v, want its chunks only", found, ok, err)
	}
	f.at.Add(int64(21 * 24 * time.Hour / time.Second))
	n = job.Namer{Entries: f.store, Account: "A", Recording: "202601-1"}
	if found, ok, err := n.Of(t.Context(), j.ID); ok || err != nil {
		t.Errorf("after 61 days: %+v, %v, want nothing", found, err)
	}
}

// A job names recordings in its parameters, too.
func TestJobThatNamesARecordingInItsParameters(t *testing.T) {
	t.Parallel()
	f := open(t, 0)
	j := f.start(t, "A")
	value, err := json.Marshal(map[string]any{"ids": []string{"202601-x"}})
	if err != nil {
		t.Fatal(err)
	}
	j.Params = value
	j.ID += "-2"
	if err := f.book.Start(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	n := job.Namer{Entries: f.store, Account: "A", Recording: "202601-x"}
	found, err := n.All(t.Context())
	if err != nil || len(found) != 1 || found[0].ID != j.ID || found[0].Until != j.Expires() {
		t.Errorf("All = %+v, %v, want %s until %d", found, err, j.ID, j.Expires())
	}
}

// A search reads a bounded number of chunks, and says so.
func TestNamerIsBounded(t *testing.T) {
	t.Parallel()
	f := open(t, 0)
	var writes []store.EntryWrite
	for i := range job.NamingChunks + 1 {
		writes = append(writes, store.EntryWrite{Entry: store.Entry{
			EntryKey: store.EntryKey{Partition: "jobplan/A/x", Key: fmt.Sprintf("%08d", i)}, Value: []byte(`{"items":[]}`),
		}})
		if len(writes) == store.MaxEntries || i == job.NamingChunks {
			if err := f.store.WriteEntries(t.Context(), writes...); err != nil {
				t.Fatal(err)
			}
			writes = nil
		}
	}
	n := job.Namer{Entries: f.store, Account: "A", Recording: "202601-1"}
	if _, ok, err := n.Of(t.Context(), "x"); ok || !errors.Is(err, job.ErrTooMuch) {
		t.Errorf("Of = %v, %v, want ErrTooMuch", ok, err)
	}
}
