package jobqueue

import (
	"crypto/rand"
	"maps"
	"time"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// Options returns the actions of jobs over a table and a bucket, and what checks the rights
// of those who confirmed them.
func Options(s *config.Settings, store *dynamo.Store, bucket *s3media.Bucket, now func() time.Time) (job.Options, error) {
	record, view := wiring.JobTrail(s, store), wiring.Keep(store, s.ObjectLock)
	eraser := deletion.Eraser{Deleter: deletion.New(store, 0, now), Store: store, Audio: bucket}
	actions, err := person.Actions(s.CursorKey.Reveal(), view, store, bucket, eraser, record.Of(access.Delete))
	if err != nil {
		return job.Options{}, err
	}
	maps.Copy(actions, bulk.Actions(bulk.Options{
		Store: view, Select: api.Select(view), Bucket: bucket, Deleter: deletion.New(view, s.RestoreDays, now),
		Holds: hold.NewBook(store, now, rand.Reader, true), Record: record,
	}))
	rules := access.NewResolver(store, access.Options{Default: access.Default(s.UserAccess), Now: now})
	return job.Options{
		Actions: actions, Permit: api.JobPermit(rules, wiring.Issuers(store), api.JobKinds(person.Params, true)),
	}, nil
}
