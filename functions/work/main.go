// Command work is the Lambda function on the queue of jobs. It does what jobs over many
// recordings ask for, a slice at a time (docs/adr/027-jobs.md).
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/jobqueue"
	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/job"
)

func main() { jobqueue.Follow(config.Work, build) }

func build(s *config.Settings, queue *jobqueue.Queue, now func() time.Time) (*job.Book, job.Options, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, job.Options{}, err
	}
	bucket, err := objects.Open(s)
	if err != nil {
		return nil, job.Options{}, err
	}
	options, err := jobqueue.Options(s, store, bucket, now)
	return &job.Book{Entries: store, Queue: queue, Now: now}, options, err
}
