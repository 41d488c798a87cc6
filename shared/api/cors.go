package api

import (
	"net/http"
	"strings"

	"github.com/callrecordings/api/shared/httpfield"
)

// The values of the CORS headers (kazoo.md 5.6, contract Envelope). Header names
// are in lower case and in Kazoo's order, followed by our own.
const (
	allowHeaders = "content-type, depth, user-agent, x-http-method-override, x-file-size, x-requested-with, " +
		"if-modified-since, x-file-name, cache-control, x-auth-token, x-kazoo-cluster-id, if-match, " +
		"authorization, range, if-none-match, if-range, x-request-id, x-pretty-print, prefer, idempotency-key, x-reason"
	exposeHeaders = "content-type, x-auth-token, x-request-id, x-kazoo-cluster-id, location, etag, " +
		"content-disposition, content-range, accept-ranges, retry-after, link, allow, preference-applied"
	preflightAge = "86400" // seconds
)

// maxRequestedMethod is the length of the longest method in a preflight.
const maxRequestedMethod = 32

// commonHeaders sets the headers that all answers have. It runs before any check,
// because browsers hide answers without CORS headers, even the status.
func (r *request) commonHeaders(h http.Header) {
	h.Set("X-Request-Id", r.entry.RequestID)
	h.Set("Vary", "Accept, Accept-Encoding, Origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff") // browsers must not guess a type from client-supplied text
	h.Set("Access-Control-Allow-Origin", r.env.Origin)
	h.Set("Access-Control-Allow-Methods", r.allowMethods())
	h.Set("Access-Control-Allow-Headers", allowHeaders)
	h.Set("Access-Control-Expose-Headers", exposeHeaders)
	h.Set("Access-Control-Max-Age", preflightAge)
}

// allowMethods returns the methods of the path. As in Kazoo, it adds the method of
// a preflight, so that a page can see the 405.
func (r *request) allowMethods() string {
	methods := r.target.allow()
	requested := r.Header.Get("Access-Control-Request-Method")
	if requested == "" || len(requested) > maxRequestedMethod || !httpfield.IsToken(requested) {
		return methods
	}
	for method := range strings.SplitSeq(methods, ", ") {
		if method == requested {
			return methods
		}
	}
	return methods + ", " + requested
}

// preflight answers OPTIONS on any path, without a token.
func (r *request) preflight(w http.ResponseWriter) {
	w.Header().Set("Allow", r.target.allow())
	w.WriteHeader(http.StatusOK)
}
