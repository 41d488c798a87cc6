package api

import (
	"net/http"
)

// Fallback answers the requests that no other operation serves. It answers preflights,
// sends 404 and 405 after the same checks, and serves the API's definition at
// /v2/openapi.json, which is public. openapi is the definition as JSON. If openapi is
// empty, that path answers 404.
func Fallback(env Env, openapi []byte) http.Handler {
	return env.handle(OpFallback, func(w http.ResponseWriter, r *request) error {
		if len(openapi) == 0 {
			return errNotFound
		}
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Cache-Control", "public, max-age=300")
		r.writeBody(w, http.StatusOK, openapi)
		return nil
	})
}
