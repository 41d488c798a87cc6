package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Error is an answer that reports an error (contract, Errors).
type Error struct {
	// Status is the HTTP status.
	Status int
	// Message is the machine code of the error, such as "bad_identifier"; "" if the
	// answer is not one of the API's.
	Message string
	// Cause holds the details in the answer, in words. It does not name the recording
	// that does not exist, because the caller has its ID.
	Cause string
	// Doc is the URL of the page that explains the error; "" if the answer has none.
	Doc string
	// RequestID identifies the request in the service's log.
	RequestID string

	from       string // host that answered, if not the API's
	reason     string // in words, if the answer is more exact than the meaning of Message
	location   string // of a redirect that is not followed
	retryAfter time.Duration
}

// meanings describes each machine code of docs/errors.md in words.
var meanings = map[string]string{
	"validation error":       "the request is invalid",
	"parse_error":            "the body of the request is not valid",
	"faulty_request":         "the gateway rejects the request",
	"invalid_credentials":    "the token is missing or invalid",
	"forbidden":              "the token is valid, but not for this account or this action",
	"reason_required":        "the operator demands a reason (--reason) for this action",
	"bad_identifier":         "there is no such recording or job, or no audio for it",
	"not_found":              "this is not a path of the API: check the URL",
	"invalid_method":         "the service does not do this: its version may be older than that of this command",
	"not_acceptable":         "the recording is not available in this form",
	"datastore_conflict":     "other clients changed the recording or the job at the same time",
	"confirmation_required":  "the retention policy would remove recordings: confirm their number",
	"on_hold":                "the recording is on legal hold",
	"would_expire":           "with these tags the retention policy would remove the recording at once",
	"gone":                   "the recording was deleted, and can no longer be restored",
	"cursor_expired":         "changes after the cursor are no longer kept: begin with the list again",
	"precondition_failed":    "the recording has changed since it was read",
	"entity_too_large":       "the request or the audio is too large",
	"range not satisfiable":  "the range starts after the end of the audio, or the list or the summary is too long for one answer",
	"unsupported_media_type": "the body of the request has an unsupported type",
	"too_many_requests":      "the service is serving too many requests: try again later",
	"unspecified_fault":      "this is a fault of the service",
	"datastore_unreachable":  "the service's database or storage does not answer: try again later",
}

// vague holds the codes that stand for several reasons, with the data.message that names
// none of them. Any other data.message of these codes is more exact than the meaning.
var vague = map[string]string{
	"datastore_conflict": "conflicting documents",
	"too_many_requests":  "too many requests",
}

// Error returns the error in words, with the page that explains it.
func (e *Error) Error() string {
	var b strings.Builder
	meaning := cmp.Or(e.reason, meanings[e.Message])
	switch {
	case e.location != "":
		fmt.Fprintf(&b, "the server redirects to %s: use that address as --url", e.location)
	case e.from != "":
		fmt.Fprintf(&b, "%s answers %d %s", e.from, e.Status, http.StatusText(e.Status))
	case meaning != "":
		b.WriteString(meaning)
	case e.Message != "":
		b.WriteString(e.Message)
	default:
		fmt.Fprintf(&b, "the server answers %d %s, which is not an answer of this API: check the URL", e.Status, http.StatusText(e.Status))
	}
	if e.Cause != "" {
		b.WriteString(": " + e.Cause)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, " (%d %s", e.Status, e.Message)
		if e.Status >= http.StatusInternalServerError && e.RequestID != "" {
			b.WriteString(", request " + e.RequestID)
		}
		b.WriteString(")")
	}
	if e.Doc != "" {
		b.WriteString("; see " + e.Doc)
	}
	return b.String()
}

// isStatus reports whether err is an answer with this status.
func isStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// NotFound reports whether err means that the recording, or its audio, does not exist.
func NotFound(err error) bool { return isStatus(err, http.StatusNotFound) }

// Changed reports whether err means that the recording has changed since it was read.
func Changed(err error) bool { return isStatus(err, http.StatusPreconditionFailed) }

// OutOfRange reports whether err means that the audio ends before the requested range.
func OutOfRange(err error) bool { return isStatus(err, http.StatusRequestedRangeNotSatisfiable) }

// maxError is how much of an answer with an error is read, in bytes.
const maxError = 64 << 10

// errorOf reads the error of an answer.
func (c *Client) errorOf(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode, retryAfter: retryAfterOf(resp.Header)}
	if resp.StatusCode < http.StatusBadRequest {
		e.location = resp.Header.Get("Location")
		return e
	}
	if resp.Request != nil && resp.Request.URL.Host != c.base.Host {
		e.from = resp.Request.URL.Host
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxError))
	var envelope struct {
		Status    string          `json:"status"`
		Message   string          `json:"message"`
		RequestID string          `json:"request_id"`
		Data      json.RawMessage `json:"data"`
	}
	if err != nil || json.Unmarshal(text, &envelope) != nil || envelope.Status != "error" {
		return e
	}
	e.Message, e.RequestID = envelope.Message, envelope.RequestID
	e.reason = reasonOf(envelope.Message, envelope.Data)
	var doc string
	e.Cause, doc = causeOf(envelope.Data, envelope.Message != "bad_identifier")
	if doc != "" {
		e.Doc = c.Base() + doc
	}
	return e
}

// reasonOf returns data.message of an answer if it is more exact than the meaning of the code,
// otherwise "".
func reasonOf(code string, data json.RawMessage) string {
	var members struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &members) != nil || vague[code] == "" || members.Message == vague[code] {
		return ""
	}
	return members.Message
}

// causeOf returns the details in the data of an error, in words, and the path of the
// page that explains it. data has either members such as cause and details, or for each
// field the rules that it breaks (kazoo.md 5.3 and 5.4). The member cause is left out
// unless withCause is true.
func causeOf(data json.RawMessage, withCause bool) (cause, doc string) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return "", ""
	}
	var words []string
	if s := text(members["details"]); s != "" {
		words = append(words, s)
	}
	if s := cmp.Or(text(members["cause"]), holdsOf(members["cause"])); s != "" && withCause {
		words = append(words, s)
	}
	doc = text(members["doc"])
	for _, field := range sortedKeys(members) {
		var rules map[string]struct {
			Message string `json:"message"`
			Doc     string `json:"doc"`
		}
		if json.Unmarshal(members[field], &rules) != nil {
			continue
		}
		for _, rule := range sortedKeys(rules) {
			if m := rules[rule].Message; m != "" {
				words = append(words, field+": "+m)
			}
			if doc == "" {
				doc = rules[rule].Doc
			}
		}
	}
	return strings.Join(words, "; "), doc
}

// holdsOf returns the IDs in a cause that lists legal holds, or "" for any other.
func holdsOf(cause json.RawMessage) string {
	var holds []struct {
		ID string `json:"hold_id"`
	}
	if json.Unmarshal(cause, &holds) != nil {
		return ""
	}
	var ids []string
	for _, h := range holds {
		if h.ID != "" {
			ids = append(ids, h.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// text returns a JSON string, or "" for anything else.
func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// UnreachableError means that the answer is missing or breaks off.
type UnreachableError struct {
	// URL is the base URL of the API.
	URL   string
	cause error
}

// Error returns the error in words.
func (e *UnreachableError) Error() string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(e.cause, context.Canceled):
		return "stopped"
	case errors.As(e.cause, &dns) && dns.IsNotFound:
		return fmt.Sprintf("cannot reach %s: there is no host %s", e.URL, dns.Name)
	case errors.As(e.cause, &timeout) && timeout.Timeout():
		return fmt.Sprintf("cannot reach %s: no answer in time (%v)", e.URL, e.cause)
	}
	return fmt.Sprintf("cannot reach %s: %v", e.URL, e.cause)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.cause }

// temporary reports whether a later request may be answered. A refused connection or
// an unknown host more likely means a wrong URL, so the user should see it at once.
func (e *UnreachableError) temporary() bool {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(e.cause, context.Canceled), errors.As(e.cause, &dns) && dns.IsNotFound:
		return false
	case errors.As(e.cause, &op) && op.Op == "dial":
		return false
	}
	return errors.Is(e.cause, io.EOF) || errors.Is(e.cause, io.ErrUnexpectedEOF) || errors.As(e.cause, &op)
}

// unwrapURL removes the URL from an error of http.Client. It may have a presigned URL
// in it.
func unwrapURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}
