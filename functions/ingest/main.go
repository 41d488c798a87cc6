// Command ingest is the Lambda function on the queue of the bucket's events
// that completes recordings by the audio that has arrived
// (docs/adr/010-arrival.md).
package main

import (
	_ "time/tzdata" // of INBOX_TIMEZONE; Lambda's system has none

	objects "callrecordings/functions/internal/bucket"
	"callrecordings/functions/internal/receiving"
	"callrecordings/functions/internal/table"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/incoming/namepattern"
)

func main() { receiving.Receive(config.Ingest, build) }

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
	ingester := bucket.Ingester{Store: store, Audio: audio, Names: names, MaxBytes: s.MaxAudioBytes, Grace: receiving.Grace, Now: receiving.Now}
	return bucket.Queue{Bucket: s.Bucket, Ingest: ingester.Ingest}, nil
}
