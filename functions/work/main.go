// Command work is the Lambda function on the queue of jobs. It does what jobs over many
// recordings ask for, a slice at a time (docs/adr/027-jobs.md).
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/jobqueue"
	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
)

func main() { jobqueue.Follow(config.Work, build) }

func build(s *config.Settings, now func() time.Time) (*job.Book, map[string]job.Action, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, nil, err
	}
	bucket, err := objects.Open(s)
	if err != nil {
		return nil, nil, err
	}
	eraser := deletion.Eraser{Deleter: deletion.New(store, 0, now), Store: store, Audio: bucket}
	actions, err := person.Actions(s.CursorKey.Reveal(), wiring.View(store), store, bucket, eraser, wiring.JobTrail(s, store))
	return &job.Book{Entries: store, Queue: jobqueue.Open(s), Now: now}, actions, err
}
