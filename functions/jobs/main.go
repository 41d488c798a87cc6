// Command jobs is the Lambda function that starts, shows, confirms and cancels jobs over
// many recordings (contract, Jobs). The function work carries them out.
package main

import (
	"net/http"

	"github.com/callrecordings/api/functions/internal/jobqueue"
	"github.com/callrecordings/api/functions/internal/objects"
	"github.com/callrecordings/api/functions/internal/table"
	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
)

func main() { wiring.Serve(config.Jobs, build) }

func build(s *config.Settings, env api.Env) (http.Handler, error) {
	store, err := table.Open(s)
	if err != nil {
		return nil, err
	}
	wiring.Rules(&env, s, store)
	files, err := objects.OpenPublic(s)
	if err != nil {
		return nil, err
	}
	book := &job.Book{Entries: store, Queue: jobqueue.Open(s), Now: env.Now}
	return api.Jobs(env, book, api.JobOptions{
		Kinds: api.JobKinds(person.Params, s.Search), Files: files, TTL: s.PresignTTL, FileAge: archive.FileAge, Prices: s.Prices,
	}), nil
}
