package s3server

import (
	"net/http"
	"strings"
)

// The bucket's CORS rules (contract, Document or audio, and Create). After a
// redirect, a browser sends the origin "null" and keeps the token's header.
const (
	corsMethods = "GET, HEAD, PUT"
	corsExposed = "content-range, accept-ranges, etag, content-disposition, retry-after"
	corsMaxAge  = "3600"
)

// corsAllows reports whether scripts of other origins may use a method.
func corsAllows(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPut
}

// addCORS adds the CORS headers. Errors have them too. Without them, a script in a
// browser sees a network failure instead of a 403 for an expired URL.
func addCORS(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" && corsAllows(r.Method) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", corsExposed)
	}
}

// preflight answers a browser's CORS preflight request.
func preflight(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Origin") == "" || !corsAllows(r.Header.Get("Access-Control-Request-Method")) {
		return errPreflight
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Expose-Headers", corsExposed)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", strings.ToLower(asked))
	}
	extendWrite(w)
	w.WriteHeader(http.StatusOK)
	return nil
}
