// Command list is the Lambda function that lists the recordings of an account
// or of a user (contract, List).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/cursor"
)

func main() { wiring.Serve(config.List, build) }

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
	return api.List(env, wiring.View(store), sealer, s.Search), nil
}
