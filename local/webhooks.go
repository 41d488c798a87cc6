package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/webhook"
)

// deliverEvery is the time between two runs of the deliverer of webhooks.
const deliverEvery = 2 * time.Second

// deliverWebhooks sends changes to webhooks until ctx ends, as the function deliver does. It
// logs a problem when it begins, and webhooks when they are parked.
func (b *box) deliverWebhooks(ctx context.Context) {
	if !b.settings.Feed {
		return
	}
	d := webhook.NewDeliverer(b.store, feed.New(b.store, b.now), b.settings.WebhookPrivateHosts, b.now)
	known := ""
	every(ctx, deliverEvery, func(ctx context.Context) {
		problem := ""
		report, err := d.Run(ctx)
		if err != nil && ctx.Err() == nil {
			problem = err.Error()
		}
		if report.Parked > 0 {
			b.log.WarnContext(ctx, "webhooks are parked; recordings webhook list shows them", slog.Int("parked", report.Parked))
		}
		if problem != "" && problem != known {
			b.log.WarnContext(ctx, "delivering to webhooks", slog.String("cause", problem))
		}
		known = problem
	})
}
