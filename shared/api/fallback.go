package api

import (
	"net/http"
)

// Fallback answers the requests that no other operation serves. It answers preflights,
// sends 404 and 405 after the same checks, and serves two public documents: the API's
// definition at /v2/openapi.json, and the list of errors at /v2/errors. openapi is the
// definition as JSON. If openapi is empty, its path answers 404.
func Fallback(env Env, openapi []byte) http.Handler {
	env.Access = nil // the function reads no data, so a path below another account is a 403
	return env.handle(OpFallback, func(w http.ResponseWriter, r *request) error {
		kind, body := jsonType, openapi
		if r.target.path() == errorList {
			kind, body = "text/html; charset=utf-8", errorPage()
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		}
		if len(body) == 0 {
			return errNotFound
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=300")
		r.writeBody(w, http.StatusOK, body)
		return nil
	})
}
