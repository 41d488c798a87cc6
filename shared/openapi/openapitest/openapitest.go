// Package openapitest checks requests and responses against the API's definition. A
// test suite that calls [Check] after each exchange tests the document as well as
// the code. The package is only for tests; no program links it.
package openapitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	invalid "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"callrecordings/shared/openapi"
)

// definition is the document, prepared for validation.
type definition struct {
	model     *v3.Document
	validator validator.Validator
	schemas   schema_validation.SchemaValidator
	// envelope is the schema of an error's envelope.
	envelope *base.Schema
}

// load parses the document once.
var load = sync.OnceValues(func() (*definition, error) {
	document, err := libopenapi.NewDocument(openapi.JSON)
	if err != nil {
		return nil, fmt.Errorf("openapi.json: %w", err)
	}
	v, errs := validator.NewValidator(document, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, fmt.Errorf("openapi.json: %w", errors.Join(errs...))
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("openapi.json: %w", err)
	}
	return &definition{
		model: &model.Model, validator: v, schemas: schema_validation.NewSchemaValidator(config.WithFormatAssertions()),
		envelope: model.Model.Components.Schemas.GetOrZero("Error").Schema(),
	}, nil
})

// Exchange is a request and its response.
type Exchange struct {
	Method, URL string
	Header      http.Header
	Body        []byte

	Status int
	// Answer holds the headers of the response. AnswerBody is the response body,
	// without content coding.
	Answer     http.Header
	AnswerBody []byte
}

// Check returns an error that describes where the exchange violates the definition.
// It always checks the response. It checks the request only if the request succeeded,
// because tests send bad requests on purpose. If the definition does not contain the
// path or method, the request must have failed, with an error in the envelope.
func Check(x Exchange) error {
	d, err := load()
	if err != nil {
		return err
	}
	req, err := x.request()
	if err != nil {
		return err
	}
	item, missing, path := paths.FindPath(req, d.model, config.NewValidationOptions())
	if item == nil || len(missing) > 0 {
		return d.outside(x)
	}
	resp := &http.Response{StatusCode: x.Status, Header: x.Answer.Clone(), Body: io.NopCloser(bytes.NewReader(x.AnswerBody)), Request: req}
	ok, errs := d.validator.ValidateHttpResponse(req, resp)
	if !ok {
		return x.mismatch("response", path, errs)
	}
	if x.bodiless() && len(x.AnswerBody) > 0 {
		return fmt.Errorf("%s %s: %d with a body", x.Method, path, x.Status)
	}
	if x.Status >= http.StatusBadRequest || x.Method == http.MethodOptions {
		return nil
	}
	if ok, errs := d.validator.ValidateHttpRequestSync(req); !ok {
		return x.mismatch("request", path, errs)
	}
	return d.alternatives(x, req, item.GetOperations().GetOrZero(strings.ToLower(x.Method)))
}

// alternatives checks the query parameters that may have one of several types, such
// as a number or a word. The library does not check them.
func (d *definition) alternatives(x Exchange, req *http.Request, operation *v3.Operation) error {
	query := req.URL.Query()
	for _, p := range operation.Parameters {
		schema := p.Schema.Schema()
		if p.In != "query" || len(schema.AnyOf) == 0 || !query.Has(p.Name) {
			continue
		}
		text := query.Get(p.Name)
		values := []any{text}
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			values = append(values, number)
		}
		if !slices.ContainsFunc(values, func(v any) bool {
			ok, _ := d.schemas.ValidateSchemaObject(schema, v)
			return ok
		}) {
			return fmt.Errorf("%s %s, %d: %s=%s violates the definition", x.Method, x.URL, x.Status, p.Name, text)
		}
	}
	return nil
}

// request returns the request in a form that the definition can describe. It drops a
// trailing slash, as the API does. It sets the type of a body with any +json type, or
// without a type, to application/json: the definition allows such bodies only in its
// descriptions, because its media types cannot express them. The body of a storage
// request may have any type except JSON, so its type becomes application/octet-stream.
func (x *Exchange) request() (*http.Request, error) {
	req, err := http.NewRequest(x.Method, x.URL, bytes.NewReader(x.Body)) //nolint:noctx // the request is never sent
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	req.URL.Path = strings.TrimSuffix(req.URL.Path, "/")
	parts := strings.SplitN(req.URL.Path, "/", storageParts)
	stored := len(parts) == storageParts && parts[2] == "storage"
	if stored {
		// OpenAPI has no parameters that span several segments.
		parts[storageParts-1] = strings.ReplaceAll(parts[storageParts-1], "/", ":")
		req.URL.Path, req.URL.RawPath = strings.Join(parts, "/"), ""
	}
	req.URL.RawQuery = x.meaningful(req.URL).Encode()
	req.Header = x.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if stored {
		kind = "application/octet-stream"
		req.Header.Set("Content-Type", kind)
	}
	if len(x.Body) > 0 && (kind == "" || strings.HasSuffix(kind, "+json")) {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// storageParts is the number of parts in the path of a storage request: the empty
// part before the first slash, the version, "storage", account, secret and name.
const storageParts = 6

// meaningful returns the query without the parameters that the API ignores:
// page_size and start_key without paging, and delivery in a request for a document.
// The definition mentions these cases only in its descriptions.
func (x *Exchange) meaningful(u *url.URL) url.Values {
	query := u.Query()
	if strings.HasPrefix(u.Path, "/v1/") || query.Has("paginate") && query.Get("paginate") != "true" {
		query.Del("page_size")
		query.Del("start_key")
	}
	if x.Status != http.StatusFound && !strings.HasPrefix(x.Answer.Get("Content-Type"), "audio/") {
		query.Del("delivery")
	}
	return query
}

// bodiless reports whether the response must not have a body.
func (x *Exchange) bodiless() bool {
	return x.Method == http.MethodHead || x.Status == http.StatusNotModified || x.Method == http.MethodOptions && x.Status == http.StatusOK
}

// outsideStatuses lists the statuses that a request outside the definition may get.
// The API checks the token first.
var outsideStatuses = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}

// outside checks the response to a request with a path or method that is not in the
// definition.
func (d *definition) outside(x Exchange) error {
	if x.Method == http.MethodOptions && x.Status == http.StatusOK {
		return nil // a preflight succeeds on every path
	}
	if !slices.Contains(outsideStatuses, x.Status) {
		return fmt.Errorf("%s %s is not in the definition but returned %d", x.Method, x.URL, x.Status)
	}
	if x.Method == http.MethodHead {
		return nil
	}
	var body any
	if err := json.Unmarshal(x.AnswerBody, &body); err != nil {
		return fmt.Errorf("%s %s: the envelope of the %d: %w", x.Method, x.URL, x.Status, err)
	}
	if ok, errs := d.schemas.ValidateSchemaObject(d.envelope, body); !ok {
		return x.mismatch("response", x.URL, errs)
	}
	return nil
}

// mismatch returns an error that lists the violations.
func (x *Exchange) mismatch(what, path string, errs []*invalid.ValidationError) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s), %d: the %s violates the definition", x.Method, x.URL, path, x.Status, what)
	for _, e := range errs {
		fmt.Fprintf(&b, "\n  %s: %s", e.Message, e.Reason)
		for _, s := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "\n    %s: %s", s.FieldPath, s.Reason)
		}
	}
	return errors.New(b.String())
}
