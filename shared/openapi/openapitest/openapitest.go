// Package openapitest judges requests and answers by the API's definition, for
// the tests of the handlers and the black-box suite alike.
package openapitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"callrecordings/shared/openapi"
)

// Load parses the definition and checks that it is a valid one.
var Load = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi.JSON())
	if err != nil {
		return nil, fmt.Errorf("loading the definition: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("the definition is not valid: %w", err)
	}
	return doc, nil
})

// router finds the operation of a request, whatever the host.
var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := Load()
	if err != nil {
		return nil, err
	}
	anywhere := *doc
	anywhere.Servers = nil
	return gorillamux.NewRouter(&anywhere)
})

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Check says what an answer has that the definition does not, and, of requests
// that succeeded, what the request has. prefix is the path that the API lies
// under, "" or "/live". A path or a method that the definition does not know
// must be refused with 401, 403, 404 or 405 in the envelope of errors; a
// preflight is not looked at.
func Check(r *http.Request, body []byte, prefix string, a Answer) error {
	if r.Method == http.MethodOptions {
		return nil
	}
	find, err := router()
	if err != nil {
		return err
	}
	req := r.Clone(r.Context())
	req.URL = &url.URL{Path: strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, prefix), "/"), RawQuery: looked(r.URL)}
	req.Body = io.NopCloser(bytes.NewReader(body))
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind == "" || strings.HasSuffix(kind, "+json") {
		req.Header.Set("Content-Type", "application/json") // what these stand for (contract, Patch)
	}
	route, params, err := find.FindRoute(req)
	if err != nil || params["version"] != "v1" && params["version"] != "v2" {
		return unknown(a)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true,
			SkipSettingDefaults: true,
		},
	}
	if a.Body, err = a.plain(); err != nil {
		return err
	}
	if a.Status < http.StatusBadRequest && r.Method != http.MethodDelete { // its body is not looked at
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("the request, which was served: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.Status, Header: a.Header, Options: in.Options,
		Body: io.NopCloser(bytes.NewReader(a.Body)),
	}
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	return nil
}

// looked is the query without what is not looked at: the paging of a list that
// is asked for as a whole (contract, List).
func looked(u *url.URL) string {
	q := u.Query()
	if q.Has("paginate") && q.Get("paginate") != "true" || strings.Contains(u.Path, "/v1/") {
		q.Del("page_size")
		q.Del("start_key")
	}
	return q.Encode()
}

// refusals are how a path that the definition does not know may be answered.
var refusals = map[int]bool{
	http.StatusUnauthorized: true, http.StatusForbidden: true, http.StatusNotFound: true, http.StatusMethodNotAllowed: true,
}

// errUnknown says that something is served that the definition does not know.
var errUnknown = errors.New("the definition does not know this path or method")

// unknown judges the answer to a request that the definition does not know.
func unknown(a Answer) error {
	if !refusals[a.Status] {
		return fmt.Errorf("%w, and the answer is %d", errUnknown, a.Status)
	}
	if len(a.Body) == 0 {
		return nil // HEAD
	}
	doc, err := Load()
	if err != nil {
		return err
	}
	return judge(doc.Components.Schemas["Error"], a.Body)
}

// judge holds JSON against a schema.
func judge(schema *openapi3.SchemaRef, body []byte) error {
	value, err := decode(body)
	if err != nil {
		return err
	}
	return schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020())
}
