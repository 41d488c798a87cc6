package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const (
	// indexTurn is how many recordings of an account are indexed before the next account
	// has its turn.
	indexTurn = 50
	// maxIndexRetry is the longest wait before a recording that could not be indexed is
	// tried again. The first wait is a second, and each further one twice as long.
	maxIndexRetry = 5 * time.Minute
	// maxIndexTries is how many tries a recording gets: about two weeks of them.
	maxIndexTries = int(14 * 24 * time.Hour / maxIndexRetry)
)

// indexer returns the indexer that updates the index of words and the totals, as the function
// index does. A transaction costs one sync of the disk, so each recording takes one.
func (b *box) indexer() *search.Indexer {
	return &search.Indexer{Store: b.store, Now: b.now, Random: rand.Reader, Atomic: true}
}

// indexChanges indexes the recordings that were written, a turn of each account. If the
// index is switched off, it empties the queue.
func (b *box) indexChanges(ctx context.Context) (more bool, err error) {
	accounts, err := b.store.DueAccounts(ctx, sqlite.Index)
	if err != nil {
		return false, err
	}
	for _, account := range accounts {
		due, err := b.store.DueOf(ctx, sqlite.Index, account, indexTurn)
		if err != nil {
			return false, err
		}
		if err := b.indexTurn(ctx, account, due); err != nil {
			return false, err
		}
		more = more || len(due) == indexTurn
	}
	return more, nil
}

// indexTurn indexes the recordings of an account that due names.
func (b *box) indexTurn(ctx context.Context, account string, due []sqlite.Message) error {
	results := map[string]error{}
	var done []int64
	for _, m := range due {
		id := string(m.Body)
		if _, tried := results[id]; !tried && b.settings.Search {
			results[id] = b.indexer().Index(ctx, account, id)
		}
		failed := results[id]
		if failed == nil {
			done = append(done, m.Number)
			continue
		}
		if ctx.Err() != nil {
			break // the message stays due
		}
		if m.Tries+1 >= maxIndexTries {
			b.log.ErrorContext(ctx, "a recording is left out of searches after two weeks of tries; `recordings reindex` adds it",
				slog.String("account_id", account), slog.String("id", id), slog.String("cause", failed.Error()))
			done = append(done, m.Number)
			continue
		}
		b.log.WarnContext(ctx, "a recording could not be indexed; this is retried",
			slog.String("account_id", account), slog.String("cause", failed.Error()))
		wait := min(time.Second<<min(m.Tries, 10), maxIndexRetry)
		if err := b.store.PutOff(ctx, m.Number, wait, failed.Error()); err != nil {
			return err
		}
	}
	// Even while stopping, so that the next start does not look at them again.
	return b.store.Done(context.WithoutCancel(ctx), done...)
}
