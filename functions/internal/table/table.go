// Package table opens the DynamoDB table that a function's settings name.
package table

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// warmUp is how long init may spend on the first connection.
const warmUp = 2 * time.Second

// Open returns the store and makes its first connection right away, during init, when
// Lambda provides more processor time. If that fails, the first request connects.
func Open(s config.Settings) (*dynamo.Store, error) {
	store, err := open(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), warmUp)
	defer cancel()
	_ = store.Warm(ctx)
	return store, nil
}

// open returns the store without any request.
func open(s config.Settings) (*dynamo.Store, error) {
	return dynamo.Open(dynamo.Options{
		Region:      s.Region,
		Endpoint:    s.DynamoDBEndpoint,
		Table:       s.Table,
		Credentials: credentials.Of(s),
		Application: string("callrecordings-" + s.Function),
		Now:         time.Now,
		Random:      rand.Reader,
	})
}

// Lazy returns the entries of the table. It opens the table at the first read, for a
// function that needs the table only for few requests.
func Lazy(s config.Settings) store.EntryReader {
	return lazy{sync.OnceValues(func() (*dynamo.Store, error) { return open(s) })}
}

type lazy struct {
	open func() (*dynamo.Store, error)
}

// Entries implements [store.EntryReader].
func (l lazy) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	s, err := l.open()
	if err != nil {
		return nil, err
	}
	return s.Entries(ctx, keys...)
}

// PageEntries implements [store.EntryReader].
func (l lazy) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	s, err := l.open()
	if err != nil {
		return store.EntryPage{}, err
	}
	return s.PageEntries(ctx, q)
}
