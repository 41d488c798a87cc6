// Command publish is the Lambda function on the table's stream that adds the changes of
// recordings to the feed (docs/adr/029-feed.md), and sends the events about them to the
// queue of the function index and to EventBridge (docs/reference/events.md).
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/bus"
	"github.com/callrecordings/api/functions/internal/indexqueue"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/tablestream"
)

func main() { wiring.FollowChanges(config.Publish, dynamo.ChangeOf, build) }

func build(s *config.Settings, now func() time.Time) (tablestream.Feed, tablestream.Lost, error) {
	events, err := bus.Open(s)
	if err != nil {
		return nil, nil, err
	}
	sink, err := indexqueue.Before(s, events)
	if err != nil {
		return nil, nil, err
	}
	entries, err := table.Open(s)
	if err != nil {
		return nil, nil, err
	}
	changes := feed.New(entries, now)
	return changes.Follow(s.Feed, sink), changes.Lose, nil
}
