package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// cloud returns a handler that serves h as API Gateway and Lambda do, with the JSON of
// events and responses. [Local] must behave in the same way.
func cloud(t testing.TB, h http.Handler) http.Handler {
	f := newHandler(h, io.Discard)
	return handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := newID()
		body, err := readBody(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		payload := payloadOf(t, r, body, id)
		if len(payload) > MaxEvent {
			tooLarge(id).write(w)
			return
		}
		out, err := f.Invoke(r.Context(), payload)
		if err == nil {
			err = respond(w, r.Method, out)
		}
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
}

// payloadOf returns the event of a request as JSON.
func payloadOf(t testing.TB, r *http.Request, body []byte, id string) []byte {
	e := restEvent(r, id)
	if len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Error(err)
	}
	return payload
}

// respond sends the response that a function returned for a REST event. If it
// returns an error, it has written nothing.
func respond(w http.ResponseWriter, method string, out []byte) error {
	var a events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &a); err != nil {
		return fmt.Errorf("response of the function: %w", err)
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return fmt.Errorf("response of the function: %w", err)
		}
	}
	header := w.Header()
	for name, values := range a.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = values
	}
	for _, name := range hopByHop {
		delete(header, name)
	}
	bare := method == http.MethodHead || a.StatusCode == http.StatusNoContent || a.StatusCode == http.StatusNotModified
	if !bare { // otherwise the function's own length stays
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(body) // an error means that the client has disconnected
	return nil
}
