// Command expire is the scheduled Lambda function that removes recordings whose time is up
// (docs/adr/025-retention.md). The function purge then removes their audio. It also locks what
// is on legal hold (docs/adr/024-holds.md).
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
)

// runTime and lockTime leave two minutes of the function's 15 for the state at the end.
const runTime = 8 * time.Minute

func main() { wiring.Schedule(config.Expire, build) }

func build(s *config.Settings, now func() time.Time) (wiring.Job, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	w := sweep.Sweeper{
		Entries: store, Recordings: store, Now: now, Time: runTime,
		Remove: sweep.FromStore{Book: retention.Book{Entries: store}, Recordings: store},
	}
	return locking(s, store, now, w.Run)
}
