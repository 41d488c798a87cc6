package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"callrecordings/shared/auth"
	"callrecordings/shared/cursor"
	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/strictjson"
)

// publicError is an error with two faces: what the client is told, and a
// cause that only the log sees.
type publicError struct {
	status int
	// code is the machine code, the envelope's message.
	code string
	// data are the details of the envelope (kazoo.md, 5.3 and 5.4).
	data map[string]any
	// name and value of one more header; "" for none.
	header, value string
	// cause, if not nil, is for the log.
	cause error
}

// Error implements error. It shows nothing that a client sent.
func (p *publicError) Error() string {
	text := strconv.Itoa(p.status) + " " + p.code
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *publicError) Unwrap() error { return p.cause }

// detail is the data of an error that has nothing but a text.
func detail(text string) map[string]any { return map[string]any{"message": text} }

// Errors that handlers return as they are.
var (
	errNotFound = &publicError{status: http.StatusNotFound, code: "not_found", data: detail("not found")}

	errForbidden = &publicError{status: http.StatusForbidden, code: "forbidden", data: detail("forbidden")}

	errNotAcceptable = &publicError{status: http.StatusNotAcceptable, code: "not_acceptable", data: detail("not acceptable")}

	errPreconditionFailed = &publicError{
		status: http.StatusPreconditionFailed, code: "precondition_failed", data: detail("precondition failed"),
	}

	errUnsupportedMediaType = &publicError{
		status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", data: detail("unsupported media type"),
	}

	// errTooMuch is an unpaged list that does not fit into one answer.
	errTooMuch = &publicError{
		status: http.StatusRequestedRangeNotSatisfiable, code: "range not satisfiable", data: map[string]any{},
	}

	// errNoAnswer is a handler that neither answered nor returned an error.
	errNoAnswer = errors.New("the handler gave no answer")
)

// invalid is a 400 for a parameter or a field of the body; extra, which may be
// nil, stands beside the message (kazoo.md, 5.4).
func invalid(field, code, message string, extra map[string]any) error {
	rule := map[string]any{"message": message}
	for name, value := range extra {
		rule[name] = value
	}
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data:  map[string]any{field: map[string]any{code: rule}},
		cause: errors.New(code), // the value, and the field of a body, are the client's
	}
}

// badIdentifier is the 404 for a recording, or what belongs to it, that is not
// there; details may be "".
func badIdentifier(id, details string) error {
	data := map[string]any{"message": "bad identifier", "cause": id}
	if details != "" {
		data["details"] = details
	}
	return &publicError{status: http.StatusNotFound, code: "bad_identifier", data: data}
}

// invalidMethod is the 405; allow is the value of Allow.
func invalidMethod(allow string) error {
	return &publicError{
		status: http.StatusMethodNotAllowed, code: "invalid_method", data: detail("method not allowed"),
		header: "Allow", value: allow,
	}
}

// parseError is the 400 for a body that is not JSON; text says why.
func parseError(text string, cause error) error { return bodyError(text, cause) }

func bodyError(text string, cause error) *publicError {
	return &publicError{
		status: http.StatusBadRequest, code: "parse_error", cause: cause,
		data: map[string]any{"json": map[string]any{"invalid": map[string]any{"message": text, "target": "body"}}},
	}
}

// tooLarge is the 413; details says what would fit.
func tooLarge(details string) error {
	return &publicError{
		status: http.StatusRequestEntityTooLarge, code: "entity_too_large",
		data: map[string]any{"message": "entity too large", "details": details},
	}
}

// rangeNotSatisfiable is the 416 for a Range beyond size bytes.
func rangeNotSatisfiable(size int64) error {
	return &publicError{
		status: http.StatusRequestedRangeNotSatisfiable, code: "range not satisfiable", data: map[string]any{},
		header: "Content-Range", value: "bytes */" + strconv.FormatInt(size, 10),
	}
}

// unavailable is the 503 for whatever may work a moment later.
func unavailable(*request) *publicError {
	return &publicError{
		status: http.StatusServiceUnavailable, code: "datastore_unreachable", data: detail("datastore timeout"),
		header: "Retry-After", value: "2",
	}
}

// missing is the 404 for the recording of the path.
func missing(r *request) *publicError {
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier",
		data: map[string]any{"message": "bad identifier", "cause": r.id},
	}
}

// badCursor is the one 400 for a start_key, whatever is wrong with it.
func badCursor(*request) *publicError {
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data: map[string]any{"start_key": map[string]any{"wrong_format": map[string]any{
			"message": "Field is not in the correct format",
			"format":  "next_start_key of the same list",
		}}},
	}
}

// plain makes an answer of fixed parts.
func plain(status int, code, text string) func(*request) *publicError {
	return func(*request) *publicError { return &publicError{status: status, code: code, data: detail(text)} }
}

// notJSON is the 400 for a body that the strict decoder refuses. The decoder's
// own words may quote the body, so the log does not get them.
func notJSON(text string) func(*request) *publicError {
	return func(*request) *publicError { return bodyError(text, errors.New(text)) }
}

// errorTable says what a client is told of each error that layers below
// return; the first row whose error is in the chain counts. A test holds it
// against every exported error under shared/.
var errorTable = []struct {
	err    error
	answer func(*request) *publicError
}{
	{auth.ErrInvalid, func(*request) *publicError {
		p := plain(http.StatusUnauthorized, "invalid_credentials", "invalid credentials")(nil)
		p.header, p.value = "WWW-Authenticate", "Bearer"
		return p
	}},
	{cursor.ErrInvalid, badCursor},
	{recording.ErrBadID, missing},
	{strictjson.ErrSyntax, notJSON("failed to parse request body")},
	{strictjson.ErrDuplicate, notJSON("a key stands twice in one object")},
	{strictjson.ErrDepth, notJSON("too deeply nested")},
	{strictjson.ErrUTF8, notJSON("not valid UTF-8")},
	{store.ErrNotFound, missing},
	{store.ErrConflict, plain(http.StatusConflict, "datastore_conflict", "conflicting documents")},
	{store.ErrExists, plain(http.StatusConflict, "datastore_conflict", "there is another recording of this id")},
	{store.ErrDeleted, plain(http.StatusConflict, "datastore_conflict", "a recording of this id was deleted")},
	{media.ErrOccupied, plain(http.StatusConflict, "datastore_conflict", "there is other audio already")},
	{store.ErrTooLarge, plain(http.StatusRequestEntityTooLarge, "entity_too_large", "the document would become too large")},
	{media.ErrNotFound, missing},
	{media.ErrChanged, unavailable},
	{store.ErrUnavailable, unavailable},
	{media.ErrUnavailable, unavailable},
	{context.DeadlineExceeded, unavailable},
	{context.Canceled, unavailable},
}

// public gives err the face that the client of r sees. An error that nobody
// knows is a bug, of which the client learns nothing.
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

// fieldAnswer makes the 400 of fields (kazoo.md, 5.4). The log gets the rules
// alone: values, and the names of a body's fields, are the client's.
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

// fail answers with err, if nothing was answered yet, and notes its cause.
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

// representationHeaders are what a handler may have set for the answer that it
// then could not give.
var representationHeaders = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range",
	"Etag", "Last-Modified", "Link", "Location", "X-Content-Type-Options",
}
