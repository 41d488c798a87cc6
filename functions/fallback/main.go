// Command fallback is the Lambda function that answers what no other route
// serves: preflights, 404 and 405, and the API's definition (contract, Routes).
package main

import (
	"net/http"

	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/api"
	"callrecordings/shared/config"
	"callrecordings/shared/openapi"
)

func main() { wiring.Serve(config.Fallback, build) }

func build(_ config.Settings, env api.Env) (http.Handler, error) {
	return api.Fallback(env, openapi.JSON), nil
}
