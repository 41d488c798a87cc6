// Command ingest is the Lambda function on the queue of the bucket's events
// that completes recordings by the audio that has arrived
// (docs/adr/010-arrival.md).
package main

import (
	_ "time/tzdata" // of INBOX_TIMEZONE; Lambda's system has none

	"callrecordings/functions/internal/bucket"
	"callrecordings/functions/internal/receiving"
	"callrecordings/functions/internal/table"
	"callrecordings/shared/arrival"
	"callrecordings/shared/bucketevents"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/namepattern"
)

func main() { receiving.Receive(config.Ingest, build) }

func build(s config.Settings) (bucketevents.Options, error) {
	store, err := table.Open(s)
	if err != nil {
		return bucketevents.Options{}, err
	}
	audio, err := bucket.Open(s)
	if err != nil {
		return bucketevents.Options{}, err
	}
	names, err := namepattern.Open(s.InboxPatterns, s.InboxTimezone)
	if err != nil {
		return bucketevents.Options{}, err
	}
	desk := arrival.Desk{Store: store, Audio: audio, Names: names, MaxBytes: s.MaxAudioBytes, Grace: receiving.Grace, Now: receiving.Now}
	return bucketevents.Options{Bucket: s.Bucket, Take: desk.Take}, nil
}
