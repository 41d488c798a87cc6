package main

import (
	"context"
	"time"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// parkedMetric counts the webhooks that a run has parked. WebhooksParkedAlarm watches it.
const parkedMetric = "webhooks_parked"

// deliver returns a job that sends the due changes in entries. A run that parks webhooks writes
// one more line, with their number as a metric.
func deliver(e wiring.Env, entries store.Entries, now func() time.Time) wiring.Job {
	d := webhook.NewDeliverer(entries, feed.New(entries, now), e.Settings.WebhookPrivateHosts, now)
	return func(ctx context.Context) (int, error) {
		r, err := d.Run(ctx)
		if r.Parked > 0 {
			requestlog.LogCounts(ctx, e.Log, e.Metrics, string(config.Deliver), now(), requestlog.Count{Name: parkedMetric, N: r.Parked})
		}
		return r.Delivered, err
	}
}
