package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Jobs that a killed process left, some of them with a lease, continue after the start.
// Their files are removed after a week.
func TestJobsContinueAfterAStart(t *testing.T) {
	t.Parallel()
	b, c, _ := newBox(t)
	b.dir.Keys.Cursor = strings.Repeat("k", 32)
	const audio = 100_000
	key := recording.AudioKey("A", "202601-a")
	storeObject(t, b, key, make([]byte, audio))
	err := b.store.Put(t.Context(), &recording.Recording{
		Account: "A", ID: "202601-a", Owner: "anna", Created: 1, Document: `{"owner_id":"anna"}`,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: audio},
	})
	if err != nil {
		t.Fatal(err)
	}
	book := &job.Book{Entries: b.store, Queue: lostQueue{}, Now: b.now}
	j, err := book.Draft("A", person.ExportAction, json.RawMessage(`{"owner_id":"anna"}`), audit.Actor{}, "")
	if err == nil {
		err = book.Start(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	lease := fmt.Appendf(nil, `{"holder":"local","message":"1","started":%d,"until":%d}`, c.Now().UnixMilli(), c.Now().Add(time.Hour).UnixMilli())
	if err := b.store.WriteEntries(t.Context(), store.EntryWrite{Entry: store.Entry{
		EntryKey: store.EntryKey{Partition: "joblease", Key: "A"}, Value: lease,
	}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []job.State{job.Planned, job.Done} {
		ctx, stop := context.WithCancel(t.Context())
		b.jobs = job.NewPool(b.now)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.workOnJobs(ctx, wakeJobsTime)
		}()
		got := awaitJob(t, book, j, want)
		stop()
		<-ended
		if want == job.Planned {
			_, err = book.Confirm(t.Context(), "A", j.ID, job.Confirmation{Plan: got.Plan.Totals, By: audit.Actor{Account: "A"}}, func() error { return nil })
			if err != nil && !errors.Is(err, store.ErrUnavailable) { // nothing works on it yet
				t.Fatal(err)
			}
		}
	}
	for _, suffix := range []string{".zip", ".jsonl"} {
		if !exists(t, b, "exports/A/"+j.ID+suffix) {
			t.Errorf("no %s", suffix)
		}
	}
	c.add(archive.FileAge + time.Hour)
	if err := b.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exists(t, b, "exports/A/"+j.ID+".zip") {
		t.Error("the file is still there after a week")
	}
}

// If the message of a job is lost while the server runs, the job does not wait for the next start
// of the server.
func TestJobsContinueAfterALostMessage(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	b.dir.Keys.Cursor = strings.Repeat("k", 32)
	b.jobs = job.NewPool(b.now)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.workOnJobs(ctx, 20*time.Millisecond)
	}()
	book := &job.Book{Entries: b.store, Queue: lostQueue{}, Now: b.now}
	var j *job.Job
	for range 2 { // the second one certainly comes after the start
		if j != nil {
			awaitJob(t, book, j, job.Planned)
		}
		var err error
		j, err = book.Draft("A", person.ExportAction, json.RawMessage(`{"owner_id":"anna"}`), audit.Actor{}, "")
		if err == nil {
			err = book.Start(t.Context(), j)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	awaitJob(t, book, j, job.Planned)
	stop()
	<-ended
}

// lostQueue loses every message.
type lostQueue struct{}

// Wake implements job.Queue.
func (lostQueue) Wake(context.Context, string, time.Duration) error { return nil }

// awaitJob waits until a job is in a state.
func awaitJob(t *testing.T, book *job.Book, j *job.Job, want job.State) *job.Job {
	t.Helper()
	for range 1500 {
		got, err := book.Get(t.Context(), j.Account, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.State == want {
			return got
		}
		if got.State.Ended() {
			t.Fatalf("%+v", got)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the job is not %s", want)
	return nil
}
