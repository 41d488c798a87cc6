// Command retention is the Lambda function with which administrators decide how long the
// recordings of an account are kept (contract, Retention).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.Serve(config.Retention, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	return api.Retention(env, store), nil
}
