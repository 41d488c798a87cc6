// Command index is the Lambda function on the queue of this service's own events. It keeps
// the index that searches read, and the totals (docs/adr/028-search.md).
package main

import (
	"crypto/rand"
	"time"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/eventqueue"
)

func main() {
	wiring.Start(config.Index, func(e wiring.Env) (func(), error) {
		store, err := table.Open(e.Settings)
		if err != nil {
			return nil, err
		}
		x := &search.Indexer{Store: store, Now: time.Now, Random: rand.Reader}
		q := eventqueue.Queue{Route: string(config.Index), Index: x.Index, Log: e.Log, Metrics: e.Metrics, Now: time.Now}
		return func() { eventqueue.Start(q) }, nil
	})
}
