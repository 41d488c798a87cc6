// Package queue starts a function on the queue of the bucket's events.
//
// It is separate from package wiring because it links the code that reads audio.
// As part of wiring, every function would link and initialize that code.
package queue

import (
	"time"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/incoming/bucket"
)

// grace is the age at which ingest makes a recording for audio that has none; see
// inbox.Inbox.
const grace = time.Minute

// Follow starts a function that ingests the arrivals in the queue with the
// ingester that build returns. Follow sets its clock and its grace period.
func Follow(f config.Function, build func(*config.Settings) (bucket.Ingester, error)) {
	wiring.Start(f, func(e wiring.Env) (func(), error) {
		g, err := build(e.Settings)
		if err != nil {
			return nil, err
		}
		g.Now, g.Grace = time.Now, grace
		q := bucket.Queue{
			Route: string(f), Bucket: e.Settings.Bucket, Ingest: g.Ingest, Log: e.Log, Metrics: e.Metrics, Now: time.Now,
		}
		return func() { bucket.Start(q) }, nil
	})
}
