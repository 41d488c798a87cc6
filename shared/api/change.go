package api

import (
	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/httpfield"
	"github.com/callrecordings/api/shared/recording"
)

// authorizeChange runs the checks that PATCH and DELETE share before they read
// anything: the bearer is allowed to make the change, the client accepts a document as
// the answer, and the ID is valid. It returns the ID.
func (r *request) authorizeChange(action access.Action) (string, error) {
	if err := r.allow(action); err != nil {
		return "", err
	}
	if err := r.acceptsDocument(); err != nil {
		return "", err
	}
	return recording.ParseID(r.id)
}

// mayChange returns an error if rec does not belong to the user in the path, if the
// bearer may not do action with it, or if it does not match If-Match.
func (r *request) mayChange(rec *recording.Recording, action access.Action) error {
	if err := r.reaches(rec, action); err != nil {
		return err
	}
	if v := (httpfield.Validators{ETag: revisionTag(rec)}); !v.AllowsWrite(r.Header) {
		return errPreconditionFailed
	}
	return nil
}
