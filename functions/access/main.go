// Command access is the Lambda function with which administrators of an account manage
// its users, groups and webhooks, and read its audit trail (docs/access.md, contract).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/webhook"
)

func main() { wiring.Serve(config.Access, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	sealer, err := cursor.New(s.CursorKey.Reveal(), s.CursorKeyPrevious.Reveal())
	if err != nil {
		return nil, err
	}
	if !s.Feed {
		return api.Manage(env, store, sealer, nil), nil
	}
	hooks := webhook.Book{Entries: store, Feed: feed.New(store, env.Now), PrivateHosts: s.WebhookPrivateHosts, Now: env.Now}
	return api.Manage(env, store, sealer, &hooks), nil
}
