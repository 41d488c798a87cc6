// Command delete is the Lambda function that deletes a recording and its audio
// (contract, Delete).
package main

import (
	"net/http"

	"callrecordings/functions/internal/objects"
	"callrecordings/functions/internal/table"
	"callrecordings/functions/internal/wiring"
	"callrecordings/shared/api"
	"callrecordings/shared/config"
)

func main() { wiring.Serve(config.Delete, build) }

func build(s config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	return api.Delete(env, store, audio), nil
}
