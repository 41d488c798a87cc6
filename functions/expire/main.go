// Command expire is the scheduled Lambda function that removes recordings: those that have expired
// (docs/adr/025-retention.md), and deleted ones that can no longer be restored
// (docs/adr/023-restorable-deletes.md). The function purge then removes their audio. It also locks
// the audio of recordings on legal hold (docs/adr/024-holds.md).
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/retention/sweep"
)

// runTime and lockTime leave two minutes of the function's 15 for the state at the end.
const runTime = 8 * time.Minute

// parallel is how many trees of accounts are swept, or accounts locked, at once. A removal takes
// 20 ms and 10 write units, so 4 take 2,000 units a second, half of what a new table admits.
const parallel = 4

func main() { wiring.ScheduleReporting(config.Expire, build) }

func build(s *config.Settings, now func() time.Time) (wiring.Job, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	sweeper := sweep.New(store, now, runTime)
	sweeper.Parallel = parallel
	sweeper.Record = wiring.RetentionTrail(s, store)
	return locking(s, store, audio, now, sweeper.Run), nil
}
