// Package table opens the DynamoDB table that a function's settings name.
package table

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// warmUp is how long init may spend on the first connection.
const warmUp = 2 * time.Second

// Open returns the store and makes its first connection right away, during init, when
// Lambda provides more processor time. If that fails, the first request connects.
func Open(s *config.Settings) (*dynamo.Store, error) {
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
