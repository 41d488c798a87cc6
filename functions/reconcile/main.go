// Command reconcile is the scheduled Lambda function that compares the table with the
// bucket and repairs what no event will finish (docs/adr/026-reconcile.md).
package main

import (
	"crypto/rand"
	"errors"
	"time"
	_ "time/tzdata" // for INBOX_TIMEZONE; Lambda has no time zone files

	"github.com/callrecordings/api/functions/internal/arrivals"
	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/search"
)

func main() { wiring.ScheduleReportingWith(config.Reconcile, build) }

func build(e wiring.Env, now func() time.Time) (wiring.Job, error) {
	records, tableErr := table.Open(e.Settings)
	audio, bucketErr := objects.Open(e.Settings)
	ingest, ingestErr := arrivals.Open(e.Settings, records, audio)
	if err := errors.Join(tableErr, bucketErr, ingestErr); err != nil {
		return nil, err
	}
	ingest.Now = now
	r := reconcile.Reconciler{
		Store: records, Bucket: audio, Book: records, Index: &search.Indexer{Store: records, Now: now, Random: rand.Reader},
		Arrive: ingest.Stored, Repair: true, Ages: reconcile.CloudAges(e.Settings.SetAsideDays), Pace: reconcile.Steady(), Log: e.Log, Now: now,
		EndRestores: sweep.WhenTrusted(records, now, deletion.New(records, 0, now).Ending),
	}
	return r.Job(e.Metrics), nil
}
