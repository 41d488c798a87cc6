// Command access is the Lambda function with which administrators of an account manage
// its users and groups (docs/access.md).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.Serve(config.Access, build) }

func build(s config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	env.Access = wiring.Access(s, store)
	env.Verifier.Issuers = wiring.Issuers(store)
	return api.Manage(env, store), nil
}
