// Package table opens the DynamoDB table of a function's settings.
package table

import (
	"context"
	"crypto/rand"
	"time"

	"callrecordings/functions/internal/credentials"
	"callrecordings/shared/config"
	"callrecordings/shared/store/dynamo"
)

// warmUp bounds what init spends on the first connection.
const warmUp = 2 * time.Second

// Open returns the store with its first connection made during init, where the
// processor is boosted. A connection that fails is left to the first request.
func Open(s config.Settings) (*dynamo.Store, error) {
	store, err := dynamo.Open(dynamo.Options{
		Region:      s.Region,
		Endpoint:    s.DynamoDBEndpoint,
		Table:       s.Table,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
		Now:         time.Now,
		Random:      rand.Reader,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), warmUp)
	defer cancel()
	_ = store.Warm(ctx)
	return store, nil
}
