package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/callrecordings/api/shared/version"
)

// errorResponse is an error that this package returns instead of the API. It has
// the API's envelope, without timestamp and node (contract, Envelope).
type errorResponse struct {
	status    int
	code      string // for programs
	text      string // for people
	requestID string
}

// write sends the response. It keeps CORS headers that are already set.
func (e errorResponse) write(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]any{
		"data":       map[string]string{"message": e.text},
		"error":      strconv.Itoa(e.status),
		"message":    e.code,
		"request_id": e.requestID,
		"status":     "error",
		"version":    version.Number,
	})
	if err != nil { // cannot happen: strings always encode
		body = nil
	}
	header := w.Header()
	if header.Get("Access-Control-Allow-Origin") == "" {
		header.Set("Access-Control-Allow-Origin", "*")
	}
	if header.Get("Access-Control-Expose-Headers") == "" {
		header.Set("Access-Control-Expose-Headers", "content-type, x-auth-token, x-request-id, retry-after")
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	header.Set("X-Request-Id", e.requestID)
	w.WriteHeader(e.status)
	_, _ = w.Write(body)
}
