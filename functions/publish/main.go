// Command publish is the Lambda function on the table's stream that sends the
// events about recordings to EventBridge (docs/reference/events.md).
package main

import (
	"context"

	"github.com/callrecordings/api/functions/internal/bus"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/tablestream"
)

func main() { wiring.FollowChanges(config.Publish, dynamo.ChangeOf, build) }

func build(s *config.Settings) (tablestream.Feed, error) {
	sink, err := bus.Open(s)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, changes []store.Change) (int, error) {
		return notify.Publish(ctx, sink, changes)
	}, nil
}
