package job

import (
	"context"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
)

// Record adds an entry about a recording of a job to the audit trail. It sets the account,
// the actor (who confirmed the job), and the result, object and reason if they are not set.
// A nil Record means that there is no trail. Errors: audit.ErrUnrecorded.
type Record func(ctx context.Context, j *Job, e audit.Entry) error

// Of returns a function that records an action on a recording; nil without a trail.
func (r Record) Of(a access.Action) func(ctx context.Context, j *Job, id string) error {
	if r == nil {
		return nil
	}
	return func(ctx context.Context, j *Job, id string) error {
		return r(ctx, j, audit.Entry{Action: a, Recording: id})
	}
}
