package main

import (
	"context"
	"log/slog"

	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/issuer/keyset"
)

// refreshKeys fetches the keys of the token issuers until ctx ends, as the function
// keys does: at the start, and then every keyset.Every.
func (b *box) refreshKeys(ctx context.Context) {
	r := keyset.Refresher{
		Book:    issuer.Book{Entries: b.store},
		Fetcher: keyset.NewFetcher(keyset.Options{PrivateHosts: b.settings.IssuerPrivateHosts}),
		Now:     b.now,
	}
	every(ctx, keyset.Every, func(ctx context.Context) {
		if _, err := r.Run(ctx); err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "keys of token issuers could not be fetched; the earlier ones stay in use, and this is retried",
				slog.String("cause", err.Error()))
		}
	})
}
