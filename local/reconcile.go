package main

import (
	"context"
	"log/slog"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/reconcile"
	"github.com/callrecordings/api/shared/retention/sweep"
)

// ages are the ages that a leftover must reach to be repaired or removed.
var ages = reconcile.LocalAges()

// reconcile compares the table with the bucket and repairs what does not match
// (docs/adr/026-reconcile.md). A run that the end of the process interrupted is continued.
// Audio without a recording becomes an arrival, so that ingest gets it through its queue.
func (b *box) reconcile(ctx context.Context) error {
	queued, err := b.store.Arriving(ctx)
	if err != nil {
		return err
	}
	r := reconcile.Reconciler{
		Store: b.store, Bucket: b.bucket, Book: b.store, Repair: true, Ages: ages, Log: b.log, Now: b.now,
		Index:       b.indexer(),
		EndRestores: sweep.WhenTrusted(b.store, b.now, deletion.New(b.store, 0, b.now).Ending),
		Queued:      func(key string) bool { return queued[key] },
		Arrive: func(ctx context.Context, key string) error {
			b.enqueueArrival(ctx, datadir.RecheckEvent(key))
			return nil
		},
	}
	report, err := r.Run(ctx)
	if found, repaired := report.Totals(); err == nil && found > 0 {
		b.log.InfoContext(ctx, "the table and the bucket were compared", slog.Int("found", found), slog.Int("repaired", repaired),
			slog.Int("open", report.Open()))
	}
	return err
}
