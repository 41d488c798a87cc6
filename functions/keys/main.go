// Command keys is the scheduled Lambda function that fetches the keys of token issuers
// and stores them in the table (docs/adr/021-issuers.md). Beside deliver, it is the only
// function that sends requests to hosts outside of AWS.
package main

import (
	"time"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/issuer/keyset"
)

func main() { wiring.Schedule(config.Keys, build) }

func build(s *config.Settings, now func() time.Time) (wiring.Job, error) {
	entries, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	r := keyset.Refresher{
		Book:    issuer.Book{Entries: entries},
		Fetcher: keyset.NewFetcher(keyset.Options{PrivateHosts: s.IssuerPrivateHosts}),
		Now:     now,
	}
	return r.Run, nil
}
