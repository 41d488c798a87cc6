package openapitest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// plain is the body without compression.
func (a Answer) plain() ([]byte, error) {
	if a.Header.Get("Content-Encoding") != "gzip" || len(a.Body) == 0 {
		return a.Body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(a.Body))
	if err != nil {
		return nil, fmt.Errorf("the answer is no gzip: %w", err)
	}
	return io.ReadAll(z)
}

// decode reads the JSON of an answer.
func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %w", err)
	}
	return v, nil
}

// A table is text here: what is in its cells is for the tests of CSV.
func init() {
	openapi3filter.RegisterBodyDecoder("text/csv",
		func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
			text, err := io.ReadAll(body)
			return string(text), err
		})
}
