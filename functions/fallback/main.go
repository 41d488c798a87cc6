// Command fallback is the Lambda function for requests that no other route
// serves. It answers preflights, serves the OpenAPI definition, and returns 404
// or 405 for everything else (contract, Routes).
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
