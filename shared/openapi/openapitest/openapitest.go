// Package openapitest holds requests and answers against the API's definition,
// for the test suites: [Check] after each exchange, and the suite proves the
// document as well as the code. It is for tests; no program links it.
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

// definition is the document, ready to be held against.
type definition struct {
	model     *v3.Document
	validator validator.Validator
	schemas   schema_validation.SchemaValidator
	// envelope is the schema of an error's.
	envelope *base.Schema
}

// load reads the document once.
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

// Exchange is a request and what it got.
type Exchange struct {
	Method, URL string
	Header      http.Header
	Body        []byte

	Status int
	// Answer are the headers of the answer; AnswerBody is its body without any
	// content coding.
	Answer     http.Header
	AnswerBody []byte
}

// Check returns what in the exchange is not as the definition says, nil if all
// is. The answer is always looked at; the request only if it was a success,
// because tests send bad ones on purpose. What the definition does not have
// must be refused, in the envelope.
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
		return x.mismatch("answer", path, errs)
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

// alternatives looks at the query parameters of which there are several kinds,
// as a number or a word, which the library passes over.
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
			return fmt.Errorf("%s %s, %d: %s=%s is not as the definition says", x.Method, x.URL, x.Status, p.Name, text)
		}
	}
	return nil
}

// request is the request as the definition sees it. A slash at the end is
// dropped, as the API does; a body of any +json, or of no type, is called
// application/json: the definition says so in words, its media types cannot. In
// storage a body may be of any type but JSON.
func (x *Exchange) request() (*http.Request, error) {
	req, err := http.NewRequest(x.Method, x.URL, bytes.NewReader(x.Body)) //nolint:noctx // it is never sent
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	req.URL.Path = strings.TrimSuffix(req.URL.Path, "/")
	parts := strings.SplitN(req.URL.Path, "/", storageParts)
	stored := len(parts) == storageParts && parts[2] == "storage"
	if stored {
		// A path of the definition has no parameter of several segments.
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

// storageParts are the parts of a path of storage: the empty one in front, the
// version, "storage", account, secret and name.
const storageParts = 6

// meaningful are the parameters of the query but those that nobody looks at,
// which the definition says in words: page_size and start_key where paging is
// off, delivery where the document is asked for.
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

// bodiless reports whether the answer may not have a body.
func (x *Exchange) bodiless() bool {
	return x.Method == http.MethodHead || x.Status == http.StatusNotModified || x.Method == http.MethodOptions && x.Status == http.StatusOK
}

// refusals are the answers to what the definition does not have; the token is
// looked at first.
var refusals = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}

// outside judges the answer to a request that the definition does not have.
func (d *definition) outside(x Exchange) error {
	if x.Method == http.MethodOptions && x.Status == http.StatusOK {
		return nil // a preflight is answered on every path
	}
	if !slices.Contains(refusals, x.Status) {
		return fmt.Errorf("%s %s is not in the definition, but answered with %d", x.Method, x.URL, x.Status)
	}
	if x.Method == http.MethodHead {
		return nil
	}
	var body any
	if err := json.Unmarshal(x.AnswerBody, &body); err != nil {
		return fmt.Errorf("%s %s: the envelope of the %d: %w", x.Method, x.URL, x.Status, err)
	}
	if ok, errs := d.schemas.ValidateSchemaObject(d.envelope, body); !ok {
		return x.mismatch("answer", x.URL, errs)
	}
	return nil
}

// mismatch says what is not as it should be.
func (x *Exchange) mismatch(what, path string, errs []*invalid.ValidationError) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s), %d: the %s is not as the definition says", x.Method, x.URL, path, x.Status, what)
	for _, e := range errs {
		fmt.Fprintf(&b, "\n  %s: %s", e.Message, e.Reason)
		for _, s := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "\n    %s: %s", s.FieldPath, s.Reason)
		}
	}
	return errors.New(b.String())
}
