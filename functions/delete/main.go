// Command delete is the Lambda function that deletes a recording and its audio
// (contract, Delete).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.Serve(config.Delete, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	return api.Delete(env, wiring.Keep(store, s.ObjectLock), audio, s.RestoreDays), nil
}
