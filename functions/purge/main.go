// Command purge is the Lambda function on the table's stream that purges the
// audio of deleted recordings if the delete request did not
// (docs/adr/006-deleting.md).
package main

import (
	"context"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/tablestream"
)

func main() { wiring.Follow(config.Purge, build) }

func build(s *config.Settings) (tablestream.Work, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, key tablestream.Key) error {
		return purge.Pending(ctx, store, audio, key.Account, key.ID)
	}, nil
}
