// Command ingest is the Lambda function on the queue of the bucket's events. It
// completes recordings when their audio has arrived (docs/adr/010-arrival.md).
package main

import (
	_ "time/tzdata" // for INBOX_TIMEZONE; Lambda has no time zone files

	"github.com/callrecordings/api/functions/internal/arrivals"
	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/queue"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/incoming/bucket"
)

func main() { queue.Follow(config.Ingest, build) }

func build(s *config.Settings) (bucket.Ingester, error) {
	store, err := table.Open(s)
	if err != nil {
		return bucket.Ingester{}, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return bucket.Ingester{}, err
	}
	return arrivals.Open(s, store, audio)
}
