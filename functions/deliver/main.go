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
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/webhook"
)

func main() { wiring.ScheduleReporting(config.Deliver, build) }

func build(s *config.Settings, now func() time.Time) (wiring.Job, error) {
	if !s.Feed {
		return func(context.Context) (int, error) { return 0, nil }, nil
	}
	entries, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	return webhook.NewDeliverer(entries, feed.New(entries, now), s.WebhookPrivateHosts, now).Run, nil
}
