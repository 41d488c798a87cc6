package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
)

const (
	// maxBody is the longest JSON body of a request, in bytes (contract, Patch).
	maxBody = 64 << 10
	// gatewayLimit is the most audio that one request or answer carries through the
	// gateway, in bytes (contract, Document or audio). That much audio as base64 stays
	// below Lambda's limit of 6 MB.
	gatewayLimit = 4_400_000
)

// jsonBody reads a JSON body of at most maxBody bytes. A request without a
// Content-Type counts as JSON. Errors: 415 for another type, 413 for a longer
// body, with or without a Content-Length, and 400 if the body cannot be read.
func jsonBody(r *request) ([]byte, error) {
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, unsupportedMediaType(jsonType)
	}
	body, complete, err := readBody(r, maxBody)
	if err == nil && !complete {
		err = tooLarge(fmt.Sprintf("a body is at most %d bytes", maxBody))
	}
	return body, err
}

// bodyUpTo reads a body of at most that many bytes. For a longer body it returns
// tooMuch.
func bodyUpTo(r *request, most int64, tooMuch error) ([]byte, error) {
	body, complete, err := readBody(r, most)
	if err == nil && !complete {
		err = tooMuch
	}
	return body, err
}

// readBody reads a body of at most that many bytes. If the body is longer, complete is
// false and the returned body is nil.
func readBody(r *request, most int64) (body []byte, complete bool, err error) {
	if r.ContentLength > most {
		return nil, false, nil
	}
	if r.Body == nil {
		return nil, true, nil
	}
	body, err = io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case err != nil:
		return nil, false, parseError("the body could not be read", err)
	case int64(len(body)) > most:
		return nil, false, nil
	}
	return body, true, nil
}

// isJSON reports whether a Content-Type is application/json or any +json type,
// or absent.
func isJSON(contentType []string) bool {
	if len(contentType) == 0 || len(contentType) == 1 && strings.Trim(contentType[0], " \t") == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType[0])
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || len(contentType) > 1 {
		return false
	}
	return kind == "application/json" || strings.HasSuffix(kind, "+json") && strings.Contains(kind, "/")
}
