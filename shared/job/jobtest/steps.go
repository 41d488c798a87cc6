package jobtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// anna starts and confirms the jobs.
var anna = audit.Actor{Owner: "anna"}

// Put stores a recording of the owner that its document names. Text is its audio in the bucket, ""
// for none. Without a bucket the recording has audio, but there is no object.
func Put(t testing.TB, s store.Writer, bucket media.Writer, r recording.Recording, text string) {
	t.Helper()
	var err error
	if r.Document, err = recording.ParseDocument([]byte(r.Document)); err != nil {
		t.Fatal(err)
	}
	r.Owner, _ = r.Document.Text("owner_id")
	size := int64(len(text))
	if size > 0 {
		r.Audio = recording.Audio{Place: recording.Managed, ContentType: recording.AudioMPEG, Size: size}
	}
	if size > 0 && bucket != nil {
		if err := bucket.Put(t.Context(), r.AudioKey(), recording.AudioMPEG, strings.NewReader(text), size); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
}

// Start starts a job with params as its parameters.
func Start(t testing.TB, b *job.Book, account, action string, params any) *job.Job {
	t.Helper()
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	j, err := b.Draft(account, action, text, anna, "")
	if err == nil {
		err = b.Start(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Get returns a job as it is now.
func Get(t testing.TB, b *job.Book, j *job.Job) *job.Job {
	t.Helper()
	got, err := b.Get(t.Context(), j.Account, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Confirm confirms the plan of a job.
func Confirm(t testing.TB, b *job.Book, j *job.Job) {
	t.Helper()
	c := job.Confirmation{Plan: j.Plan.Totals, By: anna}
	if _, err := b.Confirm(t.Context(), j.Account, j.ID, c, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}
