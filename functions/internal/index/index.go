// Package index starts the function on the queue of this service's own events.
package index

import (
	"crypto/rand"
	"time"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/eventqueue"
)

// Follow starts a function that indexes the recordings of the events in the queue.
func Follow(f config.Function) {
	wiring.Start(f, func(e wiring.Env) (func(), error) {
		store, err := table.Open(e.Settings)
		if err != nil {
			return nil, err
		}
		x := &search.Indexer{Store: store, Now: time.Now, Random: rand.Reader}
		q := eventqueue.Queue{Route: string(f), Index: x.Index, Log: e.Log, Metrics: e.Metrics, Now: time.Now}
		return func() { eventqueue.Start(q) }, nil
	})
}
