// Command ingest is the Lambda function on the queue of the bucket's events. It
// completes recordings whose audio has arrived (docs/adr/010-arrival.md).
package main

import (
	"time"
	_ "time/tzdata" // for INBOX_TIMEZONE; Lambda has no time zone files

	"callrecordings/functions/internal/objects"
	"callrecordings/functions/internal/queue"
	"callrecordings/functions/internal/table"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/incoming/namepattern"
)

func main() { queue.Follow(config.Ingest, build) }

func build(s config.Settings) (bucket.Queue, error) {
	store, err := table.Open(s)
	if err != nil {
		return bucket.Queue{}, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return bucket.Queue{}, err
	}
	names, err := namepattern.Open(s.InboxPatterns, s.InboxTimezone)
	if err != nil {
		return bucket.Queue{}, err
	}
	ingester := bucket.Ingester{
		Store: store, Audio: audio, Names: names, MaxBytes: s.MaxAudioBytes, Grace: time.Minute, Now: time.Now,
	}
	return bucket.Queue{Bucket: s.Bucket, Ingest: ingester.Ingest}, nil
}
