package api

import (
	"net/http"
	"strings"
)

// What browsers are told (kazoo.md 5.6, contract Envelope). Header names in
// lower case and in the order of Kazoo, ours behind them.
const (
	allowHeaders = "content-type, depth, user-agent, x-http-method-override, x-file-size, x-requested-with, " +
		"if-modified-since, x-file-name, cache-control, x-auth-token, x-kazoo-cluster-id, if-match, " +
		"authorization, range, if-none-match, if-range, x-request-id, x-pretty-print, prefer, idempotency-key"
	exposeHeaders = "content-type, x-auth-token, x-request-id, x-kazoo-cluster-id, location, etag, " +
		"content-disposition, content-range, accept-ranges, retry-after, link, allow, preference-applied"
	preflightAge = "86400" // seconds
)

// maxAsked is the longest method that a preflight may ask for.
const maxAsked = 32

// commonHeaders sets what every answer has, before anything is checked: a
// browser sees nothing, not even a status, of an answer without CORS headers.
func (r *request) commonHeaders(h http.Header) {
	h.Set("X-Request-Id", r.entry.RequestID)
	h.Set("Vary", "Accept, Accept-Encoding, Origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Access-Control-Allow-Origin", r.env.Origin)
	h.Set("Access-Control-Allow-Methods", r.allowMethods())
	h.Set("Access-Control-Allow-Headers", allowHeaders)
	h.Set("Access-Control-Expose-Headers", exposeHeaders)
	h.Set("Access-Control-Max-Age", preflightAge)
}

// allowMethods are those of the path, and the one that a preflight asks for,
// so that a page gets to see the 405 (Kazoo does it, too).
func (r *request) allowMethods() string {
	methods := r.target.allow()
	asked := r.Header.Get("Access-Control-Request-Method")
	if asked == "" || len(asked) > maxAsked || !isToken(asked) {
		return methods
	}
	for method := range strings.SplitSeq(methods, ", ") {
		if method == asked {
			return methods
		}
	}
	return methods + ", " + asked
}

// preflight answers OPTIONS, on every path and without a token.
func (r *request) preflight(w http.ResponseWriter) {
	w.Header().Set("Allow", r.target.allow())
	w.WriteHeader(http.StatusOK)
}
