// Package queue starts a function on the queue of the bucket's events.
//
// It is separate from package wiring because it links the code that reads audio.
// As part of wiring, every function would link and initialize that code.
package queue

import (
	"time"

	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/bucket"
)

// Follow starts a function that handles the queue's messages with the queue that
// build returns, of which build sets Bucket and Ingest.
func Follow(f config.Function, build func(config.Settings) (bucket.Queue, error)) {
	wiring.Start(f, func(e wiring.Env) (func(), error) {
		q, err := build(e.Settings)
		if err != nil {
			return nil, err
		}
		q.Route, q.Log, q.Metrics, q.Now = string(f), e.Log, e.Metrics, time.Now
		return func() { bucket.Start(q) }, nil
	})
}
