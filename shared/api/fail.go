package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
)

// public returns the answer to r for err. An unknown error is a bug: the answer is
// a 500 without details.
func (r *request) public(err error) *publicError {
	if p := (*publicError)(nil); errors.As(err, &p) {
		return p
	}
	if f := recording.FieldErrors(nil); errors.As(err, &f) {
		return fieldAnswer(f)
	}
	if f := (recording.FieldError{}); errors.As(err, &f) {
		return fieldAnswer(recording.FieldErrors{f})
	}
	if u := (*retention.UnconfirmedError)(nil); errors.As(err, &u) {
		return unconfirmed(u)
	}
	if h := (*hold.HeldError)(nil); errors.As(err, &h) {
		return r.held(h)
	}
	if reason, ok := auth.Reason(err); ok {
		return invalidToken(reason, err)
	}
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			p := row.answer(r)
			if p.cause == nil {
				p.cause = err
			}
			return p
		}
	}
	return &publicError{
		status: http.StatusInternalServerError, code: "unspecified_fault", data: detail("unspecified fault"), cause: err,
	}
}

// fieldAnswer returns the 400 for invalid fields (kazoo.md, 5.4). The log gets
// only the rules, because values and field names come from the client.
func fieldAnswer(errs recording.FieldErrors) *publicError {
	data := make(map[string]any, len(errs))
	var codes []string
	for _, f := range errs {
		rule := map[string]any{"message": f.Message}
		if f.Target != nil {
			rule["target"] = f.Target
		}
		if f.Value != nil {
			rule["value"] = f.Value
		}
		rules, ok := data[f.Field].(map[string]any)
		if !ok {
			rules = map[string]any{}
			data[f.Field] = rules
		}
		rules[f.Code] = rule
		codes = append(codes, f.Code)
	}
	return &publicError{
		status: http.StatusBadRequest, code: "validation error", data: data,
		cause: errors.New(strings.Join(codes, ", ")),
	}
}

// fail answers with err, unless an answer has begun, and logs its cause.
func (r *request) fail(a *answer, err error) {
	p := r.public(err)
	if p.cause != nil {
		r.entry.Cause = p.cause
	}
	if a.status != 0 {
		r.entry.Cause = fmt.Errorf("after the answer had begun: %w", err)
		return
	}
	h := a.Header()
	for _, name := range representationHeaders {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	if p.header != "" {
		h.Set(p.header, p.value)
	}
	r.writeError(a, p)
}

// representationHeaders are the headers that a handler may have set before it
// failed. They do not apply to the error.
var representationHeaders = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range",
	"Etag", "Last-Modified", "Link", "Location",
}
