// Command publish is the Lambda function on the table's stream that sends the
// events about recordings to EventBridge (docs/reference/events.md).
package main

import (
	"context"

	"callrecordings/functions/internal/bus"
	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/config"
	"callrecordings/shared/notify"
	"callrecordings/shared/store"
	"callrecordings/shared/store/dynamo"
	"callrecordings/shared/tablestream"
)

func main() { wiring.FollowChanges(config.Publish, dynamo.ChangeOf, build) }

func build(s config.Settings) (tablestream.Feed, error) {
	sink, err := bus.Open(s)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, changes []store.Change) (int, error) {
		return notify.Publish(ctx, sink, changes)
	}, nil
}
