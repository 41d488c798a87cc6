// Command patch is the Lambda function that changes a recording's
// user_metadata (contract, Patch).
package main

import (
	"net/http"

	"callrecordings/functions/internal/table"
	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/api"
	"callrecordings/shared/config"
)

func main() { wiring.Serve(config.Patch, build) }

func build(s config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	return api.Patch(env, store), nil
}
