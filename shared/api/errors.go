package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/strictjson"
	"github.com/callrecordings/api/shared/webhook"
)

// publicError is the answer to a failed request. Its cause goes only to the log.
type publicError struct {
	status int
	// code is the machine-readable code, the envelope's message.
	code string
	// data is the envelope's data (kazoo.md, 5.3 and 5.4).
	data map[string]any
	// header and value are the name and value of an additional header; "" for none.
	header, value string
	// cause, if not nil, goes to the log.
	cause error
}

// Error implements error. It contains no text from a client.
func (p *publicError) Error() string {
	text := strconv.Itoa(p.status) + " " + p.code
	if p.cause != nil {
		text += ": " + p.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *publicError) Unwrap() error { return p.cause }

// detail returns the data of an error that has only a message.
func detail(text string) map[string]any { return map[string]any{"message": text} }

// Errors that do not depend on the request.
var (
	errNotFound = &publicError{status: http.StatusNotFound, code: "not_found", data: detail("not found")}

	errPreconditionFailed = &publicError{
		status: http.StatusPreconditionFailed, code: "precondition_failed", data: detail("precondition failed"),
	}

	// errTooMuch is returned for recordings that do not fit one answer, such as those of an
	// unpaged list, and errUnsortable for more than can be sorted.
	errTooMuch = tooMuch("the list is too long for one answer: leave out paginate=false and follow next_start_key, or choose a shorter time")

	errUnsortable = tooMuch("there are too many recordings to sort: choose a shorter time or a narrower search, or leave out sort")

	// errCrowded is returned if too many large answers, or streams, are being sent.
	errCrowded = &publicError{
		status: http.StatusTooManyRequests, code: "too_many_requests", data: detail("too many requests"),
		header: "Retry-After", value: "5",
	}

	// errNoAnswer is returned if a handler neither answers nor returns an error.
	errNoAnswer = errors.New("the handler gave no answer")
)

// tooMuch returns the 416 for a request that covers too much. details explains the excess and a
// remedy.
func tooMuch(details string) *publicError {
	return &publicError{
		status: http.StatusRequestedRangeNotSatisfiable, code: "range not satisfiable",
		data: map[string]any{"message": "range not satisfiable", "details": details},
	}
}

// tooWide returns the 416 for a summary that covers too much.
func tooWide(*request) *publicError {
	return tooMuch("the summary has too many days, owners or tags: choose a shorter time, or leave out by")
}

// invalid returns the 400 for an invalid parameter or field of the body. extra
// adds members to the message and may be nil (kazoo.md, 5.4).
func invalid(field, code, message string, extra map[string]any) error {
	rule := map[string]any{"message": message}
	for name, value := range extra {
		rule[name] = value
	}
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data:  map[string]any{field: map[string]any{code: rule}},
		cause: errors.New(code), // not the value or the field, which come from the client
	}
}

// errUnindexed returns the 400 for a parameter, or a summary, that needs the index while the
// operator has switched it off.
func errUnindexed(field string) error {
	return invalid(field, "disabled", "The operator has switched search and totals off", nil)
}

// badIdentifier returns the 404 for a recording, user or audio that does not
// exist. details may be "".
func badIdentifier(id, details string) error {
	data := map[string]any{"message": "bad identifier", "cause": id}
	if details != "" {
		data["details"] = details
	}
	return &publicError{status: http.StatusNotFound, code: "bad_identifier", data: data}
}

// invalidMethod returns the 405. allow is the value of Allow.
func invalidMethod(allow string) error {
	return &publicError{
		status: http.StatusMethodNotAllowed, code: "invalid_method", data: detail("method not allowed"),
		header: "Allow", value: allow,
	}
}

// parseError returns the 400 for a body that cannot be parsed, with the reason.
func parseError(text string, cause error) error { return bodyError(text, cause) }

func bodyError(text string, cause error) *publicError {
	return &publicError{
		status: http.StatusBadRequest, code: "parse_error", cause: cause,
		data: map[string]any{"json": map[string]any{"invalid": map[string]any{"message": text, "target": "body"}}},
	}
}

// tooLarge returns the 413. details describes the limit and the alternatives.
func tooLarge(details string) error {
	return &publicError{
		status: http.StatusRequestEntityTooLarge, code: "entity_too_large",
		data: map[string]any{"message": "entity too large", "details": details},
	}
}

// notAcceptable returns the 406. It names the first type of each offer.
func notAcceptable(offers []offer) error {
	var types []string
	for _, o := range offers {
		types = append(types, o.types[0])
	}
	return &publicError{
		status: http.StatusNotAcceptable, code: "not_acceptable",
		data: map[string]any{"message": "not acceptable", "accepted": types},
	}
}

// unsupportedMediaType returns the 415 for a body of another type than accepted.
func unsupportedMediaType(accepted ...string) error {
	return &publicError{
		status: http.StatusUnsupportedMediaType, code: "unsupported_media_type",
		data: map[string]any{"message": "unsupported media type", "accepted": accepted},
	}
}

// unsupportedCoding returns the 415 for a body with a content coding.
func unsupportedCoding() error {
	return &publicError{
		status: http.StatusUnsupportedMediaType, code: "unsupported_media_type",
		data: map[string]any{"message": "unsupported media type", "details": "Content-Encoding must be absent or identity"},
	}
}

// invalidToken returns the 401 for a token that the client sent, with the reason in
// words (RFC 6750, 3.1).
func invalidToken(reason string, cause error) *publicError {
	return &publicError{
		status: http.StatusUnauthorized, code: "invalid_credentials",
		data:   map[string]any{"message": "invalid credentials", "cause": reason},
		header: "WWW-Authenticate", value: `Bearer error="invalid_token", error_description="` + reason + `"`,
		cause: cause,
	}
}

// rangeNotSatisfiable returns the 416 for a Range outside audio of that size.
func rangeNotSatisfiable(size int64) error {
	return &publicError{
		status: http.StatusRequestedRangeNotSatisfiable, code: "range not satisfiable", data: map[string]any{},
		header: "Content-Range", value: "bytes */" + strconv.FormatInt(size, 10),
	}
}

// unavailable returns the 503 for a failure that a retry may overcome.
func unavailable(*request) *publicError {
	return &publicError{
		status: http.StatusServiceUnavailable, code: "datastore_unreachable", data: detail("datastore timeout"),
		header: "Retry-After", value: "2",
	}
}

// missing returns the 404 for the recording of the path.
func missing(r *request) *publicError {
	return &publicError{
		status: http.StatusNotFound, code: "bad_identifier",
		data: map[string]any{"message": "bad identifier", "cause": r.id},
	}
}

// badCursor returns the 400 for any invalid start_key, or cursor of the feed.
func badCursor(r *request) *publicError {
	field, format := "start_key", "next_start_key of the same list"
	if r.op == OpChanges {
		field, format = "cursor", "cursor of the same account's changes"
	}
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data: map[string]any{field: map[string]any{"wrong_format": map[string]any{
			"message": "Field is not in the correct format",
			"format":  format,
		}}},
	}
}

// cursorExpired returns the 410 for a cursor after which changes are missing.
func cursorExpired(*request) *publicError {
	return &publicError{
		status: http.StatusGone, code: "cursor_expired",
		data: map[string]any{"message": "cursor expired", "details": "changes after this cursor are no longer kept, or are missing; start again from a list"},
	}
}

// badReportedID returns the 400 for an invalid recording ID in a storage request.
func badReportedID(*request) *publicError {
	return &publicError{
		status: http.StatusBadRequest, code: "validation error",
		data: map[string]any{"id": map[string]any{"wrong_format": map[string]any{
			"message": "Field is not in the correct format",
			"format":  "one YYYYMM-…",
		}}},
	}
}

// badID returns the answer for a malformed recording ID: 404 if the ID is in the path
// (contract, Routes), 400 if a storage request reports it.
func badID(r *request) *publicError {
	if r.op == OpReceive {
		return badReportedID(r)
	}
	return missing(r)
}

// unconfirmed returns the 409 for a policy that would remove recordings, with their number
// and size.
func unconfirmed(e *retention.UnconfirmedError) *publicError {
	return &publicError{
		status: http.StatusConflict, code: "confirmation_required", cause: e,
		data: map[string]any{"message": "confirm the number of recordings that would be removed", "preview": e.Preview},
	}
}

// forbidden returns a function that makes a 403 with a cause that the caller may know.
func forbidden(cause string) func(*request) *publicError {
	return func(*request) *publicError {
		return &publicError{
			status: http.StatusForbidden, code: "forbidden",
			data: map[string]any{"message": "forbidden", "cause": cause},
		}
	}
}

// fixed returns a function that makes the same answer for every request.
func fixed(status int, code, text string) func(*request) *publicError {
	return func(*request) *publicError { return &publicError{status: status, code: code, data: detail(text)} }
}

// notJSON returns the 400 for a body that the strict decoder rejects. The error of
// the decoder may quote the body, so it does not go to the log.
func notJSON(text string) func(*request) *publicError {
	return func(*request) *publicError { return bodyError(text, errors.New(text)) }
}

// errorTable maps the errors of the layers below to answers. The first row with an error of
// the chain counts. A test checks that the table has every exported error of the
// packages that this package imports.
var errorTable = []struct {
	err    error
	answer func(*request) *publicError
}{
	{auth.ErrInvalid, func(*request) *publicError {
		p := fixed(http.StatusUnauthorized, "invalid_credentials", "invalid credentials")(nil)
		p.header, p.value = "WWW-Authenticate", "Bearer"
		return p
	}},
	{access.ErrOutOfReach, fixed(http.StatusForbidden, "forbidden", "forbidden")},
	{access.ErrDisabled, forbidden("account disabled")},
	{audit.ErrUnrecorded, unavailable},
	{access.ErrTooMany, forbidden("too many members")},
	{access.ErrNoUser, noEntry},
	{access.ErrNoGroup, noEntry},
	{access.ErrInvalid, badEntry("wrong_format", "names have at most 200 bytes and no control characters, and IDs 1 to 64 of A-Z a-z 0-9 _ -")},
	{access.ErrLimit, badEntry("maxItems", "a group has at most 10000 members and 40 leaders, and a user leads at most 40 groups")},
	{cursor.ErrInvalid, badCursor},
	{feed.ErrTooOld, cursorExpired},
	{search.ErrTooWide, tooWide},
	{recording.ErrBadID, badID},
	{incoming.ErrOtherAccount, fixed(http.StatusForbidden, "forbidden", "forbidden")},
	{incoming.ErrTwoIDs, badReportedID},
	{strictjson.ErrSyntax, notJSON("failed to parse request body")},
	{strictjson.ErrDuplicate, notJSON("an object has the same key twice")},
	{strictjson.ErrDepth, notJSON("too deeply nested")},
	{strictjson.ErrNumber, notJSON("a number is out of range")},
	{strictjson.ErrUTF8, notJSON("not valid UTF-8")},
	{store.ErrNotFound, missing},
	{store.ErrConflict, fixed(http.StatusConflict, "datastore_conflict", "conflicting documents")},
	{store.ErrExists, fixed(http.StatusConflict, "datastore_conflict", "there is another recording of this id")},
	{store.ErrDeleted, fixed(http.StatusConflict, "datastore_conflict", "a recording of this id was deleted")},
	{media.ErrOccupied, fixed(http.StatusConflict, "datastore_conflict", "there is other audio already")},
	{store.ErrGuard, fixed(http.StatusConflict, "datastore_conflict", "conflicting documents")},
	{store.ErrPurging, fixed(http.StatusGone, "gone", "the recording can no longer be restored")},
	{store.ErrTooLarge, fixed(http.StatusRequestEntityTooLarge, "entity_too_large", "the document would become too large")},
	{job.ErrNotFound, noJob},
	{job.ErrTooMany, tooManyJobs},
	{job.ErrNotPlanned, fixed(http.StatusConflict, "datastore_conflict", "the job has no plan to confirm")},
	{job.ErrOtherPlan, fixed(http.StatusConflict, "datastore_conflict", "the confirmation does not match the plan")},
	{job.ErrEnded, fixed(http.StatusConflict, "datastore_conflict", "the job has ended")},
	{link.ErrDead, fixed(http.StatusNotFound, "not_found", "this link does not work, or no longer works")},
	{link.ErrTooMany, fixed(http.StatusConflict, "datastore_conflict", "the recording has as many links as it may have")},
	{webhook.ErrUnknown, noHook},
	{webhook.ErrURL, badHookURL},
	{webhook.ErrTooMany, fixed(http.StatusConflict, "datastore_conflict", "the account has as many webhooks as it may have")},
	{retention.ErrWouldExpire, fixed(http.StatusConflict, "would_expire", "with these tags the recording would expire at once; delete it if it may go")},
	{hold.ErrNotFound, noHold},
	{hold.ErrTooMany, fixed(http.StatusConflict, "datastore_conflict", "the account has as many active holds as it may have")},
	{media.ErrNotFound, missing},
	{media.ErrChanged, unavailable},
	{store.ErrUnavailable, unavailable},
	{media.ErrUnavailable, unavailable},
	{context.DeadlineExceeded, unavailable},
	{context.Canceled, unavailable},
}
