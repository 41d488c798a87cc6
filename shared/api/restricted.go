package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
)

// errRestricted is the 403 for a request that Kazoo's token restrictions do not list
// (kazoo.md, 6.6).
var errRestricted = &publicError{
	status: http.StatusForbidden, code: "forbidden",
	data:  map[string]any{"message": "forbidden", "cause": "access denied by token restrictions"},
	cause: errors.New("the token restrictions of the issuer do not list the request"),
}

// restricted returns errRestricted if the issuer's token restrictions do not allow the
// request. An unknown path has no rule: it is answered as without restrictions.
func (r *request) restricted() error {
	if r.bearer.Restrictions == nil || r.target.resource == nil {
		return nil
	}
	if !r.allowedBy(r.Method, r.target.belowRecordings(r.URL.EscapedPath())) {
		return errRestricted
	}
	return nil
}

// allowedBy reports whether the issuer's token restrictions, if there are any, allow a
// method on a path below recordings/.
func (r *request) allowedBy(method, path string) bool {
	return r.bearer.Restrictions == nil || r.bearer.Restrictions.Allow(auth.Use{
		Level:        privilege(r.grant.Role),
		TokenAccount: r.bearer.Account, PathAccount: r.account, Path: path, Verb: method,
	})
}

// anyRecording stands for the ID of a recording in the path of a use. No ID is equal to it,
// so only patterns for all recordings match.
const anyRecording = "{recording_id}"

// requestOf returns the request that a job with an action makes unnecessary, in the terms of
// token restrictions.
func requestOf(a access.Action) (method, path string) {
	switch a {
	case access.List:
		return http.MethodGet, ""
	case access.Tag:
		return http.MethodPatch, anyRecording
	case access.Delete:
		return http.MethodDelete, anyRecording
	case access.Hold:
		return http.MethodPost, "holds"
	default:
		return http.MethodGet, anyRecording
	}
}

// privilege returns Kazoo's privilege level of a role. A token without a user counts as
// an administrator, as in Kazoo.
func privilege(role access.Role) string {
	if role == access.Admin || role == access.Service {
		return "admin"
	}
	return "user"
}

// belowRecordings returns the part after recordings/ of an escaped path, decoded. The
// audio counts as the recording itself, because Kazoo has no path for it.
func (p *target) belowRecordings(escaped string) string {
	at := slices.Index(p.resource.segments, "recordings")
	segments := strings.Split(strings.Trim(escaped, "/"), "/")
	if at < 0 || at >= len(segments) {
		return ""
	}
	rest := segments[at+1:]
	if p.audio {
		rest = rest[:len(rest)-1]
	}
	for n, s := range rest {
		if text, err := url.PathUnescape(s); err == nil {
			rest[n] = text
		}
	}
	return strings.Join(rest, "/")
}
