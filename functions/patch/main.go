// Command patch is the Lambda function that changes a recording's
// user_metadata (contract, Patch).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.Serve(config.Patch, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	return api.Patch(env, wiring.Keep(store, s.ObjectLock)), nil
}
