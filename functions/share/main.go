// Command share is the Lambda function that makes, lists and revokes links, and plays
// the recordings that they lead to (contract, Links).
package main

import (
	"crypto/rand"
	"net/http"

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/waiting"
)

func main() { wiring.ServeAudio(config.Share, build) }

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
	d.Streams = waiting.NewPlaces(store, waiting.Streams(), env.Now)
	return api.Share(env, wiring.View(store), link.New(store, env.Now, rand.Reader), audio, d, s.PublicURL), nil
}
