package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/webhook"
)

// deliverEvery is the time between two looks for changes to send to webhooks.
const deliverEvery = 2 * time.Second

// deliverAgain is how long a problem of the deliverer is not logged again.
const deliverAgain = time.Minute

// deliverWebhooks sends changes to webhooks until ctx ends, as the function deliver does. It
// logs a problem when it begins, and again while it lasts, and webhooks when they are parked.
func (b *box) deliverWebhooks(ctx context.Context) {
	if !b.settings.Feed {
		return
	}
	d := webhook.NewDeliverer(b.store, feed.New(b.store, b.now), b.settings.WebhookPrivateHosts, b.now)
	known, logged := "", time.Time{}
	d.Serve(ctx, deliverEvery, func(report webhook.Report, err error) {
		if report.Parked > 0 {
			b.log.WarnContext(ctx, "webhooks are parked; recordings webhook list shows them", slog.Int("parked", report.Parked))
		}
		if err == nil || ctx.Err() != nil || err.Error() == known && time.Since(logged) < deliverAgain {
			return
		}
		known, logged = err.Error(), time.Now()
		b.log.WarnContext(ctx, "delivering to webhooks", slog.String("cause", known))
	})
}
