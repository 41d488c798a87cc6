// Package openapi holds the API's definition, an OpenAPI 3.1 document that is
// complete: routes, parameters, headers, errors, media types, examples.
//
// openapi.yaml is its source, written by hand; openapi.json is made from it by
// `make golden`, and a test holds the two equal. Tests compare the document
// with the routes, errors and parameters of the code and with template.yaml;
// package openapitest holds every request and answer of the test suites
// against it, and tools/schemathesis attacks a running server by it. Whatever
// changes what a client sees therefore begins in openapi.yaml
// (docs/adr/008-definition.md).
//
// The document is linked by the fallback function and the local server only.
package openapi

import _ "embed" // for the document

// JSON is the document as it is served at /v2/openapi.json. It must not be
// changed.
//
//go:embed openapi.json
var JSON []byte
