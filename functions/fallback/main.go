// Command fallback is the Lambda function for requests that no other route
// serves. It answers preflights, serves the OpenAPI definition, and returns 404
// or 405 for everything else (contract, Routes). It redirects browsers at / to the console.
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/openapi"
)

func main() { wiring.Serve(config.Fallback, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	env.Verifier.Issuers = wiring.Issuers(table.Lazy(s))
	if s.Console {
		env.Home = "console/" // console.Path, without linking the page
	}
	return api.Fallback(env, openapi.JSON), nil
}
