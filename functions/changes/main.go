// Command changes is the Lambda function that answers the feed of changes of an account
// (contract, Changes).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/waiting"
)

func main() { wiring.Serve(config.Changes, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	sealer, err := cursor.New(s.CursorKey.Reveal(), s.CursorKeyPrevious.Reveal())
	if err != nil || !s.Feed {
		return api.Changes(env, nil, nil, sealer, 0), err
	}
	return api.Changes(env, feed.New(store, env.Now), waiting.NewPlaces(store, waiting.Waits(), env.Now), sealer, s.FeedWait), nil
}
