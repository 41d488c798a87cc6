package api

import (
	"net/http"

	"callrecordings/shared/cursor"
	"callrecordings/shared/store"
)

// List answers lists of recordings (contract, List).
func List(env Env, s store.Reader, c *cursor.Sealer) http.Handler {
	return env.handle(OpList, func(http.ResponseWriter, *request) error { return errNotFound })
}
