// Package openapitest checks requests and responses against the API's definition. A
// test suite that calls [Check] after each exchange tests the document as well as
// the code. The package is only for tests; no program links it.
//
// It matches paths, parameters, headers and media types itself, and validates values
// with a JSON Schema library. That is enough, because the schemas of OpenAPI 3.1 are
// JSON Schema 2020-12 (docs/adr/008-definition.md).
package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	return d.check(x)
}

func (d *definition) check(x Exchange) error {
	u, err := url.Parse(x.URL)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	r := x.request(u)
	if x.Method == http.MethodOptions {
		return x.violation("preflight", d.preflight(x))
	}
	p, operation := d.find(x.Method, r.path)
	if p == nil {
		return x.violation("response to a path that is not in the definition", d.outside(x))
	}
	at := pointer(p.pointer, strings.ToLower(x.Method))
	if err := d.response(x, operation, at); err != nil {
		return x.violation("response", err)
	}
	if x.Status >= http.StatusBadRequest {
		return nil
	}
	return x.violation("request", d.request(r, p, operation, at))
}

// violation adds the request, the status and the name of the checked part to an error. It returns
// nil for nil.
func (x *Exchange) violation(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s, %d: the %s violates the definition: %w", x.Method, x.URL, x.Status, what, err)
}

// response checks the status, headers and body of a response.
func (d *definition) response(x Exchange, operation object, at string) error {
	all, _ := operation["responses"].(object)
	status := strconv.Itoa(x.Status)
	if all[status] == nil {
		return fmt.Errorf("status %d is not in the definition", x.Status)
	}
	response, at := d.follow(operation, at, "responses", status)
	if err := d.headers(x, response, at); err != nil {
		return err
	}
	if response["content"] == nil && response["x-content"] == nil || x.Method == http.MethodHead || x.Status == http.StatusNotModified {
		if len(x.AnswerBody) > 0 {
			return fmt.Errorf("%d with a body", x.Status)
		}
		return nil
	}
	// x-content has the media types that generators must not see.
	essence, _, _ := mime.ParseMediaType(x.Answer.Get("Content-Type"))
	kind := "content"
	if more := d.at(response, "x-content"); mediaOf(more, essence) != "" {
		kind = "x-content"
	}
	content, at := d.follow(response, at, kind)
	if err := d.body(content, at, x.Answer.Get("Content-Type"), x.AnswerBody); err != nil {
		return err
	}
	if x.Status >= http.StatusBadRequest {
		return sameStatus(x)
	}
	return d.also(content, at, x.AnswerBody)
}

// sameStatus checks that the envelope of an error repeats the status. The definition has
// one schema for all errors, so that generated clients have one type for them.
func sameStatus(x Exchange) error {
	var envelope struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(x.AnswerBody, &envelope); err != nil || envelope.Error != strconv.Itoa(x.Status) {
		return fmt.Errorf("the error in the envelope is %q", envelope.Error)
	}
	return nil
}

// also checks a JSON body against the schema x-also, if there is one beside its schema.
// It holds rules that would give an answer a type of its own in generated clients.
func (d *definition) also(content object, at string, body []byte) error {
	const json = "application/json"
	media, at := d.follow(content, at, json)
	if media["x-also"] == nil {
		return nil
	}
	if err := d.json(pointer(at, "x-also"), body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// headers checks that a response has the required headers, that the documented ones are
// valid, and that it has no headers that the definition does not know.
func (d *definition) headers(x Exchange, response object, at string) error {
	documented, base := d.follow(response, at, "headers")
	for name := range documented {
		header, pos := d.follow(documented, base, name)
		values := x.Answer.Values(name)
		if len(values) == 0 {
			if required, _ := header["required"].(bool); required {
				return fmt.Errorf("header %s is missing", name)
			}
			continue
		}
		if err := d.text(pointer(pos, "schema"), strings.Join(values, ", ")); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	for name := range x.Answer {
		if !d.known[strings.ToLower(name)] && !transport.MatchString(name) {
			return fmt.Errorf("header %s is not in the definition", name)
		}
	}
	return nil
}

// transport matches the headers that servers and gateways add: those of HTTP itself, and
// those of API Gateway, CloudFront and their emulators.
var transport = regexp.MustCompile(`(?i)^(content-(type|length)|date|connection|keep-alive|transfer-encoding|trailer|server|via|age|` +
	`apigw-requestid|(x-)?amz[a-z]*-.*|x-(cache|localstack.*|edge-.*|forwarded-.*)|x-amz.*)$`)

// body checks a body: its media type must be in content, and JSON and text must match
// the schema. The bytes of audio have none.
func (d *definition) body(content object, at, contentType string, body []byte) error {
	essence, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return fmt.Errorf("media type %q: %w", contentType, err)
	}
	name := mediaOf(content, essence)
	if name == "" {
		return fmt.Errorf("media type %s is not in the definition", contentType)
	}
	media, at := d.follow(content, at, name)
	if media["schema"] == nil {
		return nil
	}
	at = pointer(at, "schema")
	switch {
	case strings.HasSuffix(essence, "json"):
		err = d.json(at, body)
		if err == nil {
			err = wholeSeconds(body)
		}
	case strings.HasPrefix(essence, "text/"):
		err = d.value(at, string(body))
	case essence == octets:
		err = d.value(at, string(body))
	}
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// mediaOf returns the name of the media type in content that a type matches, or "".
func mediaOf(content object, essence string) string {
	major, _, _ := strings.Cut(essence, "/")
	for _, name := range []string{essence, major + "/*"} {
		if content[name] != nil {
			return name
		}
	}
	return ""
}

// octets is the media type of the bodies of storage requests.
const octets = "application/octet-stream"

// wholeSeconds checks the time in the envelope. Its format in the definition is
// date-time, but the contract (Envelope) requires UTC in whole seconds. The definition
// has no pattern for it, because generated clients break on a time with a pattern.
func wholeSeconds(body []byte) error {
	var envelope struct {
		Timestamp *string `json:"timestamp"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Timestamp == nil {
		return nil //nolint:nilerr // the schema has already accepted the body; it is not an envelope
	}
	at, err := time.Parse(time.RFC3339, *envelope.Timestamp)
	if err != nil || at.Format("2006-01-02T15:04:05Z") != *envelope.Timestamp {
		return fmt.Errorf("timestamp %s is not in UTC and whole seconds", *envelope.Timestamp)
	}
	return nil
}

// preflight checks the response to OPTIONS. The definition leaves preflights out,
// because clients do not send them. They succeed on every path. 413, 429, 431 and 503
// come from the gateway.
func (d *definition) preflight(x Exchange) error {
	if x.Status >= http.StatusBadRequest {
		return d.outside(x)
	}
	if x.Status != http.StatusOK || len(x.AnswerBody) > 0 {
		return errors.New("it is not a 200 without a body")
	}
	for component, name := range map[string]string{
		"XRequestId": "X-Request-ID", "Vary": "Vary", "CacheControl": "Cache-Control", "AllowOrigin": "Access-Control-Allow-Origin",
		"AllowMethods": "Access-Control-Allow-Methods", "AllowHeaders": "Access-Control-Allow-Headers",
		"ExposeHeaders": "Access-Control-Expose-Headers", "MaxAge": "Access-Control-Max-Age", "Allow": "Allow",
	} {
		if err := d.text(pointer("#", "components", "headers", component, "schema"), x.Answer.Get(name)); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	return nil
}

// outsideStatuses lists the statuses that a request outside the definition may get.
// The API checks the token first. The others come from the gateway.
var outsideStatuses = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed}

// outside checks the response to a request with a path or method that is not in the
// definition.
func (d *definition) outside(x Exchange) error {
	if x.Method != http.MethodOptions && !slices.Contains(outsideStatuses, x.Status) {
		return fmt.Errorf("status %d", x.Status)
	}
	if x.Method == http.MethodHead {
		return nil
	}
	if err := d.json("#/components/schemas/Error", x.AnswerBody); err != nil {
		return fmt.Errorf("envelope: %w", err)
	}
	return nil
}
