// Command create is the Lambda function that creates a recording and presigns
// the upload of its audio (contract, Create).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

func main() { wiring.Serve(config.Create, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	audio, err := objects.OpenPublic(s)
	if err != nil {
		return nil, err
	}
	return api.Create(env, wiring.Keep(store, s.ObjectLock), api.Uploads{Audio: audio, MaxBytes: s.MaxAudioBytes, TTL: s.UploadTTL}), nil
}
