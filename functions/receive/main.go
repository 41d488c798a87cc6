// Command receive is the Lambda function that takes the recordings that PBXs PUT
// over HTTP, with a storage secret in the path (contract, Storage).
package main

import (
	"net/http"
	_ "time/tzdata" // for INBOX_TIMEZONE; Lambda has no time zone files

	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/incoming/namepattern"
)

func main() { wiring.Serve(config.Receive, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	names, err := namepattern.Open(s.InboxPatterns, s.InboxTimezone)
	if err != nil {
		return nil, err
	}
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	audio, err := objects.Open(s)
	if err != nil {
		return nil, err
	}
	return api.Receive(env, wiring.Keep(store, s.ObjectLock), api.Storage{
		Audio: audio, MaxBytes: s.MaxAudioBytes, Names: names.Call, Zone: names.Zone,
	}), nil
}
