// Command fallback is the Lambda function that answers what no other route
// serves: preflights, 404 and 405 (contract, Routes).
package main

import (
	"net/http"

	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/api"
	"callrecordings/shared/config"
)

func main() { wiring.Serve(config.Fallback, build) }

func build(_ config.Settings, env api.Env) (http.Handler, error) {
	return api.Fallback(env, nil), nil
}
