package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
)

// PersonJobs returns the options of Jobs for the actions of package person. An export needs
// the right to listen, and an erasure that to delete. params encodes the parameters.
func PersonJobs(params func(number, owner string) (json.RawMessage, error), files JobFiles, ttl, fileAge time.Duration) JobOptions {
	return JobOptions{
		Kinds: map[string]JobKind{
			"person_export": {Rights: []access.Action{access.Read, access.Listen}, Params: params},
			"person_erase":  {Rights: []access.Action{access.Delete}, Params: params},
		},
		Files: files, TTL: ttl, FileAge: fileAge,
	}
}

// JobTrail returns a function that adds the deletion of a recording by a job to the audit
// trail; nil without a trail.
func JobTrail(trail Recorder) func(ctx context.Context, j *job.Job, id string) error {
	if trail == nil {
		return nil
	}
	return func(ctx context.Context, j *job.Job, id string) error {
		return trail.Record(ctx, audit.Entry{
			Account: j.Account, Actor: j.Confirmer, Action: access.Delete, Recording: id, Object: "job/" + j.ID,
			Result: audit.Done, Reason: j.Reason,
		})
	}
}
