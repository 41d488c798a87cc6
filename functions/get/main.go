// Command get is the Lambda function that returns a recording's document or
// its audio (contract, Document or audio).
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/waiting"
)

func main() { wiring.ServeAudio(config.Get, build) }

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
	d := wiring.Delivery(s)
	d.Places = waiting.NewPlaces(store, waiting.Waits(), env.Now)
	d.Streams = waiting.NewPlaces(store, waiting.Streams(), env.Now)
	return api.Get(env, wiring.View(store), audio, d), nil
}
