package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// version is the API's, as answers that the API does not make itself have it;
// the gateway responses of template.yaml have the same.
const version = "1.0.0"

// refusal is an answer that is made here and not by the API: in its envelope,
// without timestamp and node (contract, Envelope).
type refusal struct {
	status    int
	code      string // the machine code
	text      string // for people
	requestID string
}

// write answers with the refusal. CORS headers that are there stay.
func (f refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]any{
		"data":       map[string]string{"message": f.text},
		"error":      strconv.Itoa(f.status),
		"message":    f.code,
		"request_id": f.requestID,
		"status":     "error",
		"version":    version,
	})
	if err != nil { // strings always encode
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
	header.Set("X-Request-Id", f.requestID)
	w.WriteHeader(f.status)
	_, _ = w.Write(body)
}
