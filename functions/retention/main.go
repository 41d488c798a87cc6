// Command retention is the Lambda function with which administrators decide how long the
// recordings of an account are kept, and place and release legal holds (contract, Retention,
// Holds).
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
)

func main() { wiring.Serve(config.Retention, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	return api.Retention(env, store, hold.NewBook(store, env.Now, rand.Reader, true)), nil
}
