// Command deliver is the scheduled Lambda function that sends the changes of accounts to
// their webhooks (docs/adr/029-feed.md). Beside keys, it is the only function that sends
// requests to hosts outside of AWS.
package main

import (
	"context"
	"time"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.ScheduleReportingWith(config.Deliver, build) }

func build(e wiring.Env, now func() time.Time) (wiring.Job, error) {
	if !e.Settings.Feed {
		return func(context.Context) (int, error) { return 0, nil }, nil
	}
	entries, err := table.Open(e.Settings)
	if err != nil {
		return nil, err
	}
	return deliver(e, entries, now), nil
}
