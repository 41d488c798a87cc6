package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Recorder keeps the audit trail. [audit.Trail] implements it.
type Recorder interface {
	// Record stores an entry, unless the trail's settings leave it out. Errors:
	// audit.ErrUnrecorded.
	Record(ctx context.Context, e audit.Entry) error
}

// NewRecorder returns an audit trail in entries, or nil if it would record nothing.
func NewRecorder(entries store.Entries, o audit.Options) Recorder {
	if o.Level == audit.Off {
		return nil
	}
	return audit.NewTrail(entries, o)
}

// record adds the request to the audit trail. If it fails, the request must be refused.
func (r *request) record(ctx context.Context, a access.Action, recordingID string, result audit.Result) error {
	if r.env.Audit == nil {
		return nil
	}
	e := r.trailEntry(a, result)
	e.Recording = recordingID
	return r.env.Audit.Record(ctx, e)
}

// trailEntry returns an entry of the account of the path about the request.
func (r *request) trailEntry(a access.Action, result audit.Result) audit.Entry {
	e := audit.Entry{
		Account: r.account,
		Actor: audit.Actor{
			Issuer: r.bearer.Issuer, Subject: r.bearer.Subject, Account: r.bearer.Account, Owner: r.bearer.Owner, Role: r.grant.Role,
		},
		Action: a, Object: r.object, Result: result, Reason: r.reason, RequestID: r.entry.RequestID, Address: r.RemoteAddr,
	}
	e.Link = r.link
	if r.terms != nil {
		e.Link = r.terms.ID
	}
	return e
}

// errRecordFirst ends an attempt at a change until its entry in the audit trail is stored.
var errRecordFirst = errors.New("the audit trail comes first")

// audited makes a change, after its entry in the audit trail is stored. do calls record
// right before it changes anything; if record fails, do must change nothing and return
// its error. audited then stores the entry and calls do again: a store may hold a lock
// while do runs (package sqlite does), so the entry cannot be stored from within. If the
// change fails after all, a second entry reports that.
func audited[T any](r *request, a access.Action, recordingID string, do func(record func() error) (T, error)) (T, error) {
	recorded := r.env.Audit == nil
	record := func() error {
		if recorded {
			return nil
		}
		return errRecordFirst
	}
	done, err := do(record)
	if !errors.Is(err, errRecordFirst) {
		return done, err
	}
	if err := r.record(r.Context(), a, recordingID, audit.Done); err != nil {
		return done, err
	}
	recorded = true
	done, err = do(record)
	// After ErrUnavailable, the change may have taken effect.
	if err != nil && !errors.Is(err, store.ErrUnavailable) {
		if e := r.record(r.Context(), a, recordingID, audit.Failed); e != nil {
			err = errors.Join(err, e)
		}
	}
	return done, err
}

// recordListening adds a listening to the audit trail while the handler fetches the
// audio. The answer waits for the entry, and is a 503 if the entry cannot be stored.
func (r *request) recordListening(recordingID string) {
	if r.env.Audit == nil || r.Method == http.MethodHead {
		return
	}
	var entry requestlog.Entry // the request's entry is in use
	stored := make(chan error, 1)
	go func() {
		stored <- r.record(requestlog.With(r.Context(), &entry), access.Listen, recordingID, audit.Done)
	}()
	r.answer.waitFor(func() error {
		err := <-stored
		r.entry.Calls += entry.Calls
		r.entry.ReadUnits += entry.ReadUnits
		r.entry.WriteUnits += entry.WriteUnits
		return err
	})
}

// recordRefusal adds a refused request to the audit trail. It returns err, or the error
// of the trail.
func (r *request) recordRefusal(err error) error {
	if r.env.Audit == nil || r.bearer.Account == "" || !r.isRefusal(err) {
		return err
	}
	e := r.trailEntry(r.action, audit.Refused)
	if id, e2 := recording.ParseID(r.id); e2 == nil {
		e.Recording = id
	}
	if errors.Is(err, access.ErrOutOfReach) {
		// A token must not be able to fill the trail of an account that it does not reach.
		e.Account = r.bearer.Account
		if auth.ValidName(r.account) {
			e.Object = "account/" + r.account
		}
	}
	if failed := r.env.Audit.Record(r.Context(), e); failed != nil {
		return fmt.Errorf("%w; the request was refused: %v", failed, err) //nolint:errorlint // the answer is that of the trail
	}
	return err
}

// isRefusal reports whether err means that the bearer lacks a right. For bearers with
// limited rights, a recording that does not exist counts too: otherwise an answer that
// takes longer would show which IDs exist.
func (r *request) isRefusal(err error) bool {
	if err == nil {
		return false
	}
	status := r.public(err).status
	return status == http.StatusForbidden ||
		status == http.StatusNotFound && r.id != "" && errors.Is(err, store.ErrNotFound) && r.grant.Scope(r.action) != access.All
}

// actions are the actions that requests for the operations need, as far as they are
// known before the request is read.
var actions = map[Operation]access.Action{
	OpList: access.List, OpGet: access.Read, OpCreate: access.Create, OpPatch: access.Tag, OpDelete: access.Delete,
	OpAccess: access.Manage, OpShare: access.Share, OpChanges: access.List, OpJobs: access.Manage, OpRetention: access.Retention,
}
