package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// Numbers of recordings in the two accounts, and of goroutines that store them.
// BENCH_LARGE overrides largeAccount; storing a million takes a quarter of an hour.
const (
	smallAccount = 200
	largeAccount = 20_000
	writers      = 32
)

// pageCost reads pages of 50 from a small and a large account on a real DynamoDB,
// from the beginning and from a cursor in the middle. It compares the number of
// Queries and the read units, which must not depend on the size of the account.
func (b *bench) pageCost(ctx context.Context) error {
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		return errors.New("DYNAMODB_ENDPOINT is not set; `docker compose up` or `make e2e` starts a DynamoDB")
	}
	large := largeAccount
	if text := os.Getenv("BENCH_LARGE"); text != "" {
		var err error
		if large, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("BENCH_LARGE: %w", err)
		}
	}
	name := "bench-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	client := nativeClient(endpoint)
	if _, err := client.CreateTable(ctx, dynamo.TableInput(name)); err != nil {
		return err
	}
	defer func() {
		_, _ = client.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: &name})
	}()
	table, err := openTable(endpoint, name)
	if err != nil {
		return err
	}
	small, err := costs(ctx, table, "small", smallAccount)
	if err != nil {
		return err
	}
	all, err := costs(ctx, table, "large", large)
	if err != nil {
		return err
	}
	for i, where := range []string{"", ", from the middle"} {
		b.add("page of 50, calls, large account"+where, "", float64(all[i].Calls), float64(small[i].Calls))
		b.add("page of 50, units, large account"+where, "", all[i].ReadUnits, small[i].ReadUnits)
	}
	return nil
}

// costs fills an account with n recordings and returns the costs of its first page
// and of a page from the middle.
func costs(ctx context.Context, table *dynamo.Store, account string, n int) ([2]requestlog.Entry, error) {
	var entries [2]requestlog.Entry
	if err := load(ctx, table, account, n); err != nil {
		return entries, fmt.Errorf("storing %d recordings: %w", n, err)
	}
	middle := sample(n / 2)
	for i, start := range []store.Position{{}, {Created: middle.Created, ID: middle.ID}} {
		p, err := table.Page(requestlog.With(ctx, &entries[i]), store.Query{Account: account, Limit: pageSize, Start: start})
		if err != nil {
			return entries, err
		}
		if len(p.Recordings) != pageSize || p.Next == nil {
			return entries, fmt.Errorf("a page of %d recordings, want %d and a next page", len(p.Recordings), pageSize)
		}
	}
	return entries, nil
}

// load stores n recordings in an account.
func load(ctx context.Context, table *dynamo.Store, account string, n int) error {
	numbers := make(chan int)
	errs := make(chan error, writers)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range numbers {
				r := sample(i)
				r.Account = account
				r.Owner = ""
				if err := put(ctx, table, &r); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		select {
		case numbers <- i:
		case err = <-errs:
		}
	}
	close(numbers)
	wg.Wait()
	if err == nil && len(errs) > 0 {
		err = <-errs
	}
	return err
}

// put stores r. It retries, because a slow emulator may time out after it has
// stored r.
func put(ctx context.Context, table *dynamo.Store, r *recording.Recording) (err error) {
	const attempts = 5
	for range attempts {
		if err = table.Put(ctx, r); err == nil || errors.Is(err, store.ErrExists) {
			return nil
		}
	}
	return err
}
