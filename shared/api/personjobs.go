package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/job"
)

// JobKinds returns all actions: those of package bulk, and those of package person. params
// encodes the parameters of the latter. searches is true if the service keeps the index of
// words.
func JobKinds(params func(number, owner string) (json.RawMessage, error), searches bool) map[string]JobKind {
	kinds := bulkKinds(searches)
	maps.Copy(kinds, personKinds(params))
	return kinds
}

// personKinds returns the actions of package person. An export needs the right to listen, and
// an erasure that to delete.
func personKinds(params func(number, owner string) (json.RawMessage, error)) map[string]JobKind {
	encode := func(f *JobFields, _ time.Time) (json.RawMessage, error) {
		if f.Owner != "" && !auth.ValidName(f.Owner) {
			return nil, invalid("owner_id", "wrong_format", "Field is not in the correct format", nil)
		}
		text, err := params(f.Number, f.Owner)
		if err != nil {
			return nil, invalid("number", "wrong_format", err.Error(), nil)
		}
		return text, nil
	}
	subject := []string{"number", "owner_id"}
	return map[string]JobKind{
		"person_export": {Rights: []access.Action{access.Read, access.Listen}, Fields: subject, Params: encode},
		"person_erase":  {Rights: []access.Action{access.Delete}, Fields: subject, Params: encode},
	}
}

// JobTrail returns a function that records the work of jobs in the audit trail; nil without a
// trail.
func JobTrail(trail Recorder) job.Record {
	if trail == nil {
		return nil
	}
	return func(ctx context.Context, j *job.Job, e audit.Entry) error {
		e.Account, e.Actor = j.Account, j.Confirmer
		if e.Object == "" {
			e.Object = "job/" + j.ID
		}
		if e.Result == "" {
			e.Result = audit.Done
		}
		if e.Reason == "" {
			e.Reason = j.Reason
		}
		return trail.Record(ctx, e)
	}
}

// JobPermit returns a function that checks the token that confirmed a job. Its issuer must still
// be trusted, and the rights of its user must still cover the action. The claims of the token count
// as they were.
func JobPermit(rules Access, issuers auth.Issuers, kinds map[string]JobKind) func(context.Context, *job.Job) error {
	return func(ctx context.Context, j *job.Job) error {
		trusted, err := auth.Trusts(ctx, issuers, j.Confirmer.Issuer, j.Confirmer.Account)
		if err != nil {
			return err
		}
		if !trusted {
			return &job.ProblemError{Text: "tokens of the issuer that the job was confirmed with are no longer accepted"}
		}
		b := auth.Bearer{
			Issuer: j.Confirmer.Issuer, Account: j.Confirmer.Account, Owner: j.Confirmer.Owner,
			Role: j.Claims.Role, Groups: j.Claims.Groups, Unassigned: j.Claims.Unassigned,
		}
		grant, err := rules.Grant(ctx, b, j.Account)
		lost := errors.Is(err, access.ErrOutOfReach) || errors.Is(err, access.ErrDisabled) || errors.Is(err, access.ErrTooMany)
		if err != nil && !lost {
			return err
		}
		for _, a := range append([]access.Action{access.Manage}, kinds[j.Action].Rights...) {
			if lost || grant.Scope(a) != access.All {
				return &job.ProblemError{Text: "the user who confirmed the job no longer has the right to " + string(a)}
			}
		}
		return nil
	}
}
